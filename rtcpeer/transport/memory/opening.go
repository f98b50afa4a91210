package memory

import "example.org/rtcpeer/rtcpeer/transport"

func (p *path) Offer() (string, error) {
	p.network.mu.Lock()
	defer p.network.mu.Unlock()
	if err := p.begin(byOffer); err != nil {
		return "", err
	}
	return describe(offerHead, p.id), nil
}

func (p *path) Answer(offer string) (string, error) {
	remote, err := parse(offer, offerHead, descriptionTail)
	if err != nil {
		return "", p.errorf("offer: %w", err)
	}
	p.network.mu.Lock()
	defer p.network.mu.Unlock()
	if err := p.begin(byAnswer); err != nil {
		return "", err
	}
	p.remote = remote
	return describe(answerHead, p.id), nil
}

// begin makes the first step of a path, and emits its only candidate. The caller holds network.mu, here and
// below.
func (p *path) begin(how begun) error {
	switch {
	case p.closed:
		return p.errorf("%s: %w", how, transport.ErrClosed)
	case p.begun != "":
		return p.errorf("%s: it began with an %s: use a new path", how, p.begun)
	}
	p.begun = how
	p.emit(transport.Event{Kind: transport.EventCandidate, Candidate: candidateOf(p.id)})
	return nil
}

func (p *path) Accept(answer string) error {
	remote, err := parse(answer, answerHead, descriptionTail)
	if err != nil {
		return p.errorf("answer: %w", err)
	}
	p.network.mu.Lock()
	defer p.network.mu.Unlock()
	switch {
	case p.closed:
		return p.errorf("answer: %w", transport.ErrClosed)
	case p.begun != byOffer:
		return p.errorf("answer: it made no offer")
	case p.remote != 0:
		return p.errorf("answer: it has one already")
	}
	p.remote = remote
	p.meet()
	return nil
}

// AddCandidate accepts any candidate of this network. As on a real network, the candidate of another path is
// not an error but leads nowhere.
func (p *path) AddCandidate(c transport.Candidate) error {
	if c.Line == "" {
		return nil
	}
	id, err := parse(c.Line, candidateHead, candidateTail)
	if err != nil {
		return p.errorf("candidate: %w", err)
	}
	p.network.mu.Lock()
	defer p.network.mu.Unlock()
	switch {
	case p.closed:
		return p.errorf("candidate: %w", transport.ErrClosed)
	case p.remote == 0:
		return p.errorf("candidate: it came before the description: keep it until then")
	}
	p.heard = p.heard || id == p.remote
	p.meet()
	return nil
}

// meet joins two ends that have each other's description and a candidate.
func (p *path) meet() {
	other := p.network.paths[p.remote]
	if p.peer != nil || other == nil || other.peer != nil || other.remote != p.id || !p.heard || !other.heard {
		return
	}
	p.peer, other.peer = other, p
	p.listen(other)
	other.listen(p)
	p.refresh()
	other.refresh()
}

// listen connects each lane to the lane of other with the same id, from which it then reads.
func (p *path) listen(other *path) {
	for i := range p.lanes {
		p.lanes[i].in = other.out.listen(p.lanes[i].cfg)
	}
}

// startOpening opens both ends after one round trip.
func (p *path) startOpening() {
	p.network.after(2*p.network.options.Load().Delay, func() {
		other := p.peer
		if p.opened || p.over || other.over || !p.routed() {
			return // refresh starts again when there is a route
		}
		for _, end := range []*path{p, other} {
			end.opened = true
			end.relayed = p.network.relays[way{p.host, other.host}]
			end.out.stray = end.peer.strayed
			end.out.open()
		}
		p.emit(transport.Event{Kind: transport.EventOpened})
		other.emit(transport.Event{Kind: transport.EventOpened})
	})
}
