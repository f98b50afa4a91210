//go:build !js

package main

import (
	"context"
	_ "embed"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

//go:embed index.html
var index []byte

// servePage compiles the page and serves it until stop is called. stop waits for the server to end.
func servePage(listener net.Listener, room string) (stop func(), err error) {
	folder, err := os.MkdirTemp("", "dots")
	if err != nil {
		return nil, err
	}
	goroot, err := compilePage(filepath.Join(folder, "dots.wasm"))
	if err != nil {
		os.RemoveAll(folder)
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		if !r.URL.Query().Has("room") {
			http.Redirect(w, r, "/?room="+room, http.StatusFound)
			return
		}
		_, _ = w.Write(index)
	})
	mux.HandleFunc("GET /dots.wasm", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(folder, "dots.wasm"))
	})
	mux.HandleFunc("GET /wasm_exec.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(goroot, "lib", "wasm", "wasm_exec.js"))
	})
	web := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	var serving sync.WaitGroup
	serving.Go(func() { _ = web.Serve(listener) })
	return func() {
		_ = web.Shutdown(context.Background())
		serving.Wait()
		os.RemoveAll(folder)
	}, nil
}

// compilePage compiles this program for the page. This needs the go command, and a working directory inside
// this module.
func compilePage(out string) (goroot string, err error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("-page needs Go: %w", err)
	}
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", out, "example.org/rtcpeer/rtcpeer/examples/dots")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile the page: %w: %s", err, said)
	}
	return strings.TrimSpace(string(root)), nil
}
