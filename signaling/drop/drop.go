// Package drop has the type of the words for why something was dropped.
package drop

// A Reason says why a packet, a message, a member or something else was dropped, in the word that logs, statistics and
// metrics use. Each package that drops something declares its own reasons.
type Reason string
