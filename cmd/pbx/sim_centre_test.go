package main

import (
	"fmt"
	"runtime"
	"testing"

	"naisen/cmd/pbx/internal/queue"
	"naisen/provisioning"
)

// simCentre is a call centre: what the outside dials leads into queues, a room and a menu, and people inside are agents who forget to hang up,
// are called by others meanwhile, and lose their registrations.
func simCentre() []provisioning.Entity {
	menu := provisioning.Menu{Name: "office", Owner: "2001", Start: "top", Nodes: []provisioning.MenuNode{{Name: "top", Prompt: "greeting/open",
		Keys: []provisioning.MenuKey{{Key: "5", To: provisioning.MenuGoto{Dial: "7002"}}}, Then: &provisioning.MenuGoto{Dial: "7001"}}}}
	return []provisioning.Entity{
		provisioning.Queue{Number: "7001", Members: []provisioning.QueueMember{{Agent: "2001"}, {Agent: "2002"}}, WrapUp: 5, RingSeconds: 8, Rest: 10, MaxWait: 60,
			Overflow: provisioning.QueueOverflow{Time: toExt("2004"), Payer: "2003"}},
		provisioning.Queue{Number: "7002", Strategy: provisioning.RingAll, Members: []provisioning.QueueMember{{Agent: "2002"}, {Agent: "2003"}}, RingSeconds: 6, Rest: 5, MaxWait: 45, MaxWaiting: 2},
		provisioning.Agent{Number: "2001", SignedIn: true}, provisioning.Agent{Number: "2002", SignedIn: true}, provisioning.Agent{Number: "2003", SignedIn: true},
		menu, provisioning.MenuVersions{Menu: "office"}.Activate(menu, "hanako"),
		provisioning.Conference{Number: "8000"},
		provisioning.DID{Number: simRecorded, Queue: "7001", Policy: "early"},
		provisioning.DID{Number: simAnswered, Queue: "7002", Policy: "after"},
		provisioning.DID{Number: simStrict, Conference: "8000"},
		provisioning.DID{Number: simPlain, Menu: "office"},
	}
}

// TestSimulationCentre plays histories of a call centre. What must hold in every history holds here too; besides, nobody waits for an agent and
// is lost, each who waited has one outcome, no room outlives its guests, and no agent sticks.
func TestSimulationCentre(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	d := simDirectory(t, simCentre()...)
	first, n := *simFrom, max(4, uint64(*simSeeds)/50)
	if *simSeed >= 0 {
		first, n = uint64(*simSeed), 1
	}
	var answered, gaveUp int
	for seed := first; seed < first+n; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			simulate(t, d, seed, *simSeed >= 0, func(w *world) { w.centreSettled(&answered, &gaveUp) })
		})
	}
	t.Logf("%d callers were answered by agents, %d were not", answered, gaveUp)
	if n >= 40 && (answered < 20 || gaveUp < 20) {
		t.Error("histories in which hardly anybody waits show nothing")
	}
}

// centreSettled looks at the call centre when every call is over, and wrap-ups and rests too.
func (w *world) centreSettled(answered, gaveUp *int) {
	v := w.p.queues.View()
	for k, a := range v.Agents {
		if a.State != queue.Ready && a.State != queue.Unreachable {
			w.t.Errorf("%s is %s when nobody calls", k.Number, a.State)
		}
	}
	for k, q := range v.Queues {
		if q.Waiting != 0 {
			w.t.Errorf("%d wait in %s when nobody calls", q.Waiting, k.Number)
		}
	}
	if n := w.p.rooms.Len(); n != 0 {
		w.t.Errorf("%d rooms are open when nobody calls", n)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	once := map[string]bool{}
	for _, x := range w.visits {
		if once[x.ID] {
			w.t.Errorf("two outcomes of %s", x.ID)
		}
		once[x.ID] = true
		if x.Outcome == provisioning.OutcomeAnswered {
			*answered++
		} else {
			*gaveUp++
		}
	}
}
