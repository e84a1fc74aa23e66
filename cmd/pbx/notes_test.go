package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
)

func theNotes(t *testing.T, path string) *notes {
	t.Helper()
	n, err := openNotes(path, func(string, call.CDR) int64 { return 60_000 }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func found(t *testing.T, path string) map[string]provisioning.CDR {
	t.Helper()
	list, err := recovered(path)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]provisioning.CDR{}
	for _, n := range list {
		out[n.CDR.ID] = n.CDR
	}
	return out
}

// What ran, and only that, is found again; it ended when the file was touched last.
func TestNotes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "calls.running")
	if len(found(t, path)) != 0 {
		t.Error("calls without a file")
	}
	began := time.Now().Add(-10 * time.Minute).Round(0)
	charged := call.CDR{ID: "b", Domain: simDomain, From: "2001", To: "0312345678", Started: began, Charge: route.Charge{Extension: "2001", Class: "national"}}
	n := theNotes(t, path)
	n.keep(call.CDR{ID: "a", Domain: simDomain, Started: began})
	n.keep(charged)
	n.keep(call.CDR{ID: "c", Domain: simDomain, Started: began})
	n.settled("a")
	charged.Answered, charged.AnsweredBy = began.Add(5*time.Minute), "0312345678"
	n.keep(charged)
	if err := n.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	alive := began.Add(7 * time.Minute)
	if err := os.Chtimes(path, alive, alive); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(`{"Gone":"c`) // the kill cut it off
		err = errors.Join(err, f.Close(), os.Chtimes(path, alive, alive))
	}
	if err != nil {
		t.Fatal(err)
	}
	got := found(t, path)
	b, c := got["b"], got["c"]
	if len(got) != 2 || !b.Ended.Equal(alive) || b.TalkMS != 120_000 || b.MilliYen != 120_000 || b.Status != 200 || b.Cause != causeKilled.Text || b.EndedBy != "switch" ||
		b.AnsweredBy != "0312345678" || b.Payer != "2001" {
		t.Errorf("%+v", b)
	}
	if c.Status != 500 || c.TalkMS != 0 || c.MilliYen != 0 || !c.Ended.Equal(alive) {
		t.Errorf("%+v", c)
	}
	if early := (note{CDR: answeredAt(b, alive.Add(time.Hour))}).ended(alive).CDR; early.Ended.Before(early.Answered) {
		t.Errorf("a clock that went back: ended %v, answered %v", early.Ended, early.Answered)
	}
}

func answeredAt(c provisioning.CDR, answered time.Time) provisioning.CDR {
	c.Answered = answered
	return c
}

// A day of calls leaves a file as large as the calls that run.
func TestNotesAreCompacted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "calls.running")
	n := theNotes(t, path)
	n.keep(call.CDR{ID: "stays", Domain: simDomain, Started: time.Now()})
	for round := range 4 {
		for _, what := range []func(string){func(id string) { n.keep(call.CDR{ID: id, Domain: simDomain, Started: time.Now()}) }, n.settled} {
			for i := range noteCompact {
				what(fmt.Sprint(round, "-", i))
			}
			for begin := time.Now(); ; <-time.After(10 * time.Millisecond) { // until it is written
				n.mu.Lock()
				left := len(n.waiting)
				n.mu.Unlock()
				if left == 0 {
					break
				}
				if time.Since(begin) > 20*time.Second {
					t.Fatal("nobody writes")
				}
			}
		}
	}
	if err := n.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := found(t, path); len(got) != 1 || got["stays"].ID == "" {
		t.Errorf("%d calls are found", len(got))
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 1<<20 || n.failed.Load() != 0 {
		t.Errorf("the file has %d octets, %v, %d failures", info.Size(), err, n.failed.Load())
	}
}

// Each call that ran has one record after the next start, also one whose record was written just before the kill, and the audit log says so.
func TestRecoverCalls(t *testing.T) {
	dir := t.TempDir()
	keys, err := secret.OpenKeyring(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	st, err := store.Open(t.Context(), store.Config{Path: filepath.Join(dir, "pbx.db"), Sealer: keys, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	now := time.Now()
	err = st.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		if _, err := w.Put(simDomain, provisioning.Domain{Name: simDomain}, "!"); err != nil {
			return err
		}
		return w.AddCDR(provisioning.CDR{ID: "written", Domain: simDomain, Started: now, Ended: now, Cause: "OK"})
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "calls.running")
	n := theNotes(t, path)
	for _, c := range []call.CDR{{ID: "written", Domain: simDomain, Started: now}, {ID: "killed", Domain: simDomain, Started: now, Answered: now},
		{ID: "stranger", Domain: "gone.example", Started: now}} {
		n.keep(c)
	}
	if err := n.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a start that failed half-way
		if err := recoverCalls(t.Context(), path, st, log); err != nil {
			t.Fatal(err)
		}
	}
	err = st.View(t.Context(), func(r provisioning.Reader) error {
		list, err := r.CDRs(simDomain, provisioning.CDRQuery{})
		causes := map[string]string{}
		for _, c := range list {
			causes[c.ID] = c.Cause
		}
		if len(list) != 2 || causes["written"] != "OK" || causes["killed"] != causeKilled.Text {
			t.Errorf("%v", causes)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	theNotes(t, path).Close(t.Context())
	if len(found(t, path)) != 0 {
		t.Error("the next process begins with the last one's calls")
	}
}
