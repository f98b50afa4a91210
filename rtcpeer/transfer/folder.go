package transfer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"
)

// A Folder is where files are saved. Nothing is written outside it, not even through symbolic links in it. Several
// calls of Save may use it at the same time.
type Folder struct {
	root *os.Root

	mu   sync.Mutex // guards the field below
	busy map[string]bool
}

// OpenFolder opens a folder, which must exist. The caller must Close it after the last Save.
func OpenFolder(path string) (*Folder, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("transfer: folder: %w", err)
	}
	return &Folder{root: root, busy: make(map[string]bool)}, nil
}

// Close closes the folder. Calls of Save that are under way fail.
func (f *Folder) Close() error { return f.root.Close() }

// A part is a file that is not complete.
type part struct {
	folder *Folder
	name   string
	file   *os.File
	have   int64 // bytes that it had when it was found
	closed bool
}

const (
	partSuffix = ".part"
	// maxTries is how many numbered names are tried before giving up.
	maxTries = 10_000
	// maxParts is how many parts of a name are checked for one that can be resumed.
	maxParts = 10
)

// errInUse is the error for a part that another transfer is writing.
var errInUse = errors.New("in use by another transfer")

// find returns the most recently modified part that may be the beginning of a file, or a new part.
func (f *Folder) find(name string, size int64, resume bool) (*part, error) {
	var best *part
	var young time.Time
	for i := 0; resume && i < maxParts; i++ {
		p, at, err := f.open(numbered(name, i, partSuffix), size)
		switch {
		case err != nil:
			continue // it does not exist, or cannot be resumed
		case best != nil && !at.After(young):
			_ = p.close()
			continue
		case best != nil:
			_ = best.close()
		}
		best, young = p, at
	}
	if best != nil {
		return best, nil
	}
	return f.create(name)
}

// open opens an existing part, if it is a file of at most size bytes that nobody else writes.
func (f *Folder) open(name string, size int64) (p *part, modified time.Time, err error) {
	there, err := f.root.Lstat(name)
	if err != nil {
		return nil, time.Time{}, err
	}
	if !there.Mode().IsRegular() {
		return nil, time.Time{}, fs.ErrInvalid
	}
	p, err = f.openPart(name, os.O_RDWR)
	if err != nil {
		return nil, time.Time{}, err
	}
	opened, err := p.file.Stat()
	// Check the name again now that nobody else writes the part: it may have been completed since it was opened.
	there, gone := f.root.Lstat(name)
	if err != nil || gone != nil || !os.SameFile(there, opened) || opened.Size() > size {
		return nil, time.Time{}, errors.Join(err, gone, fs.ErrInvalid, p.close())
	}
	p.have = opened.Size()
	return p, opened.ModTime(), nil
}

// create makes a part under a free name.
func (f *Folder) create(name string) (*part, error) {
	for i := range maxTries {
		p, err := f.openPart(numbered(name, i, partSuffix), os.O_RDWR|os.O_CREATE|os.O_EXCL)
		if !errors.Is(err, fs.ErrExist) && !errors.Is(err, errInUse) {
			return p, err
		}
	}
	return nil, &fs.PathError{Op: "create", Path: name + partSuffix, Err: fs.ErrExist}
}

// openPart opens a part for one transfer: no other of this process, or of another one if the system can lock, may use
// it.
func (f *Folder) openPart(name string, flag int) (*part, error) {
	if !f.claim(name) {
		return nil, errInUse
	}
	file, err := f.root.OpenFile(name, flag, 0o644)
	if err != nil {
		f.release(name)
		return nil, err
	}
	p := &part{folder: f, name: name, file: file}
	if err := lock(file); err != nil {
		return nil, errors.Join(errInUse, p.close())
	}
	return p, nil
}

// close closes the part, once. Others may use it then.
func (p *part) close() error {
	if p.closed {
		return nil
	}
	p.closed = true
	defer p.folder.release(p.name)
	return p.file.Close()
}

// remove deletes the part and closes it.
func (p *part) remove() {
	if removesOpen {
		_ = p.folder.root.Remove(p.name)
		_ = p.close()
		return
	}
	_ = p.close()
	_ = p.folder.root.Remove(p.name)
}

// claim reserves a name in this process. It reports false if it is in use. Some systems do not distinguish upper and
// lower case.
func (f *Folder) claim(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	k := strings.ToLower(name)
	if f.busy[k] {
		return false
	}
	f.busy[k] = true
	return true
}

func (f *Folder) release(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.busy, strings.ToLower(name))
}

// complete renames the part to name, or to a free name, and returns that. Where the system allows it, the part stays open
// and locked until it is renamed, so that no other transfer can use it before.
func (f *Folder) complete(p *part, name string, overwrite bool) (string, error) {
	if !removesOpen {
		if err := p.close(); err != nil {
			return "", err
		}
	}
	if overwrite {
		return name, f.root.Rename(p.name, name)
	}
	for i := range maxTries {
		free := numbered(name, i, "")
		err := f.moveTo(p.name, free)
		if !errors.Is(err, fs.ErrExist) {
			return free, err
		}
	}
	return "", &fs.PathError{Op: "rename", Path: name, Err: fs.ErrExist}
}

// moveTo renames a file unless the name is taken. On a system without hard links it creates an empty file of that name
// first.
func (f *Folder) moveTo(from, to string) error {
	err := f.root.Link(from, to)
	switch {
	case err == nil:
		return f.root.Remove(from)
	case errors.Is(err, fs.ErrExist):
		return err
	}
	file, err := f.root.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if err = errors.Join(file.Close(), f.root.Rename(from, to)); err != nil {
		return errors.Join(err, f.root.Remove(to))
	}
	return nil
}
