package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/turn/v5"

	"example.org/rtcpeer/signaling"
)

// An attack is one kind of attack. Its attackers run it until their time is over.
type attack struct {
	name string
	run  func(*attackers)
}

// needed are server flags without which some attacks would do nothing.
var needed = []struct {
	flag string
	is   func(signaling.Welcome) bool
}{
	{"--turn", func(w signaling.Welcome) bool { _, _, found := turnOf(w, "tcp"); return found }},
	{"--relay-links", func(w signaling.Welcome) bool { return w.RelayLinks }},
}

var attacks = []attack{
	{"none", func(*attackers) {}},
	{"400 members of one address hang up, 40 send each what is to be kept", func(a *attackers) { a.fillOutboxes(1) }},
	{"the same of three addresses", func(a *attackers) { a.fillOutboxes(3) }},
	{"40 members do not read what 10 send them", (*attackers).slowReaders},
	{"10,000 rooms of 20 /64s of one /56", (*attackers).foundRooms},
	{"public rooms with names that come first, from 20 /64s", (*attackers).publicRooms},
	{"a PIN is guessed by 20 /64s", (*attackers).guessPIN},
	{"2,000 connections of eight addresses that say nothing, or half of something", (*attackers).idle},
	{"500 WebSockets of one address that never join", (*attackers).neverJoin},
	{"connections of one address, as fast as they go", (*attackers).churn},
	{"requests that are no WebSocket, as fast as they go", (*attackers).requests},
	{"20 members send, ask for lists and ping as fast as they can", (*attackers).flood},
	{"messages without an end, in fragments", (*attackers).fragments},
	{"300 wait to be matched, and come and go", (*attackers).match},
	{"40 members of 20 addresses flood relayed links, whose other ends read or do not", (*attackers).floodRelayed},
	{"TURN over TCP: relays made and released in a loop", (*attackers).relays},
	{"TURN over TCP: wrong credentials in a loop", (*attackers).credentials},
}

// Attackers run one attack. goAway closes the connections that they hold open.
type attackers struct {
	server *server
	number int             // number of the attack: each attack has its own addresses
	ctx    context.Context // ends the attack

	mu   sync.Mutex // guards the field below
	held []io.Closer
}

// address returns the nth IPv4 address of the attackers.
func (a *attackers) address(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{45, byte(100 + a.number), byte(n >> 8), byte(n)})
}

// network returns an address in the nth /64 of the attackers' /56.
func (a *attackers) network(n int) netip.Addr {
	address := netip.MustParseAddr("2a0e:b000:0:aa00::1").As16()
	address[5], address[7] = byte(a.number), byte(n)
	return netip.AddrFrom16(address)
}

// hold keeps a connection until the attack is over.
func (a *attackers) hold(one io.Closer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.held = append(a.held, one)
}

func (a *attackers) goAway() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, one := range a.held {
		one.Close()
	}
}

// each runs do in n goroutines, again and again until the time is over. After an error it waits a moment.
func (a *attackers) each(n int, do func(i int) error) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			for a.ctx.Err() == nil {
				if do(i) != nil {
					a.wait(5 * time.Millisecond)
				}
			}
		})
	}
	wg.Wait()
}

func (a *attackers) wait(d time.Duration) {
	select {
	case <-a.ctx.Done():
	case <-time.After(d):
	}
}

// some calls do once for each number below n, 20 at a time.
func (a *attackers) some(n int, do func(i int) error) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range 20 {
		wg.Go(func() {
			for i := range next {
				if a.ctx.Err() == nil {
					_ = do(i)
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// drop reads and discards messages until the connection ends.
func (p *peer) drop() {
	p.conn.SetReadDeadline(time.Time{})
	for {
		if _, _, err := p.conn.NextReader(); err != nil {
			return
		}
	}
}

// fillOutboxes lets members lose their connections. They keep their places, so the server keeps what others
// send them.
func (a *attackers) fillOutboxes(addresses int) {
	room := signaling.RoomName(rand.Text())
	ids := make(chan signaling.PeerID, 400*addresses)
	a.some(400*addresses, func(i int) error {
		p, w, err := a.server.enter(a.ctx, a.address(i%addresses), signaling.Join{Room: room})
		if err == nil {
			ids <- w.ID
			p.vanish()
		}
		return err
	})
	close(ids)
	var all []signaling.PeerID
	for id := range ids {
		all = append(all, id)
	}
	a.senders(40, addresses, room, all)
}

// senders lets n members send without pause to the members in to.
func (a *attackers) senders(n, addresses int, room signaling.RoomName, to []signaling.PeerID) {
	large := data(60_000)
	a.each(n, func(i int) error {
		p, _, err := a.server.enter(a.ctx, a.address(i%addresses), signaling.Join{Room: room})
		if err != nil || len(to) == 0 {
			return io.EOF
		}
		defer p.vanish()
		go p.drop()
		for k := i; a.ctx.Err() == nil; k++ {
			if err := p.send(signaling.Signal{To: to[k%len(to)], Data: large}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (a *attackers) slowReaders() {
	room := signaling.RoomName(rand.Text())
	ids := make(chan signaling.PeerID, 40)
	a.some(40, func(int) error {
		p, w, err := a.server.enter(a.ctx, a.address(0), signaling.Join{Room: room})
		if err == nil {
			ids <- w.ID
			a.hold(p.conn)
		}
		return err
	})
	close(ids)
	var all []signaling.PeerID
	for id := range ids {
		all = append(all, id)
	}
	a.senders(10, 1, room, all)
}

// foundRooms creates many rooms from the networks of one /56.
func (a *attackers) foundRooms() {
	a.some(10_000, func(i int) error {
		p, _, err := a.server.enter(a.ctx, a.network(i%20), signaling.Join{})
		if err == nil {
			a.hold(p.conn)
		}
		return err
	})
	<-a.ctx.Done()
}

func (a *attackers) publicRooms() {
	a.some(505, func(i int) error {
		p, _, err := a.server.enter(a.ctx, a.network(i%20), signaling.Join{Room: signaling.RoomName(fmt.Sprintf("--%03d", i)), NewRoom: signaling.NewRoom{Public: true}})
		if err == nil {
			a.hold(p.conn)
		}
		return err
	})
	<-a.ctx.Done()
}

// guessPIN tries passwords of an honest member's room from the networks of one /56.
func (a *attackers) guessPIN() {
	room := signaling.RoomName(rand.Text())
	p, _, err := a.server.enter(a.ctx, honest(), signaling.Join{Room: room, Password: "7193"})
	if err != nil {
		return
	}
	defer p.vanish()
	a.each(20, func(i int) error {
		guess, _, err := a.server.enter(a.ctx, a.network(i), signaling.Join{Room: room, Password: fmt.Sprintf("%04d", mathrand.IntN(7000))})
		if err == nil {
			guess.vanish()
		}
		return err
	})
}

func (a *attackers) idle() {
	a.some(2000, func(i int) error {
		conn, err := a.server.dial(a.ctx, a.server.address(), a.address(i%8))
		if err == nil {
			a.hold(conn)
			_, err = io.WriteString(conn, []string{"", "GET / HTTP/1.1\r\nHost: x\r\n", "\x16\x03\x01\x02"}[i%3])
		}
		return err
	})
	<-a.ctx.Done()
}

func (a *attackers) neverJoin() {
	a.some(500, func(int) error {
		p, err := a.server.connect(a.ctx, a.address(0))
		if err == nil {
			a.hold(p.conn)
		}
		return err
	})
	<-a.ctx.Done()
}

func (a *attackers) churn() {
	a.each(10, func(int) error {
		p, err := a.server.connect(a.ctx, a.address(0))
		if err == nil {
			p.vanish()
		}
		return err
	})
}

func (a *attackers) requests() {
	a.each(10, func(i int) error {
		conn, err := a.server.dial(a.ctx, a.server.address(), a.address(i))
		if err != nil {
			return err
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		for _, request := range []string{"GET /lobby HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
			"GET /rtcpeer.js HTTP/1.1\r\nHost: x\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"} {
			if _, err := io.WriteString(conn, request); err != nil {
				return err
			}
		}
		_, err = io.Copy(io.Discard, conn)
		return err
	})
}

func (a *attackers) flood() {
	a.each(20, func(i int) error {
		p, w, err := a.server.enter(a.ctx, a.address(i), signaling.Join{})
		if err != nil {
			return err
		}
		defer p.vanish()
		go p.drop()
		for a.ctx.Err() == nil && err == nil {
			err = p.send(signaling.List{})
			if err == nil {
				err = p.send(signaling.Signal{To: w.ID + 1, Data: data(1000)})
			}
			if err == nil {
				err = p.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(patience))
			}
		}
		return err
	})
}

// fragments sends messages in fragments that never end.
func (a *attackers) fragments() {
	a.each(40, func(i int) error {
		p, _, err := a.server.enter(a.ctx, a.address(i%4), signaling.Join{})
		if err != nil {
			return err
		}
		defer p.vanish()
		conn := p.conn.NetConn()
		conn.SetDeadline(time.Now().Add(patience))
		_, err = conn.Write([]byte{0x01, 0x80, 0, 0, 0, 0})
		for ; a.ctx.Err() == nil && err == nil; _, err = conn.Write([]byte(strings.Repeat("\x00\x81\x00\x00\x00\x00x", 200))) {
		}
		return err
	})
}

func (a *attackers) match() {
	a.each(300, func(i int) error {
		p, err := a.server.connect(a.ctx, a.address(i%30))
		if err != nil {
			return err
		}
		defer p.vanish()
		if err := p.send(signaling.Join{Match: &signaling.Match{Key: rand.Text(), Size: 2}}); err != nil {
			return err
		}
		a.wait(200 * time.Millisecond)
		return nil
	})
}

// floodRelayed lets members send binary frames of the largest size to two others, one of which does not read.
func (a *attackers) floodRelayed() {
	join := signaling.Join{Room: signaling.RoomName(rand.Text()), Features: []string{signaling.FeatureRelayLinks}}
	var ends []signaling.PeerID
	for i := range 2 {
		p, w, err := a.server.enter(a.ctx, a.address(i), join)
		if err != nil {
			return
		}
		a.hold(p.conn)
		if i == 0 {
			go p.drop()
		}
		ends = append(ends, w.ID)
	}
	a.each(40, func(i int) error {
		p, _, err := a.server.enter(a.ctx, a.address(2+i%20), join)
		if err != nil {
			return err
		}
		defer p.vanish()
		go p.drop()
		frame := make([]byte, signaling.MaxForward)
		signaling.SetForwardPeer(frame, ends[i%2])
		for a.ctx.Err() == nil && err == nil {
			p.conn.SetWriteDeadline(time.Now().Add(patience))
			err = p.conn.WriteMessage(websocket.BinaryMessage, frame)
		}
		return err
	})
}

// relays makes and releases TURN relays in a loop.
func (a *attackers) relays() { a.turn(func(credential *signaling.ICEServer) {}) }

func (a *attackers) credentials() {
	a.turn(func(credential *signaling.ICEServer) { credential.Credential = "wrong" })
}

func (a *attackers) turn(change func(*signaling.ICEServer)) {
	p, w, err := a.server.enter(a.ctx, a.address(0), signaling.Join{})
	if err != nil {
		return
	}
	defer p.vanish()
	at, credential, _ := turnOf(w, "tcp")
	change(&credential)
	a.each(10, func(i int) error {
		conn, err := a.server.dial(a.ctx, at, a.address(i))
		if err != nil {
			return err
		}
		defer conn.Close()
		return allocate(turn.NewSTUNConn(conn), at, credential)
	})
}

// allocate allocates a relay and releases it.
func allocate(conn net.PacketConn, at string, credential signaling.ICEServer) error {
	client, err := turn.NewClient(&turn.ClientConfig{Conn: conn, STUNServerAddr: at, TURNServerAddr: at,
		Username: credential.Username, Password: credential.Credential})
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Listen(); err != nil {
		return err
	}
	relay, err := client.Allocate()
	if err != nil {
		return err
	}
	return relay.Close()
}
