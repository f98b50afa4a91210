package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"example.org/rtcpeer/cmd/signal-server/internal/proxy"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

// A banRequest is the JSON of POST /bans. It names whom to ban in one of four ways: room and id, token,
// subject, or prefix.
type banRequest struct {
	Room    signaling.RoomName `json:"room"`
	ID      signaling.PeerID   `json:"id"`
	Token   string             `json:"token"`   // the resume token of a member
	Subject string             `json:"subject"` // sub of an access token
	Prefix  string             `json:"prefix"`  // a network or an address
	For     string             `json:"for"`     // a duration such as 24h; empty: forever
	Reason  string             `json:"reason"`
}

const maxBanRequest = 16 << 10

// banView is a ban as JSON.
type banView struct {
	Number  uint64             `json:"number"`
	Room    signaling.RoomName `json:"room,omitempty"`
	ID      signaling.PeerID   `json:"id,omitempty"`
	Subject string             `json:"subject,omitempty"`
	Prefix  netip.Prefix       `json:"prefix,omitzero"`
	Until   time.Time          `json:"until,omitzero"`
	Reason  string             `json:"reason,omitempty"`
}

// logAdded logs a new ban, because the line about the request does not say whom it bans.
func (a *handler) logAdded(b signalserver.Ban) {
	whom := fmt.Sprintf("room %s, id %d", b.Room, b.ID)
	if b.Subject != "" {
		whom = "subject " + b.Subject
	} else if b.Prefix.IsValid() {
		whom = b.Prefix.String()
	}
	until := "forever"
	if !b.Until.IsZero() {
		until = b.Until.Format(time.RFC3339)
	}
	a.log.Info("ban added", "number", b.Number, "whom", whom, "until", until, "reason", b.Reason)
}

func viewOf(b signalserver.Ban) banView {
	return banView{Number: b.Number, Room: b.Room, ID: b.ID, Subject: b.Subject, Prefix: b.Prefix, Until: b.Until, Reason: b.Reason}
}

func (a *handler) bans(w http.ResponseWriter, _ *http.Request) {
	views := []banView{}
	for _, b := range a.rooms.Bans() {
		views = append(views, viewOf(b))
	}
	reply(w, views)
}

func (a *handler) ban(w http.ResponseWriter, r *http.Request) {
	b, err := readBan(http.MaxBytesReader(w, r.Body, maxBanRequest))
	if err == nil {
		b, err = a.rooms.Ban(b)
	}
	switch {
	case errors.Is(err, signalserver.ErrTooManyBans):
		http.Error(w, problem(err), http.StatusConflict)
	case err != nil:
		http.Error(w, problem(err), http.StatusBadRequest)
	default:
		a.logAdded(b)
		reply(w, viewOf(b))
	}
}

// problem returns what is wrong with a ban in the names of the JSON's fields.
func problem(err error) string {
	var wrong *signalserver.BanError
	if !errors.As(err, &wrong) {
		return strings.TrimPrefix(err.Error(), "signalserver: ")
	}
	text := wrong.Err.Error()
	var refused *signaling.Error
	if errors.As(wrong.Err, &refused) {
		text = refused.Text
	}
	if wrong.Field == "" {
		return text
	}
	return strings.ToLower(wrong.Field) + ": " + text
}

// readBan refuses unknown fields, because a misspelled "for" would make the ban permanent.
func readBan(body io.Reader) (signalserver.Ban, error) {
	var q banRequest
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(&q); err != nil {
		return signalserver.Ban{}, fmt.Errorf("want a JSON object: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return signalserver.Ban{}, errors.New("want one JSON object, and nothing after it")
	}
	b := signalserver.Ban{Room: q.Room, ID: q.ID, Token: q.Token, Subject: q.Subject, Reason: q.Reason}
	var err error
	if q.Prefix != "" {
		if b.Prefix, err = proxy.ParsePrefix(q.Prefix); err != nil {
			return b, fmt.Errorf("prefix %q: want an address or a network, for example 203.0.113.0/24", q.Prefix)
		}
	}
	if q.For != "" {
		if b.For, err = time.ParseDuration(q.For); err != nil || b.For <= 0 {
			return b, fmt.Errorf("for %q: want a time, for example 24h, or leave it out for a ban without end", q.For)
		}
	}
	return b, nil
}

func (a *handler) unban(w http.ResponseWriter, r *http.Request) {
	number, err := strconv.ParseUint(r.PathValue("number"), 10, 64)
	if err != nil || !a.rooms.Unban(number) {
		http.Error(w, "no such ban", http.StatusNotFound)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
