package godot_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// A nodeServer is the demo's server for Node (server_node/server.js), rule by rule, also where this
// module's differs: it announces all members of a star to each other, hands on what a CANDIDATE holds,
// and does not look at the ids that it draws.
type nodeServer struct {
	url string

	mu      sync.Mutex // guards the fields below, and all lobbies and peers
	draw    []int64    // the next ids
	lobbies map[string]*nodeLobby
	peers   []*nodePeer
	seal    time.Duration
}

type nodeLobby struct {
	name   string
	host   int64
	mesh   bool
	sealed bool
	peers  []*nodePeer
}

type nodePeer struct {
	ws    *websocket.Conn
	id    int64
	lobby *nodeLobby
}

func serveNode(t *testing.T, ids ...int64) *nodeServer {
	t.Helper()
	s := &nodeServer{draw: ids, lobbies: map[string]*nodeLobby{}, seal: 50 * time.Millisecond}
	var all sync.WaitGroup
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := new(websocket.Upgrader).Upgrade(w, r, nil)
		if err == nil {
			all.Go(func() { s.serve(ws) })
		}
	}))
	t.Cleanup(func() {
		s.cut()
		h.Close()
		all.Wait()
	})
	s.url = "ws" + strings.TrimPrefix(h.URL, "http")
	return s
}

// cut ends all sockets without a word.
func (s *nodeServer) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.peers {
		p.ws.NetConn().Close()
	}
}

func (s *nodeServer) serve(ws *websocket.Conn) {
	defer ws.Close()
	s.mu.Lock()
	p := &nodePeer{ws: ws, id: s.draw[0]}
	s.draw = s.draw[1:]
	s.peers = append(s.peers, p)
	s.mu.Unlock()
	for {
		_, frame, err := ws.ReadMessage()
		s.mu.Lock()
		if err != nil {
			s.left(p)
			s.mu.Unlock()
			return
		}
		if err := s.handle(p, frame); err != nil {
			p.close(4000, err.Error())
		}
		s.mu.Unlock()
	}
}

func (s *nodeServer) handle(p *nodePeer, frame []byte) error {
	var m struct {
		Type, ID *float64
		Data     string
	}
	if json.Unmarshal(frame, &m) != nil || m.Type == nil || m.ID == nil || *m.Type < 0 || *m.ID < 0 {
		return errors.New("Invalid message format")
	}
	kind, id := int(*m.Type), int64(*m.ID)
	switch {
	case kind == join:
		return s.join(p, m.Data, id == 0)
	case p.lobby == nil:
		return errors.New("Invalid message when not in a lobby")
	case kind == seal:
		return s.sealLobby(p)
	case kind != offer && kind != answer && kind != candidate:
		return errors.New("Invalid command")
	}
	if id == 1 {
		id = p.lobby.host
	}
	i := slices.IndexFunc(p.lobby.peers, func(other *nodePeer) bool { return other.id == id })
	if i < 0 {
		return errors.New("Invalid destination")
	}
	p.lobby.peers[i].send(kind, p.shown(), m.Data)
	return nil
}

func (s *nodeServer) join(p *nodePeer, name string, mesh bool) error {
	if name == "" {
		name = "abcdefABCDEF0" + strconv.Itoa(100+len(s.lobbies))
		s.lobbies[name] = &nodeLobby{name: name, host: p.id, mesh: mesh}
	}
	l := s.lobbies[name]
	switch {
	case l == nil:
		return errors.New("Lobby does not exists")
	case l.sealed:
		return errors.New("Lobby is sealed")
	}
	p.lobby = l
	data := ""
	if l.mesh {
		data = "true"
	}
	p.send(identify, p.shown(), data)
	for _, other := range l.peers {
		other.send(peerConnect, p.shown(), "")
		p.send(peerConnect, other.shown(), "")
	}
	l.peers = append(l.peers, p)
	p.send(join, 0, name)
	return nil
}

func (s *nodeServer) sealLobby(p *nodePeer) error {
	l := p.lobby
	if p.id != l.host {
		return errors.New("Only host can seal the lobby")
	}
	l.sealed = true
	for _, other := range l.peers {
		other.send(seal, 0, "")
	}
	time.AfterFunc(s.seal, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, other := range l.peers {
			other.close(1000, "Seal complete")
		}
	})
	return nil
}

func (s *nodeServer) left(p *nodePeer) {
	l := p.lobby
	if l == nil {
		return
	}
	for _, other := range l.peers {
		if p.id == l.host {
			other.close(4000, "Room host has disconnected")
		} else {
			other.send(peerDisconnect, p.shown(), "")
		}
	}
	l.peers = slices.DeleteFunc(l.peers, func(other *nodePeer) bool { return other == p })
	if p.id == l.host {
		delete(s.lobbies, l.name)
	}
}

// members returns how many are in a lobby.
func (s *nodeServer) members(lobby string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.lobbies[lobby].peers)
}

func (p *nodePeer) shown() int64 {
	if p.id == p.lobby.host {
		return 1
	}
	return p.id
}

func (p *nodePeer) send(kind int, id int64, data string) {
	p.ws.WriteJSON(map[string]any{"type": kind, "id": id, "data": data})
}

func (p *nodePeer) close(code int, text string) {
	p.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, text), time.Now().Add(time.Second))
}
