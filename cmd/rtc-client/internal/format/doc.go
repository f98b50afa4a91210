// Package format turns errors, durations and numbers into the words that the commands print. What was
// written by others is made safe to print with Clean. It prints nothing itself.
package format
