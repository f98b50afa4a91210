package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
)

// A question is what the hook is asked.
type question struct {
	Remote, URL, Token string
	Headers            map[string]string
	Room               signaling.RoomName
	Metadata           json.RawMessage
	Creates            bool
}

func TestHook(t *testing.T) {
	asked := make(chan question, 10)
	var status int
	var body string
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q question
		if json.NewDecoder(r.Body).Decode(&q) == nil {
			asked <- q
		}
		w.Header().Set("Retry-After", "7")
		w.Header().Set("Location", "/")
		w.WriteHeader(status)
		w.Write([]byte(body))
	}))
	defer web.Close()
	p := start(t, nil, "--auth-hook="+web.URL+"/admit?password=hunter2")
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   signaling.Code // none: admitted
	}{
		{"yes", 204, "", ""},
		{"yes, in words", 200, "", ""},
		{"with a name", 200, `{"name":"Ann"}`, ""},
		{"may not create", 200, `{"create":false}`, signaling.CodeForbidden},
		{"over", 200, `{"until":1}`, signaling.CodeExpired},
		{"over before 1970", 200, `{"until":-1}`, signaling.CodeExpired},
		{"no end", 200, `{"until":0}`, ""},
		{"an end in milliseconds", 200, `{"until":1790000000000}`, ""},
		{"who are you", 401, "", signaling.CodeUnauthorized},
		{"not you", 403, `{"text":"banned until Monday"}`, signaling.CodeForbidden},
		{"not so fast", 429, "", signaling.CodeRateLimited},
		{"in words of its own", 200, `{"allow":false}`, signaling.CodeInternal},
		{"a word too many", 200, `{"create":true,"ban":true}`, signaling.CodeInternal},
		{"null", 200, "null", signaling.CodeInternal},
		{"false", 200, "false", signaling.CodeInternal},
		{"two answers", 200, `{"create":true} {"create":false}`, signaling.CodeInternal},
		{"another type", 200, `{"create":"no"}`, signaling.CodeInternal},
		{"yes and no", 200, `{"create":false,"name":"Ann","create":true}`, signaling.CodeInternal},
		{"no and Yes", 200, `{"create":false,"Create":true}`, signaling.CodeInternal},
		{"no and an escaped yes", 200, `{"create":false,"cr\u0065ate":true}`, signaling.CodeInternal},
		{"metadata that has a key twice", 200, `{"metadata":{"a":1,"a":2}}`, ""},
		{"cut off", 200, `{"create":false`, signaling.CodeInternal},
		{"blank", 200, " \n\t", ""},
		{"no after much space", 200, strings.Repeat(" ", 64<<10) + `{"create":false}`, signaling.CodeInternal},
		{"longer than may be", 200, `{"name":"Ann"}` + strings.Repeat(" ", 64<<10), signaling.CodeInternal},
		{"space around it", 200, " \n{}\n", ""},
		{"no, in words of its own", 403, `{"allow":true}`, signaling.CodeForbidden},
		{"rubbish", 200, "<html>", signaling.CodeInternal},
		{"a redirect", 302, "", signaling.CodeInternal},
		{"broken", 500, "", signaling.CodeInternal},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body = c.status, c.body
			j := signaling.Join{Room: signaling.RoomName(strings.ReplaceAll(strings.ReplaceAll(c.name, " ", "-"), ",", "")), Token: "t", Metadata: json.RawMessage(`{"a":1}`)}
			caller := call(t, p.url+"/path?a=b", http.Header{"Cookie": {"session=5"}, "Origin": {"https://game.example"}})
			if c.want == "" {
				caller.join(j)
			} else {
				caller.send(j)
				err := caller.receive().(*signaling.Error)
				require.Equal(t, c.want, err.Code)
				require.NotContains(t, err.Text, "hunter2")
				if c.want == signaling.CodeRateLimited {
					require.Equal(t, 7*time.Second, err.RetryAfter())
				}
				if c.name == "not you" {
					require.Equal(t, "banned until Monday", err.Text)
				}
			}
			q := <-asked
			require.Equal(t, j.Room, q.Room)
			require.Equal(t, "127.0.0.1", q.Remote)
			require.Equal(t, "/path?a=b", q.URL)
			require.Equal(t, "t", q.Token)
			require.Equal(t, "session=5", q.Headers["Cookie"])
			require.Equal(t, "https://game.example", q.Headers["Origin"])
			require.JSONEq(t, `{"a":1}`, string(q.Metadata))
			require.True(t, q.Creates)
		})
	}
	require.Empty(t, asked, "one question for each join")
	require.Equal(t, exitOK, p.stop())
	for line := range p.log {
		require.NotContains(t, line, "hunter2")
	}
}

// What the hook answers in words that are not understood admits nobody, --auth-hook-fail-open or not: it may mean no.
func TestHookIsNotUnderstood(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"allow":false}`)) }))
	defer web.Close()
	for _, args := range [][]string{{}, {"--auth-hook-fail-open"}} {
		p := start(t, nil, append(args, "--auth-hook="+web.URL)...)
		c := call(t, p.url, nil)
		require.Equal(t, signaling.CodeInternal, c.refused(signaling.Join{}))
		require.NoError(t, c.conn.Close())
		require.Equal(t, exitOK, p.stop())
		var log []string
		for line := range p.log {
			log = append(log, line)
		}
		require.Contains(t, strings.Join(log, "\n"), `--auth-hook: invalid answer: json: unknown field \"allow\"`)
	}
}

// While the hook does not answer nobody gets in, unless the operator prefers everybody.
func TestHookDoesNotAnswer(t *testing.T) {
	hang := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	defer slow.Close()
	defer close(hang)
	for name, url := range map[string]string{"slow": slow.URL, "gone": "http://127.0.0.1:1/"} {
		closed := start(t, nil, "--auth-hook="+url, "--auth-hook-timeout=50ms")
		c := call(t, closed.url, nil)
		require.Equal(t, signaling.CodeInternal, c.refused(signaling.Join{}), name)
		require.NoError(t, c.conn.Close())
		require.Equal(t, exitOK, closed.stop())
		var log []string
		for line := range closed.log {
			log = append(log, line)
		}
		require.Contains(t, strings.Join(log, "\n"), "--auth-hook", name)

		open := start(t, nil, "--auth-hook="+url, "--auth-hook-timeout=50ms", "--auth-hook-fail-open")
		require.EqualValues(t, 1, call(t, open.url, nil).join(signaling.Join{}).ID, name)
	}
}
