package turnserver_test

import (
	"math"
	"net"
	"net/netip"
	"testing"

	"github.com/pion/turn/v5"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/turnserver"
)

// One packet to a relay, on to another relay, and to its client; beside it Pion's server with the
// relays that come with it.
func BenchmarkRelay(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		s, err := turnserver.New(turnserver.Config{PublicAddresses: []netip.Addr{here}, UDP: "127.0.0.1:0", TCP: turnserver.Off, Bandwidth: math.MaxInt32})
		require.NoError(b, err)
		defer s.Close()
		relayPackets(b, s.ICEServers("a"))
	})
	b.Run("pion", func(b *testing.B) {
		conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
		require.NoError(b, err)
		s, err := turn.NewServer(turn.ServerConfig{
			Realm: "rtcpeer",
			AuthHandler: func(r *turn.RequestAttributes) (string, []byte, bool) {
				return r.Username, turn.GenerateAuthKey("a", "rtcpeer", "b"), true
			},
			PacketConnConfigs: []turn.PacketConnConfig{{
				PacketConn:            conn,
				RelayAddressGenerator: &turn.RelayAddressGeneratorStatic{RelayAddress: net.IPv4(127, 0, 0, 1), Address: "127.0.0.1"},
			}},
		})
		require.NoError(b, err)
		defer s.Close()
		relayPackets(b, []signaling.ICEServer{{
			URLs: []string{"turn:" + conn.LocalAddr().String() + "?transport=udp"}, Username: "a", Credential: "b",
		}})
	})
}

func relayPackets(b *testing.B, list []signaling.ICEServer) {
	credential := list[len(list)-1]
	open := func() net.PacketConn {
		conn, err := dialAs(b, list, "udp", credential.Username, credential.Credential).Allocate()
		require.NoError(b, err)
		b.Cleanup(func() { conn.Close() })
		return conn
	}
	from, to := open(), open()
	packet, buf := make([]byte, 1200), make([]byte, 1500)
	_, err := to.WriteTo(packet, from.LocalAddr())
	require.NoError(b, err)
	b.SetBytes(int64(len(packet)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := from.WriteTo(packet, to.LocalAddr()); err != nil {
			b.Fatal(err)
		}
		if _, _, err := to.ReadFrom(buf); err != nil {
			b.Fatal(err)
		}
	}
}
