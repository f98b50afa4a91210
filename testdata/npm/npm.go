// Package npm installs the npm packages that tests need.
package npm

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"example.org/rtcpeer/testdata/filelock"
)

// Install runs npm ci in a folder with a package-lock.json, unless what that file names has been installed since it last
// changed. It locks the file meanwhile, because tests of several packages may want the same folder at a time.
func Install(folder string) error {
	file, err := filelock.Open(filepath.Join(folder, "package-lock.json"))
	if err != nil {
		return err
	}
	defer file.Close()
	wanted, err := file.Stat()
	if err != nil {
		return err
	}
	installed, err := os.Stat(filepath.Join(folder, "node_modules", ".package-lock.json"))
	if err == nil && !installed.ModTime().Before(wanted.ModTime()) {
		return nil
	}
	ci := exec.Command("npm", "ci")
	ci.Dir = folder
	if out, err := ci.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci in %s: %w: %s", folder, err, out)
	}
	return nil
}
