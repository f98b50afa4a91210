// Package filelock makes tests of several packages take turns with a file.
package filelock

import "os"

// Open opens a file that exists, and waits until no other program has it open by this function.
func Open(path string) (*os.File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := lock(file); err != nil {
		file.Close()
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	return file, nil
}
