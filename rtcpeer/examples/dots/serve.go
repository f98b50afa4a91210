//go:build !js

package main

import (
	"bytes"
	"compress/gzip"
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
	wasm := filepath.Join(folder, "dots.wasm")
	goroot, err := compilePage(wasm)
	if err == nil {
		err = compress(wasm)
	}
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
		w.Header().Set("Vary", "Accept-Encoding")
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			http.ServeFile(w, r, wasm)
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Type", "application/wasm")
		http.ServeFile(w, r, wasm+".gz")
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

// compress writes file.gz beside a file: a quarter of its size.
func compress(file string) error {
	plain, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	packer := gzip.NewWriter(&b)
	if _, err := packer.Write(plain); err != nil {
		return err
	}
	if err := packer.Close(); err != nil {
		return err
	}
	return os.WriteFile(file+".gz", b.Bytes(), 0o600)
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
