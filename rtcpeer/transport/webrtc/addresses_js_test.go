package webrtc

import (
	"syscall/js"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnChange(t *testing.T) {
	tr, err := New(Config{})
	require.NoError(t, err)
	defer tr.Close()
	window, document := js.Global(), js.Global().Get("document")
	happen := func(target js.Value, event string) {
		target.Call("dispatchEvent", window.Get("Event").New(event))
	}
	var calls int
	stop := tr.OnChange(func() { calls++ })
	happen(window, "online")
	happen(window, "offline")
	require.Equal(t, 2, calls)
	require.Equal(t, "visible", document.Get("visibilityState").String())
	happen(document, "visibilitychange")
	require.Equal(t, 3, calls)
	if connection := window.Get("navigator").Get("connection"); connection.Truthy() {
		happen(connection, "change")
		require.Equal(t, 4, calls)
	}

	want := calls
	stop()
	happen(window, "online")
	require.Equal(t, want, calls)

	tr.OnChange(func() { calls++ })
	happen(window, "online")
	require.Equal(t, want+1, calls)
	require.NoError(t, tr.Close())
	happen(window, "online")
	require.Equal(t, want+1, calls)
}
