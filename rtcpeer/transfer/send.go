package transfer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"unicode/utf8"

	"example.org/rtcpeer/rtcpeer"
)

// A File is a file for Send.
type File struct {
	// Name is the name for the receiver, without a folder: 1 to 1,024 bytes of UTF-8.
	Name string
	// Size is how many bytes of Content are sent. Negative means all; the receiver is then not told how many will come.
	Size int64
	// Content is read from its present position. If it is an io.Seeker and Size is not negative, an interrupted
	// transfer can be resumed. (io.NewSectionReader makes a Seeker from an io.ReaderAt.) It stays the caller's. Send
	// waits for a Read that is under way, even when the transfer has ended.
	Content io.Reader
	// Progress, if not nil, is called with the number of bytes sent. The first call, once the file is accepted, has the
	// number that the receiver had already. Send calls it often, from the caller's goroutine.
	Progress func(sent int64)
}

// Send offers a file to a peer, waits until it is accepted, and sends it. It returns nil once the other end has the
// whole file and its SHA-256 is right. When ctx is done the transfer is cancelled.
//
// If a star gets another host, some of the file may be lost with the old one. If the Content is an io.Seeker and the
// size is known, Send offers the file again then: the other end's Save or Receive returns ErrHostChanged, and its Accept
// another Offer of the file.
//
// Its error is an *Error. After ErrPeerGone, or if this end's ctx was done, sending the same file again resumes the
// transfer.
func (f *Files) Send(ctx context.Context, to rtcpeer.PeerID, file File) error {
	switch {
	case file.Name == "" || len(file.Name) > maxName || !utf8.ValidString(file.Name):
		return &Error{"send", to, file.Name, fmt.Errorf("the name must have 1 to %d bytes of UTF-8", maxName)}
	case file.Size > maxNumber:
		return &Error{"send", to, file.Name, fmt.Errorf("the file has %d bytes: want at most %d", file.Size, int64(maxNumber))}
	}
	seeker, begin := file.seeker()
	for {
		err := f.sendOnce(ctx, to, file, seeker, begin)
		if !errors.Is(err, ErrHostChanged) || seeker == nil {
			return err
		}
		if _, err := seeker.Seek(begin, io.SeekStart); err != nil {
			return &Error{"send", to, file.Name, err}
		}
	}
}

// seeker returns the content and its position, or nil if it cannot begin anew.
func (f File) seeker() (seeker io.Seeker, begin int64) {
	seeker, ok := f.Content.(io.Seeker)
	if !ok || f.Size < 0 {
		return nil, 0
	}
	begin, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil { // a pipe has a Seek method, too
		return nil, 0
	}
	return seeker, begin
}

func (f *Files) sendOnce(ctx context.Context, to rtcpeer.PeerID, file File, seeker io.Seeker, begin int64) error {
	to = f.resolve(to)
	t, err := f.newSending(ctx, to, file.Name)
	if err != nil {
		return &Error{"send", to, file.Name, err}
	}
	stop, _ := t.begin(ctx)
	defer stop()
	s := sending{transfer: t, file: file, hash: sha256.New(), seeker: seeker, begin: begin}
	err = s.run()
	if err != nil && ctx.Err() != nil { // the Content may end with ctx as well
		t.cancel(cancelled{context.Cause(ctx)})
	}
	return t.finish(err)
}

// resolve returns the id of a target that is a peer: in a star, Server is the present host.
func (f *Files) resolve(to rtcpeer.PeerID) rtcpeer.PeerID {
	if star, ok := f.node.(interface{ Host() rtcpeer.PeerID }); ok && to == rtcpeer.Server && f.node.Relays() {
		return star.Host()
	}
	return to
}

// newSending waits until a file may be sent.
func (f *Files) newSending(ctx context.Context, to rtcpeer.PeerID, name string) (*transfer, error) {
	for {
		t, changed, err := f.trySending(to, name)
		if t != nil || err != nil {
			return t, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (f *Files) trySending(to rtcpeer.PeerID, name string) (t *transfer, changed <-chan struct{}, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for k := range f.sending {
		if k.peer == to {
			n++
		}
	}
	switch {
	case f.closed:
		return nil, nil, ErrClosed
	case n >= f.config.AtOnce:
		return nil, f.changed, nil
	}
	f.lastID++
	t = newTransfer(f, key{to, f.lastID}, true, name)
	t.frames = make(chan *frame, maxAnswers)
	f.sending[t.key] = t
	return t, nil, nil
}

// A sending is the sender's end of a transfer. It belongs to the goroutine of Send.
type sending struct {
	*transfer
	file File
	hash hash.Hash // of the first sent bytes

	seeker io.Seeker // nil: the content cannot begin anew
	begin  int64     // the position of the content at first

	sent  int64
	limit int64 // how far the receiver allows this end to send
	width int64 // of the window
}

func (s *sending) run() error {
	if err := s.offer(); err != nil {
		return err
	}
	accept, err := s.nextOf(kindAccept)
	if err != nil {
		return err
	}
	if err := s.resume(accept.offset); err != nil {
		return err
	}
	s.width = accept.window
	s.limit = s.sent + s.width
	s.progress()
	if err := s.sendData(); err != nil {
		return err
	}
	end := frame{kind: kindEnd, id: s.id, size: s.sent}
	s.hash.Sum(end.sum[:0])
	if err := s.send(end.append(nil)); err != nil {
		return err
	}
	for {
		f, err := s.next()
		switch {
		case err != nil:
			return err
		case f.kind == kindDone:
			return nil
		}
		if err := s.taken(f); err != nil {
			return err
		}
	}
}

// offer sends the offer. It returns an error if the peer is not connected, because Handle will not report that.
func (s *sending) offer() error {
	offer := frame{kind: kindOffer, id: s.id, size: s.file.Size, text: s.file.Name}
	if s.file.Size < 0 {
		offer.size, offer.flags = 0, flagUnknownSize
	} else if s.seeker != nil {
		offer.flags = flagAnew
	}
	err := s.files.node.Send(s.ctx, s.files.packet(s.peer, offer.append(nil)))
	if errors.Is(err, rtcpeer.ErrUnknownPeer) {
		return stopped{ErrPeerGone}
	}
	return err
}

// resume skips what the receiver has, if this file begins like that.
func (s *sending) resume(offset int64) error {
	switch {
	case offset == 0:
		return nil
	case s.seeker == nil || offset > s.file.Size:
		return fmt.Errorf("%w: the receiver asks for offset %d", ErrProtocol, offset)
	}
	if err := s.skip(offset); err != nil {
		return err
	}
	prefix := frame{kind: kindPrefix, id: s.id}
	s.hash.Sum(prefix.sum[:0])
	if err := s.send(prefix.append(nil)); err != nil {
		return err
	}
	start, err := s.nextOf(kindStart)
	switch {
	case err != nil:
		return err
	case start.offset == offset:
		s.sent = offset
	case start.offset == 0:
		s.hash.Reset()
		_, err = s.seeker.Seek(s.begin, io.SeekStart)
	default:
		err = fmt.Errorf("%w: the receiver begins at offset %d instead of 0 or %d", ErrProtocol, start.offset, offset)
	}
	return err
}

// skip hashes the bytes that are not sent, unless the transfer is ended meanwhile.
func (s *sending) skip(n int64) error {
	for n > 0 {
		if s.ctx.Err() != nil {
			return context.Cause(s.ctx)
		}
		piece := min(n, hashedAtOnce)
		switch _, err := io.CopyN(s.hash, s.file.Content, piece); {
		case err == io.EOF:
			return ErrChanged
		case err != nil:
			return err
		}
		n -= piece
	}
	return nil
}

// hashedAtOnce is how many bytes are hashed before checking whether the transfer was ended.
const hashedAtOnce = 8 << 20

// sendData sends the content from its present position.
func (s *sending) sendData() error {
	// Two pieces have to fit the window, or the receiver could wait for more before it says what it has taken.
	buf := make([]byte, min(int64(s.files.config.MaxPacket), s.width/2))
	for {
		head := frame{kind: kindData, id: s.id, offset: s.sent}
		b := head.append(buf[:0])
		room := buf[len(b):]
		if s.file.Size >= 0 {
			room = room[:min(int64(len(room)), s.file.Size-s.sent)]
		}
		n, err := io.ReadFull(s.file.Content, room)
		if n > 0 {
			if err := s.sendPiece(buf[:len(b)+n], room[:n]); err != nil {
				return err
			}
		}
		switch {
		case err == nil && len(room) > 0:
			continue
		case err == nil:
			return nil
		case err != io.EOF && err != io.ErrUnexpectedEOF:
			return err
		case s.file.Size >= 0:
			return ErrChanged
		}
		return nil
	}
}

// sendPiece waits until the window has room, and sends a data frame.
func (s *sending) sendPiece(b, data []byte) error {
	for s.sent+int64(len(data)) > s.limit || len(s.frames) > 0 {
		f, err := s.next()
		if err != nil {
			return err
		}
		if err := s.taken(f); err != nil {
			return err
		}
	}
	if err := s.send(b); err != nil {
		return err
	}
	s.hash.Write(data)
	s.sent += int64(len(data))
	s.progress()
	return nil
}

// taken handles a frame that moves the window.
func (s *sending) taken(f *frame) error {
	switch {
	case f.kind != kindTaken:
		return unexpected(f)
	case f.offset > s.sent:
		return fmt.Errorf("%w: the receiver acknowledged %d bytes of %d", ErrProtocol, f.offset, s.sent)
	}
	s.limit = max(s.limit, f.offset+s.width)
	return nil
}

func (s *sending) progress() {
	if s.file.Progress != nil {
		s.file.Progress(s.sent)
	}
}
