// Package admin is the administration interface of the server: JSON over HTTP, and a web page that uses it. Package
// server gives it a listener of its own. Its commands call signalserver.Server.
package admin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"strconv"
	"strings"
	"time"

	"example.org/rtcpeer/cmd/signal-server/internal/limits"
	"example.org/rtcpeer/cmd/signal-server/internal/metrics"
	"example.org/rtcpeer/cmd/signal-server/internal/turn"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

// A handler is the administration interface: JSON over HTTP, for clients that have the token.
//
//	GET    /rooms                      all rooms
//	GET    /rooms/{room}               its members
//	PUT    /rooms/{room}/lock          close it for newcomers
//	DELETE /rooms/{room}/lock          open it again
//	DELETE /rooms/{room}?reason=       end it
//	DELETE /rooms/{room}/{id}?reason=  remove a member
//	GET    /bans                       all bans
//	POST   /bans                       add a ban: see banRequest
//	DELETE /bans/{number}              remove a ban
//	POST   /drain                      admit nobody new, and tell all members to reconnect elsewhere
//	DELETE /drain                      admit members again
//	GET    /metrics, /debug/pprof/
//	GET    /                           a web page for all of these, which asks for the token itself
type handler struct {
	// Fixed at construction.
	rooms  *signalserver.Server
	relays *turn.Relays
	token  [sha256.Size]byte // hash of the token
	log    *slog.Logger
	mux    *http.ServeMux
	page   map[string]http.Handler // by path

	// Safe for concurrent use.
	refused func() // counts
}

// New returns the handler of the administration. It adds a figure of its own to f. members has the
// files of the page of members, for its style.
func New(rooms *signalserver.Server, relays *turn.Relays, f *metrics.Figures, token string, members fs.FS, log *slog.Logger) http.Handler {
	a := &handler{rooms: rooms, relays: relays, page: pageFiles(members), token: sha256.Sum256([]byte(token)), log: log, mux: http.NewServeMux(),
		refused: f.Counter("admin_refused_total", "Requests to the administration without its token."),
	}
	a.mux.HandleFunc("GET /rooms", a.list)
	a.mux.HandleFunc("GET /rooms/{room}", a.members)
	a.mux.HandleFunc("DELETE /rooms/{room}", a.closeRoom)
	a.mux.HandleFunc("PUT /rooms/{room}/lock", a.lock)
	a.mux.HandleFunc("DELETE /rooms/{room}/lock", a.lock)
	a.mux.HandleFunc("DELETE /rooms/{room}/{id}", a.kick)
	a.mux.HandleFunc("GET /bans", a.bans)
	a.mux.HandleFunc("POST /bans", a.ban)
	a.mux.HandleFunc("DELETE /bans/{number}", a.unban)
	a.mux.HandleFunc("POST /drain", a.drain)
	a.mux.HandleFunc("DELETE /drain", a.undrain)
	a.mux.Handle("GET /metrics", f.Handler())
	a.mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	a.mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	a.mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	a.mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return a
}

// ProfileTimeout is the limit for requests to /debug/pprof/. A profile takes as long as its request says.
const ProfileTimeout = 10 * time.Minute

// ServeHTTP compares hashes of tokens, so that the time of the comparison does not reveal the token or its
// length.
func (a *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	control, until := http.NewResponseController(w), time.Now().Add(limits.WriteTimeout)
	if strings.HasPrefix(r.URL.Path, "/debug/pprof/") {
		until = time.Now().Add(ProfileTimeout)
		_ = control.SetReadDeadline(until) // a read deadline that passes would cancel the request's context
	}
	// A client that does not read the answer occupies a goroutine and a file only until this deadline.
	_ = control.SetWriteDeadline(until)
	if page := a.page[r.URL.Path]; page != nil && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		page.ServeHTTP(w, r) // the page contains nothing secret
		return
	}
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	given := sha256.Sum256([]byte(token))
	if subtle.ConstantTimeCompare(given[:], a.token[:]) != 1 {
		a.refused()
		a.log.Warn("administration request without a valid token refused", "remote", r.RemoteAddr)
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "want Authorization: Bearer and the --admin-token", http.StatusUnauthorized)
		return
	}
	if r.Method != http.MethodGet {
		a.log.Info("administration request", "method", r.Method, "path", r.URL.Path, "remote", r.RemoteAddr)
	}
	a.mux.ServeHTTP(w, r)
}

// A roomView is a room as JSON.
type roomView struct {
	Name       signaling.RoomName `json:"name"`
	Topology   signaling.Topology `json:"topology"`
	Created    time.Time          `json:"created"`
	Members    int                `json:"members"`
	MaxMembers int                `json:"max_members"`
	Public     bool               `json:"public"`
	Locked     bool               `json:"locked"`
	Sealed     bool               `json:"sealed"`
	Password   bool               `json:"password"`
	Metadata   json.RawMessage    `json:"metadata,omitempty"`
}

// A memberView is a member as JSON.
type memberView struct {
	ID        signaling.PeerID `json:"id"`
	Connected bool             `json:"connected"`
	Remote    string           `json:"remote,omitempty"`
	Subject   string           `json:"subject,omitempty"` // from its access token or from the hook
	Relays    int              `json:"relays,omitempty"`  // allocations on this server's TURN server
	Since     time.Time        `json:"since"`
	Expires   time.Time        `json:"expires,omitzero"`
	Metadata  json.RawMessage  `json:"metadata,omitempty"`
}

func (a *handler) list(w http.ResponseWriter, _ *http.Request) {
	views := []roomView{}
	for _, r := range a.rooms.Rooms() {
		views = append(views, roomView(r))
	}
	reply(w, views)
}

func (a *handler) members(w http.ResponseWriter, r *http.Request) {
	room := signaling.RoomName(r.PathValue("room"))
	members, found := a.rooms.Members(room)
	if !found {
		http.Error(w, "no such room", http.StatusNotFound)
		return
	}
	views := []memberView{}
	for _, m := range members {
		v := memberView{ID: m.ID, Connected: m.Connected, Since: m.Since, Expires: m.Expires, Metadata: m.Metadata,
			Subject: m.Subject, Relays: a.relays.Of(room, m.ID)}
		if m.Remote.IsValid() {
			v.Remote = m.Remote.String()
		}
		views = append(views, v)
	}
	reply(w, views)
}

func (a *handler) closeRoom(w http.ResponseWriter, r *http.Request) {
	done(w, a.rooms.CloseRoom(signaling.RoomName(r.PathValue("room")), reason(r)))
}

func (a *handler) lock(w http.ResponseWriter, r *http.Request) {
	done(w, a.rooms.SetLocked(signaling.RoomName(r.PathValue("room")), r.Method == http.MethodPut))
}

func (a *handler) kick(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 32)
	done(w, err == nil && a.rooms.Kick(signaling.RoomName(r.PathValue("room")), signaling.PeerID(id), reason(r)))
}

// drain answers when all sessions have ended, or after limits.StopTimeout. Links between peers and TURN relays continue.
func (a *handler) drain(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), limits.StopTimeout)
	defer cancel()
	if err := a.rooms.Drain(ctx); err != nil {
		a.log.Warn("drain failed", "err", err)
	}
	done(w, true)
}

func (a *handler) undrain(w http.ResponseWriter, _ *http.Request) {
	a.rooms.SetDraining(false)
	done(w, true)
}

// reason returns the text that is sent to the members affected. It is cut to fit into a close frame.
func reason(r *http.Request) string {
	const most = 100
	text := strings.ToValidUTF8(r.URL.Query().Get("reason"), "")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return text
}

func done(w http.ResponseWriter, found bool) {
	if !found {
		http.Error(w, "no such room or member", http.StatusNotFound)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // an error means that the client is gone
}
