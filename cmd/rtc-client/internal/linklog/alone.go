package linklog

import (
	"fmt"
	"strings"
	"time"
)

// AloneAfter is how long somebody waits for company before being told how it stands.
const AloneAfter = 3 * time.Second

// Alone says why nobody is connected. Others join with the command.
func Alone(node Node, command string) string {
	members := node.Members()
	if len(members) == 0 {
		return "nobody else is in the room yet; others join with: " + command
	}
	names := make([]string, 0, len(members))
	for _, id := range members[:min(len(members), 8)] {
		names = append(names, fmt.Sprint(id))
	}
	return "in the room, and not connected yet: peer " + strings.Join(names, ", ")
}

// Settle is how long to wait after somebody has come, for others who are likely to be connecting at the same time.
const Settle = 300 * time.Millisecond
