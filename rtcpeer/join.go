package rtcpeer

import (
	"context"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalclient"
)

// Join enters the room of a signaling server, at ws://host:port/room or wss://, and returns when the
// server has welcomed the node: links with the members there follow, and are told by Receive. A URL
// without a room makes a new one; Node.Room has its name. ctx bounds the joining, not the node's
// life. The caller must Close the node.
//
// Errors: a *signalclient.DialError if there is no such server, a *signaling.Error if it refuses
// (sealed, full, another topology, ...), both with a word on whether trying again can help
// (signalclient.Retry); what New returns.
func Join(ctx context.Context, url string, config Config) (*Node, error) {
	checked, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	client, err := signalclient.Dial(ctx, url, signaling.Join{
		Topology: checked.Topology,
		Channels: wireModes(checked.Channels),
		Token:    checked.Token,
		Metadata: checked.Metadata,
	}, checked.Signaling)
	if err != nil {
		return nil, err
	}
	return New(ctx, client, config)
}
