package admission

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/rtcpeer/cmd/signal-server/internal/limits"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

// A hook decides who may join by asking a URL. Each join waits for its own answer in the goroutine of its
// session, so the number of waiting joins is limited by the number of sessions.
type hook struct {
	// Fixed at construction.
	address  string
	timeout  time.Duration
	failOpen bool
	client   *http.Client
}

// A question is the JSON that is posted to the URL.
type question struct {
	Remote   string             `json:"remote,omitempty"` // address of the client
	Host     string             `json:"host,omitempty"`   // of the server, as the client named it
	URL      string             `json:"url,omitempty"`    // of the WebSocket, path and query
	Headers  map[string]string  `json:"headers,omitempty"`
	Room     signaling.RoomName `json:"room,omitempty"` // empty: a new room
	Topology signaling.Topology `json:"topology,omitempty"`
	Token    string             `json:"token,omitempty"`
	Metadata json.RawMessage    `json:"metadata,omitempty"`
	Creates  bool               `json:"creates,omitempty"` // there is no such room yet
	Resume   bool               `json:"resume,omitempty"`  // the client was admitted before, as ID
	ID       signaling.PeerID   `json:"id,omitempty"`
	List     bool               `json:"list,omitempty"` // the client asks only for the list of rooms
}

// An answer is the JSON that may come with status 200. A right that it leaves out is granted, so an unknown
// field is an error: it may be meant to forbid something.
type answer struct {
	Create   *bool           `json:"create"`
	Host     *bool           `json:"host"`
	Name     string          `json:"name"`
	Subject  string          `json:"subject"` // identifies the user, for bans
	Metadata json.RawMessage `json:"metadata"`
	Until    int64           `json:"until"` // seconds of Unix time; ends the membership. 0: never
	Text     string          `json:"text"`  // the reason of a refusal (401, 403, 429), sent to the client
}

const (
	maxAnswer = 64 << 10     // bytes
	mostRetry = 24 * 60 * 60 // seconds
)

// told lists the headers of the WebSocket request that are sent to the hook.
var told = []string{"Authorization", "Cookie", "Origin", "User-Agent"}

func newHook(o *Options) *hook {
	return &hook{
		address:  o.Hook,
		timeout:  o.HookTimeout,
		failOpen: o.HookFailOpen,
		client: &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: 32, IdleConnTimeout: limits.IdleTimeout, Proxy: http.ProxyFromEnvironment},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// admit is the function for signalserver's Config.Admit.
func (h *hook) admit(ctx context.Context, r signalserver.Request) (signalserver.Grant, error) {
	grant, err := h.ask(ctx, r)
	if _, refused := errors.AsType[*signaling.Error](err); err == nil || refused {
		return grant, err
	}
	_, misunderstood := errors.AsType[*answerError](err)
	if h.failOpen && !misunderstood && ctx.Err() == nil {
		return signalserver.Grant{MayCreate: true, MayHost: true}, nil
	}
	return signalserver.Grant{}, fmt.Errorf("--auth-hook: %w", withoutURL(err))
}

// withoutURL removes the URL from an error, because it may contain a password.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

func (h *hook) ask(ctx context.Context, r signalserver.Request) (signalserver.Grant, error) {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	body, err := json.Marshal(ask(r))
	if err != nil {
		return signalserver.Grant{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.address, bytes.NewReader(body))
	if err != nil {
		return signalserver.Grant{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := h.client.Do(req)
	if err != nil {
		return signalserver.Grant{}, err
	}
	defer res.Body.Close()
	content, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil && res.StatusCode == http.StatusOK { // a refusal needs no body
		return signalserver.Grant{}, err
	}
	return understand(res, content)
}

func ask(r signalserver.Request) question {
	q := question{
		Host: r.Host, Headers: make(map[string]string),
		Room: r.Join.Room, Topology: r.Join.Topology, Token: r.Join.Token, Metadata: r.Join.Metadata,
		Creates: r.Creates, Resume: r.Resume, ID: r.ID, List: r.List,
	}
	if r.Remote.IsValid() {
		q.Remote = r.Remote.String()
	}
	if r.URL != nil {
		q.URL = r.URL.RequestURI()
	}
	for _, name := range told {
		if value := r.Header.Get(name); value != "" {
			q.Headers[name] = value
		}
	}
	return q
}

// An answerError is an answer that the server does not understand.
type answerError struct{ error }

// understand turns a response into a grant, a refusal or an *answerError. Any other error means that the hook
// gave no answer.
func understand(res *http.Response, content []byte) (signalserver.Grant, error) {
	var a answer
	switch res.StatusCode {
	case http.StatusNoContent:
		return a.grant(), nil
	case http.StatusOK:
		if err := a.decode(content); err != nil {
			return signalserver.Grant{}, &answerError{fmt.Errorf("invalid answer: %w", err)}
		}
		return a.grant(), nil
	}
	_ = json.Unmarshal(content, &a) // the body of a refusal is optional
	switch res.StatusCode {
	case http.StatusUnauthorized:
		return signalserver.Grant{}, &signaling.Error{Code: signaling.CodeUnauthorized, Text: cmp.Or(a.Text, "not admitted")}
	case http.StatusForbidden:
		return signalserver.Grant{}, &signaling.Error{Code: signaling.CodeForbidden, Text: cmp.Or(a.Text, "not admitted to this room")}
	case http.StatusTooManyRequests:
		seconds, _ := strconv.Atoi(res.Header.Get("Retry-After"))
		return signalserver.Grant{}, &signaling.Error{Code: signaling.CodeRateLimited, Text: cmp.Or(a.Text, "too many joins"), RetryMillis: min(max(seconds, 0), mostRetry) * 1000}
	}
	err := fmt.Errorf("the hook answered %s", res.Status)
	if res.StatusCode < http.StatusInternalServerError {
		return signalserver.Grant{}, &answerError{err} // it may be a refusal
	}
	return signalserver.Grant{}, err
}

// decode parses one JSON object without unknown or repeated fields. Blank content is valid too: the status is
// the answer.
func (a *answer) decode(content []byte) error {
	if len(content) > maxAnswer {
		return fmt.Errorf("longer than %d bytes", maxAnswer)
	}
	content = bytes.TrimSpace(content)
	if len(content) == 0 {
		return nil
	}
	if content[0] != '{' {
		return errors.New("want a JSON object")
	}
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	if err := d.Decode(a); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("want one JSON object, and nothing after it")
	}
	return noRepeatedField(content)
}

// noRepeatedField returns an error if a valid JSON object has a field twice, in the same case or not, because
// encoding/json takes the last one.
func noRepeatedField(object []byte) error {
	d := json.NewDecoder(bytes.NewReader(object))
	_, err := d.Token() // the opening brace
	var names []string
	for err == nil && d.More() {
		var name, value any
		if name, err = d.Token(); err == nil {
			err = d.Decode(&value)
		}
		text, _ := name.(string)
		if slices.ContainsFunc(names, func(other string) bool { return strings.EqualFold(other, text) }) {
			return fmt.Errorf("field %q twice", text)
		}
		names = append(names, text)
	}
	return err
}

func (a answer) grant() signalserver.Grant {
	yes := func(b *bool) bool { return b == nil || *b }
	g := signalserver.Grant{MayCreate: yes(a.Create), MayHost: yes(a.Host), Name: a.Name, Subject: a.Subject, Metadata: a.Metadata}
	if a.Until != 0 {
		g.Expires = time.Unix(a.Until, 0)
	}
	return g
}
