package transfer

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/signaling/text"
)

var (
	// ErrClosed is the error of a call that Close has ended. It wraps net.ErrClosed.
	ErrClosed = fmt.Errorf("closed: %w", net.ErrClosed)
	// ErrRefused means that the other end does not want the file.
	ErrRefused = errors.New("refused by the other end")
	// ErrNotReceiving means that the other end receives no files at all. It wraps ErrRefused.
	ErrNotReceiving = fmt.Errorf("%w, which does not receive files", ErrRefused)
	// ErrCancelled means that the other end has cancelled the transfer.
	ErrCancelled = errors.New("cancelled by the other end")
	// ErrPeerGone means that the other end is not connected any more. It wraps rtcpeer.ErrUnknownPeer.
	ErrPeerGone = fmt.Errorf("the peer is gone: %w", rtcpeer.ErrUnknownPeer)
	// ErrHostChanged means that the file went through the host of a star, which has another host now: some frames may be
	// lost with the old one. The other end is still there, but errors.Is(err, ErrPeerGone) is true as well.
	ErrHostChanged error = hostChanged{}
	// ErrHashMismatch means that what has arrived is not what the sender read.
	ErrHashMismatch = errors.New("the SHA-256 of the received file differs from the sender's")
	// ErrRemote means that the other end could not read or write its file.
	ErrRemote = errors.New("the other end failed")
	// ErrProtocol means that the other end has broken the protocol, or reports that this end has.
	ErrProtocol = errors.New("the transfer protocol was broken")
	// ErrChanged means that a file is shorter than its size was said to be.
	ErrChanged = errors.New("the file changed while it was being sent")
)

// An Error is the failure of one transfer. Err is one of the errors above, an error that the Content, the Folder or the
// Writer has returned (such as a *fs.PathError for a full disk), the cause of the context's end, an error of the node's
// Send, or an error about an argument.
type Error struct {
	Op   string // "send" or "receive"
	Peer rtcpeer.PeerID
	Name string // of the file: File.Name when sending, Offer.Name when receiving
	Err  error
}

func (e *Error) Error() string {
	return fmt.Sprintf("transfer: %s %q, peer %d: %v", e.Op, e.Name, e.Peer, e.Err)
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

type hostChanged struct{}

func (hostChanged) Error() string        { return "the star has another host" }
func (hostChanged) Is(target error) bool { return target == ErrPeerGone }

// A stopped is an end that the other end has caused, so it need not be told.
type stopped struct{ error }

func (s stopped) Unwrap() error { return s.error }

// A cancelled is an end that this end's context has caused.
type cancelled struct{ error }

func (c cancelled) Unwrap() error { return c.error }

// A refusal is the error with which Refuse ends an offer. Its text is for the other end.
type refusal struct{ text string }

func (r refusal) Error() string { return "refused here" }

// errorOf returns the error for a stop of the other end.
func errorOf(f *frame) error {
	var err error
	switch f.reason {
	case reasonCancelled:
		err = ErrCancelled
	case reasonRefused:
		err = ErrRefused
	case reasonBusy:
		err = fmt.Errorf("%w: more than %d files at a time", ErrRefused, MaxOffers)
	case reasonSendOnly:
		err = ErrNotReceiving
	case reasonHash:
		err = ErrHashMismatch
	case reasonProtocol:
		err = fmt.Errorf("%w by this end, as the other end reports", ErrProtocol)
	default:
		err = ErrRemote
	}
	if f.reason == reasonMoved && f.kind == kindStopSending { // after that of a receiver, Send would offer the file again and again
		err = ErrHostChanged
	}
	if f.text != "" {
		err = fmt.Errorf("%w: %s", err, printable(f.text))
	}
	return stopped{err}
}

// reasonOf returns the reason and the text that the other end gets for an error. They contain no paths of this machine.
func reasonOf(err error) (reason, string) {
	if r, ok := errors.AsType[refusal](err); ok {
		return reasonRefused, text.Shorten(r.text, maxText)
	}
	if _, ok := errors.AsType[cancelled](err); ok || errors.Is(err, ErrClosed) {
		return reasonCancelled, ""
	}
	switch {
	case errors.Is(err, ErrHostChanged):
		return reasonMoved, ""
	case errors.Is(err, ErrPeerGone):
		return reasonCancelled, ""
	case errors.Is(err, ErrHashMismatch):
		return reasonHash, ""
	case errors.Is(err, ErrProtocol):
		return reasonProtocol, text.Shorten(err.Error(), maxText)
	case errors.Is(err, ErrChanged):
		return reasonFailed, ErrChanged.Error()
	}
	if system, ok := errors.AsType[syscall.Errno](err); ok {
		return reasonFailed, system.Error()
	}
	return reasonFailed, ""
}
