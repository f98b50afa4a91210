package main

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/turn/v5"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
)

// A refusal is what one hears who is over a limit: a code, or a status of HTTP, and when to try again.
type refusal struct {
	code   signaling.Code
	status int
	retry  bool
	after  string // Retry-After, in seconds
}

// public is an address of the Internet, to which the limits of addresses apply.
var public = http.Header{"X-Forwarded-For": {"203.0.113.5"}}

// Each limit at its edge: as much as it says is taken, one more is refused, with a code that says whether to
// try again, and it is counted.
func TestLimitsAtTheirEdge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		flag   string
		fill   func(t *testing.T, p *program)
		over   func(t *testing.T, p *program) refusal
		want   refusal
		figure string
	}{
		{"--max-rooms=1",
			func(t *testing.T, p *program) {
				call(t, p.url, nil).join(signaling.Join{Room: "a"})
				call(t, p.url, nil).join(signaling.Join{Room: "a"})
			},
			func(t *testing.T, p *program) refusal {
				return refusalOf(call(t, p.url, nil), signaling.Join{Room: "b"})
			},
			refusal{code: signaling.CodeServerFull, retry: true}, "server_full"},
		{"--max-members=2",
			func(t *testing.T, p *program) {
				call(t, p.url, nil).join(signaling.Join{Room: "a"})
				call(t, p.url, nil).join(signaling.Join{Room: "a"})
				call(t, p.url, nil).join(signaling.Join{Room: "b"})
			},
			func(t *testing.T, p *program) refusal {
				return refusalOf(call(t, p.url, nil), signaling.Join{Room: "a"})
			},
			refusal{code: signaling.CodeRoomFull, retry: true}, "room_full"},
		{"--max-sessions=1",
			func(t *testing.T, p *program) { call(t, p.url, nil).join(signaling.Join{}) },
			func(t *testing.T, p *program) refusal { return refusalOf(call(t, p.url, nil), nil) },
			refusal{code: signaling.CodeServerFull, retry: true}, "server_full"},
		{"--max-message=100",
			func(t *testing.T, p *program) {
				c := call(t, p.url, nil)
				require.NoError(t, c.conn.WriteMessage(websocket.TextMessage, padded(`{"kind":"join"}`, 100)))
				require.IsType(t, signaling.Welcome{}, c.receive())
			},
			func(t *testing.T, p *program) refusal {
				c := call(t, p.url, nil)
				require.NoError(t, c.conn.WriteMessage(websocket.TextMessage, padded(`{"kind":"join"}`, 101)))
				return refusalOf(c, nil)
			},
			refusal{code: signaling.CodeTooLarge}, "too_large"},
		{"--max-per-address=2 --connect-rate=0",
			func(t *testing.T, p *program) {
				call(t, p.url, public).join(signaling.Join{})
				call(t, p.url, public).join(signaling.Join{})
			},
			answered, refusal{status: http.StatusTooManyRequests, retry: true, after: "5"}, "rate_limited"},
		{"--max-rooms-per-address=1",
			func(t *testing.T, p *program) {
				call(t, p.url, public).join(signaling.Join{Room: "a"})
				call(t, p.url, public).join(signaling.Join{Room: "a"})
			},
			func(t *testing.T, p *program) refusal {
				return refusalOf(call(t, p.url, public), signaling.Join{Room: "b"})
			},
			refusal{code: signaling.CodeRateLimited, retry: true, after: "5"}, "rate_limited"},
		{"--max-public-per-address=1",
			func(t *testing.T, p *program) {
				call(t, p.url, public).join(signaling.Join{Room: "a", NewRoom: signaling.NewRoom{Public: true}})
				call(t, p.url, public).join(signaling.Join{Room: "b"})
			},
			func(t *testing.T, p *program) refusal {
				return refusalOf(call(t, p.url, public), signaling.Join{Room: "c", NewRoom: signaling.NewRoom{Public: true}})
			},
			refusal{code: signaling.CodeRateLimited, retry: true, after: "5"}, "rate_limited"},
		{"--connect-rate=1 --max-per-address=2",
			func(t *testing.T, p *program) {
				for range 2 {
					require.NoError(t, call(t, p.url, public).conn.Close())
					awaitFigure(t, pageOf(p)+"metrics", "sessions", 0)
				}
			},
			func(t *testing.T, p *program) refusal {
				return untilRefused(t, func() (refusal, bool) {
					r, refused := dialed(t, p)
					awaitFigure(t, pageOf(p)+"metrics", "sessions", 0)
					return r, refused
				})
			},
			refusal{status: http.StatusTooManyRequests, retry: true, after: "1"}, "rate_limited"},
		{"--join-rate=1 --max-per-address=2 --connect-rate=0",
			func(t *testing.T, p *program) {
				c := call(t, p.url, public)
				for range 2 {
					c.send(signaling.List{})
					require.IsType(t, signaling.Rooms{}, c.receive())
				}
			},
			func(t *testing.T, p *program) refusal {
				return untilRefused(t, func() (refusal, bool) {
					c := call(t, p.url, public)
					c.send(signaling.Join{})
					r, refused := refusalIn(c.receive())
					require.NoError(t, c.conn.Close())
					awaitFigure(t, pageOf(p)+"metrics", "sessions", 1)
					return r, refused
				})
			},
			refusal{code: signaling.CodeRateLimited, retry: true, after: "1"}, "rate_limited"},
		{"--join-timeout=3s",
			func(t *testing.T, p *program) { call(t, p.url, nil).join(signaling.Join{}) },
			func(t *testing.T, p *program) refusal { return refusalOf(call(t, p.url, nil), nil) },
			refusal{code: signaling.CodeJoinTimeout, retry: true}, "join_timeout"},
	} {
		t.Run(c.flag, func(t *testing.T) {
			p := start(t, nil, append(strings.Fields(c.flag), "--trusted-proxy=127.0.0.1")...)
			c.fill(t, p)
			figure := `refused_total{code="` + c.figure + `"}`
			require.Zero(t, scrape(t, pageOf(p)+"metrics")[figure])
			require.Equal(t, c.want, c.over(t, p))
			awaitFigure(t, pageOf(p)+"metrics", figure, 1)
		})
	}
}

// refusalOf sends a message, if there is one, and returns with what error it is refused.
func refusalOf(c *caller, m signaling.Message) refusal {
	c.t.Helper()
	if m != nil {
		c.send(m)
	}
	answer := c.receive()
	r, refused := refusalIn(answer)
	require.True(c.t, refused, "%v", answer)
	return r
}

// refusalIn returns the refusal that a message is, if it is one.
func refusalIn(m signaling.Message) (r refusal, refused bool) {
	e, refused := m.(*signaling.Error)
	if !refused {
		return refusal{}, false
	}
	r = refusal{code: e.Code, retry: e.Code.Retry()}
	if after := e.RetryAfter(); after > 0 {
		r.after = strconv.Itoa(max(1, int(after.Round(time.Second).Seconds())))
	}
	return r, true
}

// untilRefused calls open until that is refused. A rate lets in one more a second, so it may take more than one call on a
// slow machine.
func untilRefused(t *testing.T, open func() (r refusal, refused bool)) refusal {
	t.Helper()
	began := time.Now()
	for n := 1; ; n++ {
		if r, refused := open(); refused {
			return r
		}
		require.LessOrEqual(t, n, 2+int(time.Since(began).Seconds()), "more than the rate, and what may come at once")
	}
}

// answered opens a session that is refused as HTTP.
func answered(t *testing.T, p *program) refusal {
	t.Helper()
	r, refused := dialed(t, p)
	require.True(t, refused)
	return r
}

// dialed opens a session that may be refused as HTTP, and closes it.
func dialed(t *testing.T, p *program) (r refusal, refused bool) {
	t.Helper()
	conn, res, err := websocket.DefaultDialer.DialContext(t.Context(), p.url, public)
	if err == nil {
		require.NoError(t, conn.Close())
		return refusal{}, false
	}
	require.ErrorIs(t, err, websocket.ErrBadHandshake)
	res.Body.Close()
	after := res.Header.Get("Retry-After")
	return refusal{status: res.StatusCode, retry: after != "", after: after}, true
}

func padded(message string, size int) []byte {
	return []byte(message + strings.Repeat(" ", size-len(message)))
}

// Sessions that are so many over the limit that they are not even told get the status for that.
func TestFarOverMaxSessions(t *testing.T) {
	p := start(t, nil, "--max-sessions=1")
	call(t, p.url, nil).join(signaling.Join{})
	// Each is told, which takes two seconds at most: a slow machine may open more than 16 until there are so many.
	var told []*websocket.Conn
	for {
		d := websocket.Dialer{Subprotocols: []string{signaling.Subprotocol}}
		conn, res, err := d.DialContext(t.Context(), p.url, nil)
		if err != nil {
			require.ErrorIs(t, err, websocket.ErrBadHandshake)
			res.Body.Close()
			require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
			require.Equal(t, "5", res.Header.Get("Retry-After"))
			break
		}
		res.Body.Close()
		t.Cleanup(func() { conn.Close() })
		told = append(told, conn)
		require.Less(t, len(told), 1000)
	}
	require.GreaterOrEqual(t, len(told), 16)
	awaitFigure(t, pageOf(p)+"metrics", `refused_total{code="server_full"}`, float64(len(told)+1))
	for _, conn := range told {
		require.Equal(t, signaling.CodeServerFull, refusalOf(&caller{t, conn}, nil).code)
	}
}

// What comes faster than the message rate is read later, and not lost.
func TestMessageRateAtItsEdge(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "--message-rate=5")
	c := call(t, p.url, nil)
	w := c.join(signaling.Join{})
	require.Equal(t, 5, w.Limits.MessageRate)
	figures := pageOf(p) + "metrics"
	for range w.Limits.MessageBurst - 1 {
		c.send(signaling.List{})
		require.IsType(t, signaling.Rooms{}, c.receive())
	}
	require.Zero(t, scrape(t, figures)["throttled_total"])
	const together = 10 // as one after the other, each with its answer and the figures, may be slower than the rate
	for n := 0; scrape(t, figures)["throttled_total"] == 0; n += together {
		require.Less(t, n, 500, "as much again")
		for range together {
			c.send(signaling.List{})
		}
		for range together {
			require.IsType(t, signaling.Rooms{}, c.receive())
		}
	}
}

// The limits of TURN, one relay after the other, and what they are counted as.
func TestLimitsOfTURN(t *testing.T) {
	for _, c := range []struct {
		flag string
		over func(t *testing.T, p *program)
		word string
	}{
		{"--turn-max-relays=1", secondRelay, "capacity"},
		{"--turn-ports=" + freeUDPPort(t), secondRelay, "capacity"},
		{"--turn-bandwidth=1 --turn-allow-peer=127.0.0.2/32", func(t *testing.T, p *program) {
			relay := allocated(t, p)
			to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2), Port: 9}
			for range 64 { // that much may come at once
				_, err := relay.WriteTo(make([]byte, 1<<10), to)
				require.NoError(t, err)
			}
			const passed, refused = `turn_bytes_total{direction="to_peers"}`, `turn_refused_total{word="bandwidth"}`
			awaitFigure(t, pageOf(p)+"metrics", passed, 64<<10)
			require.Zero(t, scrape(t, pageOf(p)+"metrics")[refused])
			began := time.Now()
			for n := 1; ; n++ { // a slow machine may send one more for each second
				_, err := relay.WriteTo(make([]byte, 1<<10), to)
				require.NoError(t, err)
				var figures map[string]float64
				require.True(t, eventually(t.Context(), func() bool {
					figures = scrape(t, pageOf(p)+"metrics")
					return figures[passed] == float64((64+n)<<10) || figures[refused] > 0
				}))
				if figures[refused] > 0 {
					return
				}
				require.LessOrEqual(t, n, 2+int(time.Since(began).Seconds()))
			}
		}, "bandwidth"},
		{"--turn-allow-peer=127.0.0.2/32", func(t *testing.T, p *program) {
			_, err := allocated(t, p).WriteTo([]byte("x"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 3), Port: 9})
			require.Error(t, err)
		}, "peer_denied"},
	} {
		t.Run(c.flag, func(t *testing.T) {
			p := start(t, nil, append(append([]string{}, turnHere...), strings.Fields(c.flag)...)...)
			c.over(t, p)
			awaitFigure(t, pageOf(p)+"metrics", `turn_refused_total{word="`+c.word+`"}`, 1)
		})
	}
}

func secondRelay(t *testing.T, p *program) {
	t.Helper()
	allocated(t, p)
	require.Zero(t, scrape(t, pageOf(p)+"metrics")[`turn_refused_total{word="capacity"}`])
	_, err := turnClient(t, turnOf(t, p)).Allocate()
	require.Error(t, err)
}

func allocated(t *testing.T, p *program) net.PacketConn {
	t.Helper()
	relay, err := turnClient(t, turnOf(t, p)).Allocate()
	require.NoError(t, err)
	t.Cleanup(func() { relay.Close() })
	return relay
}

// turnOf returns the TURN server that a member is told of.
func turnOf(t *testing.T, p *program) signaling.ICEServer {
	t.Helper()
	list := call(t, p.url, nil).join(signaling.Join{}).ICEServers
	return list[len(list)-1]
}

// turnClient is one over UDP.
func turnClient(t *testing.T, server signaling.ICEServer) *turn.Client {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	client, err := turn.NewClient(&turn.ClientConfig{
		TURNServerAddr: strings.TrimSuffix(strings.TrimPrefix(server.URLs[0], "turn:"), "?transport=udp"),
		Username:       server.Username, Password: server.Credential, Conn: conn, RTO: 5 * time.Second, // what is asked again is counted again
	})
	require.NoError(t, err)
	require.NoError(t, client.Listen())
	t.Cleanup(func() {
		client.Close()
		conn.Close()
	})
	return client
}

// freeUDPPort is a range of one port.
func freeUDPPort(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "0.0.0.0:0")
	require.NoError(t, err)
	defer conn.Close()
	port := strconv.Itoa(conn.LocalAddr().(*net.UDPAddr).Port)
	return port + "-" + port
}

// --turn-ttl is how long what a member is told is good for.
func TestLifeOfCredentials(t *testing.T) {
	p := start(t, nil, append(append([]string{}, turnHere...), "--turn-ttl=1m")...)
	before := time.Now()
	expiry, _, _ := strings.Cut(turnOf(t, p).Username, ":")
	seconds, err := strconv.ParseInt(expiry, 10, 64)
	require.NoError(t, err)
	require.WithinRange(t, time.Unix(seconds, 0), before.Add(time.Minute-time.Second), time.Now().Add(time.Minute))
}
