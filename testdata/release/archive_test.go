package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Whoever builds the same commit has the same checksums, whenever and wherever that is.
func TestArchivesAreReproducible(t *testing.T) {
	at := time.Unix(1_800_000_000, 0).UTC()
	write := func(p packer) []byte {
		folder := t.TempDir()
		program, text := filepath.Join(folder, "a"), filepath.Join(folder, "b")
		require.NoError(t, os.WriteFile(program, []byte("program"), 0o700))
		require.NoError(t, os.WriteFile(text, []byte("text"), 0o600))
		var b bytes.Buffer
		require.NoError(t, p.write(&b, "folder", at, []entry{{"program", program, 0o755}, {"text", text, 0o644}}))
		return b.Bytes()
	}
	for _, p := range []packer{tarball, zipped} {
		t.Run(p.suffix, func(t *testing.T) { require.Equal(t, write(p), write(p)) })
	}

	compressed, err := gzip.NewReader(bytes.NewReader(write(tarball)))
	require.NoError(t, err)
	in := tar.NewReader(compressed)
	header, err := in.Next()
	require.NoError(t, err)
	content, err := io.ReadAll(in)
	require.NoError(t, err)
	require.Equal(t, "folder/program", header.Name)
	require.Equal(t, fs.FileMode(0o755), header.FileInfo().Mode())
	require.Equal(t, "program", string(content))
	require.True(t, header.ModTime.Equal(at))

	data := write(zipped)
	zr, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	require.Equal(t, "folder/text", zr.File[1].Name)
	require.Equal(t, fs.FileMode(0o644), zr.File[1].Mode())
	require.True(t, zr.File[1].Modified.Equal(at))
}

func TestDocumentsOfAnArchive(t *testing.T) {
	m := &maker{root: filepath.Join("..", "..")}
	entries, err := m.documents()
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		require.FileExists(t, e.file)
		names = append(names, e.name)
	}
	for _, name := range []string{"README.md", "DEPLOY.md", "LICENSE", "deploy/config.yaml", "deploy/signal-server.service", "deploy/nginx.conf"} {
		require.Contains(t, names, name)
	}
}
