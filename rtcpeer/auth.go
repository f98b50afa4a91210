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

// This file authenticates a link: it is what link.run does after the lanes have opened and before the peer is
// connected.
//
//	run:       watch, for the end of the link or of the time ---> close the link
//	converse:  AuthFunc, reading lane 0 ------------------------> admitted, or why not

// An AuthFunc talks to the other end of an open link, in SceneMultiplayer's way, and decides whether to accept it. The
// link is connected when both ends have accepted each other. Until then nothing else goes over it in either direction,
// and the programs are not told of the peer.
//
//	guest                              host
//	  Send(secret)   -- 07 00 secret -->  Receive, and compare
//	  return nil     -- 07 00 --------->
//	                 <-------- 07 00 --  return nil
//	connected                          connected
//
// It returns nil to accept the other end. An error refuses it: the link ends at once, with a PeerFailed at both ends.
// Its cause is ErrUnauthorized and, at this end, also the error returned.
//
// It is called once for each link, in a goroutine of its own, and may run for several links at the same time. It must
// return when ctx is done, which is when Config.AuthTimeout is over or the link has ended. A Godot peer does the same
// with auth_callback, send_auth and complete_auth.
//
// The other end must have an AuthFunc as well. In a star, a host without one lets everybody in; a guest without one
// ends with ErrAuthRequired if its host has one. In a room that migrates any member may be the host later:
// PendingPeer.IsHost says which part the AuthFunc has to play.
type AuthFunc func(ctx context.Context, peer *PendingPeer) error

// SharedSecret returns the AuthFunc for a star whose members all hold the same secret. The guests send it, and the host
// accepts nobody else, so the guests must trust the host with the secret. A Godot guest calls send_auth(1, secret) and
// complete_auth(1). The secret has 1 to Config.MaxPacket bytes. The caller must not change it afterwards.
func SharedSecret(secret []byte) AuthFunc {
	return func(_ context.Context, peer *PendingPeer) error {
		if peer.IsHost() {
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
	var conversation sync.WaitGroup // ends with the link: nothing that it waits for outlives it
	conversation.Go(func() { end(p.converse(ctx, auth)) })
	l.watch(ctx.Done())
	if l.node.ctx.Err() != nil {
		<-l.over // Node.end says why right afterwards
	}
	end(errOver)
	why := context.Cause(ctx)
	if errors.Is(why, errNotAccepted) && l.id != "" {
		l.awaitReason()
	}
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
		l.sayEarlyBye(l.path.Load())
		l.path.Load().raw.Close()
	}
	conversation.Wait()
	return l.verdict(why)
}

// authContext returns a context that ends when the time for authentication is over.
func (l *link) authContext() (context.Context, context.CancelFunc) {
	d := l.node.config.AuthTimeout
	if d < 0 {
		return context.WithCancel(l.node.ctx)
	}
	return context.WithTimeoutCause(l.node.ctx, d, fmt.Errorf("not finished within %v: both ends need Config.Auth, or auth_callback in Godot", d))
}

// verdict turns the cause for which an authentication has ended into its outcome: nil, errOver or a *PeerError.
func (l *link) verdict(why error) error {
	reason := l.why()
	switch {
	case why == errAdmitted:
		return nil
	case l.departed || l.vanished && l.lead.term > 0: // a guest awaits the next host
		return errOver
	case l.node.ctx.Err() != nil || reason == ByUs || reason == Kicked || reason == Lost && l.id != "" || l.successor != nil:
		return errOver
	case reason == Misbehaved:
		return l.fail("authenticate", cmp.Or(l.fault, errTooManySignals))
	case why == errOver: // the link ended first
		why = errNotAccepted
	}
	return l.fail("authenticate", fmt.Errorf("%w: %w", ErrUnauthorized, why))
}

// endUnheard ends the link as Lost if the other end does not answer. In that case the path may be what took so long,
// and the two ends try again.
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

// awaitReason waits until the control lane says why the link ends: the lane of authentication may end before. An end that
// refuses this one says a bye. Without one the path may have failed, and the two ends try again.
func (l *link) awaitReason() {
	ctx, cancel := context.WithTimeout(context.Background(), otherEndsTime)
	defer cancel()
	l.watch(ctx.Done())
}

// askLate tells the other end, which never said anything about authentication, what was missing, before the link
// closes. A Godot host would say nothing. Godot takes this message, which means "you are accepted", without harm: an
// end without a callback has admitted this one already, and ignores it; an end with a callback that has said nothing
// has not accepted this one, so it does not admit it, and is about to see the link end. A node of ours without
// Config.Auth ends with ErrAuthRequired.
func (l *link) askLate() {
	if l.lanes[0].write(appendAuth(nil, nil)) != nil {
		return
	}
	linger, cancel := context.WithTimeout(context.Background(), l.node.config.Linger)
	l.flush(linger, l.path.Load())
	cancel()
	ctx, cancel := context.WithTimeout(context.Background(), otherEndsTime)
	defer cancel()
	l.watch(ctx.Done())
}

// otherEndsTime is how long the other end may take to end the link itself after this end's last message has arrived, as
// a node of ours does at once. When the link is closed, libdatachannel drops what it has received but not yet given to
// its program: without this wait a third of its guests never saw that message.
const otherEndsTime = 200 * time.Millisecond

// authAsked handles an authentication message that came after the peer was connected, in a guest or in a mesh. Without
// Config.Auth it means that the other end demands authentication, which this end does not have.
func (n *Node) authAsked(l *link, f frame) {
	if n.config.Auth != nil {
		n.authAgain(f)
		return
	}
	n.log.Warn("the other end requires authentication: set Config.Auth", "peer", l.peer)
	l.end(Unauthorized)
}

// authAgain handles such a message when both ends have accepted each other. The other end's acceptance may come after a
// packet that implied it; anything else is nonsense.
func (n *Node) authAgain(f frame) {
	if len(f.body) > 0 {
		n.inbox.counters.drop(DropMalformed)
	}
}
