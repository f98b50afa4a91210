package rtcpeer_test

import (
	"context"
	"errors"
	"log"
	"os"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/signaling"
)

// A host that is started again, after an update or a crash, is the host of its room again, with the guests that have waited for
// it. It keeps its token in a file.
func ExampleNode_ResumeToken() {
	if err := hostAgain(context.Background(), "ws://localhost:9080/arena", "arena.token"); err != nil {
		log.Fatal(err)
	}
}

func hostAgain(ctx context.Context, url, file string) error {
	token, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	config := rtcpeer.Config{Topology: rtcpeer.Star, Create: rtcpeer.CreateOnly, Resume: string(token)}
	node, err := rtcpeer.Join(ctx, url, config)
	if errors.Is(err, &signaling.Error{Code: signaling.CodeResumeRefused}) { // it was away for too long
		config.Resume = ""
		node, err = rtcpeer.Join(ctx, url, config)
	}
	if err != nil {
		return err
	}
	defer node.Suspend() // Close would end the room
	for kept := ""; ; {
		if token := node.ResumeToken(); token != kept {
			if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
				return err
			}
			kept = token
		}
		ev, err := node.Receive(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case ev.Kind == rtcpeer.PacketReceived:
			log.Printf("%d: %s", ev.Packet.Peer, ev.Packet.Data)
		}
	}
}
