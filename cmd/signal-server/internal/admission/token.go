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
	Key      string        `required:"" placeholder:"FILE" help:"The secret of --auth-jwt, or the private key that belongs to it, in PEM."`
	Room     string        `required:"" placeholder:"NAME" help:"Room to join; a name with * at its end for all that begin so; * for all."`
	Create   bool          `help:"Let the bearer create the room."`
	Host     bool          `help:"Let the bearer be the host."`
	Name     string        `placeholder:"NAME" help:"Name that the others see."`
	Metadata string        `placeholder:"JSON" help:"What the others see of the bearer."`
	Subject  string        `placeholder:"NAME" help:"Who the bearer is, for a ban."`
	Audience string        `placeholder:"NAME" help:"As the server's --auth-audience."`
	Expires  time.Duration `default:"1h" placeholder:"TIME" help:"How long one can join with it (${default})."`
	Until    time.Duration `placeholder:"TIME" help:"After which time the membership ends (never)."`
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
			return nil, fmt.Errorf("--room %q: want 1 to 64 letters, digits, - and _, and perhaps a * at the end", t.Room)
		}
	}
	if t.Metadata != "" {
		c.Metadata = json.RawMessage(t.Metadata)
		if !json.Valid(c.Metadata) || len(c.Metadata) > signaling.MaxMetadata {
			return nil, fmt.Errorf("--metadata: want JSON of at most %d bytes", signaling.MaxMetadata)
		}
	}
	if t.Expires <= 0 || t.Until < 0 {
		return nil, fmt.Errorf("--expires %v, --until %v: want times", t.Expires, t.Until)
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
