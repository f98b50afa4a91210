package signalclient

import (
	"context"

	"example.org/rtcpeer/signaling"
)

// List returns the public rooms of the server at rawURL, over one connection that is closed again.
// query.Limit is how many at most; zero means all. A room in the path of rawURL counts for nothing. Where
// the dialect has no words for it there are none. The errors are those of Dial.
func List(ctx context.Context, rawURL string, query signaling.List, cfg Config) ([]signaling.PublicRoom, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	u, err := parse(rawURL)
	if err != nil {
		return nil, err
	}
	var rooms []signaling.PublicRoom
	d := newDialer(u, cfg)
	c, err := d.open(ctx, false, func(c *conn) error {
		rooms, err = c.list(query)
		return err
	})
	if err != nil {
		return nil, err
	}
	_ = c.sayClose(closeNormal) // a courtesy
	c.abort()
	return rooms, nil
}

// list asks for one page after the other.
func (c *conn) list(query signaling.List) (rooms []signaling.PublicRoom, err error) {
	most := query.Limit
	for {
		query.Limit = signaling.MaxRooms
		if most > 0 {
			query.Limit = min(most-len(rooms), signaling.MaxRooms)
		}
		page, err := c.page(query)
		if err != nil {
			return nil, err
		}
		rooms = append(rooms, page.Rooms...)
		if query.After = page.Next; query.After == "" || most > 0 && len(rooms) >= most {
			return rooms, nil
		}
	}
}

func (c *conn) page(query signaling.List) (signaling.Rooms, error) {
	if err := c.send(query); err != nil {
		return signaling.Rooms{}, err
	}
	answer, err := c.read()
	if err != nil {
		return signaling.Rooms{}, err
	}
	switch answer := answer.(type) {
	case signaling.Rooms:
		return answer, nil
	case *signaling.Error:
		return signaling.Rooms{}, answer
	}
	return signaling.Rooms{}, c.malformed(nil, string(answer.Kind())+" in place of rooms")
}
