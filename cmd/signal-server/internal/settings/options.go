package settings

import "time"

// Say adds a line to the description of what the server will do. It must not get secrets.
type Say func(format string, args ...any)

// Off is the value with which some flags turn something off.
const Off = "off"

// NoneIfZero returns n for a Config in which 0 means the default and a negative number means none. For flags 0
// means none.
func NoneIfZero[N int | time.Duration](n N) N {
	if n == 0 {
		return -1
	}
	return n
}
