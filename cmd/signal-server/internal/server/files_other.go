//go:build !unix

package server

import "math"

// allowedFiles returns how many files this process may have open. This system has no such limit.
func allowedFiles() int { return math.MaxInt }
