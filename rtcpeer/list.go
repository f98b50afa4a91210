package rtcpeer

import (
	"context"
	"fmt"
	"strings"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalclient"
)

// A NewRoom describes a room that Join may create. Public and Metadata are for List, MaxMembers limits the room, and
// Migrates lets a star outlive its host: see signaling.NewRoom.
type NewRoom = signaling.NewRoom

// A PublicRoom is a room of a list, as it was when the list was made: its Room (the name), Topology, Metadata, and how
// many Members it has. See signaling.PublicRoom.
type PublicRoom = signaling.PublicRoom

// List returns the public rooms of the signaling server at url, in random order. With a filter it returns only rooms
// whose metadata has the same fields with the same values: strings, bools, and numbers as int or float64; at most 16.
// It uses Token and Signaling of config. The errors are those of Join. To enter a room of the list, call Join with
// signalclient.RoomURL.
func List(ctx context.Context, url string, filter map[string]any, config Config) ([]PublicRoom, error) {
	if strings.HasPrefix(url, GodotScheme) {
		return nil, fmt.Errorf("rtcpeer: list %s: a server of Godot's demo has no list of rooms", url)
	}
	return signalclient.List(ctx, url, signaling.List{Filter: filter, Token: config.Token}, config.Signaling)
}
