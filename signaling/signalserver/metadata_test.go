package signalserver_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	membus "example.org/rtcpeer/signaling/cluster/memory"
	"example.org/rtcpeer/signaling/signalserver"
	"example.org/rtcpeer/testdata/bubble"
)

func named(name string) json.RawMessage { return fmt.Appendf(nil, `{"name":%q}`, name) }

// wantMetadata reads what a member sees of another one, or of itself, from now on.
func (c *client) wantMetadata(of *client, want json.RawMessage) {
	c.t.Helper()
	c.want(signaling.Metadata{ID: of.id(), Metadata: want})
}

// wantJoinedAs is wantJoined for a member with metadata.
func (c *client) wantJoinedAs(other *client, metadata json.RawMessage) {
	c.t.Helper()
	c.want(signaling.Joined{Member: signaling.Member{ID: other.id(), Metadata: metadata}})
}

func TestMetadataChanges(t *testing.T) {
	for _, topology := range []signaling.Topology{signaling.Mesh, signaling.Star} {
		t.Run(string(topology), func(t *testing.T) {
			s := serve(t, signalserver.Config{})
			host := s.member(t, signaling.Join{Room: "r", Topology: topology})
			a := s.member(t, signaling.Join{Room: "r", Metadata: named("Ann")})
			b := s.member(t, signaling.Join{Room: "r"})
			host.wantJoinedAs(a, named("Ann"))
			host.wantJoined(b)
			if topology == signaling.Mesh {
				a.wantJoined(b)
			}
			a.send(signaling.Metadata{ID: b.id(), Metadata: named("Eve")}) // it cannot speak for another one
			a.wantMetadata(a, named("Eve"))
			host.wantMetadata(a, named("Eve"))
			if topology == signaling.Mesh {
				b.wantMetadata(a, named("Eve"))
			}
			a.send(signaling.Metadata{Metadata: named("Eve")}) // nothing changes: it alone gets an answer
			a.wantMetadata(a, named("Eve"))
			a.send(signaling.Metadata{})
			a.wantMetadata(a, nil)
			host.wantMetadata(a, nil)
			host.send(signaling.Metadata{Metadata: named("Hal")})
			host.wantMetadata(host, named("Hal"))
			late := s.member(t, signaling.Join{Room: "r"})
			require.Equal(t, string(named("Hal")), string(late.welcome.Members[0].Metadata))
		})
	}
}

func TestMetadataBeforeJoin(t *testing.T) {
	c := serve(t, signalserver.Config{}).client(t)
	c.send(signaling.Metadata{Metadata: named("Ann")})
	c.wantRefused(signaling.CodeNotJoined)
}

// What was granted stays, whatever the member says.
func TestMetadataThatWasGranted(t *testing.T) {
	for name, c := range map[string]struct {
		grant                    signalserver.Grant
		granted, change, becomes string
	}{
		"a name":              {signalserver.Grant{Name: "Ann"}, `{"name":"Ann"}`, `{"name":"Eve","a":1}`, `{"a":1,"name":"Ann"}`},
		"a name, and no more": {signalserver.Grant{Name: "Ann"}, `{"name":"Ann"}`, ``, `{"name":"Ann"}`},
		"all of it":           {signalserver.Grant{Metadata: []byte(`7`)}, `7`, `8`, `7`},
		"with more than fits": {signalserver.Grant{Name: "Ann"}, `{"name":"Ann"}`, `{"a":"` + strings.Repeat("x", 1010) + `"}`, `{"name":"Ann"}`},
	} {
		t.Run(name, func(t *testing.T) {
			c.grant.MayCreate, c.grant.MayHost = true, true
			s := serve(t, signalserver.Config{Admit: granted(c.grant), ResumeKey: key, Recovery: -1})
			a := s.member(t, signaling.Join{Room: "r"})
			for range 2 {
				a.send(signaling.Metadata{Metadata: json.RawMessage(c.change)})
				a.wantMetadata(a, json.RawMessage(c.becomes))
				b := s.member(t, signaling.Join{Room: "r"})
				require.Equal(t, c.becomes, string(b.welcome.Members[0].Metadata))
				a.wantJoinedAs(b, json.RawMessage(c.granted))
				b.send(signaling.Leave{})
				a.wantLeft(b, signaling.LeftByItself)
				a.vanish()
				a = s.resume(t, a)
			}
		})
	}
}

// A member that comes back with other metadata than before is seen with that.
func TestMetadataOfAMemberThatResumes(t *testing.T) {
	s := serve(t, signalserver.Config{ResumeKey: key, Recovery: -1})
	host := s.member(t, signaling.Join{Room: "r"})
	a := s.member(t, signaling.Join{Room: "r", Metadata: named("Ann")})
	host.wantJoinedAs(a, named("Ann"))
	a.vanish()
	back := s.client(t)
	back.send(signaling.Join{Room: "r", Resume: a.welcome.Resume, Metadata: named("Bea")})
	require.True(t, back.wantWelcome().Resumed)
	host.wantMetadata(a, named("Bea"))
}

// Whoever changes too fast is heard later: nobody is told more than a change a second, and everybody learns the last one.
func TestMetadataTooOften(t *testing.T) {
	within(t, signalserver.Config{}, func(t *testing.T, s *server) {
		host := s.member(t, signaling.Join{Room: "r"})
		a := s.member(t, signaling.Join{Room: "r"})
		host.wantJoined(a)
		for i := range 100 {
			a.send(signaling.Metadata{Metadata: fmt.Appendf(nil, "%d", i)})
			a.wantMetadata(a, fmt.Appendf(nil, "%d", i))
		}
		for i := range 10 {
			host.wantMetadata(a, fmt.Appendf(nil, "%d", i))
		}
		began := time.Now()
		host.wantMetadata(a, []byte("99"))
		require.Less(t, time.Since(began), 10*time.Second)
	})
}

// The members of a room on several servers see the same, also when the server of the room is gone.
func TestMetadataOverServers(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		servers := share(t, new(membus.Hub), 3, signalserver.Config{Grace: time.Minute})
		members := spread(t, servers, signaling.Join{Room: "r"})
		for i, c := range members {
			c.send(signaling.Metadata{Metadata: named(fmt.Sprint("Ann", i))})
			for _, other := range members {
				other.wantMetadata(c, named(fmt.Sprint("Ann", i)))
			}
		}
		time.Sleep(time.Second) // of fake time: the record is written
		servers[0].bus.Cut(true)
		members[0].vanish()
		time.Sleep(7 * time.Second)
		late := servers[2].member(t, signaling.Join{Room: "r"})
		seen := map[signaling.PeerID]string{}
		for _, m := range late.welcome.Members {
			seen[m.ID] = string(m.Metadata)
		}
		for len(seen) < len(members)-1 { // the next owner may hear of the others a moment later
			joined, ok := late.receive().(signaling.Joined)
			require.True(t, ok)
			seen[joined.Member.ID] = string(joined.Member.Metadata)
		}
		for i, c := range members[1:] {
			require.Equal(t, string(named(fmt.Sprint("Ann", i+1))), seen[c.id()])
		}
	})
}

// What is large enough for a server alone is not too large for several, whatever characters it has.
func TestMetadataOverServersWithAngleBrackets(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		servers := share(t, new(membus.Hub), 2, signalserver.Config{})
		most := []byte(`"` + strings.Repeat("<", signaling.MaxMetadata-2) + `"`)
		host := servers[0].member(t, signaling.Join{Room: "r"})
		a := servers[1].member(t, signaling.Join{Room: "r", Metadata: most})
		host.wantJoinedAs(a, most)
		a.send(signaling.Metadata{})
		a.wantMetadata(a, nil)
		host.wantMetadata(a, nil)
		a.send(signaling.Metadata{Metadata: most})
		a.wantMetadata(a, most)
		host.wantMetadata(a, most)
	})
}
