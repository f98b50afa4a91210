//go:build !js

package webrtc_test

import (
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/turn/v5"
	pion "github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/transporttest"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
)

// freePort returns a port that was free a moment ago, on UDP and TCP.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "0.0.0.0:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// candidates returns the lines that a path over this config gathers.
func candidates(t *testing.T, config webrtc.Config) []string {
	t.Helper()
	path, err := newTransport(t, config).NewPath(transporttest.Config())
	require.NoError(t, err)
	defer path.Close()
	_, err = path.Offer()
	require.NoError(t, err)
	lines := []string{(<-path.Events()).Candidate.Line} // there is one in each test
	for {
		select {
		case e := <-path.Events():
			lines = append(lines, e.Candidate.Line)
		case <-time.After(time.Second): // host candidates take a few milliseconds
			return lines
		}
	}
}

func ports(lines []string) []int {
	var list []int
	for _, l := range lines {
		port, _ := strconv.Atoi(strings.Fields(l)[5])
		list = append(list, port)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func TestConfigDecidesTheCandidates(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	tests := []struct {
		name   string
		config webrtc.Config
		check  func(t *testing.T, lines []string)
	}{
		{"one UDP port", webrtc.Config{UDPPort: port, Loopback: true}, func(t *testing.T, lines []string) {
			require.Equal(t, []int{port}, ports(lines))
		}},
		{"a range", webrtc.Config{UDPPortMin: 40000, UDPPortMax: 40100}, func(t *testing.T, lines []string) {
			for _, p := range ports(lines) {
				require.True(t, 40000 <= p && p <= 40100, "%d", p)
			}
		}},
		{"TCP too", webrtc.Config{TCPPort: port, Loopback: true}, func(t *testing.T, lines []string) {
			tcp := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return !strings.Contains(l, "tcptype passive") })
			require.NotEmpty(t, tcp, "%q", lines)
			require.Equal(t, []int{port}, ports(tcp))
		}},
		{"no IPv6", webrtc.Config{IPv4Only: true, Loopback: true}, func(t *testing.T, lines []string) {
			for _, l := range lines {
				require.NotContains(t, strings.Fields(l)[4], ":")
			}
		}},
		{"public address", webrtc.Config{PublicAddresses: []string{"203.0.113.7"}, IPv4Only: true}, func(t *testing.T, lines []string) {
			for _, l := range lines {
				require.Equal(t, "203.0.113.7", strings.Fields(l)[4])
			}
		}},
		{"an address rule", webrtc.Config{IPv4Only: true, AddressRules: []pion.ICEAddressRewriteRule{{
			External: []string{"203.0.113.8"}, AsCandidateType: pion.ICECandidateTypeHost, Mode: pion.ICEAddressRewriteReplace,
		}}}, func(t *testing.T, lines []string) {
			require.Contains(t, lines[0], "203.0.113.8")
		}},
		{"interface filter", webrtc.Config{Loopback: true, InterfaceFilter: func(name string) bool { return name == "lo" }}, func(t *testing.T, lines []string) {
			for _, l := range lines {
				require.True(t, net.ParseIP(strings.Fields(l)[4]).IsLoopback(), l)
			}
		}},
		{"address filter", webrtc.Config{Loopback: true, IPFilter: func(ip net.IP) bool { return ip.IsLoopback() }}, func(t *testing.T, lines []string) {
			for _, l := range lines {
				require.True(t, net.ParseIP(strings.Fields(l)[4]).IsLoopback(), l)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.check(t, candidates(t, tt.config))
		})
	}
}

func TestConfigIsChecked(t *testing.T) {
	taken, err := net.Listen("tcp", "0.0.0.0:0")
	require.NoError(t, err)
	defer taken.Close()
	tests := []struct {
		name   string
		config webrtc.Config
		want   string
	}{
		{"UDP port", webrtc.Config{UDPPort: 70000}, "Config.UDPPort 70000"},
		{"TCP port", webrtc.Config{TCPPort: -2}, "Config.TCPPort -2"},
		{"TCP port in use", webrtc.Config{TCPPort: taken.Addr().(*net.TCPAddr).Port}, "address already in use"},
		{"range", webrtc.Config{UDPPortMin: 5, UDPPortMax: 4}, "Config.UDPPortMin 5 is above"},
		{"window", webrtc.Config{ReceiveBuffer: 1}, "Config.ReceiveBuffer 1"},
		{"message", webrtc.Config{MaxMessage: 1 << 20}, "Config.MaxMessage 1048576"},
		{"times", webrtc.Config{FailedAfter: -1}, "FailedAfter"},
		{"address", webrtc.Config{PublicAddresses: []string{"example.org"}}, `"example.org" is not an IP address`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := webrtc.New(tt.config)
			require.ErrorContains(t, err, tt.want)
		})
	}
	_, err = newTransport(t, webrtc.Config{ICEServers: []transport.ICEServer{{URLs: []string{"nonsense"}}}}).NewPath(transporttest.Config())
	require.Error(t, err, "an ICE server that is no URL")
}

// A path whose packets are all filtered away says where it is stuck.
func TestProgressNamesTheCause(t *testing.T) {
	deaf := webrtc.Config{RemoteIPFilter: func(net.IP) bool { return false }}
	a, b := transporttest.Negotiate(t, newTransport(t, deaf), newTransport(t, deaf), transporttest.Config())
	require.Equal(t, transport.StagePath, a.Progress().Stage)
	require.Regexp(t, regexp.MustCompile(`own candidates .*, the other's .*; UDP may be blocked .* TURN`), b.Progress().Detail)
}

// ICE over TCP: one side has no UDP at all.
func TestOverTCP(t *testing.T) {
	server := newTransport(t, webrtc.Config{TCPPort: webrtc.AnyPort, Loopback: true, IPv4Only: true})
	client := newTransport(t, webrtc.Config{Loopback: true, IPv4Only: true, SettingEngine: func(e *pion.SettingEngine) {
		e.SetNetworkTypes([]pion.NetworkType{pion.NetworkTypeTCP4})
	}})
	offerer, answerer := transporttest.Connect(t, client, server, transporttest.Config())
	require.NoError(t, offerer.Lane(0).Write([]byte("over TCP")))
	buf := make([]byte, 64)
	n, err := answerer.Lane(0).Read(buf)
	require.NoError(t, err)
	require.Equal(t, "over TCP", string(buf[:n]))
}

// Over a real TURN server alone: the relay costs no waiting, which is two seconds with Pion's defaults.
func TestRelayOnly(t *testing.T) {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	server, err := turn.NewServer(turn.ServerConfig{
		Realm: "test",
		AuthHandler: func(r *turn.RequestAttributes) (string, []byte, bool) {
			return r.Username, turn.GenerateAuthKey(r.Username, "test", "secret"), true
		},
		PacketConnConfigs: []turn.PacketConnConfig{{
			PacketConn:            conn,
			RelayAddressGenerator: &turn.RelayAddressGeneratorStatic{RelayAddress: net.IPv4(127, 0, 0, 1), Address: "127.0.0.1"},
		}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { server.Close() })
	config := transporttest.Config()
	config.ICEServers = []transport.ICEServer{{URLs: []string{"turn:" + conn.LocalAddr().String()}, Username: "u", Credential: "secret"}}
	relayOnly := webrtc.Config{RelayOnly: true, Loopback: true, IPv4Only: true}
	offerer, answerer := transporttest.Connect(t, newTransport(t, relayOnly), newTransport(t, relayOnly), config)
	require.NoError(t, offerer.Lane(0).Write([]byte("through the relay")))
	buf := make([]byte, 64)
	n, err := answerer.Lane(0).Read(buf)
	require.NoError(t, err)
	require.Equal(t, "through the relay", string(buf[:n]))
	require.Equal(t, "relay", offerer.Stats().Local)
	require.Equal(t, "relay", answerer.Stats().Local)
}
