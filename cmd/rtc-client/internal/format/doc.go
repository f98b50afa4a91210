// Package format turns errors, durations and numbers into the words that the commands print. Clean makes text
// from other machines safe to print. The package itself prints nothing.
package format
