// Package natsnode runs a NATS node inside a program, for a cluster of signal servers that needs no other software.
// It is the only package that imports nats-server.
package natsnode

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// A Config configures a node.
type Config struct {
	// Name identifies the node among the others. It must stay the same after a restart.
	Name string
	// Listen is the address for clients, for example 127.0.0.1:4222. Port 0 chooses a free port.
	Listen string
	// Route is the address for the other nodes, for example 0.0.0.0:6222. Empty means that the node is alone.
	Route string
	// Peers are the routes of the other nodes: nats://host:6222, with user and password if these are needed. The
	// node's own route may be among them.
	Peers []string
	// Cluster is the name of the cluster, the same for all nodes. Empty means "rtcpeer".
	Cluster string
	// Secret is the password for routes and clients. Empty means none, which is only for closed networks.
	Secret string
}

// A Node is a NATS node with JetStream in memory.
type Node struct {
	server *server.Server
	dir    string
	secret string
}

// startTime is how long the node may take to listen.
const startTime = 30 * time.Second

// user is the user name that goes with the secret.
const user = "rtcpeer"

// Start returns a node that accepts connections. The caller must Close it.
func Start(config Config) (*Node, error) {
	host, port, err := split(config.Listen)
	if err != nil {
		return nil, fmt.Errorf("natsnode: Config.Listen: %w", err)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	dir, err := os.MkdirTemp("", "rtcpeer-nats-") // for JetStream's own state of the cluster
	if err != nil {
		return nil, fmt.Errorf("natsnode: %w", err)
	}
	options := &server.Options{
		ServerName: config.Name, Host: host, Port: port, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: dir, DisableJetStreamBanner: true,
	}
	if config.Secret != "" {
		options.Username, options.Password = user, config.Secret
	}
	if err := route(options, config); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	s, err := server.NewServer(options)
	if err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("natsnode: %w", err)
	}
	n := &Node{s, dir, config.Secret}
	s.Start()
	if !s.ReadyForConnections(startTime) {
		n.Close()
		return nil, errors.New("natsnode: the node does not listen: check that its address is free")
	}
	return n, nil
}

func route(options *server.Options, config Config) error {
	if config.Route == "" {
		return nil
	}
	host, port, err := split(config.Route)
	if err != nil {
		return fmt.Errorf("natsnode: Config.Route: %w", err)
	}
	options.Cluster = server.ClusterOpts{Name: "rtcpeer", Host: host, Port: port, PoolSize: -1, NoAdvertise: true}
	if config.Cluster != "" {
		options.Cluster.Name = config.Cluster
	}
	if config.Secret != "" {
		options.Cluster.Username, options.Cluster.Password = user, config.Secret
	}
	for _, peer := range config.Peers {
		u, err := url.Parse(peer)
		if err != nil || u.Host == "" {
			return fmt.Errorf("natsnode: Config.Peers: %q: want nats://host:6222", peer)
		}
		if u.User == nil && config.Secret != "" {
			u.User = url.UserPassword(user, config.Secret)
		}
		options.Routes = append(options.Routes, u)
	}
	return nil
}

func split(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	port, err = strconv.Atoi(text)
	return host, port, err
}

// URL returns the URL for clients. It contains the secret, if there is one.
func (n *Node) URL() string {
	if n.secret == "" {
		return n.server.ClientURL()
	}
	return strings.Replace(n.server.ClientURL(), "://", "://"+url.UserPassword(user, n.secret).String()+"@", 1)
}

// Close stops the node and waits for it.
func (n *Node) Close() {
	n.server.Shutdown()
	n.server.WaitForShutdown()
	os.RemoveAll(n.dir)
}
