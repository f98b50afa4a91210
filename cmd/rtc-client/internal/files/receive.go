package files

import (
	"context"
	"time"

	"example.org/rtcpeer/cmd/internal/cli"
	"example.org/rtcpeer/cmd/rtc-client/internal/console"
	"example.org/rtcpeer/cmd/rtc-client/internal/entry"
	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transfer"
)

// Receive is the command receive: it saves files that others send in a folder.
type Receive struct {
	entry.Room
	Dir       string        `default:"." placeholder:"DIR" help:"Existing folder in which to save the files (${default})."`
	Yes       bool          `short:"y" help:"Accept every file without asking."`
	Overwrite bool          `help:"Replace files of the same name instead of choosing a new name."`
	Stay      bool          `help:"Keep running after the senders have left, until interrupted."`
	Wait      time.Duration `placeholder:"TIME" help:"How long to wait for the first offer (no limit)."`
	JSON      bool          `name:"json" help:"Print a JSON object for each file instead of its path: file, peer, bytes, resumed_from, ms, error."`
}

func (*Receive) Help() string {
	return `Saves files that other members send, with "rtc-client send" or from a page or program, and prints their paths. Without --yes it asks on stderr before it accepts a file; answer y or n on stdin. It ends when all members that have sent something have left.

File names are made safe, nothing is written outside the folder, and no file is replaced: a second cat.jpg becomes "cat (1).jpg". A file is called NAME.part until it is complete and its SHA-256 is right. If the link or either end is lost, NAME.part is kept, and the transfer resumes when the file is sent again, even after this command was restarted.

The exit code is 1 if an accepted file has not arrived. Both ends need the same --channels; files use the first reliable one (reliable).

Examples:

  rtc-client receive ws://localhost:9080/lobby
  rtc-client receive --yes --dir photos wss://signal.example.org/oak-57`
}

// Run receives files.
func (o *Receive) Run(ctx context.Context, c *console.Console) error {
	if o.Wait < 0 {
		return cli.Usagef("--wait %v: want a positive time, or 0 for no limit", o.Wait)
	}
	if _, err := o.RoomName(); err != nil {
		return err
	}
	folder, err := transfer.OpenFolder(o.Dir)
	if err != nil {
		return cli.Usage(err)
	}
	defer folder.Close()
	x, err := newExchange(ctx, &o.Room, c, o.JSON, false)
	if err != nil {
		return cli.UnlessInterrupted(ctx, err)
	}
	defer x.close()
	r := receiveRun{
		exchange: x, folder: folder, dir: o.Dir, yes: o.Yes, overwrite: o.Overwrite, stay: o.Stay, wait: o.Wait,
		senders: make(map[rtcpeer.PeerID]bool), running: make(map[string]*incoming), missing: make(map[string]bool),
	}
	return r.run(ctx)
}
