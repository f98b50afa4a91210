package memory

import (
	"fmt"
	"strconv"
	"strings"

	"example.org/rtcpeer/rtcpeer/transport"
)

// Descriptions have the line endings of real ones, so that tests notice signaling that does not preserve them.
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

// parse returns the id that stands in text between head and tail. It names one end of a path.
func parse(text, head, tail string) (uint64, error) {
	rest, isHead := strings.CutPrefix(text, head)
	number, isTail := strings.CutSuffix(rest, tail)
	id, err := strconv.ParseUint(number, 10, 64)
	if !isHead || !isTail || err != nil || id == 0 {
		return 0, fmt.Errorf("want %q, got %.80q", head+"N"+tail, text)
	}
	return id, nil
}
