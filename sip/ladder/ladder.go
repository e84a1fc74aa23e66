// Package ladder draws who sent which SIP message to whom as text: one lane per host, one rung per message, time downward. It is pure:
// it reads no message and keeps none, and knows no network and no clock.
package ladder

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// laneWidth is the distance of two lanes, and timeWidth what stands before the first.
const (
	laneWidth = 18
	timeWidth = 10
)

// Rung is one message.
type Rung struct {
	At       time.Duration // since the beginning of the ladder; drawn in milliseconds
	From, To int           // lanes, from 0 on the left; out of the ladder or equal: only the time is drawn
	Label    string        // "INVITE", "180 Ringing"; cut where the lanes are too near
	Lost     bool          // the arrow ends in "x"
}

// Draw draws rungs in the order given, below the names of the lanes.
func Draw(lanes []string, rungs []Rung) string {
	var b strings.Builder
	head := strings.Repeat(" ", timeWidth)
	for _, name := range lanes {
		head += fmt.Sprintf("%-*s", laneWidth, printable(name))
	}
	b.WriteString(strings.TrimRight(head, " ") + "\n")
	for _, r := range rungs {
		b.WriteString(r.draw(len(lanes)) + "\n")
	}
	return b.String()
}

func (r Rung) draw(lanes int) string {
	row := []byte(strings.Repeat(" ", timeWidth+laneWidth*max(lanes-1, 0)+1))
	copy(row, fmt.Sprintf("%8dm", r.At.Milliseconds()))
	for i := range lanes {
		row[timeWidth+i*laneWidth] = '|'
	}
	left, right := min(r.From, r.To), max(r.From, r.To)
	room := (right-left)*laneWidth - 1
	if left < 0 || right >= lanes || room < 4 {
		return string(row)
	}
	label := printable(r.Label)
	label = label[:min(len(label), room-4)]
	dashes := strings.Repeat("-", room-len(label)-3)
	tip := ">"
	if r.Lost {
		tip = "x"
	}
	at := timeWidth + left*laneWidth + 1
	if r.From < r.To {
		copy(row[at:], " "+label+" "+dashes+tip)
	} else {
		if !r.Lost {
			tip = "<"
		}
		copy(row[at:], tip+dashes+" "+label+" ")
	}
	return string(row)
}

// printable keeps a peer's reason phrase from moving the terminal's cursor, and each character one column wide.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if c > unicode.MaxASCII || !unicode.IsPrint(c) {
			return '?'
		}
		return c
	}, s)
}
