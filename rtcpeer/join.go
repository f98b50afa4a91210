package rtcpeer

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/godot"
	"example.org/rtcpeer/signaling/signalclient"
)

// GodotScheme before the scheme of a URL says that its server is one of Godot's signaling demo.
const GodotScheme = "godot+"

// Join enters the room of a signaling server, at ws://host:port/room or wss://, or a lobby of a server
// of Godot's signaling demo, at godot+ws://host:port/lobby or godot+wss://, and returns when the
// server has welcomed the node: links with the members there follow, and are told by Receive. A URL
// without a room makes a new one; Node.Room has its name. ctx bounds the joining, not the node's
// life. The caller must Close the node.
//
// A demo's server tells no ICE servers (Config.WebRTC has them), no metadata and no channels, and lets
// nobody come back: when its connection is lost, open links go on, and nobody new comes.
//
// Errors: a *signalclient.DialError if there is no such server, a *signaling.Error if it refuses
// (sealed, full, another topology, ...), both with a word on whether trying again can help
// (signalclient.Retry); what New returns.
func Join(ctx context.Context, url string, config Config) (*Node, error) {
	return join(ctx, url, nil, config)
}

// A Create says whether Join may create a room: see Config.Create.
type Create = signaling.Create

const (
	CreateMissing = signaling.CreateMissing
	CreateNever   = signaling.CreateNever
	CreateOnly    = signaling.CreateOnly
)

// checkCreated returns why a room is not what Config.Create wants. The server has looked at that already, unless it is
// older than that, or of Godot's demo.
func (c Config) checkCreated(w signaling.Welcome) error {
	switch {
	case c.Create == CreateNever && w.ID == w.Host && len(w.Members) == 0:
		return &signaling.Error{Code: signaling.CodeUnknownRoom, Text: fmt.Sprintf("no room %q: who is to create it has not done so", w.Room)}
	case c.Create == CreateOnly && w.ID != w.Host:
		return &signaling.Error{Code: signaling.CodeRoomExists, Text: fmt.Sprintf("room %q exists, and was to be a new one", w.Room)}
	}
	return nil
}

// Match waits until size peers, 2 to 64, ask the signaling server at url for the same key, topology and
// size, and joins the new, sealed room that they get for themselves. Who waited longest is its host.
// What the key says is up to the program: the game, its version, the map. A room in the url counts for
// nothing. Match waits until ctx is done. Otherwise it is like Join.
func Match(ctx context.Context, url, key string, size int, config Config) (*Node, error) {
	node, err := join(ctx, url, &signaling.Match{Key: key, Size: size}, config)
	if err == nil && !node.Sealed() { // which the room of a match is from the beginning
		node.Close()
		return nil, fmt.Errorf("rtcpeer: match: the server at %s knows no matches", url)
	}
	return node, err
}

// Describe returns what the other members of a room are to be told of a node with this Config: for those who
// write a Signaler of their own. The Incarnation is a new one; the ID is for the Signaler to fill in. A
// Signaler that leaves Features out gets links that end with their first connection.
func Describe(config Config) signaling.Member {
	return signaling.Member{
		Channels:    wireModes(config.Channels),
		Metadata:    config.Metadata,
		Features:    features(config),
		Incarnation: rand.Text(),
	}
}

// JoinMessage returns what a node with this Config asks of a signaling server, for those who connect a Signaler
// themselves: signalclient.Dial and the server of package signaling/memory take it. Its Room is empty. The
// Incarnation is a new one.
func JoinMessage(config Config) signaling.Join {
	self := Describe(config)
	return signaling.Join{
		Topology:    config.Topology,
		Channels:    self.Channels,
		Metadata:    self.Metadata,
		Features:    self.Features,
		Incarnation: self.Incarnation,
		Token:       config.Token,
		Password:    config.Password,
		NewRoom:     config.NewRoom,
		Create:      config.Create,
	}
}

func features(config Config) []string {
	list := []string{signaling.FeatureRepair, signaling.FeatureMigrate}
	if !config.NeverHost {
		list = append(list, signaling.FeatureHost)
	}
	if config.RelayLinks {
		list = append(list, signaling.FeatureRelayLinks)
	}
	return list
}

func join(ctx context.Context, url string, match *signaling.Match, config Config) (*Node, error) {
	checked, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	if plain, found := strings.CutPrefix(url, GodotScheme); found {
		url, checked.Signaling.Dialect = plain, godot.Client()
	}
	message := JoinMessage(checked)
	message.Match = match
	client, err := signalclient.Dial(ctx, url, message, checked.Signaling)
	if err != nil {
		return nil, err
	}
	return New(ctx, client, config)
}
