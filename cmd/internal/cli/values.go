package cli

import (
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/alecthomas/kong"
)

// Values are the options with which kong reads numbers and times. Its own mappers take 010 for eight, and their
// errors speak of Go's types.
func Values() []kong.Option {
	return []kong.Option{
		kong.KindMapper(reflect.Int, kong.MapperFunc(decodeInt)),
		kong.TypeMapper(reflect.TypeFor[time.Duration](), kong.MapperFunc(decodeTime)),
	}
}

func decodeInt(c *kong.DecodeContext, target reflect.Value) error {
	token, err := c.Scan.PopValue("number")
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(token.String())
	if err != nil || strconv.Itoa(n) != token.String() {
		return fmt.Errorf("want a number, for example 100, not %q", token)
	}
	target.SetInt(int64(n))
	return nil
}

func decodeTime(c *kong.DecodeContext, target reflect.Value) error {
	token, err := c.Scan.PopValue("time")
	if err != nil {
		return err
	}
	d, err := time.ParseDuration(token.String())
	if err != nil {
		return fmt.Errorf("want a time, for example 30s or 24h, not %q", token)
	}
	target.SetInt(int64(d))
	return nil
}
