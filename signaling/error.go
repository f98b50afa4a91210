package signaling

import (
	"fmt"
	"time"
)

// A Code is the stable name of an error. The rule of each code, whether the server ends the session
// with it and whether trying again can help, is fixed here.
type Code string

const (
	CodeBadMessage       Code = "bad_message"       // not JSON, a missing or wrong field
	CodeUnknownKind      Code = "unknown_kind"      // a kind that this server does not know
	CodeBadRoom          Code = "bad_room"          // not a room name
	CodeTooLarge         Code = "too_large"         // a frame over Limits.MessageBytes
	CodeNotJoined        Code = "not_joined"        // a message before join
	CodeAlreadyJoined    Code = "already_joined"    // a second join
	CodeJoinTimeout      Code = "join_timeout"      // no join in time
	CodeTopologyMismatch Code = "topology_mismatch" // the room has the other topology
	CodeRoomFull         Code = "room_full"
	CodeServerFull       Code = "server_full"    // too many sessions or rooms
	CodeSealed           Code = "sealed"         // the room takes nobody new
	CodeResumeRefused    Code = "resume_refused" // the token is not this server's, or its room or id has gone to others
	CodeReplaced         Code = "replaced"       // another connection resumed this membership
	CodeNotHost          Code = "not_host"       // only the host may do that
	CodeUnknownPeer      Code = "unknown_peer"   // a signal to someone who is not there, which is a normal race
	CodeHostLeft         Code = "host_left"      // the room ended with its host, which nobody can follow
	CodeSealComplete     Code = "seal_complete"  // the room ended some time after its seal, as its founder's dialect has it
	CodeUnknownRoom      Code = "unknown_room"   // there is no such room, and naming one does not create it
	CodeRoomExists       Code = "room_exists"    // there is such a room, and the join was to create it
	CodeSlow             Code = "slow"           // the session did not read what was sent to it
	CodeShuttingDown     Code = "shutting_down"  // come back in a moment
	CodeInternal         Code = "internal"
	CodeUnauthorized     Code = "unauthorized"   // no access token, or not a good one
	CodeForbidden        Code = "forbidden"      // the access token is good, but not for this
	CodeWrongPassword    Code = "wrong_password" // the room has another password than the one given, or none was
	CodeRateLimited      Code = "rate_limited"   // too much of this address, or too many tries
	CodeLocked           Code = "locked"         // the host has locked the room, and may unlock it
	CodeKicked           Code = "kicked"         // the host, or who runs the server, took the member out
	CodeExpired          Code = "expired"        // the membership was granted until now
	CodeRoomClosed       Code = "room_closed"    // who runs the server has ended the room
	CodeHostReplaced     Code = "host_replaced"  // the member was the host, and another one has taken its place
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

// Fatal reports whether the server closes the session after an error with this code. Unknown codes
// are fatal, because the other side's next act shows whether they were.
func (c Code) Fatal() bool {
	r, known := rules[c]
	return !known || r.fatal
}

// Retry reports whether the same request may succeed later.
func (c Code) Retry() bool { return rules[c].retry }

// Errors for which a dialect may have words that are not those of their code.
var (
	ErrBinaryFrame  = &Error{Code: CodeBadMessage, Text: "a binary frame"}
	ErrTooManyRooms = &Error{Code: CodeServerFull, Text: "too many rooms"}
)

// An Error is what the server refuses with, and what Decode and Validate return. Callers branch on
// Code with errors.As.
type Error struct {
	Code Code   `json:"code"`
	Text string `json:"text"` // for people: what was wrong, and with what
	// RetryMillis is how long to wait at least before the next try, if Code.Retry: 0 if that is not
	// told.
	RetryMillis int `json:"retry_after_ms,omitempty"`
}

// RetryAfter returns RetryMillis as a time, at most five minutes whatever the other side says.
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

func (e *Error) Validate() error {
	switch {
	case e.Code == "":
		return badMessage("error: no code")
	case e.RetryMillis < 0:
		return badMessage("error: retry_after_ms %d", e.RetryMillis)
	}
	return nil
}
