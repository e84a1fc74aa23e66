package relay

import (
	"testing"

	"naisen/media"
)

// broken is a tap that panics over every packet.
type broken struct{}

func (broken) Tap(*media.Frame) { panic("a tap that nobody tested") }

// A panic over one call's packet ends neither that leg's shard nor another call that it carries, is counted, and is told ever more rarely.
func TestPanicIsContained(t *testing.T) {
	told := make(chan any, 100)
	e := engineFor(t, Config{Shards: 1, Panicked: func(reason any, stack []byte) {
		if len(stack) > 0 {
			told <- reason
		}
	}})
	bad, good := newCall(t, e, media.SecurityForbidden, media.SecurityForbidden), newCall(t, e, media.SecurityForbidden, media.SecurityForbidden)
	detach := bad.bridge.Attach(broken{})
	for range 9 {
		bad.a.say(frame('x', 1))
	}
	good.exchange(t, 5)
	if n := e.Totals().Panics; n != 9 || len(told) != 4 {
		t.Errorf("%d panics, of which %d were told", n, len(told))
	}
	detach()
	bad.exchange(t, 5)
}
