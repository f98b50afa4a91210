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

// GodotScheme, before the scheme of a URL, says that the server is one of Godot's signaling demo.
const GodotScheme = "godot+"

// Join enters a room of a signaling server, at ws://host:port/room or wss://, or a lobby of a server of Godot's
// signaling demo, at godot+ws://host:port/lobby or godot+wss://. It returns when the server has welcomed the node. The
// links with the members there follow, and Receive reports them. A URL without a room makes a new room; Node.Room
// returns its name. ctx bounds the joining, not the node's life. The caller must Close the node.
//
// A demo server sends no ICE servers (set them in Config.WebRTC), no metadata and no channels, and does not let anybody
// come back: when the connection to it is lost, open links go on, but no new members come.
//
// Errors: a *signalclient.DialError if there is no such server; a *signaling.Error if the server refuses (a wrong
// password, sealed, full, another topology, ...), which errors.Is compares by Code; the errors of New. For the first two,
// signalclient.Retry says whether trying again can help.
func Join(ctx context.Context, url string, config Config) (*Node, error) {
	return join(ctx, url, nil, config)
}

// A Create says whether Join may create a room: see Config.Create.
type Create = signaling.Create

const (
	CreateMissing = signaling.CreateMissing // creates the room if it does not exist; the zero value
	CreateNever   = signaling.CreateNever   // enters only a room that exists; otherwise the error is unknown_room
	CreateOnly    = signaling.CreateOnly    // enters only a room that it creates; otherwise the error is room_exists
)

// checkCreated returns an error if a room is not what Config.Create wants. The server has checked that already, unless
// it is older than Config.Create, or a server of Godot's demo.
func (c Config) checkCreated(w signaling.Welcome) error {
	switch {
	case c.Resume != "": // then it does not count
	case c.Create == CreateNever && w.ID == w.Host && len(w.Members) == 0:
		return &signaling.Error{Code: signaling.CodeUnknownRoom, Text: fmt.Sprintf("no room %q: nobody has created it yet", w.Room)}
	case c.Create == CreateOnly && w.ID != w.Host:
		return &signaling.Error{Code: signaling.CodeRoomExists, Text: fmt.Sprintf("room %q already exists: choose another name", w.Room)}
	}
	return nil
}

// Match waits until size peers, 2 to 64, have asked the signaling server at url for the same key, topology and size. It
// then joins the new, sealed room that they get for themselves. The peer that waited longest is the host. The program
// decides what the key, 1 to 128 bytes, says: the game, its version, the map. A room in the url is ignored. Match waits
// until ctx is done. Otherwise it is like Join.
func Match(ctx context.Context, url, key string, size int, config Config) (*Node, error) {
	node, err := join(ctx, url, &signaling.Match{Key: key, Size: size}, config)
	if err == nil && !node.Sealed() { // the room of a match is sealed from the beginning
		node.Close()
		return nil, fmt.Errorf("rtcpeer: match: the server at %s does not support matches", url)
	}
	return node, err
}

// Describe returns what the other members of a room are to be told about a node with this Config. It is for programs
// with a Signaler of their own. The Incarnation is a new one; the Signaler fills in the ID. If a Signaler leaves
// Features out, each link ends with its first connection.
func Describe(config Config) signaling.Member {
	return signaling.Member{
		Channels:    wireModes(config.Channels),
		Metadata:    config.Metadata,
		Features:    features(config),
		Incarnation: rand.Text(),
	}
}

// JoinMessage returns the message with which a node with this Config asks a signaling server to join. It is for
// programs that connect a Signaler themselves: signalclient.Dial and the server of package signaling/memory take it.
// Its Room is empty. The Incarnation is a new one.
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
		Resume:      config.Resume,
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
