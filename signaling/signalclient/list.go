package signalclient

import (
	"context"

	"example.org/rtcpeer/signaling"
)

// List returns the public rooms of the server at rawURL, using a connection of its own. query.Limit is the largest
// number of rooms; zero means all. A room in the path of rawURL is ignored. The errors are those of Dial.
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
	d, most := newDialer(u, cfg), query.Limit
	query.Limit = pageOf(most, 0)
	c, err := d.open(ctx, false, query, func(c *conn) error {
		rooms, err = c.list(query, most)
		return err
	})
	if err != nil {
		return nil, err
	}
	_ = c.sayClose(closeNormal) // a courtesy
	c.abort()
	return rooms, nil
}

// list returns the rooms of the requested page and of the following ones: at most most rooms, if that is not zero.
func (c *conn) list(query signaling.List, most int) (rooms []signaling.PublicRoom, err error) {
	for {
		page, err := c.page()
		if err != nil {
			return nil, err
		}
		rooms = append(rooms, page.Rooms...)
		if query.After = page.Next; query.After == "" || most > 0 && len(rooms) >= most {
			return rooms, nil
		}
		query.Limit = pageOf(most, len(rooms))
		if err := c.send(query); err != nil {
			return nil, err
		}
	}
}

// pageOf returns how many rooms to ask for in the next page.
func pageOf(most, had int) int {
	if most <= 0 {
		return signaling.MaxRooms
	}
	return min(most-had, signaling.MaxRooms)
}

func (c *conn) page() (signaling.Rooms, error) {
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
