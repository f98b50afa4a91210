package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"example.org/rtcpeer/cmd/signal-server/internal/admin"
	"example.org/rtcpeer/cmd/signal-server/internal/settings"
	"example.org/rtcpeer/signaling/signalserver"
)

// A listening is an address to listen on, and the flag that sets it.
type listening struct{ flag, address string }

// listenings returns all TCP addresses of the server.
func (o *Options) listenings() (list []listening) {
	add := func(flag, address string) {
		if address != "" {
			list = append(list, listening{flag, address})
		}
	}
	add(listenFlag, o.Server.Listen)
	add("--http-redirect", o.TLS.Redirect)
	add("--metrics-listen", o.Metrics.Address())
	add(admin.ListenFlag, o.Admin.Listen)
	if o.TURN.On {
		add("--turn-listen", o.TURN.Listen)
		if o.TLS.On() && o.TURN.ListenTLS != settings.Off {
			add(turnTLSFlag, o.TURN.ListenTLS)
		}
	}
	return list
}

const (
	listenFlag  = "--listen"
	turnTLSFlag = "--turn-listen-tls"
)

// onePort reports whether members and TURN over TLS share an address. The first byte then tells the two
// protocols apart.
func (o *Options) onePort() bool {
	members, relays := listening{listenFlag, o.Server.Listen}, listening{turnTLSFlag, o.TURN.ListenTLS}
	return o.TURN.On && o.TLS.On() && relays.address != settings.Off && o.turnName() != "" &&
		(members.address == relays.address || relays.overlaps(members))
}

// turnName returns the host name under which clients reach the TURN server over TLS.
func (o *Options) turnName() string { return cmp.Or(o.TURN.Host, o.TLS.Host()) }

// checkAddresses reports addresses that net.Listen would not understand, and flags that have the same address.
func (o *Options) checkAddresses(p *settings.Problems) {
	list := o.listenings()
	if o.TURN.On && o.TLS.On() && o.TURN.ListenTLS == o.Server.Listen && o.turnName() == "" {
		p.Add("%s %s: needs --turn-host, the name in the certificate", turnTLSFlag, o.TURN.ListenTLS)
	}
	for i, l := range list {
		if !l.valid() {
			p.Add("%s %q: want host:port, for example :9080 or 127.0.0.1:9080", l.flag, l.address)
			continue
		}
		for _, other := range list[:i] {
			if l.overlaps(other) && !(l.flag == turnTLSFlag && other.flag == listenFlag) {
				p.Add("%s %s: this is also the address of %s: want another address", l.flag, l.address, other.flag)
			}
		}
	}
}

func (l listening) valid() bool {
	_, port, err := net.SplitHostPort(l.address)
	return err == nil && portNumber(port) >= 0
}

// portNumber returns the number of a port, which may be given by name. It returns -1 if the port is not valid.
func portNumber(port string) int {
	if n, err := strconv.ParseUint(port, 10, 16); err == nil {
		return int(n)
	}
	if n, err := net.LookupPort("tcp", port); err == nil && port != "" {
		return n
	}
	return -1
}

// overlaps reports whether the server cannot listen on both addresses. Port 0 never overlaps, because it means
// any free port.
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

// hostProblems returns the problems of this host: addresses that it does not have, ports that need a privilege,
// TURN without a public address. It opens each address for a moment. An address in use is not a problem,
// because the server with these settings may be running.
func (o *Options) hostProblems() (p settings.Problems) {
	for _, l := range o.listenings() {
		listener, err := net.Listen("tcp", l.address)
		if err == nil {
			listener.Close()
		} else if !errors.Is(err, syscall.EADDRINUSE) {
			p.Add("%w", listenProblem(l.flag, l.address, err))
		}
	}
	if o.TURN.On {
		o.TURN.CheckHost(&o.TLS, &p)
	}
	p.Check("--state-file", o.Server.checkStateFile())
	p.Check("--acme-cache", o.TLS.CheckCache())
	o.checkRooms(&p)
	return p
}

// checkStateFile checks that the state file can be read and that a file can be created beside it. The server
// writes a new file and renames it over the old one.
func (o *ServerOptions) checkStateFile() error {
	if o.StateFile == "" {
		return nil
	}
	if err := signalserver.CheckStateFile(o.StateFile); err != nil {
		return err
	}
	return settings.Writable(filepath.Dir(o.StateFile))
}

// checkRooms creates the signaling server for a moment. It leaves out the state file, which may belong to a
// running server.
func (o *Options) checkRooms(p *settings.Problems) {
	config, err := o.config(slog.New(slog.DiscardHandler))
	if err != nil {
		return // Check of admission.Options reports this
	}
	config.StateFile = ""
	rooms, err := signalserver.New(config)
	if err != nil {
		p.Add("%w", inRoomFlags(err))
		return
	}
	_ = rooms.Shutdown(context.Background()) // there are no sessions
}

// inRoomFlags replaces the names of signalserver's Config fields by the names of the flags.
func inRoomFlags(err error) error {
	return errors.New(strings.NewReplacer("signalserver: ", "", "Config.StateFile", "--state-file", "Config.ResumeKey", "--resume-key",
		"Config.ICEServers", "--ice-server").Replace(err.Error()))
}

// listenProblem returns an error that says why the server cannot listen on an address, and what to do.
func listenProblem(flag, address string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("address %s is in use: choose another address with %s", address, flag)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err // without the address, which the message has already
	}
	if errors.Is(err, syscall.EACCES) {
		return fmt.Errorf("%s %s: %w: a port below 1024 needs the capability CAP_NET_BIND_SERVICE", flag, address, err)
	}
	return fmt.Errorf("%s %s: %w: want an address of this host, as host:port", flag, address, err)
}
