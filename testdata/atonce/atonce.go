// Package atonce lets more parallel tests run at a time than there are processors.
package atonce

import (
	"flag"
	"strconv"
)

// Set has n parallel tests run at the same time, unless -parallel says otherwise. Without it Go runs as many as there are
// processors, which is too few where tests mostly wait. TestMain calls it before Run.
func Set(n int) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if given {
		return
	}
	if err := flag.Set("test.parallel", strconv.Itoa(n)); err != nil {
		panic(err) // this is no test
	}
}
