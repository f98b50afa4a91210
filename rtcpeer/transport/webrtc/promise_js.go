package webrtc

import (
	"syscall/js"

	"example.org/rtcpeer/rtcpeer/transport"
)

// await makes a promise and waits for it or for done, because promises of a closed connection never settle
// (webrtc-pc, 4.4.1.6). It must not be called from a handler, because a handler blocks the browser.
func await(done <-chan struct{}, make_ func() js.Value) (js.Value, error) {
	type result struct {
		value js.Value
		err   error
	}
	settled := make(chan result, 1)
	resolve := js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled <- result{value: args[0]}
		return nil
	})
	defer resolve.Release()
	reject := js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled <- result{err: js.Error{Value: args[0]}}
		return nil
	})
	defer reject.Release()
	if err := try(func() { make_().Call("then", resolve, reject) }); err != nil {
		return js.Value{}, err
	}
	select {
	case r := <-settled:
		return r.value, r.err
	case <-done:
		return js.Value{}, transport.ErrClosed
	}
}

// try calls f and turns a JavaScript exception into an error.
func try(f func()) (err error) {
	defer func() {
		switch thrown := recover().(type) {
		case nil:
		case js.Error:
			err = thrown
		default:
			panic(thrown)
		}
	}()
	f()
	return nil
}
