package main

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/app"
	"naisen/media"
	"naisen/media/play"
	"naisen/provisioning"
	"naisen/sip/event"
)

// simBoxes are mailboxes whose messages stay in memory. Settings are the directory's, by the switch's own reading of them.
type simBoxes struct {
	office mailroom // its Box
	tell   func(event.AOR, event.Messages)

	mu     sync.Mutex
	begun  int // voices recorded so far
	live   map[string]app.Voice
	kept   []simMessage
	greets map[string]string // by mailbox and occasion
}

type simMessage struct {
	app.Message
	of app.Voice
}

func newSimBoxes(p *pbx) *simBoxes {
	return &simBoxes{office: mailroom{newPostOffice(nil, p.directory, nil, time.Now, p.log)}, tell: p.signalling.events.mailboxes.Set,
		live: map[string]app.Voice{}, greets: map[string]string{}}
}

func (b *simBoxes) Box(domain, number string, now time.Time) (app.Mailbox, bool) {
	return b.office.Box(domain, number, now)
}

type simVoice struct {
	b  *simBoxes
	id string
}

func (v simVoice) ID() string     { return v.id }
func (v simVoice) Tap() media.Tap { return simEar{} }
func (v simVoice) Stop(string)    { v.b.stop(v.id) }

type simEar struct{}

func (simEar) Tap(*media.Frame) {}

func (b *simBoxes) Record(v app.Voice) (app.Recording, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.begun++
	id := fmt.Sprint("v", b.begun)
	b.live[id] = v
	return simVoice{b, id}, nil
}

func (b *simBoxes) stop(id string) {
	b.mu.Lock()
	v, ok := b.live[id]
	delete(b.live, id)
	if ok {
		b.kept = append(b.kept, simMessage{app.Message{ID: id, From: v.From, Left: time.Now(), New: v.Occasion == ""}, v})
	}
	b.mu.Unlock()
	b.lamp(v.Mailbox)
}

// lamp tells what waits in a mailbox.
func (b *simBoxes) lamp(number string) {
	b.tell(event.AOR{User: number, Domain: simDomain}, b.count(number))
}

func (b *simBoxes) count(number string) (n event.Messages) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.kept {
		switch {
		case m.of.Mailbox != number || m.of.Occasion != "":
		case m.New:
			n.New++
		default:
			n.Old++
		}
	}
	return n
}

func (b *simBoxes) Greeting(_ context.Context, _, number, occasion string, c media.Codec) (media.Source, bool, error) {
	b.mu.Lock()
	_, ok := b.greets[number+occasion]
	b.mu.Unlock()
	src, err := b.Listen(context.Background(), app.Caller{}, "", "", c)
	return src, ok, err
}

func (b *simBoxes) Guess(_ context.Context, g app.Guess) (app.Verdict, error) {
	if g.PIN == "4711" {
		return app.PINRight, nil
	}
	return app.PINWrong, nil
}

func (b *simBoxes) SetPIN(context.Context, app.Caller, string, string) error { return nil }

func (b *simBoxes) Messages(_ context.Context, _ app.Caller, number string) (out []app.Message, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := len(b.kept) - 1; i >= 0; i-- {
		if m := b.kept[i]; m.of.Mailbox == number && m.of.Occasion == "" {
			out = append(out, m.Message)
		}
	}
	return out, nil
}

func (b *simBoxes) Listen(_ context.Context, _ app.Caller, _, _ string, c media.Codec) (media.Source, error) {
	clip, err := play.Silence(c, simPrompt)
	if err != nil {
		return nil, err
	}
	return clip.Play(), nil
}

func (b *simBoxes) Mark(_ context.Context, _ app.Caller, number, id string) error {
	b.mu.Lock()
	for i := range b.kept {
		if b.kept[i].ID == id {
			b.kept[i].New = false
		}
	}
	b.mu.Unlock()
	b.lamp(number)
	return nil
}

func (b *simBoxes) Remove(_ context.Context, _ app.Caller, number, id string) error {
	b.mu.Lock()
	for i := range b.kept {
		if b.kept[i].ID == id {
			b.kept = append(b.kept[:i], b.kept[i+1:]...)
			break
		}
	}
	b.mu.Unlock()
	b.lamp(number)
	return nil
}

func (b *simBoxes) KeepGreeting(_ context.Context, _ app.Caller, number, id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.kept {
		if m.ID == id {
			b.greets[number+m.of.Occasion] = id
		}
	}
	return nil
}

// checkMailboxes: when nobody talks any more nothing is being recorded, every voice that was begun is a message, and the lamps say how many are new.
func (w *world) checkMailboxes() {
	b := w.boxes
	b.mu.Lock()
	live, begun, kept := len(b.live), b.begun, len(b.kept)
	b.mu.Unlock()
	if live != 0 || begun != kept { // no history deletes one
		w.wrong("%d messages begun, %d kept, %d still recorded", begun, kept, live)
	}
	for _, m := range w.p.directory.Snapshot().Mailboxes(simDomain) {
		a := event.AOR{User: m.Number, Domain: simDomain}
		if got, want := w.p.signalling.events.mailboxes.Messages(a), b.count(m.Number); got != want {
			w.wrong("the lamp of %s shows %+v, there are %+v", m.Number, got, want)
		}
	}
}

// simVoicemail is a town whose people have mailboxes: calls come there because somebody is busy, does not answer, is not there, or never wants any.
func simVoicemail() []provisioning.Entity {
	box := func(n string) *provisioning.Destination { return &provisioning.Destination{Voicemail: n} }
	out := []provisioning.Entity{
		provisioning.Extension{Number: "2005", Display: "Away", Media: "srtp-preferred"}, // never registers
		provisioning.Mailbox{Number: "2001"}, provisioning.Mailbox{Number: "2002", MaxSeconds: 10}, provisioning.Mailbox{Number: "2005"}, provisioning.Mailbox{Number: simGroup},
		provisioning.Settings{Extension: "2001", NoCallWaiting: true, Forward: provisioning.Forwarding{Busy: box("2001"), NoAnswer: box("2001"), Seconds: 6}},
		provisioning.Settings{Extension: "2002", Forward: provisioning.Forwarding{Always: box("2002")}},
		provisioning.Settings{Extension: "2005", Forward: provisioning.Forwarding{Unregistered: box("2005")}},
		provisioning.Group{Number: simGroup, Strategy: "circular", Members: []string{"2004", "2003"}, RingSeconds: 5, Overflow: box(simGroup)},
		provisioning.DID{Number: simPlain, To: []string{"2005"}},
	}
	return out
}

// TestSimulationVoicemail plays histories in that town. What must hold in every history holds here too.
func TestSimulationVoicemail(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	d := simDirectory(t, simVoicemail()...)
	first, n := *simFrom, uint64(*simSeeds)/8
	if *simSeed >= 0 {
		first, n = uint64(*simSeed), 1
	}
	for seed := first; seed < first+n; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { simulate(t, d, seed, *simSeed >= 0) })
	}
}
