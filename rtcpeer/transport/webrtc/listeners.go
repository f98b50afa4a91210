package webrtc

import "sync"

// listeners are the functions given to OnChange. While there are any, the machine's addresses are watched:
// start begins this, and returns the function that ends it.
type listeners struct {
	start func() (end func())

	mu     sync.Mutex // guards the fields below
	list   map[*listener]bool
	end    func() // nil while the addresses are not watched
	closed bool
}

type listener struct{ f func() }

func (l *listeners) add(f func()) (stop func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return func() {}
	}
	added := &listener{f}
	if l.end == nil {
		l.list = make(map[*listener]bool)
		l.end = l.start()
	}
	l.list[added] = true
	return func() { l.remove(added) }
}

func (l *listeners) remove(added *listener) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.list, added)
	if len(l.list) == 0 {
		l.stop()
	}
}

// stop ends the watching; mu is held.
func (l *listeners) stop() {
	if l.end != nil {
		l.end()
		l.end = nil
	}
}

// call calls the functions, which may call add and stop.
func (l *listeners) call() {
	l.mu.Lock()
	list := make([]*listener, 0, len(l.list))
	for added := range l.list {
		list = append(list, added)
	}
	l.mu.Unlock()
	for _, added := range list {
		added.f()
	}
}

func (l *listeners) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed, l.list = true, nil
	l.stop()
}
