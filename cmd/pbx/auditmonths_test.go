package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/policy"
	"naisen/provisioning/rest"
	"naisen/recorder/objstore"
	"naisen/recorder/objstore/mem"
)

// oneMonth has one entry in October.
type oneMonth struct{ err error }

func (o oneMonth) EachAudit(_ context.Context, domain string, _, _ time.Time, take func(provisioning.AuditEntry)) error {
	take(provisioning.AuditEntry{Domain: domain, Time: time.Date(2026, 10, 9, 0, 0, 0, 0, time.UTC), Subject: "u@a.example", Action: "recording.destroyed", Outcome: "ok"})
	return o.err
}

func (oneMonth) AuditFrom(context.Context) (time.Time, error) { return time.Time{}, nil }

// TestMonthlyReportsAreKept: once a month is over, its report is in the object store, in two languages and forms, once; one that fails is made the next time.
func TestMonthlyReportsAreKept(t *testing.T) {
	d := newDoor(t)
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, tokyo)
	objects := mem.New(func() time.Time { return now })
	a := &auditMonths{each: oneMonth{errors.New("disk")}, store: d.store, objects: objects, domains: func() []string { return []string{keepDomain} }, clock: func() time.Time { return now },
		turn: make(chan struct{}, 1), failing: func(bool) {}, log: slog.New(slog.DiscardHandler)}
	kept := func() (names []string) {
		if err := objects.List(t.Context(), "", func(i objstore.Info) error { names = append(names, i.Name); return nil }); err != nil {
			t.Fatal(err)
		}
		return names
	}
	now = now.Add(reportAfter)
	if err := a.keepLast(t.Context()); err == nil || len(kept()) != 0 {
		t.Fatalf("a failure: %v, kept %v", err, kept())
	}
	a.each = oneMonth{}
	used := provisioning.EmergencySignIn{ID: "glass1", User: "breakglass", At: now.AddDate(0, 0, -5), Source: "192.0.2.1"}
	if err := d.store.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		_, err := w.Put(keepDomain, used, "")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := a.keepLast(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	dir := keepDomain + "/2026-10/audit."
	if want := []string{dir + "en.csv", dir + "en.pdf", dir + "ja.csv", dir + "ja.pdf"}; !slices.Equal(kept(), want) {
		t.Errorf("kept %v", kept())
	}
	r, err := objects.Get(t.Context(), dir+"ja.csv", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil || !bytes.Contains(text, []byte("u@a.example,1")) || !bytes.Contains(text, []byte("emergency-sign-in,glass1,breakglass@"+keepDomain+",1")) {
		t.Errorf("%s %v", text, err)
	}
	if err := d.store.View(t.Context(), func(rd provisioning.Reader) error {
		all, err := rd.Audit(keepDomain, provisioning.AuditQuery{Action: string(policy.AuditReport)})
		if len(all) != 1 || all[0].Object != "audit-report/2026-10" || all[0].Subject != "system" {
			t.Errorf("%+v", all)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	a.turn <- struct{}{}
	if _, err := a.AuditMonth(t.Context(), keepDomain, "2026-10"); !errors.Is(err, rest.ErrBusy) {
		t.Errorf("two at a time: %v", err)
	}
}
