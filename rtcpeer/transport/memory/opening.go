package memory

import "example.org/rtcpeer/rtcpeer/transport"

func (l *link) Offer() (string, error) {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	if err := l.begin(byOffer); err != nil {
		return "", err
	}
	return describe(offerHead, l.id), nil
}

func (l *link) Answer(offer string) (string, error) {
	remote, err := parse(offer, offerHead, descriptionTail)
	if err != nil {
		return "", l.errorf("offer: %w", err)
	}
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	if err := l.begin(byAnswer); err != nil {
		return "", err
	}
	l.remote = remote
	return describe(answerHead, l.id), nil
}

// begin makes the first step, after which the link has a candidate to tell. The caller holds
// network.mu, here and below.
func (l *link) begin(how begun) error {
	switch {
	case l.closed:
		return l.errorf("%s: %w", how, transport.ErrClosed)
	case l.begun != "":
		return l.errorf("%s: it began with an %s: use a new link", how, l.begun)
	}
	l.begun = how
	l.emit(transport.Event{Kind: transport.EventCandidate, Candidate: candidateOf(l.id)})
	return nil
}

func (l *link) Accept(answer string) error {
	remote, err := parse(answer, answerHead, descriptionTail)
	if err != nil {
		return l.errorf("answer: %w", err)
	}
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	switch {
	case l.closed:
		return l.errorf("answer: %w", transport.ErrClosed)
	case l.begun != byOffer:
		return l.errorf("answer: it made no offer")
	case l.remote != 0:
		return l.errorf("answer: it has one already")
	}
	l.remote = remote
	l.meet()
	return nil
}

// AddCandidate takes any candidate of this network: as on a real one, that of another link is no
// error, and leads nowhere.
func (l *link) AddCandidate(c transport.Candidate) error {
	if c.Line == "" {
		return nil
	}
	id, err := parse(c.Line, candidateHead, candidateTail)
	if err != nil {
		return l.errorf("candidate: %w", err)
	}
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	switch {
	case l.closed:
		return l.errorf("candidate: %w", transport.ErrClosed)
	case l.remote == 0:
		return l.errorf("candidate: it came before the description: keep it until then")
	}
	l.heard = l.heard || id == l.remote
	l.meet()
	return nil
}

// meet joins two ends that have each other's description and a candidate.
func (l *link) meet() {
	p := l.network.links[l.remote]
	if l.peer != nil || p == nil || p.peer != nil || p.remote != l.id || !l.heard || !p.heard {
		return
	}
	l.peer, p.peer = p, l
	l.listen(p)
	p.listen(l)
	l.refresh()
	p.refresh()
}

// listen has the lanes read what the lanes of p with the same ids send.
func (l *link) listen(p *link) {
	for i := range l.lanes {
		l.lanes[i].in = p.out.listen(l.lanes[i].cfg)
	}
}

// startOpening has both ends open in a round trip.
func (l *link) startOpening() {
	l.network.after(2*l.network.options.Load().Delay, func() {
		p := l.peer
		if l.opened || l.over || p.over || l.network.blocked(l.host, p.host) {
			return // refresh starts again when the two are no longer parted
		}
		for _, end := range []*link{l, p} {
			end.opened = true
			end.out.open()
		}
		l.emit(transport.Event{Kind: transport.EventOpened})
		p.emit(transport.Event{Kind: transport.EventOpened})
	})
}
