package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// Main runs a program and ends the process with the exit code that run returns. The context of run is done
// after the first SIGINT or SIGTERM, so that the program can end in order. A second one ends the process at
// once.
func Main(run func(context.Context) int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx))
}

// A Parser is kong's parser for the flags of a program.
type Parser struct {
	*kong.Kong
	printed bool // --help or --version has printed
}

// NewParser returns the parser for a program. commands points to a struct whose fields are the commands. Their
// Run methods can have ctx as a parameter. The texts of --help and --version are written to out.
func NewParser(ctx context.Context, name string, commands any, out io.Writer, more ...kong.Option) (*Parser, error) {
	p := new(Parser)
	common := []kong.Option{
		kong.Name(name),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100, NoExpandSubcommands: true}),
		kong.Writers(out, io.Discard),
		kong.Exit(func(int) { p.printed = true }),
		kong.BindTo(ctx, (*context.Context)(nil)),
	}
	var err error
	p.Kong, err = kong.New(commands, slices.Concat(common, Values(), more)...)
	return p, err
}

// Printed reports whether the arguments that were parsed contain --help or --version. Then there is no command
// to run, and an error of Parse has no meaning.
func (p *Parser) Printed() bool { return p.printed }

// Mistake returns err as a mistake of the user of a program, with a hint at its --help.
func Mistake(program string, err error) error { return Usagef("%w; see %s --help", err, program) }

// Variable returns the name of the environment variable for a flag of a program: RTC_CLIENT_ICE_SERVER for flag
// ice-server of rtc-client.
func Variable(program, flag string) string {
	return strings.ToUpper(strings.ReplaceAll(program+"_"+flag, "-", "_"))
}

// TuneGC sets the garbage collector's percentage and soft memory limit in bytes, unless env has GOGC or
// GOMEMLIMIT, with which the user decides. env is like os.LookupEnv.
func TuneGC(env func(name string) (value string, found bool), percent int, limit int64) {
	_, hasPercent := env("GOGC")
	_, hasLimit := env("GOMEMLIMIT")
	if hasPercent || hasLimit {
		return
	}
	debug.SetGCPercent(percent)
	debug.SetMemoryLimit(limit)
}
