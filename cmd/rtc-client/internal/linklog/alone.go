package linklog

import (
	"fmt"
	"strings"
	"time"
)

// AloneAfter is how long a command waits for a peer before it tells the user why nobody is connected.
const AloneAfter = 3 * time.Second

// Alone returns a message that says why nobody is connected. command is the command line with which others
// join.
func Alone(node Node, command string) string {
	members := node.Members()
	if len(members) == 0 {
		return "nobody else is in the room yet; others join with: " + command
	}
	names := make([]string, 0, len(members))
	for _, id := range members[:min(len(members), 8)] {
		names = append(names, fmt.Sprint(id))
	}
	return "in the room, but not connected yet: peer " + strings.Join(names, ", ")
}

// Settle is how long to wait after the first peer has connected, for others that are probably connecting at the
// same time.
const Settle = 300 * time.Millisecond
