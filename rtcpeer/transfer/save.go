package transfer

import (
	"context"
	"errors"
	"io"
)

// A saving is a receiving that writes to a part in a folder. It belongs to the goroutine of Save.
type saving struct {
	*receiving
	folder    *Folder
	canResume bool // the sender can begin anew, and so can be asked to resume

	part *part
	ours bool // the part was made here, or the sender has proved that its file begins like the part
}

func (s *saving) run(overwrite bool) (name string, err error) {
	if s.part, err = s.folder.find(s.name, s.size, s.canResume); err != nil {
		return "", err
	}
	s.ours = s.part.have == 0
	defer func() {
		if err != nil {
			s.giveUp(err)
		}
		_ = s.part.close() // what was written is safe: see Sync
	}()
	if err := s.readPart(); err != nil {
		return "", err
	}
	s.w, s.done, s.agreed = s.part.file, s.part.have, s.agree
	if err := s.receiving.run(); err != nil {
		return "", err
	}
	if err := s.part.file.Sync(); err != nil {
		return "", err
	}
	return s.folder.complete(s.part, s.name, overwrite)
}

// readPart hashes the existing bytes, unless the transfer is ended meanwhile.
func (s *saving) readPart() error {
	for left := s.part.have; left > 0; {
		if s.ctx.Err() != nil {
			return context.Cause(s.ctx)
		}
		n, err := io.CopyN(s.hash, s.part.file, min(left, hashedAtOnce))
		if err != nil {
			return err
		}
		left -= n
	}
	return nil
}

// agree resumes from the part, or begins a new one.
func (s *saving) agree(same bool) (err error) {
	if !same {
		if err := s.part.close(); err != nil {
			return err
		}
		var fresh *part
		if fresh, err = s.folder.create(s.name); err != nil {
			return err
		}
		s.part, s.w = fresh, fresh.file
	}
	s.ours = true
	return nil
}

// giveUp keeps a part from which the transfer can be resumed, and removes bytes that are wrong.
func (s *saving) giveUp(err error) {
	wrong := errors.Is(err, ErrHashMismatch) || errors.Is(err, ErrProtocol) || !s.canResume
	switch {
	case !s.ours:
	case s.part.have > 0 && wrong:
		_ = s.part.file.Truncate(s.part.have)
	case wrong || s.done == 0:
		s.part.remove()
	}
}
