// Release builds what a release of rtcpeer consists of, into one folder:
//
//	rtcpeer-VERSION-OS-ARCH.tar.gz (.zip for Windows)   both programs, README.md, DEPLOY.md, deploy, LICENSE
//	signal-server-VERSION-image.tar.gz                  a container image's context: Dockerfile and a binary for each ARCH
//	rtcpeer-NPMVERSION.tgz                              the JavaScript module, for npm publish
//	SHA256SUMS
//
//	go run ./testdata/release --out dist
//
// The version is that of the Git tag at HEAD, or the pseudo-version of the commit. The same commit and the same Go
// version give the same bytes: paths are trimmed, and every file in an archive has the time of the commit.
package main

import (
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const usage = `Usage: go run ./testdata/release [flags]

Build archives of both programs for all platforms, the context of a container
image, the npm package and their checksums. The working tree must be clean.

`

var platforms = []string{
	"linux/amd64", "linux/arm64", "linux/arm", "linux/386", "darwin/amd64", "darwin/arm64",
	"windows/amd64", "windows/arm64", "windows/386", "freebsd/amd64",
}

// images are the platforms of the container image.
var images = []string{"linux/amd64", "linux/arm64"}

func main() {
	flags := flag.NewFlagSet("release", flag.ExitOnError)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), usage)
		flags.PrintDefaults()
	}
	out := flags.String("out", "dist", "`folder` for the files; it must be empty or missing")
	list := flags.String("platforms", strings.Join(platforms, ","), "`list` of OS/ARCH to build for")
	npm := flags.Bool("npm", true, "pack the npm package too, which needs npm")
	_ = flags.Parse(os.Args[1:]) // it exits by itself
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := release(ctx, *out, strings.Split(*list, ","), *npm); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// A maker makes the files of one release.
type maker struct {
	root    string // of the repository
	out     string
	built   string    // folder of the binaries: OS-ARCH/PROGRAM
	time    time.Time // of the commit
	version string    // of the first program that was built
}

func release(ctx context.Context, out string, platforms []string, npm bool) error {
	root, err := output(ctx, "", "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	changed, err := output(ctx, root, "git", "status", "--porcelain")
	if err != nil {
		return err
	}
	if changed != "" {
		return fmt.Errorf("the working tree has changes that are not committed: commit them first\n%s", changed)
	}
	if out, err = filepath.Abs(out); err != nil {
		return err
	}
	if there, err := os.ReadDir(out); err == nil && len(there) > 0 {
		return fmt.Errorf("%s is not empty: remove it, or choose another --out", out)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	built, err := os.MkdirTemp("", "release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(built)
	seconds, err := output(ctx, root, "git", "log", "-1", "--format=%ct")
	if err != nil {
		return err
	}
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return fmt.Errorf("time of the commit: %w", err)
	}
	m := &maker{root: root, out: out, built: built, time: time.Unix(at, 0).UTC()}
	for i, platform := range platforms {
		fmt.Fprintf(os.Stderr, "%d/%d %s\n", i+1, len(platforms), platform)
		if err := m.programs(ctx, platform); err != nil {
			return fmt.Errorf("%s: %w", platform, err)
		}
	}
	if err := m.image(platforms); err != nil {
		return fmt.Errorf("container image: %w", err)
	}
	if npm {
		if _, err := output(ctx, filepath.Join(root, "rtcpeer", "js"), "npm", "pack", "--silent", "--pack-destination", out); err != nil {
			return err
		}
	}
	return m.checksums()
}

// programs builds both programs for a platform, and their archive.
func (m *maker) programs(ctx context.Context, platform string) error {
	goos, goarch, ok := strings.Cut(platform, "/")
	if !ok {
		return errors.New("want OS/ARCH, as linux/amd64")
	}
	folder := filepath.Join(m.built, goos+"-"+goarch)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=true", "-ldflags=-s -w", "-o", folder+string(filepath.Separator),
		"./cmd/signal-server", "./cmd/rtc-client")
	cmd.Dir = m.root
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	suffix, pack := "", tarball
	if goos == "windows" {
		suffix, pack = ".exe", zipped
	}
	if m.version == "" {
		info, err := buildinfo.ReadFile(filepath.Join(folder, "rtc-client"+suffix))
		if err != nil {
			return err
		}
		m.version = info.Main.Version
	}
	name := fmt.Sprintf("rtcpeer-%s-%s-%s", m.version, goos, goarch)
	entries, err := m.documents()
	if err != nil {
		return err
	}
	for _, program := range []string{"signal-server", "rtc-client"} {
		entries = append(entries, entry{program + suffix, filepath.Join(folder, program+suffix), 0o755})
	}
	return m.archive(name, pack, entries)
}

// documents are what an archive has besides the programs. The steps of DEPLOY.md copy files of deploy.
func (m *maker) documents() ([]entry, error) {
	server := filepath.Join(m.root, "cmd", "signal-server")
	entries := []entry{
		{"README.md", filepath.Join(m.root, "README.md"), 0o644},
		{"DEPLOY.md", filepath.Join(server, "DEPLOY.md"), 0o644},
		{"LICENSE", filepath.Join(m.root, "rtcpeer", "js", "LICENSE"), 0o644},
	}
	files, err := os.ReadDir(filepath.Join(server, "deploy"))
	for _, f := range files {
		entries = append(entries, entry{"deploy/" + f.Name(), filepath.Join(server, "deploy", f.Name()), 0o644})
	}
	return entries, err
}

// image makes the context from which "docker buildx build" makes the image without compiling anything.
func (m *maker) image(platforms []string) error {
	entries := []entry{{"Dockerfile", filepath.Join(m.root, "testdata", "release", "Dockerfile"), 0o644}}
	for _, platform := range images {
		if slices.Contains(platforms, platform) {
			folder := strings.ReplaceAll(platform, "/", "-")
			entries = append(entries, entry{folder + "/signal-server", filepath.Join(m.built, folder, "signal-server"), 0o755})
		}
	}
	if len(entries) == 1 {
		return nil // none of its platforms was asked for
	}
	return m.archive("signal-server-"+m.version+"-image", tarball, entries)
}

// archive writes an archive whose files are all in a folder of its name.
func (m *maker) archive(name string, pack packer, entries []entry) error {
	file, err := os.Create(filepath.Join(m.out, name+pack.suffix))
	if err != nil {
		return err
	}
	return errors.Join(pack.write(file, name, m.time, entries), file.Close())
}

func (m *maker) checksums() error {
	files, err := os.ReadDir(m.out)
	if err != nil {
		return err
	}
	var sums strings.Builder
	for _, file := range files {
		sum, err := checksum(filepath.Join(m.out, file.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sum, file.Name())
	}
	fmt.Print(sums.String())
	return os.WriteFile(filepath.Join(m.out, "SHA256SUMS"), []byte(sums.String()), 0o644)
}

func checksum(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	hash := sha256.New()
	_, err = io.Copy(hash, file)
	return hash.Sum(nil), err
}

// output runs a program and returns what it prints, trimmed.
func output(ctx context.Context, folder, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = folder
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}
