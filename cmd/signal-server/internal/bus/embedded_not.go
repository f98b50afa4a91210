//go:build !nats_embedded

package bus

import "errors"

const hasNode = false

func startNode(*Options) (node, error) {
	return nil, errors.New("this program was built without a NATS node")
}
