//go:build !nats_embedded

package main

import "errors"

const hasNode = false

func startNode(*clusterOptions) (node, error) { return nil, errors.New("built without a NATS node") }
