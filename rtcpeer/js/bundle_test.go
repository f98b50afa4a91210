package js_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evanw/esbuild/pkg/api"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write rtcpeer.js and its source map")

// ours are names of members that neither programs nor tests, nor the browser or the wire, have to do with. They
// get short names, which saves 5 % of what is served.
const ours = "acknowledge|admit|announce|answered|answersOther|askAgain|asked|backlogged|beaten|began|" +
	"broken|burst|candidates|capable|carried|channelNumber|checkCommand|checkSize|clearTimers|" +
	"closeAll|closedByPeer|controlled|counts|deadline|decide|deliver|described|dismissed|doubted|drain|" +
	"drained|dropNext|early|earlyBytes|fail|failure|fault|fetched|filed|flushUnkept|flushed|flushing|follow|" +
	"follows|forsaken|fresh|furthest|garbage|giveWay|goOver|halt|hasRoom|heardAt|hurry|inbox|interrupt|" +
	"isAbout|joins|keeper|keeps|lastWrite|leaving|linkInterrupted|linkOver|linkResumed|linkUp|maxMessage|" +
	"mayPass|misbehaves|moving|needs|nextControlled|nextFailed|nextOpened|nextPause|noteSilent|offered|offers|" +
	"onlost|opened|outbox|parting|pathClosed|pathEnded|pathOpened|presence|present|proven|" +
	"published|queue|queued|redial|refuseLink|refused|refusedBy|relayed|release|reliable|requested|saidAt|sample|searchAt|" +
	"searchLater|searches|searching|sight|signalingBack|signalingEnded|sleeps|spread|startAnew|" +
	"started|strangers|successor|suspended|switchTo|takeCounts|takeOver|takenByOther|tellEach|ticked|ticker|" +
	"told|tooSlow|tryAt|unreadPackets|unsaid|unsent|vanish|vanished|waited|waiters|wanted|watching|welcomed|" +
	"withoutSignaling|" +
	"adopt|asking|describe|enqueue|entry|finished|hold|known|layout|moveTo|patience|request"

// What is shipped is what the bundler makes of the source today.
func TestBundle(t *testing.T) {
	result := api.Build(api.BuildOptions{
		EntryPoints:       []string{"src/rtcpeer.js"},
		Outfile:           "rtcpeer.js",
		Bundle:            true,
		Format:            api.FormatESModule,
		Target:            api.ES2022,
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		MinifySyntax:      true,
		MangleProps:       "^(" + ours + ")$",
		Sourcemap:         api.SourceMapLinked,
	})
	require.Empty(t, result.Errors)
	require.Empty(t, result.Warnings)
	require.Len(t, result.OutputFiles, 2)
	types, err := os.ReadFile("rtcpeer.d.ts")
	require.NoError(t, err)
	for name := range strings.SplitSeq(ours, "|") {
		require.NotRegexp(t, `(?m)^ *(readonly |get )?`+name+`[?(:]`, string(types), "a name of programs")
	}
	for _, file := range result.OutputFiles {
		name := filepath.Base(file.Path)
		if *update {
			require.NoError(t, os.WriteFile(name, file.Contents, 0o644))
			continue
		}
		shipped, err := os.ReadFile(name)
		require.NoError(t, err)
		require.True(t, string(file.Contents) == string(shipped), "%s is not up to date: go generate ./rtcpeer/js", name)
	}
}
