package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/testdata/skip"
)

// A peer that sends text as fast as it can, and packets that are no text, does not keep the page from
// hearing the others, being used and saying what it left out; and when it has gone, all is as before.
func TestFlood(t *testing.T) {
	skip.Long(t)
	p := start(t, nil)
	browser := openBrowser(t)
	tab, calm := browser.open(t, pageOf(p)+"#lobby"), browser.open(t, pageOf(p)+"#lobby")
	calm.waitFor(t, `drawn("link").join() === "link connected"`)
	me := tab.text(t, `document.querySelector("#where").textContent.match(/You are (\d+)/)[1]`)

	end := flood(t, p.url+"/lobby", me)
	tab.waitFor(t, `log().match(/(\d+) messages of Guest are left out: it sends more than anybody can read\./)?.[1] > 1000`)
	calm.say(t, "can you hear me?")
	tab.waitFor(t, `log().includes("can you hear me?")`)
	tab.say(t, "yes")
	calm.waitFor(t, `log().includes("yes")`)
	require.Equal(t, "1", tab.text(t, `String(log().match(/are left out/g).length)`))
	tab.waitFor(t, `rows().length === 2 && rows().some((row) => /\d ms/.test(row))`)
	tab.shoot(t, "flood")

	end()
	tab.waitFor(t, `rows().length === 1 && log().includes("Guest left.")`)
	calm.say(t, "peace")
	tab.waitFor(t, `log().includes("peace")`)
	tab.quiet(t)
	calm.quiet(t)
}

// A thousand packets in one frame of a game loop, in each mode, arrive at a page.
func TestThousandPacketsAtOnce(t *testing.T) {
	skip.Long(t)
	p := start(t, nil)
	tab := openBrowser(t).open(t, pageOf(p)+"#lobby")
	tab.waitFor(t, `drawn("node").length === 1`)
	require.Equal(t, "1000", tab.await(t, `(async () => {
		const { join } = await import("./rtcpeer.js");
		const game = await join("./lobby");
		await game.next();
		for (let i = 0; i < 1000; i++) game.trySend({ mode: "unreliable", data: "\0x" });
		for (let i = 0; i < 1000; i++) game.trySend({ data: String(i) });
		const { links } = await game.stats();
		await game.close();
		return String(links[1].lanes[0].sent);
	})()`))
	tab.waitFor(t, `/\d+ messages of Guest are left out/.test(log()) && log().includes("Guest left.")`)
	tab.quiet(t)
}

// flood joins a room with a peer that sends to one other without pause, until it is ended.
func flood(t *testing.T, room, to string) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	node, err := rtcpeer.Join(ctx, room, rtcpeer.Config{})
	require.NoError(t, err)
	var target rtcpeer.PeerID
	_, err = fmt.Sscan(to, &target)
	require.NoError(t, err)
	for connected := false; !connected; {
		event, err := node.Receive(ctx)
		require.NoError(t, err)
		connected = event.Kind == rtcpeer.PeerConnected && event.Peer == target
	}
	var wg sync.WaitGroup
	for mode, data := range map[rtcpeer.Mode]string{
		rtcpeer.Reliable:          strings.Repeat("long ", 20),
		rtcpeer.UnreliableOrdered: "a line",
		rtcpeer.Unreliable:        "\x00 no text",
	} {
		wg.Go(func() {
			for ctx.Err() == nil {
				_ = node.Send(ctx, rtcpeer.Packet{Peer: target, Mode: mode, Data: []byte(data)})
			}
		})
	}
	wg.Go(func() { // the pings of the page are to be answered by nobody
		for _, err := node.Receive(ctx); err == nil; _, err = node.Receive(ctx) {
		}
	})
	end = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		if err := node.Close(); err != nil { // more was sent than anybody can read
			require.ErrorAs(t, err, new(*rtcpeer.UndeliveredError))
		}
	})
	t.Cleanup(end)
	return end
}
