package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/turn/v5"

	"example.org/rtcpeer/signaling"
)

// An attack is one kind of attack. A crowd runs it until its time is over.
type attack struct {
	name string
	run  func(*crowd)
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
	{"none", func(*crowd) {}},
	{"400 members of one address hang up, 40 send each what is to be kept", func(c *crowd) { c.fillOutboxes(1) }},
	{"the same of three addresses", func(c *crowd) { c.fillOutboxes(3) }},
	{"40 members do not read what 10 send them", (*crowd).slowReaders},
	{"10,000 rooms of 20 /64s of one /56", (*crowd).foundRooms},
	{"public rooms with names that come first, from 20 /64s", (*crowd).publicRooms},
	{"a PIN is guessed by 20 /64s", (*crowd).guessPIN},
	{"2,000 connections of eight addresses that say nothing, or half of something", (*crowd).idle},
	{"500 WebSockets of one address that never join", (*crowd).neverJoin},
	{"connections of one address, as fast as they go", (*crowd).churn},
	{"requests that are no WebSocket, as fast as they go", (*crowd).requests},
	{"20 members send, ask for lists and ping as fast as they can", (*crowd).flood},
	{"messages without an end, in fragments", (*crowd).fragments},
	{"300 wait to be matched, and come and go", (*crowd).match},
	{"40 members of 20 addresses flood relayed links, whose other ends read or do not", (*crowd).floodRelayed},
	{"TURN over TCP: relays made and released in a loop", (*crowd).relays},
	{"TURN over TCP: wrong credentials in a loop", (*crowd).credentials},
}

// A crowd is the attackers of one attack. goAway closes the connections that it holds open.
type crowd struct {
	server *server
	number int             // number of the attack: each attack has its own addresses
	ctx    context.Context // ends the attack

	mu   sync.Mutex // guards the field below
	held []io.Closer
}

// attacker returns the nth IPv4 address of the attackers.
func (c *crowd) attacker(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{45, byte(100 + c.number), byte(n >> 8), byte(n)})
}

// network returns an address in the nth /64 of the attackers' /56.
func (c *crowd) network(n int) netip.Addr {
	a := netip.MustParseAddr("2a0e:b000:0:aa00::1").As16()
	a[5], a[7] = byte(c.number), byte(n)
	return netip.AddrFrom16(a)
}

// hold keeps a connection until the attack is over.
func (c *crowd) hold(one io.Closer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = append(c.held, one)
}

func (c *crowd) goAway() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.held {
		one.Close()
	}
}

// each runs do in n goroutines, again and again until the time is over. After an error it waits a moment.
func (c *crowd) each(n int, do func(i int) error) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			for c.ctx.Err() == nil {
				if do(i) != nil {
					c.wait(5 * time.Millisecond)
				}
			}
		})
	}
	wg.Wait()
}

func (c *crowd) wait(d time.Duration) {
	select {
	case <-c.ctx.Done():
	case <-time.After(d):
	}
}

// some calls do once for each number below n, 20 at a time.
func (c *crowd) some(n int, do func(i int) error) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range 20 {
		wg.Go(func() {
			for i := range next {
				if c.ctx.Err() == nil {
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
func (c *crowd) fillOutboxes(addresses int) {
	room := signaling.RoomName(rand.Text())
	ids := make(chan signaling.PeerID, 400*addresses)
	c.some(400*addresses, func(i int) error {
		p, w, err := c.server.enter(c.ctx, c.attacker(i%addresses), signaling.Join{Room: room})
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
	c.senders(40, addresses, room, all)
}

// senders lets n members send without pause to the members in to.
func (c *crowd) senders(n, addresses int, room signaling.RoomName, to []signaling.PeerID) {
	large := data(60_000)
	c.each(n, func(i int) error {
		p, _, err := c.server.enter(c.ctx, c.attacker(i%addresses), signaling.Join{Room: room})
		if err != nil || len(to) == 0 {
			return io.EOF
		}
		defer p.vanish()
		go p.drop()
		for k := i; c.ctx.Err() == nil; k++ {
			if err := p.send(signaling.Signal{To: to[k%len(to)], Data: large}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *crowd) slowReaders() {
	room := signaling.RoomName(rand.Text())
	ids := make(chan signaling.PeerID, 40)
	c.some(40, func(int) error {
		p, w, err := c.server.enter(c.ctx, c.attacker(0), signaling.Join{Room: room})
		if err == nil {
			ids <- w.ID
			c.hold(p.conn)
		}
		return err
	})
	close(ids)
	var all []signaling.PeerID
	for id := range ids {
		all = append(all, id)
	}
	c.senders(10, 1, room, all)
}

// foundRooms creates many rooms from the networks of one /56.
func (c *crowd) foundRooms() {
	c.some(10_000, func(i int) error {
		p, _, err := c.server.enter(c.ctx, c.network(i%20), signaling.Join{})
		if err == nil {
			c.hold(p.conn)
		}
		return err
	})
	<-c.ctx.Done()
}

func (c *crowd) publicRooms() {
	c.some(505, func(i int) error {
		p, _, err := c.server.enter(c.ctx, c.network(i%20), signaling.Join{Room: signaling.RoomName(fmt.Sprintf("--%03d", i)), NewRoom: signaling.NewRoom{Public: true}})
		if err == nil {
			c.hold(p.conn)
		}
		return err
	})
	<-c.ctx.Done()
}

// guessPIN tries passwords of an honest member's room from the networks of one /56.
func (c *crowd) guessPIN() {
	room := signaling.RoomName(rand.Text())
	p, _, err := c.server.enter(c.ctx, honest(), signaling.Join{Room: room, Password: "7193"})
	if err != nil {
		return
	}
	defer p.vanish()
	c.each(20, func(i int) error {
		guess, _, err := c.server.enter(c.ctx, c.network(i), signaling.Join{Room: room, Password: fmt.Sprintf("%04d", time.Now().UnixNano()%7000)})
		if err == nil {
			guess.vanish()
		}
		return err
	})
}

func (c *crowd) idle() {
	c.some(2000, func(i int) error {
		conn, err := c.server.dial(c.ctx, c.server.address(), c.attacker(i%8))
		if err == nil {
			c.hold(conn)
			_, err = io.WriteString(conn, []string{"", "GET / HTTP/1.1\r\nHost: x\r\n", "\x16\x03\x01\x02"}[i%3])
		}
		return err
	})
	<-c.ctx.Done()
}

func (c *crowd) neverJoin() {
	c.some(500, func(int) error {
		p, err := c.server.connect(c.ctx, c.attacker(0))
		if err == nil {
			c.hold(p.conn)
		}
		return err
	})
	<-c.ctx.Done()
}

func (c *crowd) churn() {
	c.each(10, func(int) error {
		p, err := c.server.connect(c.ctx, c.attacker(0))
		if err == nil {
			p.vanish()
		}
		return err
	})
}

func (c *crowd) requests() {
	c.each(10, func(i int) error {
		conn, err := c.server.dial(c.ctx, c.server.address(), c.attacker(i))
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

func (c *crowd) flood() {
	c.each(20, func(i int) error {
		p, w, err := c.server.enter(c.ctx, c.attacker(i), signaling.Join{})
		if err != nil {
			return err
		}
		defer p.vanish()
		go p.drop()
		for c.ctx.Err() == nil && err == nil {
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
func (c *crowd) fragments() {
	c.each(40, func(i int) error {
		p, _, err := c.server.enter(c.ctx, c.attacker(i%4), signaling.Join{})
		if err != nil {
			return err
		}
		defer p.vanish()
		conn := p.conn.NetConn()
		conn.SetDeadline(time.Now().Add(patience))
		_, err = conn.Write([]byte{0x01, 0x80, 0, 0, 0, 0})
		for ; c.ctx.Err() == nil && err == nil; _, err = conn.Write([]byte(strings.Repeat("\x00\x81\x00\x00\x00\x00x", 200))) {
		}
		return err
	})
}

func (c *crowd) match() {
	c.each(300, func(i int) error {
		p, err := c.server.connect(c.ctx, c.attacker(i%30))
		if err != nil {
			return err
		}
		defer p.vanish()
		if err := p.send(signaling.Join{Match: &signaling.Match{Key: rand.Text(), Size: 2}}); err != nil {
			return err
		}
		c.wait(200 * time.Millisecond)
		return nil
	})
}

// floodRelayed lets members send binary frames of the largest size to two others, one of which does not read.
func (c *crowd) floodRelayed() {
	join := signaling.Join{Room: signaling.RoomName(rand.Text()), Features: []string{signaling.FeatureRelayLinks}}
	var ends []signaling.PeerID
	for i := range 2 {
		p, w, err := c.server.enter(c.ctx, c.attacker(i), join)
		if err != nil {
			return
		}
		c.hold(p.conn)
		if i == 0 {
			go p.drop()
		}
		ends = append(ends, w.ID)
	}
	c.each(40, func(i int) error {
		p, _, err := c.server.enter(c.ctx, c.attacker(2+i%20), join)
		if err != nil {
			return err
		}
		defer p.vanish()
		go p.drop()
		frame := make([]byte, signaling.MaxForward)
		signaling.SetForwardPeer(frame, ends[i%2])
		for c.ctx.Err() == nil && err == nil {
			p.conn.SetWriteDeadline(time.Now().Add(patience))
			err = p.conn.WriteMessage(websocket.BinaryMessage, frame)
		}
		return err
	})
}

// relays makes and releases TURN relays in a loop.
func (c *crowd) relays() { c.turn(func(credential *signaling.ICEServer) {}) }

func (c *crowd) credentials() {
	c.turn(func(credential *signaling.ICEServer) { credential.Credential = "wrong" })
}

func (c *crowd) turn(change func(*signaling.ICEServer)) {
	p, w, err := c.server.enter(c.ctx, c.attacker(0), signaling.Join{})
	if err != nil {
		return
	}
	defer p.vanish()
	at, credential, _ := turnOf(w, "tcp")
	change(&credential)
	c.each(10, func(i int) error {
		conn, err := c.server.dial(c.ctx, at, c.attacker(i))
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
