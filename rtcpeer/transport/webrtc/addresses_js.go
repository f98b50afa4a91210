package webrtc

import "syscall/js"

// watchAddresses calls f when a page learns of a change of its network: the network went away or came back, it
// is another one (if the browser has navigator.connection), or the page is visible again, because it may have
// been suspended while it was hidden. It returns the function that ends this. f must not block.
func watchAddresses(f func()) (end func()) {
	var ends []func()
	on := func(target js.Value, event string, handle func()) {
		if !target.Truthy() || target.Get("addEventListener").Type() != js.TypeFunction {
			return
		}
		handler := js.FuncOf(func(js.Value, []js.Value) any { handle(); return nil })
		target.Call("addEventListener", event, handler)
		ends = append(ends, func() {
			target.Call("removeEventListener", event, handler)
			handler.Release()
		})
	}
	window, document := js.Global(), js.Global().Get("document")
	on(window, "online", f)
	on(window, "offline", f)
	if navigator := window.Get("navigator"); navigator.Truthy() {
		on(navigator.Get("connection"), "change", f)
	}
	on(document, "visibilitychange", func() {
		if document.Get("visibilityState").String() == "visible" {
			f()
		}
	})
	return func() {
		for _, end := range ends {
			end()
		}
	}
}
