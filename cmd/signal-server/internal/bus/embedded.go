//go:build nats_embedded

package bus

import "example.org/rtcpeer/signaling/cluster/natsnode"

// hasNode is true if the program was built with a NATS node. The node makes the program larger: DEPLOY.md has
// the figures.
const hasNode = true

func startNode(o *Options) (node, error) {
	return natsnode.Start(natsnode.Config{Name: o.ServerName(), Listen: "127.0.0.1:0", Route: o.Embedded, Peers: o.Peers,
		Cluster: "rtcpeer-" + o.Name, Secret: string(o.Secret)})
}
