package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"example.org/rtcpeer/signaling/signalserver"
	"example.org/rtcpeer/signaling/turnserver"
)

// A listening is an address to listen on, and the flag that says so.
type listening struct{ flag, address string }

// listenings are all TCP addresses of the server.
func (o *options) listenings() (list []listening) {
	add := func(flag, address string) {
		if address != "" {
			list = append(list, listening{flag, address})
		}
	}
	add(listenFlag, o.Server.Listen)
	add("--http-redirect", o.TLS.Redirect)
	add("--metrics-listen", o.Operation.metricsAddress())
	add("--admin-listen", o.Operation.Admin)
	if o.TURN.On {
		add("--turn-listen", o.TURN.Listen)
		if o.TLS.on() && o.TURN.ListenTLS != off {
			add(turnTLSFlag, o.TURN.ListenTLS)
		}
	}
	return list
}

const (
	listenFlag  = "--listen"
	turnTLSFlag = "--turn-listen-tls"
)

// onePort reports whether members and TURN over TLS share an address, on which the first byte tells them apart.
func (o *options) onePort() bool {
	members, relays := listening{listenFlag, o.Server.Listen}, listening{turnTLSFlag, o.TURN.ListenTLS}
	return o.TURN.On && o.TLS.on() && relays.address != off && o.turnName() != "" &&
		(members.address == relays.address || relays.overlaps(members))
}

// turnName is how clients name the TURN server over TLS.
func (o *options) turnName() string { return cmp.Or(o.TURN.Host, o.TLS.host()) }

// checkAddresses finds what net.Listen would not understand, and two flags with one address.
func (o *options) checkAddresses(p *problems) {
	list := o.listenings()
	if o.TURN.On && o.TLS.on() && o.TURN.ListenTLS == o.Server.Listen && o.turnName() == "" {
		p.add("%s %s: needs --turn-host, the name in the certificate", turnTLSFlag, o.TURN.ListenTLS)
	}
	for i, l := range list {
		if !l.valid() {
			p.add("%s %q: want host:port, as :9080 or 127.0.0.1:9080", l.flag, l.address)
			continue
		}
		for _, other := range list[:i] {
			if l.overlaps(other) && !(l.flag == turnTLSFlag && other.flag == listenFlag) {
				p.add("%s %s: is the address of %s too; want another one", l.flag, l.address, other.flag)
			}
		}
	}
}

func (l listening) valid() bool {
	_, port, err := net.SplitHostPort(l.address)
	return err == nil && portNumber(port) >= 0
}

// portNumber returns the number of a port, which may have a name, or -1.
func portNumber(port string) int {
	if n, err := strconv.ParseUint(port, 10, 16); err == nil {
		return int(n)
	}
	if n, err := net.LookupPort("tcp", port); err == nil && port != "" {
		return n
	}
	return -1
}

// overlaps reports whether both cannot be listened on. Port 0 is any that is free.
func (l listening) overlaps(other listening) bool {
	host, port, _ := net.SplitHostPort(l.address)
	otherHost, otherPort, err := net.SplitHostPort(other.address)
	number := portNumber(port)
	return err == nil && number != 0 && number == portNumber(otherPort) &&
		(host == otherHost || wildcard(host) || wildcard(otherHost))
}

func wildcard(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "" || err == nil && a.IsUnspecified()
}

// hostProblems are what is wrong with this host: addresses that are not its own, ports that one may not use, TURN
// without a public address. It opens each address for a moment. One that is in use is no problem: it may be
// by the server whose settings these are.
func (o *options) hostProblems() (p problems) {
	for _, l := range o.listenings() {
		listener, err := net.Listen("tcp", l.address)
		if err == nil {
			listener.Close()
		} else if !errors.Is(err, syscall.EADDRINUSE) {
			p.add("%w", listenProblem(l.flag, l.address, err))
		}
	}
	if o.TURN.On {
		o.TURN.checkHost(&o.TLS, &p)
	}
	p.check("--state-file", o.Server.checkStateFile())
	o.checkRooms(&p)
	return p
}

// checkStateFile finds whether the file can be read, and one be made beside it, as it is replaced by a new one.
func (o *serverOptions) checkStateFile() error {
	if o.StateFile == "" {
		return nil
	}
	if _, err := os.ReadFile(o.StateFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(o.StateFile), ".check-config-*")
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

// checkRooms makes the rooms for a moment, without the state file, which may be a running server's.
func (o *options) checkRooms(p *problems) {
	config, err := o.config(slog.New(slog.DiscardHandler))
	if err != nil {
		return // authOptions say so
	}
	config.StateFile = ""
	rooms, err := signalserver.New(config)
	if err != nil {
		p.add("%w", inRoomFlags(err))
		return
	}
	_ = rooms.Shutdown(context.Background()) // there are no sessions
}

// inRoomFlags puts the flags in place of signalserver's fields.
func inRoomFlags(err error) error {
	return errors.New(strings.NewReplacer("signalserver: ", "", "Config.StateFile", "--state-file", "Config.ResumeKey", "--resume-key",
		"Config.ICEServers", "--ice-server").Replace(err.Error()))
}

// checkHost runs the TURN server for a moment, on ports that nobody uses.
func (o *turnOptions) checkHost(t *tlsOptions, p *problems) {
	certificates, err := t.certificates(nil)
	if err != nil {
		return // tlsOptions say so
	}
	c := o.config(certificates.config, cmp.Or(o.Host, t.host()), nil)
	for _, address := range []*string{&c.UDP, &c.TCP, &c.TLS} {
		if host, _, err := net.SplitHostPort(*address); err == nil {
			*address = net.JoinHostPort(host, "0")
		}
	}
	server, err := turnserver.New(c)
	if err != nil {
		p.add("--turn: %w", inFlags(err))
		return
	}
	server.Close()
}

// listenProblem says why an address cannot be listened on, and what to do.
func listenProblem(flag, address string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("address %s is in use; choose another one with %s", address, flag)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err // without what the flag says anyway
	}
	if errors.Is(err, syscall.EACCES) {
		return fmt.Errorf("%s %s: %w; a port below 1024 needs the capability CAP_NET_BIND_SERVICE", flag, address, err)
	}
	return fmt.Errorf("%s %s: %w; want host:port of this host", flag, address, err)
}
