package limit

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"naisen/provisioning"
)

const unlimited = provisioning.Unlimited

var free = provisioning.Limits{Calls: unlimited, ForeignPerHour: unlimited, MinutesPerDay: unlimited, YenPerDay: unlimited}

type rig struct {
	*clock
	*Book
	own, all provisioning.Limits
}

func newRig() *rig {
	r := &rig{clock: newClock(), own: free, all: free}
	r.Book = NewBook(BookConfig{Clock: r.Now, Midnight: func(_ string, t time.Time) time.Time { return t.Truncate(24 * time.Hour) },
		Terms: func(Payer) (own, all provisioning.Limits) { return r.own, r.all }})
	return r
}

func (r *rig) admit(call, extension string, price int64, foreign bool) string {
	ref := r.Admit(Want{Call: call, Payer: Payer{"d", extension}, Price: price, Foreign: foreign, Class: "x", Dialled: "0"})
	if ref.Limit != "" && ref.Of.Extension == "" {
		return "all:" + ref.Limit
	}
	return ref.Limit
}

func (r *rig) want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// TestThirdCall: threats B11, and what fails gives its place back.
func TestThirdCall(t *testing.T) {
	r := newRig()
	r.own.Calls = 2
	r.want(t, "first", r.admit("a", "1", 0, false), "")
	r.want(t, "second", r.admit("b", "1", 0, false), "")
	r.want(t, "third", r.admit("c", "1", 0, false), Calls)
	r.want(t, "another's", r.admit("d", "2", 0, false), "")
	r.Settle("a", time.Time{}, r.now)
	r.want(t, "after one ended", r.admit("e", "1", 0, false), "")
	r.Settle("never", time.Time{}, r.now)
	r.want(t, "still full", r.admit("f", "1", 0, false), Calls)
	r.own.Calls, r.all.Calls = unlimited, 3
	r.want(t, "the domain is full", r.admit("g", "3", 0, false), "all:"+Calls)
	r.all.Calls = 4
	r.want(t, "a change is live at once", r.admit("g", "3", 0, false), "")
	used, refused := r.State(Payer{"d", "1"})
	if used.Calls != 2 || len(refused) != 2 || refused[0].Limit != Calls {
		t.Errorf("%+v %+v", used, refused)
	}
}

func TestForeignPerHour(t *testing.T) {
	r := newRig()
	r.own.ForeignPerHour = 29
	for i := range 29 {
		id := fmt.Sprint(i)
		r.want(t, "call "+id, r.admit(id, "1", 0, true), "")
		r.Settle(id, time.Time{}, r.now) // an attempt is one, whatever came of it
		r.pass(time.Minute)
	}
	r.want(t, "the 30th", r.admit("x", "1", 0, true), Foreign)
	r.want(t, "within the country", r.admit("y", "1", 0, false), "")
	r.pass(31 * time.Minute)
	r.want(t, "an hour after the first", r.admit("z", "1", 0, true), "")
	r.pass(3 * time.Hour)
	if used, _ := r.State(Payer{"d", "1"}); used.Foreign != 0 {
		t.Errorf("%d are remembered after three hours", used.Foreign)
	}
}

// TestMoney: the budget ends running calls, and what is reserved and not used comes back.
func TestMoney(t *testing.T) {
	r := newRig()
	r.own.YenPerDay = 100
	r.want(t, "dearer than the budget", r.admit("x", "1", 101_000, false), Yen)
	r.want(t, "first", r.admit("a", "1", 40_000, false), "")
	r.want(t, "second", r.admit("b", "1", 40_000, false), "")
	r.want(t, "third has no minute left", r.admit("c", "1", 40_000, false), Yen)
	r.want(t, "a free one", r.admit("d", "1", 0, false), "")
	r.Settle("b", time.Time{}, r.now)
	r.want(t, "after one failed", r.admit("c", "1", 40_000, false), "")
	r.Answered("a", r.now)
	r.Answered("c", r.now)
	r.Answered("d", r.now)
	r.pass(74 * time.Second)
	if due := r.Due(); len(due) != 0 {
		t.Errorf("%d due before the money is up", len(due))
	}
	r.pass(time.Second)
	due := r.Due()
	if len(due) != 2 || due[0].Refusal != (Refusal{Yen, Payer{"d", "1"}}) || !due[0].First {
		t.Errorf("%+v, want the two that cost", due)
	}
	if again := r.Due(); len(again) != 2 || again[0].First {
		t.Errorf("%+v the second time", again)
	}
	start := r.now.Add(-75 * time.Second)
	if c := r.Settle("a", start, r.now) + r.Settle("c", start, r.now) + r.Settle("d", start, r.now); c != 100_000 {
		t.Errorf("cost %d", c)
	}
	r.want(t, "nothing is left", r.admit("e", "1", 1, false), Yen)
	r.want(t, "but free calls", r.admit("f", "1", 0, false), "")
	r.pass(16 * time.Hour)
	r.want(t, "tomorrow", r.admit("g", "1", 40_000, false), "")
}

func TestMinutesAndMidnight(t *testing.T) {
	r := newRig()
	r.all.MinutesPerDay = 30
	r.pass(14*time.Hour + 50*time.Minute) // 23:50
	r.want(t, "before midnight", r.admit("a", "1", 1000, false), "")
	r.Answered("a", r.now)
	answered := r.now
	r.pass(39 * time.Minute)
	if due := r.Due(); len(due) != 0 {
		t.Errorf("%+v: ten minutes were yesterday's", due)
	}
	r.pass(time.Minute)
	if due := r.Due(); len(due) != 1 || due[0].Refusal.Limit != Minutes || due[0].Refusal.Of.Extension != "" {
		t.Errorf("%+v", due)
	}
	if c := r.Settle("a", answered, r.now); c != 30_000 {
		t.Errorf("cost %d today", c)
	}
	r.want(t, "the domain has no minute left", r.admit("b", "2", 0, false), "all:"+Minutes)
}

// TestTransferPays: two payers in one call, each for its own time, both settled with the call.
func TestTransferPays(t *testing.T) {
	r := newRig()
	r.admit("a", "1", 60_000, false)
	r.Answered("a", r.now)
	answered := r.now
	r.pass(time.Minute)
	r.admit("a", "2", 60_000, false)
	r.Answered("a", answered)
	r.pass(time.Minute)
	r.Settle("a", answered, r.now)
	one, _ := r.State(Payer{"d", "1"})
	two, _ := r.State(Payer{"d", "2"})
	all, _ := r.State(Payer{"d", ""})
	if one.Cost != 120_000 || two.Cost != 60_000 || all.Cost != 180_000 || all.Calls != 0 || len(r.Running()) != 0 {
		t.Errorf("%+v %+v %+v", one, two, all)
	}
}

func TestRestore(t *testing.T) {
	r := newRig()
	ago := func(d time.Duration) time.Time { return r.now.Add(-d) }
	p := Payer{"d", "1"}
	r.Restore(p, true, ago(30*time.Minute), ago(29*time.Minute), ago(20*time.Minute), 9000)
	r.Restore(p, true, ago(2*time.Hour), time.Time{}, ago(2*time.Hour), 0)            // never answered
	r.Restore(p, false, ago(10*time.Hour), ago(10*time.Hour), ago(8*time.Hour), 8000) // 23:00 to 01:00
	r.Restore(p, false, ago(20*time.Hour), ago(20*time.Hour), ago(19*time.Hour), 7000)
	if used, _ := r.State(p); used != (Used{Foreign: 1, Talk: 9*time.Minute + time.Hour, Cost: 17_000}) {
		t.Errorf("%+v", used)
	}
}

// TestBookBalances: whatever begins and ends in any order, nothing is left over and nothing is lost.
func TestBookBalances(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := newRig()
		r.own.Calls, r.all.YenPerDay = rapid.IntRange(1, 4).Draw(rt, "calls"), rapid.IntRange(1, 500).Draw(rt, "yen")
		type live struct{ answered time.Time }
		running := map[string]*live{}
		per := map[string]int{}
		for i := range rapid.IntRange(1, 60).Draw(rt, "steps") {
			r.pass(time.Duration(rapid.IntRange(0, 60).Draw(rt, "s")) * time.Second)
			id, ext := fmt.Sprint(i), fmt.Sprint(i%3)
			switch rapid.IntRange(0, 2).Draw(rt, "do") {
			case 0:
				if r.admit(id, ext, 10_000, i%2 == 0) == "" {
					running[id] = &live{}
					per[ext]++
				}
				if per[ext] > r.own.Calls {
					rt.Fatalf("%d calls of %s, limit %d", per[ext], ext, r.own.Calls)
				}
			case 1:
				for id, l := range running {
					l.answered = r.now
					r.Answered(id, r.now)
				}
			case 2:
				for _, d := range r.Due() {
					delete(running, d.Call)
					var n int
					fmt.Sscan(d.Call, &n)
					per[fmt.Sprint(n%3)]--
					r.Settle(d.Call, r.now, r.now)
				}
			}
		}
		for id, l := range running {
			r.Settle(id, l.answered, r.now)
		}
		var cost int64
		for i := range 3 {
			u, _ := r.State(Payer{"d", fmt.Sprint(i)})
			if cost += u.Cost; u.Calls != 0 {
				rt.Fatalf("%d calls are left", u.Calls)
			}
		}
		all, _ := r.State(Payer{Domain: "d"})
		if all.Calls != 0 || all.Cost != cost || len(r.Running()) != 0 {
			rt.Fatalf("the domain has %+v, its extensions %d", all, cost)
		}
	})
}

func TestBookForgets(t *testing.T) {
	r := newRig()
	for i := range 1000 {
		id := fmt.Sprint(i)
		r.admit(id, id, 1000, true)
		r.Settle(id, r.now, r.now)
	}
	r.pass(25 * time.Hour)
	r.admit("x", "x", 0, false)
	if n := len(r.accounts); n > 2 {
		t.Errorf("%d accounts the day after", n)
	}
}

func TestSpikes(t *testing.T) {
	c := newClock()
	s := NewSpikes[string](10, 3, 100, c.Now)
	for minute := range 120 { // a busy office: two a minute; what is usual is known after half an hour
		c.pass(time.Minute)
		s.Add("busy")
		if s.Add("busy") && minute > 30 {
			t.Fatal("its usual hour is a spike")
		}
	}
	n := count(40, func() bool { return s.Add("busy") })
	if n == 0 || n > 25 {
		t.Errorf("%d of 40 more at once were a spike", n)
	}
	if n := count(10, func() bool { return s.Add("quiet") }); n != 1 || !s.High("quiet") {
		t.Errorf("the tenth out of nothing: %d", n)
	}
	c.pass(6 * time.Minute)
	if s.High("quiet") || s.High("unknown") {
		t.Error("a spike does not end")
	}
	flood := NewSpikes[int](10, 0, 100, c.Now)
	for i := range 10_000 {
		flood.Add(i)
	}
	if len(flood.keys) > 100 {
		t.Errorf("%d keys", len(flood.keys))
	}
}

// TestMove: a transfer joined two calls: what ran under the first is settled with the second, and only there.
func TestMove(t *testing.T) {
	r := newRig()
	r.admit("a", "1", 60_000, false)
	answered := r.now
	r.now = r.now.Add(time.Minute)
	r.Answered("a", answered)
	r.Move("a", "b")
	r.Move("b", "b")
	r.Move("none", "b")
	if cost := r.Settle("a", answered, r.now); cost != 0 {
		t.Errorf("settled with the first call: %d", cost)
	}
	r.now = r.now.Add(time.Minute)
	if cost := r.Settle("b", answered, r.now); cost != 120_000 {
		t.Errorf("two minutes cost %d", cost)
	}
	if left := r.Running(); len(left) != 0 {
		t.Errorf("still running: %v", left)
	}
}

// TestSpare: what a mobile reserved is free again when somebody else has the call, and nothing else of the call is.
func TestSpare(t *testing.T) {
	r := newRig()
	r.own.Calls = 1
	r.want(t, "a mobile", r.admit("a", "1", 60_000, false), "")
	r.want(t, "another one's", r.admit("a", "2", 60_000, false), "")
	r.want(t, "while it rings", r.admit("b", "1", 0, false), Calls)
	r.Spare(Want{Call: "a", Payer: Payer{"d", "1"}, Dialled: "another"})
	r.want(t, "another number was spared", r.admit("b", "1", 0, false), Calls)
	r.Spare(Want{Call: "a", Payer: Payer{"d", "1"}, Dialled: "0"})
	r.want(t, "afterwards", r.admit("b", "1", 0, false), "")
	at := r.now
	r.now = r.now.Add(time.Minute)
	if got := r.Settle("a", at, r.now); got != 60_000 {
		t.Errorf("the call cost %d, want what the other one talked", got)
	}
	r.Spare(Want{Call: "b", Payer: Payer{"d", "1"}, Dialled: "0"})
	if len(r.running) != 0 {
		t.Errorf("still running: %v", r.running)
	}
}
