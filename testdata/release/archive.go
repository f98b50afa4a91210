package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"path"
	"time"
)

// An entry is a file of an archive.
type entry struct {
	name string // in the archive, with slashes
	file string
	mode fs.FileMode
}

// A packer writes an archive. The same entries give the same bytes: nothing of the machine is in it but the files.
type packer struct {
	suffix string
	write  func(w io.Writer, folder string, at time.Time, entries []entry) error
}

var (
	tarball = packer{".tar.gz", writeTar}
	zipped  = packer{".zip", writeZip}
)

func writeTar(w io.Writer, folder string, at time.Time, entries []entry) error {
	compressed, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(compressed)
	for _, e := range entries {
		content, err := os.ReadFile(e.file)
		if err != nil {
			return err
		}
		header := &tar.Header{Name: path.Join(folder, e.name), Mode: int64(e.mode), Size: int64(len(content)), ModTime: at, Format: tar.FormatPAX}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := archive.Write(content); err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return compressed.Close()
}

func writeZip(w io.Writer, folder string, at time.Time, entries []entry) error {
	archive := zip.NewWriter(w)
	for _, e := range entries {
		content, err := os.ReadFile(e.file)
		if err != nil {
			return err
		}
		header := &zip.FileHeader{Name: path.Join(folder, e.name), Method: zip.Deflate, Modified: at}
		header.SetMode(e.mode)
		file, err := archive.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := file.Write(content); err != nil {
			return err
		}
	}
	return archive.Close()
}
