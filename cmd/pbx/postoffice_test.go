package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/app"
	"naisen/media"
	"naisen/media/codec"
	"naisen/provisioning"
	"naisen/provisioning/policy"
	"naisen/recorder"
	"naisen/sip/event"
)

// sends speaks a tone into a recording at once: the frames' times say that it took as long.
func sends(t *testing.T, tap media.Tap, seconds int) {
	t.Helper()
	enc, err := codec.NewEncoder(media.PCMU)
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]int16, 160)
	for n := range 50 * seconds {
		for i := range pcm {
			pcm[i] = int16(8000 * math.Sin(2*math.Pi*600*float64(n*160+i)/8000))
		}
		tap.Tap(&media.Frame{From: "leg", Codec: media.PCMU, Payload: enc.Encode(nil, pcm), Sequence: uint16(n), Timestamp: uint32(n * 160), SSRC: 7,
			Arrived: int64(n) * int64(20*time.Millisecond)})
	}
}

// shows waits until the lamp of an extension shows that.
func shows(t *testing.T, l *lab, number string, want event.Messages) {
	t.Helper()
	a := event.AOR{User: number, Domain: l.p.config.Domain}
	if !soon(func() bool { return l.p.signalling.events.mailboxes.Messages(a) == want }) {
		t.Fatalf("%s shows %+v, want %+v", number, l.p.signalling.events.mailboxes.Messages(a), want)
	}
}

// soon waits until something holds; false: it does not.
func soon(holds func() bool) bool {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); <-tick.C {
		if holds() {
			return true
		}
	}
	return false
}

// message leaves one in a mailbox.
func (l *lab) message(number string) string {
	l.t.Helper()
	rec, err := mailroom{l.p.office}.Record(app.Voice{Domain: l.p.config.Domain, Mailbox: number, Call: "c1", From: "+819012345678"})
	if err != nil {
		l.t.Fatal(err)
	}
	sends(l.t, rec.Tap(), 2)
	rec.Stop("hung up")
	return rec.ID()
}

// Messages light the lamps of all who hear the mailbox, also of who becomes one, and after a restart; heard and deleted they go out. A mailbox that is
// full says so, one that is deleted leaves nothing to whoever gets the number next.
func TestPostOffice(t *testing.T) {
	data := t.TempDir()
	keep := func(c *Config) { c.Data = data }
	t.Run("first", func(t *testing.T) {
		l := newLab(t, keep)
		l.put(provisioning.Mailbox{Number: "2001", MaxMessages: 2}, provisioning.Mailbox{Number: "7100", Members: []string{"2001"}})
		l.message("2001")
		shows(t, l, "2001", event.Messages{New: 1})
		l.message("7100")
		shows(t, l, "2001", event.Messages{New: 2})
		shows(t, l, "2002", event.Messages{})
		l.put(provisioning.Mailbox{Number: "7100", Members: []string{"2001", "2002"}})
		shows(t, l, "2002", event.Messages{New: 1})
	})
	l := newLab(t, keep)
	room, desk := mailroom{l.p.office}, app.Caller{Domain: l.p.config.Domain, Extension: "2001", Call: "c2"}
	shows(t, l, "2001", event.Messages{New: 2})
	shows(t, l, "2002", event.Messages{New: 1})
	if box, ok := room.Box(desk.Domain, "2001", time.Now()); !ok || box.Full || box.Own != "2001" {
		t.Errorf("%+v", box)
	}
	second := l.message("2001")
	shows(t, l, "2001", event.Messages{New: 3})
	if box, _ := room.Box(desk.Domain, "2001", time.Now()); !box.Full {
		t.Error("two of two messages, and it is not full")
	}
	if err := room.Mark(t.Context(), desk, "2001", second); err != nil {
		t.Fatal(err)
	}
	shows(t, l, "2001", event.Messages{New: 2, Old: 1})
	if src, err := room.Listen(t.Context(), desk, "2001", second, media.PCMA); err != nil || src.Codec() != media.PCMA {
		t.Errorf("%v %v", src, err)
	}
	if _, err := room.Listen(t.Context(), desk, "7100", "none", media.PCMA); err == nil {
		t.Error("a message that is not there")
	}
	if err := room.Remove(t.Context(), desk, "2001", second); err != nil {
		t.Fatal(err)
	}
	shows(t, l, "2001", event.Messages{New: 2})
	l.traced(t, policy.MessageListen, policy.MessageMark, policy.MessageDelete)
	l.delete(provisioning.Mailbox{Number: "2001"})
	shows(t, l, "2001", event.Messages{New: 1})
	l.put(provisioning.Mailbox{Number: "2001", RetentionDays: 1})
	if !soon(func() bool { all, err := room.Messages(t.Context(), desk, "2001"); return len(all) == 0 && err == nil }) {
		t.Error("messages outlive their mailbox")
	}
	shows(t, l, "2001", event.Messages{New: 1})
	l.message("2001")
	shows(t, l, "2001", event.Messages{New: 2})
	l.p.office.clock = func() time.Time { return time.Now().Add(25 * time.Hour) }
	if err := l.p.office.expire(t.Context()); err != nil {
		t.Fatal(err)
	}
	shows(t, l, "2001", event.Messages{New: 1}) // that of 7100 is kept longer
}

// Messages that are spoken at once or wait for the store fill a mailbox like those that are stored, and it is asked again when a message begins.
func TestMailboxBound(t *testing.T) {
	l := newLab(t, nil)
	l.put(provisioning.Mailbox{Number: "2001", MaxMessages: 2})
	room, domain := mailroom{l.p.office}, l.p.config.Domain
	voice := app.Voice{Domain: domain, Mailbox: "2001", Call: "c1"}
	for range 2 {
		rec, err := room.Record(voice)
		if err != nil {
			t.Fatal(err)
		}
		defer rec.Stop("hung up")
	}
	if !soon(func() bool { box, _ := room.Box(domain, "2001", time.Now()); return box.Full }) {
		t.Error("two of two are being spoken, and it is not full")
	}
	shows(t, l, "2001", event.Messages{})
	if _, err := room.Record(voice); !errors.Is(err, errRefused) {
		t.Errorf("a third one: %v", err)
	}
	voice.Occasion = "busy"
	greeting, err := room.Record(voice)
	if err != nil {
		t.Fatalf("a greeting in a full mailbox: %v", err)
	}
	greeting.Stop("enough")
	voice.Mailbox = "2999"
	if _, err := room.Record(voice); !errors.Is(err, errRefused) {
		t.Errorf("in a mailbox that is gone: %v", err)
	}
}

// A mailbox that was deleted and not cleared, as by a stop in between, is cleared by the next start, also where it has a greeting alone; and a
// greeting that nobody put to use goes after a day.
func TestMailboxGone(t *testing.T) {
	data := t.TempDir()
	keep := func(c *Config) { c.Data = data }
	greets := func(l *lab, number string) string {
		t.Helper()
		rec, err := mailroom{l.p.office}.Record(app.Voice{Domain: l.p.config.Domain, Mailbox: number, Call: "c1", Occasion: "busy"})
		if err != nil {
			t.Fatal(err)
		}
		sends(t, rec.Tap(), 1)
		rec.Stop("enough")
		if _, err := (mailroom{l.p.office}).there(t.Context(), l.p.config.Domain, number, rec.ID()); err != nil {
			t.Fatal(err)
		}
		return rec.ID()
	}
	holds := func(l *lab, want int) bool {
		all, err := l.p.office.post.Holders(t.Context())
		return err == nil && len(all) == want
	}
	t.Run("first", func(t *testing.T) {
		l := newLab(t, keep)
		l.put(provisioning.Mailbox{Number: "7200"})
		if err := (mailroom{l.p.office}).KeepGreeting(t.Context(), app.Caller{Domain: l.p.config.Domain}, "7200", greets(l, "7200")); err != nil {
			t.Fatal(err)
		}
		l.p.office.Close()
		l.delete(provisioning.Mailbox{Number: "7200"})
		if !holds(l, 1) {
			t.Error("there was nothing to clear")
		}
	})
	l := newLab(t, keep)
	if !soon(func() bool { return holds(l, 0) }) {
		t.Error("a greeting outlives its mailbox")
	}
	l.put(provisioning.Mailbox{Number: "7300"})
	greets(l, "7300")
	now := time.Now().Add(23 * time.Hour)
	later := newPostOffice(l.p.office.store, l.p.directory, l.p.alarms.happened, func() time.Time { return now }, l.p.log)
	later.post = l.p.office.post
	if err := later.expire(t.Context()); err != nil || !holds(l, 1) {
		t.Errorf("a young draft goes: %v", err)
	}
	now = now.Add(2 * time.Hour)
	if err := later.expire(t.Context()); err != nil || !holds(l, 0) {
		t.Errorf("a draft stays: %v", err)
	}
}

// Deleted and made again in one transaction, so that nobody can notice, or with its extension: it has no message, no greeting and no PIN of the one
// before, not even one that was being spoken, and what it gets itself stays. A mailbox of before there were incarnations keeps its messages.
func TestMailboxMadeAgain(t *testing.T) {
	l := newLab(t, nil)
	domain, room := l.p.config.Domain, mailroom{l.p.office}
	desk := app.Caller{Domain: domain, Extension: "2001", Call: "c2"}
	l.put(provisioning.Mailbox{Number: "2001"})
	first, _ := l.p.directory.Snapshot().Mailbox(domain, "2001")
	l.put(provisioning.Mailbox{Number: "2001", Title: "changed", Incarnation: "mine"})
	if m, _ := l.p.directory.Snapshot().Mailbox(domain, "2001"); first.Incarnation == "" || m.Incarnation != first.Incarnation || m.Title != "changed" {
		t.Fatalf("a change makes another one: %q, %q", first.Incarnation, m.Incarnation)
	}
	old := l.message("2001")
	shows(t, l, "2001", event.Messages{New: 1})
	greeting, err := room.Record(app.Voice{Domain: domain, Mailbox: "2001", Call: "c1", Occasion: "busy"})
	if err != nil {
		t.Fatal(err)
	}
	sends(t, greeting.Tap(), 1)
	greeting.Stop("enough")
	if err := errors.Join(room.KeepGreeting(t.Context(), desk, "2001", greeting.ID()), room.SetPIN(t.Context(), desk, "2001", "4711")); err != nil {
		t.Fatal(err)
	}
	spoken, err := room.Record(app.Voice{Domain: domain, Mailbox: "2001", Call: "c3"})
	if err != nil {
		t.Fatal(err)
	}
	sends(t, spoken.Tap(), 2)
	err = (liveStore{l.p.store, l.p.directory, l.p.log}).Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		if err := w.Delete(domain, provisioning.KindMailbox, "2001", ""); err != nil {
			return err
		}
		_, err := w.Put(domain, provisioning.Mailbox{Number: "2001"}, "!")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	all, err := room.Messages(t.Context(), desk, "2001")
	if err != nil || len(all) != 0 {
		t.Errorf("messages %+v, %v", all, err)
	}
	if _, err := room.Listen(t.Context(), desk, "2001", old, media.PCMU); !errors.Is(err, recorder.ErrNotFound) {
		t.Errorf("a message of before is heard: %v", err)
	}
	if _, ok, err := room.Greeting(t.Context(), domain, "2001", "busy", media.PCMU); ok || err != nil {
		t.Errorf("a greeting of before is heard: %v", err)
	}
	room.delay = time.Millisecond
	if v, err := room.Guess(t.Context(), app.Guess{Caller: desk, Mailbox: "2001", PIN: "4711"}); v != app.PINUnset || err != nil {
		t.Errorf("its PIN opens the new one: %v, %v", v, err)
	}
	shows(t, l, "2001", event.Messages{})
	l.message("2001")
	spoken.Stop("hung up")
	shows(t, l, "2001", event.Messages{New: 1})
	if !soon(func() bool { boxes, err := l.p.office.post.Holders(t.Context()); return err == nil && len(boxes) == 1 }) {
		t.Error("what was in the one before stays in the store")
	}
	if all, err = room.Messages(t.Context(), desk, "2001"); err != nil || len(all) != 1 {
		t.Errorf("its own messages: %+v, %v", all, err)
	}
}

func (l *lab) delete(e provisioning.Entity) {
	l.t.Helper()
	err := (liveStore{l.p.store, l.p.directory, l.p.log}).Update(l.t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		return w.Delete(l.p.config.Domain, e.Kind(), e.Key(), "")
	})
	if err != nil {
		l.t.Fatal(err)
	}
}

// traced says that extension 2001 left its trace in the audit log.
func (l *lab) traced(t *testing.T, actions ...provisioning.Action) {
	t.Helper()
	for _, a := range actions {
		err := l.p.store.View(t.Context(), func(r provisioning.Reader) error {
			list, err := r.Audit(l.p.config.Domain, provisioning.AuditQuery{Action: string(a)})
			if !slices.ContainsFunc(list, func(e provisioning.AuditEntry) bool {
				return e.Subject == "extension 2001@"+l.p.config.Domain && e.Detail["call"] == "c2"
			}) {
				t.Errorf("%s: %+v", a, list)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// Colleagues guess no faster together than one of them, never lock its owner out, and are noticed however slow they are.
func TestColleaguesGuess(t *testing.T) {
	l := newLab(t, nil)
	l.put(provisioning.Mailbox{Number: "2001"})
	now := time.Now()
	office := newPostOffice(l.p.office.store, l.p.directory, l.p.alarms.happened, func() time.Time { return now }, l.p.log)
	office.delay = time.Millisecond
	room := mailroom{office}
	guess := func(extension, pin string, want app.Verdict) {
		t.Helper()
		v, err := room.Guess(t.Context(), app.Guess{Caller: app.Caller{Domain: l.p.config.Domain, Extension: extension}, Mailbox: "2001", PIN: pin})
		if err != nil || v != want {
			t.Errorf("%s: %v, %v, want %v", extension, v, err, want)
		}
	}
	if err := room.SetPIN(t.Context(), app.Caller{Domain: l.p.config.Domain, Extension: "2001"}, "2001", "4711"); err != nil {
		t.Fatal(err)
	}
	for range 2 * wrongPINs { // the right one costs nothing
		guess("2002", "4711", app.PINRight)
	}
	noticed := func() bool {
		return slices.ContainsFunc(l.p.alarms.Alarms(l.p.config.Domain), func(a provisioning.Alarm) bool { return a.Name == "voicemail-guessing" && a.Object == "2001" })
	}
	for i := range wrongsADay { // one at a time, and no bucket is ever empty
		if noticed() {
			t.Errorf("an alarm after %d", i)
		}
		guess("2002", "1234", app.PINWrong)
		now = now.Add(wrongPINEvery)
	}
	if !noticed() {
		t.Error("nobody is told of slow guesses")
	}
	for i := range wrongPINs {
		guess(fmt.Sprint(3000+i), "1234", app.PINWrong)
	}
	guess("2002", "4711", app.PINClosed)
	guess("2001", "4711", app.PINRight) // the owner's telephone
	now = now.Add(wrongPINEvery)
	guess("2002", "4711", app.PINRight)
}

// Guesses are slow and counted. Strangers can close a mailbox for strangers, for a while, and never for its owner's telephone.
func TestGuesses(t *testing.T) {
	l := newLab(t, nil)
	l.put(provisioning.Mailbox{Number: "2001"})
	now := time.Now()
	clock := func() time.Time { return now }
	office := newPostOffice(l.p.office.store, l.p.directory, l.p.alarms.happened, clock, l.p.log)
	room := mailroom{office}
	guess := func(extension, pin string) app.Verdict {
		t.Helper()
		v, err := room.Guess(t.Context(), app.Guess{Caller: app.Caller{Domain: l.p.config.Domain, Extension: extension}, Mailbox: "2001", PIN: pin})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	office.delay = time.Millisecond
	if v := guess("2001", "1234"); v != app.PINUnset {
		t.Errorf("without a PIN: %v", v)
	}
	if err := room.SetPIN(t.Context(), app.Caller{Domain: l.p.config.Domain, Extension: "2001"}, "2001", "4711"); err != nil {
		t.Fatal(err)
	}
	if v := guess("", "4711"); v != app.PINRight {
		t.Errorf("the right one: %v", v)
	}
	for i := range guessBurst {
		if v := guess("", "1234"); v != app.PINWrong {
			t.Errorf("wrong one %d: %v", i, v)
		}
	}
	if v := guess("", "4711"); v != app.PINClosed {
		t.Errorf("after too many guesses the right one is looked at: %v", v)
	}
	if v := guess("2001", "4711"); v != app.PINRight {
		t.Errorf("strangers lock the owner out at the desk: %v", v)
	}
	now = now.Add(10*time.Minute + time.Second)
	if v := guess("", "4711"); v != app.PINRight {
		t.Errorf("strangers lock the owner out for good: %v", v)
	}
	if !slices.ContainsFunc(l.p.alarms.Alarms(l.p.config.Domain), func(a provisioning.Alarm) bool { return a.Name == "voicemail-guessing" }) {
		t.Error("nobody is told of the guesses")
	}
	if missing(recorder.ErrNotFound) != provisioning.ErrNotFound || !errors.Is(missing(context.Canceled), context.Canceled) {
		t.Error("an error changes its meaning")
	}
}
