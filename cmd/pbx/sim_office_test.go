package main

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/app"
	"naisen/cmd/pbx/internal/queue"
	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/provisioning/secret"
	"naisen/sip/event"
)

// The office's people and numbers.
const (
	officePeople = 8
	officeBoss   = "2003" // may listen to others
	officeGone   = "2007" // comes and goes
	officeKey    = "7900" // of the calendar
	officePIN    = "4711"
	officeFound  = "+81355555555"
	officeRoom   = "+81366666666"
	officeBox    = "+81377777777"
)

// simTown is what a world has besides whose directory does not stand still: people who set things by code, sign in at desks, listen, park and are
// called back, and an administrator who changes everything meanwhile.
type simTown struct {
	records *simRecords
	desk    selfService
	agents  agentCodes
	waiting *simLine
	vigil   vigil
	opened  provisioning.Version       // of the records, when the history began
	closing bool                       // everybody goes: nobody comes back to the net
	closed  bool                       // everybody has gone
	scripts map[string]map[string]bool // that had a call, by call
	did     map[string]int             // what happened how often, so that a history in which nothing happens is seen
}

// simOffice is the office as it begins.
func simOffice() []provisioning.Entity {
	out := []provisioning.Entity{provisioning.User{Name: "boss", Roles: []provisioning.Role{provisioning.RoleSupervisor}},
		provisioning.Restriction{Name: "counter", Rights: provisioning.Rights{Classes: []string{"national"}}, WithPIN: &provisioning.Rights{Classes: []string{"mobile"}}}}
	for i := range officePeople {
		out = append(out, officeExtension(i))
	}
	out = append(out, officeNumbers()...)
	box := func(n string) *provisioning.Destination { return &provisioning.Destination{Voicemail: n} }
	return append(out,
		provisioning.Settings{Extension: "2001", CallCodes: true},
		provisioning.Settings{Extension: "2002", CallCodes: true, NoCallWaiting: true},
		provisioning.Settings{Extension: "2004", CallCodes: true},
		provisioning.Settings{Extension: "2005", NoCallWaiting: true, Forward: provisioning.Forwarding{Busy: box("2005"), NoAnswer: toExt("2008"), Seconds: 6}},
		provisioning.Settings{Extension: "2008", Forward: provisioning.Forwarding{NoAnswer: box("2008"), Unregistered: toExt("2004"), Seconds: 8}},
		provisioning.Supervision{Name: "hall", Supervisors: []string{"boss"}, Extensions: []string{"2001", "2002", "2004"}, Queues: []string{"7001"}, Tone: true,
			Modes: []string{provisioning.MonitorListen, provisioning.MonitorWhisper, provisioning.MonitorBarge}})
}

// officeExtension is one of its people, or a desk.
func officeExtension(i int) provisioning.Extension {
	e := provisioning.Extension{Number: fmt.Sprint(2001 + i), Display: fmt.Sprint("Ext ", i), AllowMD5: true, Media: "srtp-preferred"}
	switch i {
	case 0, 3:
		e.Pickup = "counter"
	case 1:
		e.Pickup, e.Record = "counter", "silent"
	case 2:
		e.User = "boss"
	case 5:
		e.HotDesk = &provisioning.HotDesking{Hours: 1}
	case 6:
		e.HotDesk = &provisioning.HotDesking{Hours: 1, OwnNumber: "silent"}
	case 7:
		e.Pickup, e.Restriction = "counter", "counter"
	}
	return e
}

// officeNumbers are groups of each strategy, queues, rooms, mailboxes, a menu, a parking lot and a key, and the outside numbers that lead there.
func officeNumbers() []provisioning.Entity {
	menu := provisioning.Menu{Name: "office", Owner: "2001", Start: "top", Nodes: []provisioning.MenuNode{{Name: "top", Prompt: "greeting/open",
		Keys: []provisioning.MenuKey{{Key: "1", To: provisioning.MenuGoto{Dial: "2001"}}, {Key: "2", To: provisioning.MenuGoto{Dial: "6003"}},
			{Key: "5", To: provisioning.MenuGoto{Dial: "7002"}}}, Then: &provisioning.MenuGoto{Dial: "7001"}}}}
	box := &provisioning.Destination{Voicemail: "6001"}
	return []provisioning.Entity{
		provisioning.Calendar{Name: "hall", Number: officeKey, Operators: []string{"2001", officeBoss}},
		provisioning.Group{Number: "6001", Strategy: provisioning.Sequential, Members: []string{"2004", "2002", "2008"}, RingSeconds: 5},
		provisioning.Mailbox{Number: "2005"}, provisioning.Mailbox{Number: "2008", MaxSeconds: 10}, provisioning.Mailbox{Number: "6001"},
		provisioning.Group{Number: "6001", Strategy: provisioning.Sequential, Members: []string{"2004", "2002", "2008"}, RingSeconds: 5, Overflow: box},
		provisioning.Group{Number: "6002", Members: []string{"2001", "2002", "2005"}, RingSeconds: 8, Overflow: toNumber("0312345678"), Payer: "2001"},
		provisioning.Group{Number: "6003", Strategy: provisioning.Circular, Members: []string{"2004", "2005", "2008"}, RingSeconds: 4, Overflow: &provisioning.Destination{Group: "6001"}},
		provisioning.Group{Number: "6004", Strategy: provisioning.LongestIdle, Members: []string{"2005", "2006", "2008"}, RingSeconds: 4, RingBusy: true},
		provisioning.Group{Number: "6005", Members: []string{"2001", "2008"}, RingSeconds: 6},
		officeQueue(), officeAll(), officeSpare(),
		provisioning.Agent{Number: "2001", SignedIn: true}, provisioning.Agent{Number: "2002", SignedIn: true}, provisioning.Agent{Number: "2008", SignedIn: true},
		menu, provisioning.MenuVersions{Menu: "office"}.Activate(menu, "hanako"),
		provisioning.Conference{Number: "8000"}, provisioning.Conference{Number: "8001", Tones: true},
		provisioning.ParkingLot{Number: "700", FirstSlot: "701", Slots: 2, Seconds: 15, Fallback: toExt("2005")},
		provisioning.DID{Number: simRecorded, Queue: "7001", Policy: "early"},
		provisioning.DID{Number: simAnswered, Group: "6002", Policy: "after"},
		provisioning.DID{Number: simPlain, Menu: "office"},
		provisioning.DID{Number: officeFound, Group: "6004", Closing: &provisioning.Closing{Calendar: "hall", Night: &provisioning.Turn{To: box}}},
		provisioning.DID{Number: officeRoom, Conference: "8000"},
		provisioning.DID{Number: officeBox, Voicemail: "2005"},
	}
}

// officeQueue offers to call back, officeAll rings everybody, officeSpare is one that comes and goes.
func officeQueue() provisioning.Queue {
	return provisioning.Queue{Number: "7001", Members: []provisioning.QueueMember{{Agent: "2001"}, {Agent: "2002"}}, WrapUp: 5, RingSeconds: 8, Rest: 10, MaxWait: 60, SignOut: 1,
		Overflow: provisioning.QueueOverflow{Time: toNumber("6003"), Payer: officeBoss}, CallBack: provisioning.QueueCallBack{Offer: true, After: 10, Tries: 2, Minutes: 1, Payer: officeBoss},
		Announce: provisioning.QueueAnnounce{Position: true, Every: 15}}
}

func officeAll() provisioning.Queue {
	return provisioning.Queue{Number: "7002", Strategy: provisioning.RingAll, Members: []provisioning.QueueMember{{Agent: "2002"}, {Agent: officeBoss}, {Agent: "2008"}}, RingSeconds: 6,
		Rest: 5, MaxWait: 45, MaxWaiting: 2, Policy: "silent"}
}

func officeSpare() provisioning.Queue {
	return provisioning.Queue{Number: "7003", Members: []provisioning.QueueMember{{Agent: "2001"}, {Agent: "2008"}}, RingSeconds: 7, MaxWait: 40, WrapUp: 3,
		Overflow: provisioning.QueueOverflow{NoAgents: toNumber("6001"), Payer: officeBoss}}
}

// simOfficeRecords is the store of the office, from which each history has its own copy.
func simOfficeRecords(t testing.TB) *simRecords {
	t.Helper()
	return newSimRecords(t, func(w provisioning.Writer) error {
		for _, e := range append(simEntities(), simOffice()...) {
			if _, err := w.Put(simDomain, e, ""); err != nil {
				return fmt.Errorf("%s %s: %w", e.Kind(), e.Key(), err)
			}
			x, ok := e.(provisioning.Extension)
			if !ok {
				continue
			}
			if err := hired(w, x); err != nil {
				return err
			}
		}
		return nil
	})
}

// hired is an extension with its password and its PIN, of which a history can afford one round.
func hired(w provisioning.Writer, e provisioning.Extension) error {
	if _, err := w.Put(simDomain, e, ""); err != nil {
		return err
	}
	cred := secret.SIPCredential(e.Number, simDomain, secret.New("secret-"+e.Number))
	if err := w.PutSecret(simDomain, provisioning.SecretSIP, e.Number, cred.Encode()); err != nil {
		return err
	}
	salt := make([]byte, 16)
	key, err := pbkdf2.Key(sha256.New, officePIN, salt, 1, sha256.Size)
	if err != nil {
		return err
	}
	pin, err := json.Marshal(map[string]any{"salt": salt, "key": key, "rounds": 1})
	if err != nil {
		return err
	}
	return w.PutSecret(simDomain, provisioning.SecretPIN, e.Number, pin)
}

// newSimTown is a world whose directory lives in the bubble.
func newSimTown(t testing.TB, base *simRecords, seed uint64) *world {
	o := &simTown{records: base.copied(), opened: base.at.version, scripts: map[string]map[string]bool{}, did: map[string]int{}, vigil: vigil{since: map[string]time.Time{}}}
	d, err := directory.New(context.Background(), o.records, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return newTown(t, d, seed, o)
}

// open starts what follows the directory and the calls, as wire.go does.
func (o *simTown) open(ctx context.Context, w *world) {
	p := w.p
	store := liveStore{o.records, p.directory, p.log}
	p.pins = newPINs(o.records, p.auditor, p.alarms, time.Now)
	o.desk = selfService{store: store, pins: p.pins, recall: p.recall}
	o.agents = agentCodes{store, p.queues.Ready}
	o.waiting = &simLine{queues: p.queues, w: w, joined: map[string][]string{}, offered: map[string]time.Time{}}
	w.air.audience = true
	revoker := newRevoker(ctx, p.directory, p.registrar, p.signalling.events)
	p.closing("revoker", func(context.Context) error { revoker.Close(); return nil })
	p.startQuiet(ctx)
	p.startRecalls()
	p.startQueues(ctx)
	e := p.signalling.events
	s := &seats{directory: p.directory, store: o.records, every: 15 * time.Second, log: p.log, tell: func(a event.AOR) {
		for _, pkg := range []string{"dialog", "presence", "message-summary"} {
			e.notifier.Changed(pkg, a)
		}
	}}
	s.start(ctx)
	p.closing("hot desks", func(context.Context) error { s.Close(); return nil })
	p.purse.calls = p.calls
	p.purse.start(ctx)
	p.closing("purse", func(context.Context) error { p.purse.Close(); return nil })
}

// shut ends the directory, the last of all.
func (o *simTown) shut(w *world) { _ = w.p.directory.Close() }

// store is where the world's queues keep call-backs; nil: nowhere.
func (w *world) store() provisioning.Store {
	if w.office == nil {
		return nil
	}
	return w.office.records
}

// settings are what scripts change by code.
func (p simPrograms) settings(to app.Programs) app.Programs {
	if o := p.office; o != nil {
		to.Desk, to.Agents, to.Queues = o.desk, o.agents, o.waiting
	}
	return to
}

// simLine notes who comes into a queue, and for whom an agent was rung first.
type simLine struct {
	*queues
	w       *world
	joined  map[string][]string  // queues by call
	offered map[string]time.Time // by visit
}

// Join implements app.Queues.
func (l *simLine) Join(c queue.Caller) *queue.Seat {
	l.w.mu.Lock()
	l.joined[c.Call] = append(l.joined[c.Call], c.Queue.Number)
	l.w.mu.Unlock()
	return l.queues.Join(c)
}

// TestSimulationOffice plays histories of an office in which everything can happen at once. What must hold in every history holds here too.
func TestSimulationOffice(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	base := simOfficeRecords(t)
	first, n := *simFrom, max(4, uint64(*simSeeds)/16)
	if *simSeed >= 0 {
		first, n = uint64(*simSeed), 1
	}
	did := map[string]int{}
	for seed := first; seed < first+n; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			playTown(t, seed, *simSeed >= 0, func(t testing.TB) *world { return newSimTown(t, base, seed) }, func(w *world) {
				for k, n := range w.office.did {
					did[k] += n
				}
			})
		})
	}
	t.Logf("what happened: %v", did)
	for _, k := range officeMust {
		if n >= 100 && did[k] < 2 {
			t.Errorf("%q happened %d times in %d histories: they show nothing of it", k, did[k], n)
		}
	}
}
