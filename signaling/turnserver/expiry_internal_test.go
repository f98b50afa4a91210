package turnserver

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/bubble"
)

// What a credential of one hour is good for, by the time since it was made.
func TestExpiry(t *testing.T) {
	for _, tt := range []struct {
		name                      string
		outlive, age              time.Duration
		allocate, refresh, permit bool
	}{
		{"fresh", 0, 0, true, true, true},
		{"in its last second", 0, time.Hour - time.Second, true, true, true},
		{"expired", 0, time.Hour, false, true, true},
		{"late in a long game", 0, 13*time.Hour - time.Second, false, true, true},
		{"outlived", 0, 13 * time.Hour, false, false, false},
		{"expired, and not to be outlived", -1, time.Hour, false, false, false},
		{"outlived a little", time.Minute, time.Hour + 59*time.Second, false, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				config, err := Config{Outlive: tt.outlive, PublicAddresses: []netip.Addr{netip.IPv6Loopback()}}.withDefaults()
				require.NoError(t, err)
				s := &Server{config: config, began: time.Now()}
				username, password := config.Credentials.For("a")
				time.Sleep(tt.age)
				for method, want := range map[stun.Method]bool{
					stun.MethodAllocate:         tt.allocate,
					stun.MethodRefresh:          tt.refresh,
					stun.MethodCreatePermission: tt.permit,
					stun.MethodChannelBind:      tt.permit,
				} {
					id, key, ok := s.authenticate(&turn.RequestAttributes{
						Username: username, Realm: config.Realm, Method: method, SrcAddr: &net.UDPAddr{IP: net.IPv4(192, 0, 2, 7)},
					})
					require.Equal(t, want, ok, method)
					if ok {
						require.Equal(t, "192.0.2.7/32 a", id)
						require.Equal(t, turn.GenerateAuthKey(username, config.Realm, password), key)
					}
				}
			})
		})
	}
}

// A step of the wall clock cuts nobody's relays.
func TestExpiryWhereTheClockSteps(t *testing.T) {
	made := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	expiry := made.Add(time.Hour)
	for _, row := range []struct {
		after, step time.Duration
		want        bool
	}{
		{30 * time.Minute, 0, false}, {time.Hour, 0, true},
		{30 * time.Minute, time.Hour, false}, {30 * time.Minute, 10 * 365 * 24 * time.Hour, false}, {time.Hour, 24 * time.Hour, true},
		{30 * time.Minute, -time.Hour, false}, {30 * time.Minute, -10 * 365 * 24 * time.Hour, false},
	} {
		steady := made.Add(row.after)
		require.Equal(t, row.want, expired(expiry, steady.Add(row.step), steady), "%+v", row)
	}
}

func FuzzParseUsername(f *testing.F) {
	f.Add("1700000000:alice")
	f.Add(":")
	f.Add("99999999999999999999:x")
	f.Fuzz(func(t *testing.T, name string) {
		expiry, user, ok := parseUsername(name)
		if ok {
			require.NotEmpty(t, user)
			require.True(t, expiry.Before(expiry.Add(12*time.Hour)))
		}
	})
}
