package limit

import (
	"testing"
	"time"
)

// TestAfar: calls of another node take places, spend and are settled there, each counted once, and none is ended here.
func TestAfar(t *testing.T) {
	r := newRig()
	p := Payer{"d", "1"}
	want := func(call string) Want { return Want{Call: call, Payer: p, Foreign: true, Price: 60_000} } // a yen a second
	r.own.Calls, r.own.ForeignPerHour, r.own.YenPerDay = 2, 2, 200
	r.want(t, "here", r.admit("a", "1", 60_000, true), "")
	r.Afar(want("x"), r.now, time.Time{})
	r.Afar(want("x"), r.now, time.Time{}) // said again: the same call
	if u, _ := r.State(p); u.Calls != 2 || u.Foreign != 2 {
		t.Errorf("one here and one there: %+v", u)
	}
	r.want(t, "a third call", r.admit("b", "1", 0, false), Calls)
	r.Afar(want("x"), r.now, r.now) // answered
	r.Settle("a", time.Time{}, r.now)
	r.want(t, "a third call abroad", r.admit("b", "1", 60_000, true), Foreign)
	began := r.now
	r.now = r.now.Add(150 * time.Second)
	r.own.ForeignPerHour = unlimited
	r.want(t, "too little money for a minute beside what is spent there", r.admit("b", "1", 60_000, false), Yen)
	r.now = r.now.Add(100 * time.Second)
	if due := r.Due(); len(due) != 0 {
		t.Errorf("a call of the other node is ended here: %v", due)
	}
	r.AfarOver("x")
	r.Restore(p, true, began, began, r.now, 250_000)
	if u, _ := r.State(p); u.Calls != 0 || u.Foreign != 2 || u.Talk != 250*time.Second || u.Cost != 250_000 {
		t.Errorf("after it ended there: %+v", u)
	}
	if u, _ := r.State(Payer{Domain: "d"}); u.Calls != 0 || u.Cost != 250_000 {
		t.Errorf("of the domain: %+v", u)
	}
	r.AfarOver("x")
	if len(r.afar) != 0 {
		t.Error("it is still known")
	}
}
