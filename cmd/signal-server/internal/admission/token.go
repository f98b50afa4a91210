package admission

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"example.org/rtcpeer/cmd/internal/cli"
	"example.org/rtcpeer/cmd/signal-server/internal/process"
	"example.org/rtcpeer/signaling"
)

// Token is the command that creates an access token.
type Token struct {
	Key      string        `required:"" placeholder:"FILE" help:"File of the secret of --auth-jwt, or PEM file of the private key for it."`
	Room     string        `required:"" placeholder:"NAME" help:"Room to join. NAME* means all rooms that begin with NAME; * means all rooms."`
	Create   bool          `help:"The bearer may create the room."`
	Host     bool          `help:"The bearer may be the host."`
	Name     string        `placeholder:"NAME" help:"Name that the other members see."`
	Metadata string        `placeholder:"JSON" help:"Metadata that the other members see."`
	Subject  string        `placeholder:"NAME" help:"Identity of the bearer, which a ban can name."`
	Audience string        `placeholder:"NAME" help:"Audience, the same as --auth-audience of the server."`
	Expires  time.Duration `default:"1h" placeholder:"TIME" help:"How long the token can be used to join (${default})."`
	Until    time.Duration `placeholder:"TIME" help:"Time after which the membership ends (never)."`
}

// Run is called by kong.
func (t *Token) Run(p *process.Process) error {
	if err := p.Tell(nil); err != nil {
		return err
	}
	key, err := readSignKey(t.Key)
	if err != nil {
		return cli.Usagef("--key: %w", err)
	}
	claims, err := t.claims(time.Now())
	if err != nil {
		return cli.Usage(err)
	}
	signed, err := jwt.NewWithClaims(key.method, claims).SignedString(key.key)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.Out, signed)
	return err
}

func (t *Token) claims(now time.Time) (*claims, error) {
	c := &claims{Room: t.Room, Create: t.Create, Host: t.Host, Name: t.Name}
	if prefix, many := strings.CutSuffix(t.Room, "*"); !many || prefix != "" {
		if err := signaling.RoomName(prefix).Validate(); err != nil {
			return nil, fmt.Errorf("--room %q: want 1 to 64 letters, digits, - and _, optionally followed by *", t.Room)
		}
	}
	if t.Metadata != "" {
		c.Metadata = json.RawMessage(t.Metadata)
		if !json.Valid(c.Metadata) || len(c.Metadata) > signaling.MaxMetadata {
			return nil, fmt.Errorf("--metadata: want JSON of at most %d bytes", signaling.MaxMetadata)
		}
	}
	if t.Expires <= 0 || t.Until < 0 {
		return nil, fmt.Errorf("--expires %v, --until %v: want positive times", t.Expires, t.Until)
	}
	c.IssuedAt, c.ExpiresAt = jwt.NewNumericDate(now), jwt.NewNumericDate(now.Add(t.Expires))
	if t.Until > 0 {
		c.Until = json.Number(strconv.FormatInt(now.Add(t.Until).Unix(), 10))
	}
	c.Subject = t.Subject
	if t.Audience != "" {
		c.Audience = jwt.ClaimStrings{t.Audience}
	}
	return c, nil
}
