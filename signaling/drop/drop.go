// Package drop has the type of drop reasons, which logs, statistics and metrics of all packages share.
package drop

// A Reason says why a packet, a message, a member or something else was dropped, in the word that logs, statistics and
// metrics use. Each package that drops something declares its own reasons.
type Reason string
