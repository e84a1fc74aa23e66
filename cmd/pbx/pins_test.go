package main

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/app"
	"naisen/provisioning"
)

// pinRig has 2001 with the PIN 4711, and 2002 without one.
func pinRig(t *testing.T, now *time.Time) (*pins, selfService) {
	t.Helper()
	st := simStore(t)
	h, err := provisioning.HashPIN("4711")
	if err != nil {
		t.Fatal(err)
	}
	err = st.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		return w.PutSecret(simDomain, provisioning.SecretPIN, "2001", h.Encode())
	})
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return *now }
	p := newPINs(st, auditQueue(1000), newAlarms(slog.New(slog.DiscardHandler), clock), clock)
	return p, selfService{store: st, pins: p}
}

// TestPINGuesses: after five wrong ones the right one looks wrong too, from whatever telephone; time gives tries back. Each guess is audited, and
// no PIN is.
func TestPINGuesses(t *testing.T) {
	now := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	p, _ := pinRig(t, &now)
	try := func(extension, at, pin string) error { return p.prove(t.Context(), simDomain, extension, at, pin) }
	for range 50 { // right ones cost nothing
		if err := try("2001", "2001", "4711"); err != nil {
			t.Fatal(err)
		}
	}
	for i := range wrongPINs {
		if err := try("2001", fmt.Sprint(3000+i), "0815"); !errors.Is(err, errWrongPIN) {
			t.Errorf("guess %d: %v", i, err)
		}
	}
	if err := try("2001", "2001", "4711"); !errors.Is(err, app.ErrNoTries) {
		t.Errorf("the right one after the guesses: %v", err)
	}
	if list := p.alarms.Alarms(simDomain); len(list) != 1 || list[0].Name != "pin-guessing" || list[0].Object != "2001" {
		t.Errorf("alarms %+v", list)
	}
	now = now.Add(wrongPINEvery)
	if err := try("2001", "2001", "4711"); err != nil {
		t.Errorf("after a while: %v", err)
	}
	// One telephone that tries many people, with a PIN or without, is stopped too.
	for i := range wrongPINs {
		if err := try(fmt.Sprint(2002+i), "4000", "4711"); !errors.Is(err, errWrongPIN) {
			t.Errorf("person %d: %v", i, err)
		}
	}
	if err := try("2001", "4000", "4711"); !errors.Is(err, app.ErrNoTries) {
		t.Errorf("from that telephone: %v", err)
	}
	denied := 0
	for len(p.audit.queue) > 0 {
		e := <-p.audit.queue
		e.Time = time.Time{} // whose digits may be those of a PIN
		if strings.Contains(fmt.Sprintf("%+v", e), "4711") || strings.Contains(fmt.Sprintf("%+v", e), "0815") {
			t.Errorf("a PIN is in the audit log: %+v", e)
		}
		if e.Action == "pin.proved" && e.Outcome == "denied" {
			denied++
		}
	}
	if denied != 2*wrongPINs {
		t.Errorf("%d guesses audited", denied)
	}
}

// TestSlowPINGuesses: who waits between the guesses is noticed too, and so is who tries one person from many telephones.
func TestSlowPINGuesses(t *testing.T) {
	now := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	p, _ := pinRig(t, &now)
	for i := range wrongsADay {
		if list := p.alarms.Alarms(simDomain); len(list) != 0 {
			t.Errorf("after %d: %+v", i, list)
		}
		for _, c := range [][2]string{{"2001", fmt.Sprint(3000 + i)}, {fmt.Sprint(4000 + i), "2002"}} {
			if err := p.prove(t.Context(), simDomain, c[0], c[1], "0815"); !errors.Is(err, errWrongPIN) {
				t.Errorf("guess %d of %s: %v", i, c[0], err)
			}
		}
		now = now.Add(wrongPINEvery)
	}
	list := p.alarms.Alarms(simDomain)
	if len(list) != 2 || list[0].Object+list[1].Object != "20012002" && list[0].Object+list[1].Object != "20022001" {
		t.Errorf("alarms %+v", list)
	}
}

// TestPINGuessesFromOutside: whoever claims a mobile's number has ten guesses a day for its owner, and a hundred for all of the domain together, whom ever
// they claim to be; and nobody at a desk loses a try by it.
func TestPINGuessesFromOutside(t *testing.T) {
	now := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	p, _ := pinRig(t, &now)
	try := func(extension, at, pin string) error { return p.prove(t.Context(), simDomain, extension, at, pin) }
	looked := 0
	for range 24 * 60 / 5 { // a guess each five minutes, for a day
		if err := try("2001", app.Outside, "0815"); errors.Is(err, errWrongPIN) {
			looked++
		}
		now = now.Add(wrongPINEvery)
	}
	if looked < outsideADay || looked > 2*outsideADay {
		t.Errorf("%d guesses were looked at in a day", looked)
	}
	if err := try("2001", app.Outside, "4711"); !errors.Is(err, app.ErrNoTries) {
		t.Errorf("the right one after the guesses: %v", err)
	}
	for range 2 * wrongPINs {
		if err := try("2001", "2001", "4711"); err != nil {
			t.Fatalf("at the desk: %v", err)
		}
	}
	now = now.Add(48 * time.Hour)
	if err := try("2001", app.Outside, "4711"); err != nil {
		t.Errorf("when the guesser has gone: %v", err)
	}
	looked = 0
	for i := range 1000 { // one guess for each of ours
		if err := try(fmt.Sprint(5000+i), app.Outside, "1234"); errors.Is(err, errWrongPIN) {
			looked++
		}
	}
	if looked != outsideAllADay {
		t.Errorf("%d guesses at all of ours were looked at", looked)
	}
	var named []string
	for _, a := range p.alarms.Alarms(simDomain) {
		named = append(named, a.Name+" "+a.Object)
	}
	if got := strings.Join(named, ", "); !strings.Contains(got, "pin-guessing 2001") || !strings.Contains(got, "pin-guessing "+app.Outside) {
		t.Errorf("alarms %s", got)
	}
}

// TestLockNeedsAPIN: what nobody could open again is not locked.
func TestLockNeedsAPIN(t *testing.T) {
	now := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	_, d := pinRig(t, &now)
	if err := d.Set(t.Context(), simDomain, "2002", provisioning.FeatureLock, ""); err == nil {
		t.Error("locked without a PIN")
	}
	for feature, want := range map[string]bool{provisioning.FeatureLock: true} {
		if err := d.Set(t.Context(), simDomain, "2001", feature, ""); err != nil {
			t.Fatal(err)
		}
		if err := d.store.View(t.Context(), func(r provisioning.Reader) error {
			s, _, err := provisioning.Get[provisioning.Settings](r, simDomain, "2001")
			if s.Locked != want {
				t.Errorf("%s: locked %v", feature, s.Locked)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
}
