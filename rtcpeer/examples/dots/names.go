package main

import (
	"fmt"

	"example.org/rtcpeer/rtcpeer"
)

// Colours and animals make the name of a player. Gold is the coin's.
var (
	colours = [...]struct {
		name string
		hue  int // of hsl
	}{{"Red", 0}, {"Orange", 28}, {"Green", 130}, {"Teal", 175}, {"Blue", 215}, {"Violet", 275}, {"Pink", 325}}
	animals = [...]string{"Fox", "Owl", "Bear", "Cat", "Wolf", "Hare", "Frog", "Seal", "Crow", "Newt"}
)

// nameOf returns the name of a player. It follows from the id, so nobody needs to tell it.
func nameOf(id rtcpeer.PeerID) string {
	n := int(id)
	return colours[n%len(colours)].name + " " + animals[n/len(colours)%len(animals)]
}

// colourOf returns the colour of a player's dot, for a canvas.
func colourOf(id rtcpeer.PeerID) string {
	return fmt.Sprintf("hsl(%d 70%% 50%%)", colours[int(id)%len(colours)].hue)
}
