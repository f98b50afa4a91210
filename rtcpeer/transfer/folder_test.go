package transfer

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
)

// A run is one try to send a file into a folder.
type run struct {
	from, to *end
	name     string
	data     []byte
	folder   *Folder
	options  SaveOptions
	at       int64  // of what was received; then do is called, once
	do       func() // nil: nothing
}

// start returns the name, at which byte the sender began, and what Send and Save return.
func (r run) start(t testing.TB) (name string, from int64, sent, saved error) {
	t.Helper()
	from = -1
	result := make(chan error, 1)
	go func() {
		result <- r.from.Send(t.Context(), r.to.id, File{
			Name: r.name, Size: int64(len(r.data)), Content: bytes.NewReader(r.data),
			Progress: func(n int64) {
				if from < 0 {
					from = n
				}
			},
		})
	}()
	offer, err := r.to.Accept(t.Context())
	require.NoError(t, err)
	done := r.do == nil
	r.options.Progress = func(n int64) {
		if !done && n >= r.at {
			done = true
			r.do()
		}
	}
	name, saved = offer.Save(t.Context(), r.folder, r.options)
	return name, from, <-result, saved
}

func (r run) mustArrive(t testing.TB) (name string, from int64) {
	t.Helper()
	name, from, sent, saved := r.start(t)
	require.NoError(t, saved)
	require.NoError(t, sent)
	return name, from
}

// Either process ends in the middle of a file, and a new one takes its place.
func TestResume(t *testing.T) {
	const size = 3 << 20
	data := random(size, 1)
	for _, who := range []string{"sender", "receiver", "link"} {
		t.Run(who, func(t *testing.T) {
			overMemory(t, memory.Options{Delay: 5 * time.Millisecond, Rate: 10 << 20}, func(t *testing.T, w *world) {
				a, b := w.connect(t, Config{Window: MinWindow})
				dir := t.TempDir()
				folder := folderOf(t, dir)
				do := map[string]func(){"sender": a.die, "receiver": b.die, "link": func() { a.node.Disconnect(b.id) }}[who]
				_, _, sent, saved := run{from: a, to: b, name: "film", data: data, folder: folder, at: size / 2, do: do}.start(t)
				requireError(t, sent, ErrPeerGone, "send", b.id)
				requireError(t, saved, ErrPeerGone, "receive", a.id)
				part := contents(t, dir)["film.part"]
				require.GreaterOrEqual(t, len(part), size/2)
				require.True(t, part == string(data[:len(part)]))

				// Other processes, to which nothing is known but the folder.
				a, b = w.join(t, Config{}), w.join(t, Config{})
				require.NoError(t, folder.Close())
				folder = folderOf(t, dir)
				awaitEach(t, a, b)
				name, from := run{from: a, to: b, name: "film", data: data, folder: folder}.mustArrive(t)
				require.Equal(t, "film", name)
				require.EqualValues(t, len(part), from)
				require.Len(t, contents(t, dir), 1)
				require.True(t, string(data) == contents(t, dir)["film"])
			})
		})
	}
}

// awaitEach waits until the two, and perhaps others, are connected.
func awaitEach(t testing.TB, a, b *end) {
	t.Helper()
	for !connected(a, b) || !connected(b, a) {
		time.Sleep(time.Millisecond) // in a bubble
	}
}

func connected(a, b *end) bool {
	for _, id := range a.node.Peers() {
		if id == b.id {
			return true
		}
	}
	return false
}

// While a link is interrupted transfers wait, and then they go on.
func TestInterruption(t *testing.T) {
	overMemory(t, memory.Options{Delay: 5 * time.Millisecond, Rate: 10 << 20}, func(t *testing.T, w *world) {
		a, b := w.connect(t, Config{Window: MinWindow})
		dir := t.TempDir()
		data := random(2<<20, 1)
		name, _ := run{from: a, to: b, name: "film", data: data, folder: folderOf(t, dir), at: 1 << 20, do: func() {
			network := w.network
			network.Partition(a.transport.(*memory.Transport), b.transport.(*memory.Transport))
			time.AfterFunc(10*time.Second, func() {
				network.Heal(a.transport.(*memory.Transport), b.transport.(*memory.Transport))
			})
		}}.mustArrive(t)
		require.Equal(t, map[string]string{name: string(data)}, contents(t, dir))
		a.await(t, rtcpeer.PeerInterrupted)
		a.await(t, rtcpeer.PeerResumed)
	})
}

// What is in the folder already, and what is there after a file with this name has come.
func TestNothingIsOverwritten(t *testing.T) {
	data := random(300_000, 1)
	other := string(random(100_000, 2))
	begun := string(data[:100_000])
	large := string(random(400_000, 3))
	tests := []struct {
		name      string
		there     map[string]string
		overwrite bool
		saved     string
		left      map[string]string // besides
		from      int64             // where the sender began
	}{
		{name: "nothing", saved: "cat.jpg"},
		{name: "a file of that name", there: map[string]string{"cat.jpg": other}, saved: "cat (1).jpg", left: map[string]string{"cat.jpg": other}},
		{name: "two of them", there: map[string]string{"cat.jpg": other, "cat (1).jpg": ""}, saved: "cat (2).jpg",
			left: map[string]string{"cat.jpg": other, "cat (1).jpg": ""}},
		{name: "overwriting", there: map[string]string{"cat.jpg": other}, overwrite: true, saved: "cat.jpg"},
		{name: "its part", there: map[string]string{"cat.jpg.part": begun}, saved: "cat.jpg", from: 100_000},
		{name: "its part, complete", there: map[string]string{"cat.jpg.part": string(data)}, saved: "cat.jpg", from: 300_000},
		{name: "an empty part", there: map[string]string{"cat.jpg.part": ""}, saved: "cat.jpg"},
		{name: "another file's part", there: map[string]string{"cat.jpg.part": other}, saved: "cat.jpg",
			left: map[string]string{"cat.jpg.part": other}},
		{name: "a part that is too large", there: map[string]string{"cat.jpg.part": large}, saved: "cat.jpg",
			left: map[string]string{"cat.jpg.part": large}},
		{name: "another file's part, and later its own", there: map[string]string{"cat.jpg.part": other, "cat (1).jpg.part": begun}, saved: "cat.jpg",
			left: map[string]string{"cat.jpg.part": other}, from: 100_000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			overMemory(t, memory.Options{Delay: time.Millisecond}, func(t *testing.T, w *world) {
				a, b := w.connect(t, Config{})
				dir := t.TempDir()
				for name, text := range tt.there {
					path := filepath.Join(dir, name)
					require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
					if text != begun {
						old := time.Now().Add(-time.Hour)
						require.NoError(t, os.Chtimes(path, old, old))
					}
				}
				name, from := run{from: a, to: b, name: "cat.jpg", data: data, folder: folderOf(t, dir), options: SaveOptions{Overwrite: tt.overwrite}}.mustArrive(t)
				require.Equal(t, tt.saved, name)
				want := map[string]string{tt.saved: string(data)}
				for name, text := range tt.left {
					want[name] = text
				}
				require.True(t, sameContents(want, contents(t, dir)))
				require.Equal(t, tt.from, from)
			})
		})
	}
}

// sameContents compares without printing what is not the same.
func sameContents(want, got map[string]string) bool {
	for name, text := range want {
		if got[name] != text {
			return false
		}
	}
	return len(want) == len(got)
}

// Links in the folder do not lead out of it.
func TestSymbolicLinks(t *testing.T) {
	for _, link := range []string{"cat.jpg", "cat.jpg.part"} {
		t.Run(link, func(t *testing.T) {
			overMemory(t, memory.Options{Delay: time.Millisecond}, func(t *testing.T, w *world) {
				a, b := w.connect(t, Config{})
				dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "precious")
				require.NoError(t, os.WriteFile(outside, nil, 0o600))
				require.NoError(t, os.Symlink(outside, filepath.Join(dir, link)))
				name, _ := run{from: a, to: b, name: "cat.jpg", data: []byte("meow"), folder: folderOf(t, dir)}.mustArrive(t)
				text, err := os.ReadFile(outside)
				require.NoError(t, err)
				require.Empty(t, text)
				require.Equal(t, "meow", contents(t, dir)[name])
			})
		})
	}
}

// sendX sends a file of the name x.
func sendX(t *testing.T, from, to *end, data []byte) error {
	return from.Send(t.Context(), to.id, File{Name: "x", Size: int64(len(data)), Content: bytes.NewReader(data)})
}

func saveNext(t *testing.T, to *end, folder *Folder) error {
	offer, err := to.Accept(t.Context())
	if err == nil {
		_, err = offer.Save(t.Context(), folder, SaveOptions{})
	}
	return err
}

// Two peers send files of one name at the same time, and neither gets into the other.
func TestSameNameAtOnce(t *testing.T) {
	overMemory(t, memory.Options{Delay: time.Millisecond, Rate: 10 << 20}, func(t *testing.T, w *world) {
		a, b := w.connect(t, Config{Window: MinWindow})
		c := w.join(t, Config{})
		awaitEach(t, c, b)
		dir := t.TempDir()
		folder := folderOf(t, dir)
		results := make(chan error, 4)
		want := make(map[string]bool)
		for i, from := range []*end{a, c} {
			data := random(1<<20, uint64(i))
			want[string(data)] = true
			go func() { results <- sendX(t, from, b, data) }()
			go func() { results <- saveNext(t, b, folder) }()
		}
		for range 4 {
			require.NoError(t, <-results)
		}
		got := contents(t, dir)
		require.Len(t, got, 2)
		require.True(t, want[got["x"]] && want[got["x (1)"]] && got["x"] != got["x (1)"])
	})
}

// The folder cannot be written to, from the beginning or from some time on.
func TestFolderFails(t *testing.T) {
	tests := []struct {
		name string
		do   func(t *testing.T, folder *Folder, dir string)
	}{
		{"closed", func(t *testing.T, folder *Folder, _ string) { require.NoError(t, folder.Close()) }},
		{"removed", func(t *testing.T, _ *Folder, dir string) { require.NoError(t, os.RemoveAll(dir)) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			overMemory(t, memory.Options{}, func(t *testing.T, w *world) {
				a, b := w.connect(t, Config{})
				dir := filepath.Join(t.TempDir(), "folder")
				require.NoError(t, os.Mkdir(dir, 0o700))
				folder := folderOf(t, dir)
				tt.do(t, folder, dir)
				_, _, sent, saved := run{from: a, to: b, name: "x", data: []byte("x"), folder: folder}.start(t)
				_, isPathError := errors.AsType[*os.PathError](saved)
				require.True(t, isPathError, "%v", saved)
				requireError(t, saved, saved.(*Error).Err, "receive", a.id)
				requireError(t, sent, ErrRemote, "send", b.id)
				require.NotContains(t, sent.Error(), dir)
			})
		})
	}
	_, err := OpenFolder(filepath.Join(t.TempDir(), "missing"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A receiver that is cancelled keeps the part, and goes on from there.
func TestCancelledSaveResumes(t *testing.T) {
	overMemory(t, memory.Options{Delay: time.Millisecond, Rate: 10 << 20}, func(t *testing.T, w *world) {
		a, b := w.connect(t, Config{Window: MinWindow})
		dir := t.TempDir()
		data := random(1<<20, 1)
		result := make(chan error, 1)
		go func() {
			result <- a.Send(t.Context(), b.id, File{Name: "x", Size: int64(len(data)), Content: bytes.NewReader(data)})
		}()
		offer, err := b.Accept(t.Context())
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		folder := folderOf(t, dir)
		_, err = offer.Save(ctx, folder, SaveOptions{Progress: func(n int64) {
			if n > 500_000 {
				cancel()
			}
		}})
		requireError(t, err, context.Canceled, "receive", a.id)
		requireError(t, <-result, ErrCancelled, "send", b.id)
		synctest.Wait()
		_, from := run{from: a, to: b, name: "x", data: data, folder: folder}.mustArrive(t)
		require.Greater(t, from, int64(500_000))
		require.True(t, sameContents(map[string]string{"x": string(data)}, contents(t, dir)))
	})
}

// Files of one name, the one the beginning of the other, come at the same time, again and again: what is complete does
// not become the part of another one.
func TestBeginningAndWholeAtOnce(t *testing.T) {
	w := inMemory(t, memory.Options{})
	a, b := w.connect(t, Config{})
	whole := random(100_000, 1)
	for i := range 50 {
		dir := t.TempDir()
		folder := folderOf(t, dir)
		results := make(chan error, 4)
		for _, data := range [][]byte{whole, whole[:len(whole)-i*1000]} {
			go func() { results <- sendX(t, a, b, data) }()
			go func() { results <- saveNext(t, b, folder) }()
		}
		for range 4 {
			require.NoError(t, <-results)
		}
		got := contents(t, dir)
		require.Len(t, got, 2)
		require.ElementsMatch(t, []int{len(whole), len(whole) - i*1000}, []int{len(got["x"]), len(got["x (1)"])})
		for _, text := range got {
			require.True(t, text == string(whole[:len(text)]))
		}
	}
}

// A part that somebody writes is not one to go on with, also for another process.
func TestPartInUse(t *testing.T) {
	dir := t.TempDir()
	first, second := folderOf(t, dir), folderOf(t, dir)
	p, err := first.create("x")
	require.NoError(t, err)
	_, err = p.file.WriteString("meow")
	require.NoError(t, err)
	for name, folder := range map[string]*Folder{"this process": first, "another one": second} {
		other, err := folder.find("x", 4, true)
		require.NoError(t, err)
		require.Equal(t, "x (1).part", other.name, name)
		other.remove()
	}
	require.NoError(t, p.close())
	again, err := second.find("x", 4, true)
	require.NoError(t, err)
	require.Equal(t, "x.part", again.name)
	require.EqualValues(t, 4, again.have)

	saved, err := second.complete(again, "x", false)
	require.NoError(t, err)
	require.NoError(t, again.close())
	require.Equal(t, "x", saved)
	require.Equal(t, map[string]string{"x": "meow"}, contents(t, dir))
}
