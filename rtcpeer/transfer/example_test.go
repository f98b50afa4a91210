package transfer_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transfer"
)

// A program that sends a file to everybody who comes, and saves what others send. It takes each offer.
func Example() {
	ctx := context.Background()
	if err := exchange(ctx, "ws://localhost:9080/lobby", "cat.jpg", "received", os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func exchange(ctx context.Context, url, path, dir string, out io.Writer) error {
	node, err := rtcpeer.Join(ctx, url, rtcpeer.Config{Channels: []rtcpeer.Mode{rtcpeer.Reliable}})
	if err != nil {
		return err
	}
	defer node.Close()
	files, err := transfer.New(node, 1, transfer.Config{})
	if err != nil {
		return err
	}
	defer files.Close()
	folder, err := transfer.OpenFolder(dir)
	if err != nil {
		return err
	}
	defer folder.Close()

	go saveAll(ctx, files, folder, out)
	for {
		ev, err := node.Receive(ctx)
		if err != nil {
			return err
		}
		if files.Handle(ev) {
			continue
		}
		if ev.Kind == rtcpeer.PeerConnected {
			go send(ctx, files, ev.Peer, path)
		}
	}
}

func send(ctx context.Context, files *transfer.Files, to rtcpeer.PeerID, path string) {
	f, err := os.Open(path)
	if err != nil {
		log.Print(err)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil {
		err = files.Send(ctx, to, transfer.File{Name: filepath.Base(path), Size: info.Size(), Content: f})
	}
	if err != nil {
		log.Print(err)
	}
}

// saveAll ends when the files are closed.
func saveAll(ctx context.Context, files *transfer.Files, folder *transfer.Folder, out io.Writer) {
	for {
		offer, err := files.Accept(ctx)
		if err != nil {
			return
		}
		name, err := offer.Save(ctx, folder, transfer.SaveOptions{})
		if err != nil {
			log.Print(err)
			continue
		}
		fmt.Fprintln(out, "saved", name)
	}
}
