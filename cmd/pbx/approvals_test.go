package main

import (
	"bytes"
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"naisen/provisioning"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
)

// Whoever edits the database of a switch raises an alarm that names the row, is in the audit log, and changes nothing; `pbx check` says it too.
func TestApprovals(t *testing.T) {
	config := Config{Data: t.TempDir()}
	keys, err := secret.OpenKeyring(config.path("keys", "secrets.key"))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	open := func() (*approvals, *store.Store) {
		t.Helper()
		a, err := openApprovals(config.path("keys"), log)
		if err != nil {
			t.Fatal(err)
		}
		s, err := store.Open(t.Context(), store.Config{Path: config.path("pbx.db"), Sealer: keys, Approver: a.keeper, Tampered: a.tampered, Log: log})
		if err != nil {
			t.Fatal(err)
		}
		return a, s
	}
	_, s := open()
	err = s.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		_, err := w.Put(simDomain, provisioning.Domain{Name: simDomain}, "")
		_, err2 := w.Put(simDomain, provisioning.Trunk{Name: "carrier", Host: "sip.example.net"}, "")
		return errors.Join(err, err2)
	})
	if err = errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := checkApprovals(t.Context(), config, &out); err != nil || out.Len() > 0 {
		t.Errorf("nothing was done: %v %s", err, &out)
	}
	db, err := sql.Open("sqlite", filepath.Join(config.Data, "pbx.db"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), "UPDATE entity SET body = replace(body, 'sip.example', 'evil.example') WHERE kind = 'trunk'")
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if err := checkApprovals(t.Context(), config, &out); !errors.Is(err, errTampered) || !strings.Contains(out.String(), simDomain+" trunk carrier") {
		t.Errorf("check: %v %s", err, &out)
	}
	a, s := open()
	defer s.Close()
	a.start(t.Context(), s)
	entered := func() (n int) {
		if err := s.View(t.Context(), func(r provisioning.Reader) error {
			all, err := r.Audit(simDomain, provisioning.AuditQuery{Action: "approval.tampered", Object: "trunk/carrier"})
			n = len(all)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	waitFor(t, func() bool { return entered() == 1 })
	a.Close()
	if why := a.troubled()[[2]string{simDomain, "trunk carrier"}]; !strings.Contains(why, "stays in force") {
		t.Errorf("alarm %q", why)
	}
	err = s.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		_, err := w.Put(simDomain, provisioning.Trunk{Name: "carrier", Host: "sip3.example.net"}, "")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if a.sweep(t.Context()); len(a.troubled()) > 0 {
		t.Errorf("made anew by who may: %v", a.troubled())
	}
	if n := entered(); n != 1 {
		t.Errorf("entered %d times", n)
	}
}
