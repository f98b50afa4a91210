package bubble_test

import (
	"sync"
	"testing"
	"time"

	"example.org/rtcpeer/testdata/bubble"
)

// Many goroutines, of which each waits for timers that fire at the same time.
func TestTimersThatFireAtOnce(t *testing.T) {
	for range 1000 {
		bubble.Test(t, func(t *testing.T) {
			var goroutines sync.WaitGroup
			for range 8 {
				goroutines.Go(func() {
					for range 20 {
						a, b := time.NewTimer(time.Millisecond), time.NewTimer(time.Millisecond)
						<-a.C
						<-b.C
					}
				})
			}
			goroutines.Wait()
		})
	}
}
