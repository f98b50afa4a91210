package signaling

import (
	"fmt"
	"time"
)

// A Code is the stable name of an error. The rules of each code are fixed here: whether the server ends the session
// after it, and whether trying again can help.
type Code string

const (
	CodeBadMessage       Code = "bad_message"       // not JSON, a missing or wrong field
	CodeUnknownKind      Code = "unknown_kind"      // a kind that this server does not know
	CodeBadRoom          Code = "bad_room"          // not a room name
	CodeTooLarge         Code = "too_large"         // a frame over Limits.MessageBytes
	CodeNotJoined        Code = "not_joined"        // a message before join
	CodeAlreadyJoined    Code = "already_joined"    // a second join
	CodeJoinTimeout      Code = "join_timeout"      // no join within the join timeout
	CodeTopologyMismatch Code = "topology_mismatch" // the room has the other topology
	CodeRoomFull         Code = "room_full"         // the room has as many members as it may have
	CodeServerFull       Code = "server_full"       // too many sessions or rooms
	CodeSealed           Code = "sealed"            // the room accepts no new members
	CodeResumeRefused    Code = "resume_refused"    // the token is from another server or too old, or its place or room is gone
	CodeReplaced         Code = "replaced"          // another connection resumed this membership
	CodeNotHost          Code = "not_host"          // only the host may do that
	CodeUnknownPeer      Code = "unknown_peer"      // a signal to a peer that is not in the room, which is a normal race
	CodeHostLeft         Code = "host_left"         // the room ended because its host left and no member can replace it
	CodeSealComplete     Code = "seal_complete"     // the room ended some time after its seal: RoomRules.EndAfterSeal
	CodeUnknownRoom      Code = "unknown_room"      // the room does not exist, and naming it does not create it
	CodeRoomExists       Code = "room_exists"       // the room exists, but the join asked for a new one
	CodeSlow             Code = "slow"              // the session did not read its messages fast enough
	CodeShuttingDown     Code = "shutting_down"     // the server is stopping; try again in a moment
	CodeInternal         Code = "internal"          // a fault of the server
	CodeUnauthorized     Code = "unauthorized"      // the access token is missing or invalid
	CodeForbidden        Code = "forbidden"         // the access token is valid, but does not allow this
	CodeWrongPassword    Code = "wrong_password"    // the room has a password, and the join gave another one or none
	CodeRateLimited      Code = "rate_limited"      // too many requests from this address, or too many attempts
	CodeLocked           Code = "locked"            // the host or the operator of the server has locked the room, and may unlock it
	CodeKicked           Code = "kicked"            // the host or the operator of the server has removed the member
	CodeExpired          Code = "expired"           // the time for which the membership was granted is over
	CodeRoomClosed       Code = "room_closed"       // the operator of the server has closed the room
	CodeHostReplaced     Code = "host_replaced"     // the member was the host, and another one has taken over
)

type rule struct{ fatal, retry bool }

var rules = map[Code]rule{
	CodeBadMessage:       {fatal: true},
	CodeUnknownKind:      {},
	CodeBadRoom:          {fatal: true},
	CodeTooLarge:         {fatal: true},
	CodeNotJoined:        {fatal: true},
	CodeAlreadyJoined:    {fatal: true},
	CodeJoinTimeout:      {fatal: true, retry: true},
	CodeTopologyMismatch: {fatal: true},
	CodeRoomFull:         {fatal: true, retry: true},
	CodeServerFull:       {fatal: true, retry: true},
	CodeSealed:           {fatal: true},
	CodeResumeRefused:    {fatal: true},
	CodeReplaced:         {fatal: true},
	CodeNotHost:          {},
	CodeUnknownPeer:      {},
	CodeHostLeft:         {fatal: true},
	CodeSealComplete:     {fatal: true},
	CodeUnknownRoom:      {fatal: true},
	CodeRoomExists:       {fatal: true, retry: true},
	CodeSlow:             {fatal: true, retry: true},
	CodeShuttingDown:     {fatal: true, retry: true},
	CodeInternal:         {fatal: true, retry: true},
	CodeUnauthorized:     {fatal: true},
	CodeForbidden:        {fatal: true},
	CodeWrongPassword:    {fatal: true},
	CodeRateLimited:      {fatal: true, retry: true},
	CodeLocked:           {fatal: true, retry: true},
	CodeKicked:           {fatal: true},
	CodeExpired:          {fatal: true},
	CodeRoomClosed:       {fatal: true},
	CodeHostReplaced:     {fatal: true},
}

// Known reports whether c is one of this package's codes.
func (c Code) Known() bool {
	_, known := rules[c]
	return known
}

// Fatal reports whether the server closes the session after an error with this code. Unknown codes are taken as
// fatal: if such an error was not, the server's next message will show it.
func (c Code) Fatal() bool {
	r, known := rules[c]
	return !known || r.fatal
}

// Retry reports whether the same request may succeed later.
func (c Code) Retry() bool { return rules[c].retry }

// Errors that a dialect may word differently from other errors with the same code.
var (
	ErrBinaryFrame  = &Error{Code: CodeBadMessage, Text: "a binary frame"}
	ErrTooManyRooms = &Error{Code: CodeServerFull, Text: "too many rooms"}
)

// An Error is the server's refusal of a message, and what Decode and Validate return. Callers branch on Code, with
// errors.Is (see Is) or errors.As.
type Error struct {
	Code Code   `json:"code"` // what happened, and by its rules whether the session ends and whether to try again
	Text string `json:"text"` // for people: what was wrong, and where
	// RetryMillis is the least time to wait before the next attempt, in milliseconds, for codes with Retry. 0 means
	// that the server does not say.
	RetryMillis int `json:"retry_after_ms,omitempty"`
}

// RetryAfter returns RetryMillis as a duration, limited to five minutes whatever the other side says.
func (e *Error) RetryAfter() time.Duration {
	const most = 5 * time.Minute
	return time.Duration(min(max(e.RetryMillis, 0), int(most.Milliseconds()))) * time.Millisecond
}

func (*Error) Kind() Kind { return KindError }

func (e *Error) Error() string { return fmt.Sprintf("signaling: %s: %s", e.Code, e.Text) }

// Is makes errors.Is compare by code: errors.Is(err, &signaling.Error{Code: signaling.CodeSealed}).
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && (t.Text == "" || t.Text == e.Text)
}

// Validate checks that there is a code, and that RetryMillis is not negative.
func (e *Error) Validate() error {
	switch {
	case e.Code == "":
		return badMessage("error: no code")
	case e.RetryMillis < 0:
		return badMessage("error: retry_after_ms %d", e.RetryMillis)
	}
	return nil
}
