package rtcpeer

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"sync"
	"time"
)

// How a link is authenticated: what link.run does between the opening of the lanes and the connected.
//
//	run:       watch, for the end of the link or of the time ---> close the link
//	converse:  AuthFunc, reading lane 0 ------------------------> admitted, or why not

// An AuthFunc talks to the other end of a link that is open, in SceneMultiplayer's way, and decides
// whether it is accepted. The link is connected when both ends have accepted each other; until then
// nothing else goes over it in either direction, and nobody is told of it.
//
//	guest                              host
//	  Send(secret)   -- 07 00 secret -->  Receive, and compare
//	  return nil     -- 07 00 --------->
//	                 <-------- 07 00 --  return nil
//	connected                          connected
//
// It returns nil to accept the other end. An error refuses it: the link ends at once, with a
// PeerFailed at both ends whose cause is ErrUnauthorized and, here, that error.
//
// It is called once for each link, in a goroutine of its own; for several links at the same time. It
// must return when ctx is done, which is when Config.AuthTimeout is over or the link is. A Godot peer
// has what is needed in its auth_callback, send_auth and complete_auth.
//
// The other end must have one as well. In a star, a host that has none lets everybody in; a guest that
// has none ends with ErrAuthRequired.
type AuthFunc func(ctx context.Context, peer *PendingPeer) error

// SharedSecret is the AuthFunc for a star whose members all hold the same secret: the guests send it,
// and the host accepts nobody else. The host must be trusted with it. A Godot guest calls
// send_auth(1, secret) and complete_auth(1). The caller must not change secret any more.
func SharedSecret(secret []byte) AuthFunc {
	return func(_ context.Context, peer *PendingPeer) error {
		if peer.ID() == Server {
			return peer.Send(secret)
		}
		got, err := peer.Receive()
		if err == nil && subtle.ConstantTimeCompare(got, secret) != 1 {
			err = errors.New("wrong secret")
		}
		return err
	}
}

// authenticate runs Config.Auth and waits until both ends have accepted each other. Its error is a
// *PeerError, or errOver.
func (l *link) authenticate() error {
	auth := l.node.config.Auth
	if auth == nil {
		return nil
	}
	ctx, stop := l.authContext()
	defer stop()
	ctx, end := context.WithCancelCause(ctx)
	l.early = &reader{lane: l.lanes[0], path: l.path.Load()}
	p := &PendingPeer{reader: l.early}
	var conversation sync.WaitGroup // ends with the link, which all that it waits for does
	conversation.Go(func() { end(p.converse(ctx, auth)) })
	l.watch(ctx.Done())
	end(errOver)
	why := context.Cause(ctx)
	if why != errAdmitted {
		late := ctx.Err() == context.DeadlineExceeded
		if late && l.id != "" {
			l.endUnheard()
		}
		if late && l.why() == 0 && p.silent.Load() {
			l.askLate()
		}
		if l.why() == 0 {
			l.sayBye(l.path.Load(), Unauthorized)
		}
		l.path.Load().raw.Close()
	}
	conversation.Wait()
	return l.verdict(why)
}

// authContext is the time that authentication may take.
func (l *link) authContext() (context.Context, context.CancelFunc) {
	d := l.node.config.AuthTimeout
	if d < 0 {
		return context.WithCancel(l.node.ctx)
	}
	return context.WithTimeoutCause(l.node.ctx, d, fmt.Errorf("not done after %v: both ends need Config.Auth, or Godot's auth_callback", d))
}

// verdict is what has come of an authentication.
func (l *link) verdict(why error) error {
	reason := l.why()
	switch {
	case why == errAdmitted:
		return nil
	case l.node.ctx.Err() != nil || reason == ByUs || reason == Kicked || reason == Lost && l.id != "" || l.successor != nil:
		return errOver
	case reason == Misbehaved:
		return l.fail("authenticate", cmp.Or(l.fault, errTooManySignals))
	case why == errOver: // the link ended first
		why = errNotAccepted
	}
	return l.fail("authenticate", fmt.Errorf("%w: %w", ErrUnauthorized, why))
}

// endUnheard ends the link as Lost if the other end does not answer: then it may well be the path that took so long,
// and the two try again.
func (l *link) endUnheard() {
	ctx, cancel := context.WithTimeout(context.Background(), beatEach)
	defer cancel()
	p := l.path.Load()
	before := p.heard.Load()
	p.beat(beatAsks)
	for p.heard.Load() == before && l.why() == 0 {
		if ctx.Err() != nil {
			l.end(Lost)
		}
		l.handleNext(l.over, ctx.Done())
	}
}

// askLate says to an end that never said anything of authentication what it was missing, before the
// link closes. A Godot host would say nothing, and Godot takes the word, which means "you are accepted",
// without harm: an end that has admitted this one, since it has no callback, ignores it; one that has a
// callback and has said nothing does not admit this one, since it has not accepted it, and is about to
// see the link end. A node of ours without Config.Auth ends with ErrAuthRequired.
func (l *link) askLate() {
	if l.lanes[0].write(appendAuth(nil, nil)) != nil {
		return
	}
	linger, cancel := context.WithTimeout(context.Background(), l.node.config.Linger)
	l.flush(linger, l.path.Load())
	cancel()
	ctx, cancel := context.WithTimeout(context.Background(), lastWordTime)
	defer cancel()
	l.watch(ctx.Done())
}

// lastWordTime is how long the other end may take to end the link itself when its last word has arrived, as
// a node of ours does at once. libdatachannel drops what it has received, and not yet given to its program,
// when the link is closed: without this a third of its guests never saw that word.
const lastWordTime = 200 * time.Millisecond

// authAsked takes a word of authentication that came after the peer was connected, in a guest or in a
// mesh. Without Config.Auth it means that the other end demands what there is not.
func (n *Node) authAsked(l *link, f frame) {
	if n.config.Auth != nil {
		n.authAgain(f)
		return
	}
	n.log.Warn("the other end demands authentication, and there is no Config.Auth", "peer", l.peer)
	l.end(Unauthorized)
}

// authAgain takes one where both ends have accepted each other: the other end's acceptance may come
// after a packet that said as much, and anything else is nonsense.
func (n *Node) authAgain(f frame) {
	if len(f.body) > 0 {
		n.inbox.counters.drop(dropMalformed)
	}
}
