package memory

import (
	"fmt"
	"strconv"
	"strings"

	"example.org/rtcpeer/rtcpeer/transport"
)

// Descriptions have the line ends of real ones, so that what carries them must carry those too.
const (
	offerHead       = "v=0\r\ns=rtcpeer-memory\r\na=offer:"
	answerHead      = "v=0\r\ns=rtcpeer-memory\r\na=answer:"
	descriptionTail = "\r\n"
)

// Candidates have the form of RFC 8839, with a name that no resolver knows for the address.
const (
	candidateHead = "candidate:1 1 udp 2130706431 "
	candidateTail = ".rtcpeer-memory 9 typ host"
)

func describe(head string, id uint64) string {
	return head + strconv.FormatUint(id, 10) + descriptionTail
}

func candidateOf(id uint64) transport.Candidate {
	return transport.Candidate{Line: candidateHead + strconv.FormatUint(id, 10) + candidateTail, Mid: "0"}
}

// parse returns the id of the path end that text names between head and tail.
func parse(text, head, tail string) (uint64, error) {
	rest, isHead := strings.CutPrefix(text, head)
	number, isTail := strings.CutSuffix(rest, tail)
	id, err := strconv.ParseUint(number, 10, 64)
	if !isHead || !isTail || err != nil || id == 0 {
		return 0, fmt.Errorf("want %q, got %.80q", head+"N"+tail, text)
	}
	return id, nil
}
