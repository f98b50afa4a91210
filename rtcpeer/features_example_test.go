package rtcpeer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"time"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	memorytransport "example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/memory"
)

// A star: the server of a game creates the room and sees every packet. A client enters only a room that exists.
func ExampleConfig_star() {
	ctx := context.Background()
	host, err := rtcpeer.Join(ctx, "wss://game.example/arena", rtcpeer.Config{
		Topology: rtcpeer.Star,
		Create:   rtcpeer.CreateOnly,
		MaxPeers: 32,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer host.Close()

	client, err := rtcpeer.Join(ctx, "wss://game.example/arena", rtcpeer.Config{Create: rtcpeer.CreateNever})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	fmt.Println(client.Relays(), client.Host() == rtcpeer.Server)
}

// Two channels besides channel 0: orders arrive on the first one, and positions on the second. All members need the same
// list.
func ExampleConfig_channels() {
	const orders, positions = 1, 2
	config := rtcpeer.Config{Channels: []rtcpeer.Mode{rtcpeer.Reliable, rtcpeer.UnreliableOrdered}}
	a, b, leave := joinTwo(config)
	defer leave()

	ctx := context.Background()
	if err := a.Send(ctx, rtcpeer.Packet{Peer: b.ID(), Channel: orders, Data: []byte("march")}); err != nil {
		log.Fatal(err)
	}
	p := nextPacket(b)
	fmt.Printf("channel %d, %v: %s\n", p.Channel, p.Mode, p.Data)
	// Output: channel 1, reliable: march
}

// The state of a game at 60 Hz: a new state replaces an old one, so lost ones are not sent again, and the loop never
// waits for the network.
func ExampleNode_TrySend() {
	node, err := rtcpeer.Join(context.Background(), "ws://localhost:9080/lobby", rtcpeer.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer node.Close()
	for range time.Tick(time.Second / 60) {
		for {
			ev, err := node.TryReceive()
			if errors.Is(err, rtcpeer.ErrNoEvent) {
				break
			}
			if err != nil {
				log.Fatal(err) // the room has ended
			}
			if ev.Kind == rtcpeer.PacketReceived {
				show(ev.Packet)
			}
		}
		state := []byte("where this player is")
		if err := node.TrySend(rtcpeer.Packet{Peer: rtcpeer.Broadcast, Mode: rtcpeer.UnreliableOrdered, Data: state}); err != nil {
			log.Print(err)
		}
	}
}

// A star whose members all know a secret. Nobody hears of a guest that does not.
func ExampleSharedSecret() {
	config := rtcpeer.Config{Topology: rtcpeer.Star, Auth: rtcpeer.SharedSecret([]byte("open sesame"))}
	_, guest, leave := joinTwo(config)
	defer leave()
	fmt.Println("the guest knows", guest.Peers())
	// Output: the guest knows [1]
}

// A host that asks each guest for its name, and refuses those that give none.
func ExampleAuthFunc() {
	host := rtcpeer.Config{Topology: rtcpeer.Star, Auth: func(ctx context.Context, guest *rtcpeer.PendingPeer) error {
		name, err := guest.Receive()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("peer %d gave no name", guest.ID())
		}
		fmt.Printf("%s enters\n", name)
		return err
	}}
	guest := rtcpeer.Config{Topology: rtcpeer.Star, Auth: func(ctx context.Context, host *rtcpeer.PendingPeer) error {
		return host.Send([]byte("Ann"))
	}}
	_, _, leave := joinTwo(host, guest)
	defer leave()
	// Output: Ann enters
}

// A star that outlives its host.
func ExampleHostChange() {
	config := rtcpeer.Config{Topology: rtcpeer.Star, NewRoom: rtcpeer.NewRoom{Migrates: true}}
	host, guest, leave := joinTwo(config)
	defer leave()
	host.Close()
	for ev, err := range guest.Events(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		if ev.Kind == rtcpeer.HostChanged {
			fmt.Printf("peer %d was the host; this node is the host now: %v\n", ev.Host.Old, guest.Host() == guest.ID())
			return
		}
	}
	// Output: peer 1 was the host; this node is the host now: true
}

// A host that ends the link with a guest, and says why. The guest has nobody left, so its node ends.
func ExampleNode_DisconnectWith() {
	const idle = 7 // what a code means is up to the programs
	host, guest, leave := joinTwo(rtcpeer.Config{Topology: rtcpeer.Star})
	defer leave()
	if err := host.DisconnectWith(guest.ID(), idle, "you did not move for a minute"); err != nil {
		log.Fatal(err)
	}
	for ev, err := range guest.Events(context.Background()) {
		if err != nil {
			fmt.Println("the host is gone:", errors.Is(err, rtcpeer.ErrHostGone))
			return
		}
		if ev.Kind == rtcpeer.PeerDisconnected && ev.Code == idle {
			fmt.Println(ev.Text)
		}
	}
	// Output:
	// you did not move for a minute
	// the host is gone: true
}

// A large packet of one peer must not delay the others, so another goroutine receives its channel.
func ExampleNode_ChannelQueue() {
	const uploads = 1
	config := rtcpeer.Config{Channels: []rtcpeer.Mode{rtcpeer.Reliable}}
	a, b, leave := joinTwo(config)
	defer leave()
	queue, err := b.ChannelQueue(uploads)
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		p, err := queue.Receive(context.Background())
		if err != nil {
			log.Print(err)
			return
		}
		fmt.Printf("uploaded: %s\n", p.Data)
	}()
	if err := a.Send(context.Background(), rtcpeer.Packet{Peer: b.ID(), Channel: uploads, Data: []byte("a map")}); err != nil {
		log.Fatal(err)
	}
	<-done
	// Output: uploaded: a map
}

// A pairSignaler is a Signaler for two programs that share a connection already. Each end sends its Member first, and
// then one message a line. Package signalertest tests what a Signaler has to do.
type pairSignaler struct {
	conn     net.Conn
	decoder  *json.Decoder
	self     signaling.Member
	welcomed bool
}

func newPairSignaler(conn net.Conn, id rtcpeer.PeerID, config rtcpeer.Config) (*pairSignaler, error) {
	self := rtcpeer.Describe(config)
	self.ID = id
	s := &pairSignaler{conn: conn, decoder: json.NewDecoder(conn), self: self}
	return s, json.NewEncoder(conn).Encode(self)
}

// Send sends signals. Other messages would manage a room, which the two do not have.
func (s *pairSignaler) Send(ctx context.Context, m signaling.Message) error {
	signal, ok := m.(signaling.Signal)
	if !ok {
		return nil
	}
	signal.From, signal.To = s.self.ID, 0
	frame, err := signaling.JSON.Encode(signal)
	if err != nil {
		return err
	}
	_, err = s.conn.Write(append(frame, '\n'))
	return err
}

// Receive returns a Welcome with the other end, and then the signals of the other end. It returns when ctx is done.
func (s *pairSignaler) Receive(ctx context.Context) (signaling.Message, error) {
	stop := context.AfterFunc(ctx, func() { s.conn.SetReadDeadline(time.Now()) })
	defer stop()
	if s.welcomed {
		var frame json.RawMessage
		if err := s.decoder.Decode(&frame); err != nil {
			return nil, err
		}
		return signaling.JSON.Decode(frame)
	}
	s.welcomed = true
	var other signaling.Member
	err := s.decoder.Decode(&other)
	return signaling.Welcome{ID: s.self.ID, Room: "pair", Topology: rtcpeer.Mesh, Host: 1, Members: []signaling.Member{other}}, err
}

// Close closes the connection.
func (s *pairSignaler) Close() error { return s.conn.Close() }

// Two programs that share a connection, such as SSH or a serial line, open a link without a signaling server.
func ExampleSignaler() {
	network := memorytransport.NewNetwork(memorytransport.Options{})
	left, right := listenAndDial()
	nodes := make(chan *rtcpeer.Node)
	for id, conn := range map[rtcpeer.PeerID]net.Conn{1: left, 2: right} {
		go func() {
			config := rtcpeer.Config{Transport: network.Transport()}
			signaler, err := newPairSignaler(conn, id, config)
			if err != nil {
				log.Fatal(err)
			}
			node, err := rtcpeer.New(context.Background(), signaler, config)
			if err != nil {
				log.Fatal(err)
			}
			waitConnected(node)
			nodes <- node
		}()
	}
	a, b := <-nodes, <-nodes
	fmt.Println(a.Peers()[0] == b.ID(), b.Peers()[0] == a.ID())
	b.Close()
	a.Close()
	// Output: true true
}

// A directTransport makes only paths without a relay. It changes the Transport that it embeds.
type directTransport struct{ transport.Transport }

// NewPath returns a path that uses no relay at this end.
func (t directTransport) NewPath(config transport.PathConfig) (transport.Path, error) {
	config.Direct = true
	return t.Transport.NewPath(config)
}

// A node whose links never go through a TURN server. Package transporttest tests what a Transport has to do.
func ExampleConfig_transport() {
	network := memorytransport.NewNetwork(memorytransport.Options{})
	_, _, leave := joinTwo(
		rtcpeer.Config{Transport: directTransport{network.Transport()}},
		rtcpeer.Config{Transport: directTransport{network.Transport()}},
	)
	defer leave()
	fmt.Println("connected")
	// Output: connected
}

// joinTwo returns two connected nodes of a room in memory, the creator first. If there is one config, both use it.
func joinTwo(configs ...rtcpeer.Config) (creator, other *rtcpeer.Node, leave func()) {
	server := memory.NewServer()
	network := memorytransport.NewNetwork(memorytransport.Options{})
	var nodes [2]*rtcpeer.Node
	for i := range nodes {
		config := configs[i%len(configs)]
		if config.Transport == nil {
			config.Transport = network.Transport()
		}
		message := rtcpeer.JoinMessage(config)
		message.Room = "hall"
		client, err := server.Join(context.Background(), message)
		if err != nil {
			log.Fatal(err)
		}
		if nodes[i], err = rtcpeer.New(context.Background(), client, config); err != nil {
			log.Fatal(err)
		}
	}
	waitConnected(nodes[0])
	waitConnected(nodes[1])
	return nodes[0], nodes[1], func() {
		nodes[1].Close()
		nodes[0].Close()
		server.Close()
	}
}

func waitConnected(node *rtcpeer.Node) {
	for ev, err := range node.Events(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		if ev.Kind == rtcpeer.PeerConnected {
			return
		}
	}
}

func nextPacket(node *rtcpeer.Node) rtcpeer.Packet {
	for ev, err := range node.Events(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		if ev.Kind == rtcpeer.PacketReceived {
			return ev.Packet
		}
	}
	return rtcpeer.Packet{}
}

func show(p rtcpeer.Packet) { fmt.Printf("%d: %s\n", p.Peer, p.Data) }

// listenAndDial returns the two ends of a connection over loopback.
func listenAndDial() (dialed, accepted net.Conn) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer listener.Close()
	if dialed, err = net.Dial("tcp", listener.Addr().String()); err != nil {
		log.Fatal(err)
	}
	if accepted, err = listener.Accept(); err != nil {
		log.Fatal(err)
	}
	return dialed, accepted
}
