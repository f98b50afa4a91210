package transfer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"example.org/rtcpeer/rtcpeer"
)

// An Offer is a file that a peer wants to send. It waits until Save, Receive or Refuse is called, once.
type Offer struct {
	Peer rtcpeer.PeerID
	Name string // made by SafeName
	Size int64  // in bytes, as the peer says; negative: not known

	anew     bool // the sender can begin anew, and so can be asked to resume
	transfer *transfer
}

func newOffer(f *Files, k key, fr *frame) *Offer {
	o := &Offer{Peer: k.peer, Name: SafeName(fr.text), Size: fr.size, anew: fr.flags&flagAnew != 0}
	if fr.flags&flagUnknownSize != 0 {
		o.Size, o.anew = -1, false
	}
	o.transfer = newTransfer(f, k, false, o.Name)
	return o
}

// errTaken is the error for an offer that was answered before.
var errTaken = errors.New("the offer was already accepted or refused")

// Refuse tells the sender that the file is not wanted, and why, in at most 300 bytes. It does not wait.
func (o *Offer) Refuse(why string) { o.transfer.end(refusal{why}) }

// Receive accepts the file and writes it to w, which stays the caller's. What it has written is right only if it
// returns nil: then size and SHA-256 are those that the sender gave. It calls progress, if not nil, with the number of
// bytes written: first with 0, then often, from the caller's goroutine. When ctx is done the transfer is cancelled.
//
// Its error is an *Error.
func (o *Offer) Receive(ctx context.Context, w io.Writer, progress func(received int64)) error {
	return o.drive(ctx, func(r *receiving) error {
		r.w, r.progress = w, progress
		return r.run()
	})
}

// SaveOptions say how Save stores a file. The zero value works.
type SaveOptions struct {
	// Overwrite replaces a file of the same name. Without it the new file gets a free name, such as "cat (1).jpg".
	Overwrite bool
	// Progress, if not nil, is called with the number of bytes that are there: first those of the part that is resumed,
	// or 0. Save calls it often, from the caller's goroutine.
	Progress func(received int64)
}

// Save accepts the file and stores it in a folder, under its Name or a free name, which Save returns. Until the file is
// complete and its SHA-256 is right, it is called Name.part. If the transfer is interrupted, that file stays, and the
// next Save of the same file resumes from it. A Name.part that is not the beginning of the file is left alone.
//
// When ctx is done the transfer is cancelled. The error is an *Error. It wraps a *fs.PathError if the folder cannot be
// written to, such as syscall.ENOSPC for a full disk, or fs.ErrPermission.
func (o *Offer) Save(ctx context.Context, folder *Folder, options SaveOptions) (name string, err error) {
	err = o.drive(ctx, func(r *receiving) error {
		r.progress = options.Progress
		s := saving{receiving: r, folder: folder, canResume: o.anew}
		name, err = s.run(options.Overwrite)
		return err
	})
	if err != nil {
		return "", err
	}
	return name, nil
}

// drive runs a transfer with run, unless the offer was answered before.
func (o *Offer) drive(ctx context.Context, run func(*receiving) error) error {
	t := o.transfer
	stop, ok := t.begin(ctx)
	if !ok {
		err := context.Cause(t.ctx)
		if err == nil || err == context.Canceled {
			err = errTaken
		}
		return t.errorOf(err)
	}
	defer stop()
	err := run(&receiving{transfer: t, size: o.Size, hash: sha256.New()})
	if err == nil {
		t.files.tell(t.peer, &frame{kind: kindDone, id: t.id})
	}
	return t.finish(err)
}

// A receiving is the receiver's end of a transfer. It belongs to the goroutine of Save or Receive.
type receiving struct {
	*transfer
	size     int64     // as the sender gave it; negative: not known
	hash     hash.Hash // of the first done bytes
	done     int64
	w        io.Writer
	progress func(int64) // nil: not wanted

	told int64 // how much of done the sender was told
	// agreed is called if done is not 0 at first. It says whether the existing bytes are the beginning of the file. If
	// not, agreed has to replace w by an empty file.
	agreed func(bool) error
}

// run receives the file from done on, and checks it.
func (r *receiving) run() error {
	window := int64(r.files.config.Window)
	r.open(int(window/minData)+maxAnswers, window)
	accept := frame{kind: kindAccept, id: r.id, offset: r.done, window: window}
	if err := r.send(accept.append(nil)); err != nil {
		return err
	}
	if r.done > 0 {
		if err := r.agree(); err != nil {
			return err
		}
	}
	r.told = r.done
	r.tellProgress()
	for {
		f, err := r.next()
		if err != nil {
			return err
		}
		switch f.kind {
		case kindData:
			err = r.data(f)
		case kindEnd:
			return r.end(f)
		default:
			err = unexpected(f)
		}
		if err != nil {
			return err
		}
	}
}

// agree resumes if the sender knows the hash of the existing bytes, which it is not told, and otherwise begins anew.
func (r *receiving) agree() error {
	prefix, err := r.nextOf(kindPrefix)
	if err != nil {
		return err
	}
	same := digest(r.hash.Sum(nil)) == prefix.sum
	if !same {
		r.hash.Reset()
		r.done = 0
	}
	if err := r.agreed(same); err != nil {
		return err
	}
	start := frame{kind: kindStart, id: r.id, offset: r.done}
	return r.send(start.append(nil))
}

func (r *receiving) data(f *frame) error {
	n := int64(len(f.data))
	switch {
	case f.offset != r.done:
		return fmt.Errorf("%w: data at offset %d instead of %d", ErrProtocol, f.offset, r.done)
	case r.size >= 0 && r.done+n > r.size:
		return fmt.Errorf("%w: it sent more than the %d bytes that it offered", ErrProtocol, r.size)
	}
	if _, err := r.w.Write(f.data); err != nil {
		return err
	}
	r.hash.Write(f.data)
	r.done += n
	r.tellProgress()
	if r.done-r.told < int64(r.files.config.Window)/2 {
		return nil
	}
	r.told = r.done
	taken := frame{kind: kindTaken, id: r.id, offset: r.done}
	if err := r.send(taken.append(nil)); !errors.Is(err, ErrPeerGone) {
		return err
	}
	return nil // what has arrived may still be the whole file
}

func (r *receiving) end(f *frame) error {
	switch {
	case f.size != r.done || r.size >= 0 && f.size != r.size:
		return fmt.Errorf("%w: the file ended after %d bytes, but its end says %d", ErrProtocol, r.done, f.size)
	case digest(r.hash.Sum(nil)) != f.sum:
		return ErrHashMismatch
	}
	return nil
}

func (r *receiving) tellProgress() {
	if r.progress != nil {
		r.progress(r.done)
	}
}
