package godot_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling/signalserver"
)

// A record is one line of a transcript: what the demo's own client and its Node server said.
type record struct {
	MS     int // since the beginning
	Client int
	From   string // client or server
	Event  string // open or close; else there is a text
	Path   string
	Text   string
	Code   int
	Reason string
}

func transcript(t testing.TB, name string) (list []record) {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "testdata", "godot", "transcripts", name+".jsonl"))
	require.NoError(t, err)
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var r record
		require.NoError(t, json.Unmarshal(lines.Bytes(), &r))
		list = append(list, r)
	}
	require.NoError(t, lines.Err())
	require.NotEmpty(t, list)
	return list
}

// Every frame that real games sent is sent again, at its time, and every answer is the Node server's, in
// its order and to the letter but for ids and names. One rule differs on purpose: in a star, members
// that are not the host are not announced to each other.
func TestTranscripts(t *testing.T) {
	for name, skipped := range map[string]int{"mesh": 0, "star": 2, "seal": 0} {
		t.Run(name, func(t *testing.T) {
			within(t, signalserver.Config{}, func(t *testing.T, s *server) {
				r := &replay{t: t, server: s, began: time.Now(), games: map[int]*game{}, ids: map[string]string{"0": "0", "1": "1"}, self: map[int]string{}}
				for _, line := range transcript(t, name) {
					r.play(line)
				}
				require.Equal(t, skipped, r.skipped)
			})
		})
	}
}

// A replay knows which id here is which id there.
type replay struct {
	t       *testing.T
	server  *server
	began   time.Time
	games   map[int]*game
	ids     map[string]string // recorded: ours
	self    map[int]string    // a client's own, as recorded
	star    bool
	lobby   string // recorded
	ours    string
	skipped int
}

func (r *replay) play(line record) {
	r.t.Helper()
	g := r.games[line.Client]
	at := time.Duration(line.MS) * time.Millisecond
	switch {
	case line.From == "client" && line.Event == "open":
		time.Sleep(at - time.Since(r.began))
		r.games[line.Client] = r.server.game(r.t, line.Path)
	case line.From == "client" && line.Event == "close" && line.Code == 1006:
		time.Sleep(at - time.Since(r.began))
		g.vanish()
	case line.From == "client" && line.Event == "":
		time.Sleep(at - time.Since(r.began))
		g.sendText(r.translate(line.Text))
		synctest.Wait() // the next one is of another client, perhaps to the same one
	case line.From == "server" && line.Event == "close" && line.Code != 1006:
		g.wantClosed(line.Code, line.Reason)
		require.InDelta(r.t, at.Seconds(), time.Since(r.began).Seconds(), 0.1)
	case line.From == "server" && line.Event == "":
		r.answer(g, line)
	}
}

var (
	idField   = regexp.MustCompile(`"id":(\d+)`)
	typeField = regexp.MustCompile(`"type":(\d+)`)
)

// translate puts our ids and names in the place of the recorded ones.
func (r *replay) translate(text string) string {
	r.t.Helper()
	if r.lobby != "" {
		text = regexp.MustCompile(regexp.QuoteMeta(strconv.Quote(r.lobby))).ReplaceAllLiteralString(text, strconv.Quote(r.ours))
	}
	return idField.ReplaceAllStringFunc(text, func(field string) string {
		id := idField.FindStringSubmatch(field)[1]
		require.Contains(r.t, r.ids, id)
		return `"id":` + r.ids[id]
	})
}

// answer checks the next frame of a game, and learns ids and names from it where they are new.
func (r *replay) answer(g *game, line record) {
	r.t.Helper()
	kind, id := typeField.FindStringSubmatch(line.Text)[1], idField.FindStringSubmatch(line.Text)[1]
	if r.star && kind == strconv.Itoa(peerConnect) && id != "1" && r.self[line.Client] != "1" {
		r.skipped++
		return
	}
	got := g.text()
	if _, known := r.ids[id]; !known {
		ours := idField.FindStringSubmatch(got)[1]
		for _, other := range r.ids {
			require.NotEqual(r.t, other, ours, "an id of its own")
		}
		r.ids[id] = ours
	}
	switch kind {
	case strconv.Itoa(identify):
		r.self[line.Client] = id
		r.star = regexp.MustCompile(`"data":""`).MatchString(line.Text)
	case strconv.Itoa(join):
		data := regexp.MustCompile(`"data":"(\w{16})"`)
		if r.lobby == "" {
			require.Regexp(r.t, data, got)
			r.lobby, r.ours = data.FindStringSubmatch(line.Text)[1], data.FindStringSubmatch(got)[1]
		}
	}
	require.Equal(r.t, r.translate(line.Text), got)
}
