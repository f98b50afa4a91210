package files

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"example.org/rtcpeer/cmd/internal/cli"
	"example.org/rtcpeer/cmd/rtc-client/internal/console"
	"example.org/rtcpeer/cmd/rtc-client/internal/entry"
	"example.org/rtcpeer/rtcpeer"
)

// Send is the command send: it sends files to a peer.
type Send struct {
	Args []string `arg:"" name:"file ... url" help:"The files, followed by the URL of the room, for example ws://host:port/room. If the URL names no room, the server creates one, and its URL is printed."`
	entry.Flags
	Peer int32         `placeholder:"ID" help:"Send only to this peer (the first that receives files)."`
	Wait time.Duration `placeholder:"TIME" help:"How long to wait for a receiver each time the room has none (no limit)."`
	JSON bool          `name:"json" help:"Print a JSON object for each file: file, peer, bytes, resumed_from, ms, error."`
}

func (*Send) Help() string {
	return `Sends the files to a peer that runs "rtc-client receive" in the room, or a page or program that does the same. The other end must accept each file first. A file counts as sent when the other end has all of it and its SHA-256 is right.

If the link or the other end is lost, the command waits for it or for another receiver, and resumes the transfer. Only a pipe cannot be resumed: once a part of it was read, it counts as not sent. If this end is lost, run the same command again: bytes that the other end already has are not sent again.

The exit code is 1 if a file was not sent. Both ends need the same --channels; files use the first reliable one (reliable).

Examples:

  rtc-client send film.mp4 ws://localhost:9080/lobby
  rtc-client send --wait 1m *.jpg wss://signal.example.org`
}

// Run sends the files.
func (o *Send) Run(ctx context.Context, c *console.Console) error {
	if len(o.Args) < 2 {
		return cli.Usagef("want at least one file, followed by the URL of the room: rtc-client send FILE... URL")
	}
	last := len(o.Args) - 1
	in := entry.Room{URL: o.Args[last], Flags: o.Flags}
	_, err := in.RoomName()
	switch {
	case err != nil:
		return err
	case o.Peer < 0:
		return cli.Usagef("--peer %d: want the id of a peer, which is positive", o.Peer)
	case o.Wait < 0:
		return cli.Usagef("--wait %v: want a positive time, or 0 for no limit", o.Wait)
	}
	r := sendRun{peer: rtcpeer.PeerID(o.Peer), wait: o.Wait, unwilling: make(map[rtcpeer.PeerID]bool)}
	for _, path := range o.Args[:last] {
		p, err := newOutgoing(path)
		if err != nil {
			return err
		}
		r.todo = append(r.todo, p)
	}
	if r.exchange, err = newExchange(ctx, &in, c, o.JSON, true); err != nil {
		return err
	}
	defer r.close()
	return r.run(ctx)
}

// An outgoing is a file to send.
type outgoing struct {
	path   string
	size   int64   // negative: not known, because it is not a regular file
	stream *stream // nil: it is a regular file
}

func newOutgoing(path string) (*outgoing, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, cli.Usage(err)
	case info.IsDir():
		return nil, cli.Usagef("%s is a folder: name the files in it, or send an archive of it", path)
	case !info.Mode().IsRegular():
		return &outgoing{path, -1, newStream(path)}, nil
	}
	return &outgoing{path, info.Size(), nil}, nil
}

func (p *outgoing) name() string { return filepath.Base(p.path) }
