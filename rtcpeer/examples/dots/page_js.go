package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall/js"

	"example.org/rtcpeer/rtcpeer"
)

func main() {
	document := js.Global().Get("document")
	status := document.Call("getElementById", "status")
	err := start(document, status)
	status.Set("textContent", err.Error())
}

// start joins the room that is named in the page's address, and plays until the room is over.
func start(document, status js.Value) error {
	query := js.Global().Get("URLSearchParams").New(js.Global().Get("location").Get("search"))
	room := query.Call("get", "room").String()
	node, err := rtcpeer.Join(context.Background(), room, inRoom())
	if err != nil {
		return err
	}
	defer node.Close()
	p := newPerson(document, status)
	defer p.moved.Release()
	return newGame(node).play(context.Background(), p)
}

// A person is a player who moves the dot with the mouse or a finger.
type person struct {
	canvas, pen, status js.Value
	moved               js.Func
	at                  *place // nil: not moved yet
}

func newPerson(document, status js.Value) *person {
	p := &person{canvas: document.Call("getElementById", "field"), status: status}
	p.pen = p.canvas.Call("getContext", "2d")
	p.moved = js.FuncOf(func(_ js.Value, args []js.Value) any {
		p.at = &place{
			X: args[0].Get("offsetX").Float() / p.canvas.Get("clientWidth").Float(),
			Y: args[0].Get("offsetY").Float() / p.canvas.Get("clientHeight").Float(),
		}
		return nil
	})
	p.canvas.Call("addEventListener", "pointermove", p.moved)
	return p
}

func (p *person) steer(g *game) place {
	if p.at == nil {
		return g.me
	}
	return *p.at
}

func (p *person) show(g *game) {
	p.pen.Call("clearRect", 0, 0, p.canvas.Get("width"), p.canvas.Get("height"))
	p.draw(g.board.Coin, "gold", 8)
	for id, at := range g.dots {
		p.draw(at, colourOf(id), 12)
	}
	ink := js.Global().Call("getComputedStyle", p.canvas).Get("color").String() // light or dark, as the page is
	p.draw(g.me, ink, 15)
	p.draw(g.me, colourOf(g.peer.ID()), 11)
	p.status.Set("textContent", scores(g))
}

func (p *person) draw(at place, colour string, radius float64) {
	width, height := p.canvas.Get("width").Float(), p.canvas.Get("height").Float()
	p.pen.Set("fillStyle", colour)
	p.pen.Call("beginPath")
	p.pen.Call("arc", at.X*width, at.Y*height, radius, 0, 7)
	p.pen.Call("fill")
}

func scores(g *game) string {
	text := []string{fmt.Sprintf("you are %s; %d others", nameOf(g.peer.ID()), len(g.peer.Peers()))}
	for _, id := range slices.Sorted(maps.Keys(g.board.Scores)) {
		text = append(text, fmt.Sprintf("%s: %d", nameOf(id), g.board.Scores[id]))
	}
	return strings.Join(text, " | ")
}
