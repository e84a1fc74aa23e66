package call

import (
	"testing"
	"testing/synctest"
	"time"

	"naisen/media"
	"naisen/sip"
)

// A call that is dismissed ends when both have heard why, and not before; nothing that a telephone does keeps it up.
func TestDismissed(t *testing.T) {
	for name, last := range map[string]func(a, b *fakeLeg){
		"heard by both": func(a, b *fakeLeg) { a.played(); b.played() },
		"one cannot hear it": func(a, b *fakeLeg) {
			a.post(Media{a.id, media.PlayEnded{Source: named{"call/ended", media.PCMU}}})
			b.played()
		},
		"nothing ever ends": func(a, b *fakeLeg) { b.key('5'); time.Sleep(goodbyePatience + time.Second) },
		"one hangs up":      func(a, b *fakeLeg) { b.hangup(sip.CauseNormal) },
		"dismissed again, and then at once": func(a, b *fakeLeg) {
			a.mailbox.Post(Dismiss{Prompt: "other"})
			a.mailbox.Post(Hangup{Cause: sip.CauseNormal})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(plain, phone)
				a, b := r.up("c1")
				a.mailbox.Post(Dismiss{Prompt: "call/ended", Cause: sip.CauseNormal})
				if x, y := r.hears(0), r.hears(1); x != "call/ended" || y != "call/ended" {
					t.Fatalf("they hear %q and %q", x, y)
				}
				if a.ends+b.ends != 0 {
					t.Fatal("ended before anybody heard why")
				}
				last(a, b)
				if cdr := r.settled(t); cdr.EndedBy != bySwitch && name != "one hangs up" {
					t.Errorf("ended by %s", cdr.EndedBy)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) { // nobody talks yet: nothing is said
		r := newRig(plain, phone)
		a := r.extension("c1", "2001")
		synctest.Wait()
		a.mailbox.Post(Dismiss{Prompt: "call/ended", Cause: sip.CauseNormal})
		synctest.Wait()
		if a.ends != 1 {
			t.Error("a call that rings goes on")
		}
		r.settled(t)
	})
}
