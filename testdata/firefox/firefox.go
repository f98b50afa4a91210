// Package firefox starts headless Firefoxes for tests.
package firefox

import (
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Program is the name of the command.
const Program = "firefox-esr"

// quiet has preferences with which Firefox loads only what it is told to load.
//
//go:embed user.js
var quiet string

// Command returns the command of a Firefox that shows url, with the profile in a folder, which must exist. more
// has further lines for its user.js.
func Command(profile, url string, more ...string) (*exec.Cmd, error) {
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(quiet+strings.Join(more, "\n")), 0o600); err != nil {
		return nil, err
	}
	return exec.Command(Program, "--headless", "--no-remote", "--profile", profile, url), nil
}
