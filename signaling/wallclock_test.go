package signaling_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Nothing of the server measures time by the wall clock, which an operator or NTP may set forwards and
// backwards. A time.Time is measured by the monotonic clock as long as it is only what time.Now returned. So
// what makes a time of the wall clock, or a number of one, and what subtracts a date, is allowed in few places.
func TestNoWallClockTimeIsSubtracted(t *testing.T) {
	allowed := map[string]string{
		"signaling/clock/clock.go: time.Until":                    "the one place in which a date becomes a duration",
		"signaling/clock/clock.go: .Round(0)":                     "a step of the wall clock is noticed by it",
		"signaling/signalserver/admission.go: time.Date":          "a date to compare with",
		"signaling/signalserver/admission.go: .UTC":               "a date that is kept as JSON",
		"signaling/turnserver/credentials.go: time.Unix":          "the user name of a credential has a date",
		"signaling/turnserver/credentials.go: .Unix":              "likewise",
		"signaling/signalclient/redial.go: time.Until":            "of times that time.Now has made",
		"signaling/cluster/lease.go: .UnixNano":                   "a machine that slept does not go on as an owner: a step of the clock can only end a lease",
		"signaling/cluster/natsbus/natsbus.go: .UnixMicro":        "the messages of a new bucket are numbered after those of one before",
		"cmd/signal-server/internal/admission/hook.go: time.Unix": "the answer of a hook has a date",
		"cmd/signal-server/internal/metrics/metrics.go: .Unix":    "a figure has the date at which a certificate ends",
		"cmd/signal-server/internal/admission/jwt.go: time.Unix":  "a token has the date at which a membership ends",
		"cmd/signal-server/internal/admission/token.go: .Unix":    "likewise",
		"cmd/signal-server/internal/admission/jwt.go: time.Until": "a token whose date is a hundred years ahead is refused",
	}
	for _, root := range []string{".", "../cmd/signal-server"} {
		require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, path, nil, 0)
			if err != nil {
				return err
			}
			name := strings.TrimPrefix(filepath.ToSlash(filepath.Join("signaling", path)), "../")
			ast.Inspect(file, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					if what := wallClock(call); what != "" {
						use := name + ": " + what
						require.Contains(t, allowed, use, "%s", files.Position(call.Pos()))
					}
				}
				return true
			})
			return nil
		}))
	}
}

// wallClock names a call that makes a wall-clock time or a number of one, takes the monotonic part away, or
// takes the time until a date.
func wallClock(call *ast.CallExpr) string {
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	pkg, _ := f.X.(*ast.Ident)
	inTime := pkg != nil && pkg.Name == "time"
	switch f.Sel.Name {
	case "Unix", "UnixMilli", "UnixMicro", "Date", "Parse", "ParseInLocation", "Until":
		if inTime {
			return "time." + f.Sel.Name
		}
	}
	switch f.Sel.Name {
	case "Unix", "UnixMilli", "UnixMicro", "UnixNano", "AddDate", "UTC", "Local", "In":
		return "." + f.Sel.Name
	case "Round", "Truncate":
		if zero, ok := call.Args[0].(*ast.BasicLit); ok && zero.Value == "0" {
			return fmt.Sprintf(".%s(0)", f.Sel.Name)
		}
	}
	return ""
}
