package main

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/provisioning"
)

// simPaged is a paging group of everybody, which everybody may speak to; calls to 2003 are sent elsewhere.
const simPaged = "6500"

func simPages() []provisioning.Entity {
	return []provisioning.Entity{
		provisioning.Settings{Extension: "2003", Forward: provisioning.Forwarding{Always: toExt("2004")}},
		provisioning.PagingGroup{Number: simPaged, Title: "全館", Members: []string{"2001", "2002", "2003", "2004"}, Everyone: true, Seconds: 20, Wait: 3, Announce: "greeting/disaster"},
		provisioning.PagingGroup{Number: "6501", Members: []string{"2001", "2004"}, Callers: []string{"2002"}, Seconds: 10},
	}
}

// page lets somebody speak to a group, or try to. Called with mu held.
func (w *world) page() {
	p := w.phones[w.dice.IntN(len(w.phones))]
	p.call([]string{simPaged, "*56" + simPaged, "6501", "*56"}[w.dice.IntN(4)])
}

// TestSimulationPages plays histories in which people speak to groups. What must hold in every history holds here too; besides, nothing is left of
// an announcement, nobody hears one that is over, and each who was rung for one has a record that names it.
func TestSimulationPages(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	d := simDirectory(t, simPages()...)
	first, n := *simFrom, max(10, uint64(*simSeeds)/20)
	if *simSeed >= 0 {
		first, n = uint64(*simSeed), 1
	}
	var spoken, heard, missed int
	for seed := first; seed < first+n; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			simulate(t, d, seed, *simSeed >= 0, func(w *world) { w.pagesSettled(&spoken, &heard, &missed) })
		})
	}
	t.Logf("%d announcements, heard by %d, missed by %d", spoken, heard, missed)
	if n >= 10 && (spoken < 8 || heard < 8 || missed < 4) {
		t.Error("histories in which hardly anybody hears anything show nothing")
	}
}

// pagesSettled looks at the announcements when every call is over.
func (w *world) pagesSettled(spoken, heard, missed *int) {
	if n := w.p.pages.Len(); n != 0 {
		w.t.Errorf("%d announcements are left", n)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	of := map[string]call.CDR{}
	for _, c := range w.cdrs {
		of[c.ID] = c
	}
	said := map[string]bool{}
	for _, c := range w.paged {
		p, ok := of[c.Page]
		switch {
		case !ok, p.From != c.From, p.To != c.To && p.To != "*56"+c.To && p.To != "*56":
			w.t.Errorf("%s of %s to %s is of no announcement: %+v", c.ID, c.From, c.To, p)
			continue
		case len(c.Rang) != 1, c.From == c.Rang[0].Extension, c.Rang[0].Extension == "2003":
			w.t.Errorf("%s: rang %+v for %s", c.ID, c.Rang, c.From)
		case c.Ended.After(p.Ended.Add(time.Second)):
			w.t.Errorf("%s lasted until %v, what it was to hear until %v", c.ID, c.Ended.Sub(simStart), p.Ended.Sub(simStart))
		case c.Recording != "", c.Started.Before(p.Started):
			w.t.Errorf("%s: %+v", c.ID, c)
		}
		if said[c.Page] = true; c.Answered.IsZero() {
			*missed++
		} else {
			*heard++
		}
	}
	*spoken += len(said)
}
