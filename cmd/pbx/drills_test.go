package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/demo"
	"naisen/provisioning"
	"naisen/recorder/objstore"
	"naisen/recorder/objstore/dir"
)

// drillRig has drills made of a fault each, without restoring anything.
type drillRig struct {
	*drills
	fault   string // of the next one; empty: it goes well
	mute    bool   // the next one does not even say why
	made    int
	entered []string
}

func newDrillRig(t *testing.T, objects objstore.Store, began time.Time) *drillRig {
	t.Helper()
	r := &drillRig{}
	r.drills = &drills{domain: "ward.example", objects: objects, mine: func() bool { return true }, clock: func() time.Time { return began }, began: began, log: slog.New(slog.DiscardHandler),
		enter: func(e provisioning.AuditEntry) { r.entered = append(r.entered, e.Action+" "+e.Outcome) }}
	r.perform = func(_ context.Context, base string) error {
		r.made++
		if r.mute {
			return errors.New("killed")
		}
		body, err := json.Marshal(drillReport{Began: began, Domain: "ward.example", Backup: "a.backup", OK: r.fault == "", Fault: r.fault, Steps: []demo.Step{{Name: "register", OK: true}}})
		err = errors.Join(err, os.WriteFile(base+".json", body, 0o600), os.WriteFile(base+".json.sig", []byte("signature\n"), 0o600))
		if r.fault != "" {
			err = errors.Join(err, errDrill)
		}
		return err
	}
	return r
}

// TestDrillsByTheClock: one in the first night of a month, again each night until one goes well; a switch that is started anew knows of those before. Their reports are kept, signed and on
// paper in both languages, and an alarm stands while the last one failed or the last good one is too old.
func TestDrillsByTheClock(t *testing.T) {
	at := func(month time.Month, day, hour int) time.Time {
		return time.Date(2026, month, day, hour, 30, 0, 0, tokyo)
	}
	objects, err := dir.Open(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	r := newDrillRig(t, objects, at(11, 20, 12))
	step := func(now time.Time, fault string, made int, failing, late bool) {
		t.Helper()
		r.fault = fault
		if err := r.due(t.Context(), now); err != nil || r.made != made || r.failing.Load() != failing || r.late(now) != late {
			t.Errorf("%s: %v, %d drills, failing %v, late %v; want %d %v %v", now, err, r.made, r.failing.Load(), r.late(now), made, failing, late)
		}
	}
	step(at(11, 20, 12), "", 0, false, false) // not by day
	step(at(11, 21, 2), "", 1, false, false)
	step(at(11, 22, 2), "", 1, false, false)
	step(at(12, 1, 1), "", 1, false, false)
	step(at(12, 1, 2), "it is broken", 2, true, false)
	step(at(12, 1, 4), "it is broken", 2, true, false) // not twice in a night
	step(at(12, 2, 2), "it is broken", 3, true, false)

	r = newDrillRig(t, objects, at(12, 2, 12)) // the switch is started anew
	step(at(12, 2, 12), "", 0, true, false)
	step(at(12, 30, 12), "", 0, true, true) // since it was off
	step(at(12, 31, 3), "", 1, false, false)
	if got := fmt.Sprint(r.entered); got != "[backup.drilled ok]" {
		t.Errorf("audit log: %s", got)
	}
	var names []string
	if err := objects.List(t.Context(), "", func(i objstore.Info) error { names = append(names, i.Name); return nil }); err != nil {
		t.Fatal(err)
	}
	last := at(12, 31, 3).UTC().Format(backupStamp) + "-ok/drill."
	for _, ext := range []string{"ja.pdf", "en.pdf", "json", "json.sig"} {
		if !slices.Contains(names, last+ext) {
			t.Errorf("no %s in %v", last+ext, names)
		}
	}
	paper, err := objects.Get(t.Context(), last+"ja.pdf", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer paper.Close()
	if text, err := io.ReadAll(paper); err != nil || !strings.HasPrefix(string(text), "%PDF-") || len(names) != 16 {
		t.Errorf("%v %.20q, %d files", err, text, len(names))
	}

	r.mute = true
	if err := r.due(t.Context(), at(12, 31, 3).AddDate(0, 1, 0)); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("a drill without a report: %v", err)
	}
}

// TestDrillAsConfigured: what the switch runs is a command that reads the configuration and leaves a signed report, of a drill that fails too.
func TestDrillAsConfigured(t *testing.T) {
	r := newRestoreRig(t)
	c, err := loadConfig(r.config)
	if err != nil {
		t.Fatal(err)
	}
	c.Backup.Drill = DrillConfig{Identity: r.owner, Keys: r.copied, KeysIdentity: r.owner, RTO: Duration(time.Minute)}
	base := filepath.Join(t.TempDir(), "drill")
	code, out := pbxCommand(t, c.drillArgs(base)...) // a copy is no escrow
	if code == 0 || !strings.Contains(out, "the drill failed: restore: ") || !strings.Contains(out, "no escrow of keys") {
		t.Fatalf("%d %s", code, out)
	}
	r.refuses("the drill failed", "drill", "check", "--config", r.config, base+".json")
	for to, bad := range map[string]DrillConfig{"store": {Keys: "x"}, "": {Identity: "x"}} {
		if bad.validate(to) == nil {
			t.Errorf("%+v with copies in %q is taken", bad, to)
		}
	}
}
