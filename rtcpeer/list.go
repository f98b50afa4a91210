package rtcpeer

import (
	"context"
	"fmt"
	"strings"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalclient"
)

// A NewRoom is how a room shall be that Join creates.
type NewRoom = signaling.NewRoom

// A PublicRoom is a room of a list, as it was at that moment.
type PublicRoom = signaling.PublicRoom

// List returns the public rooms of the signaling server at url, in a random order. With a
// filter the metadata of a room must have the same fields with the same values: strings, bools, and
// numbers as int or float64; at most 16. Of config it uses Token and Signaling. The errors are those of
// Join, which enters a room of the list at signalclient.RoomURL.
func List(ctx context.Context, url string, filter map[string]any, config Config) ([]PublicRoom, error) {
	if strings.HasPrefix(url, GodotScheme) {
		return nil, fmt.Errorf("rtcpeer: list %s: a server of Godot's demo has no list", url)
	}
	return signalclient.List(ctx, url, signaling.List{Filter: filter, Token: config.Token}, config.Signaling)
}
