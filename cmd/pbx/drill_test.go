package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDrill: a copy and an escrow become a switch that takes calls; what that took is measured and signed, and a signature of something else is refused.
func TestDrill(t *testing.T) {
	if testing.Short() {
		t.Skip("a call of 18 s")
	}
	t.Parallel()
	r := newRestoreRig(t)
	report := filepath.Join(t.TempDir(), "drill")
	out := r.must("OK, signed by", "drill", "--config", r.config, "--identity", r.owner, "--keys", r.escrow, "--report", report, r.copied)
	body, err := os.ReadFile(report + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var got drillReport
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	if !got.OK || !got.Escrow || len(got.Steps) != 6 || got.RTO < got.Restore || got.RTO <= 0 || got.RPO < 0 || got.Entries == 0 || len(got.Warnings) > 0 {
		t.Errorf("%+v\n%s", got, out)
	}
	r.must("OK, signed by", "drill", "check", "--config", r.config, report+".json")
	if err := os.WriteFile(report+".json", bytes.Replace(body, []byte(`"rto_seconds": `), []byte(`"rto_seconds": 0`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	r.refuses("not signed by this key", "drill", "check", "--config", r.config, report+".json")
}

// TestDrillFails: a copy that cannot be put back, and one that is too old, are named, and are an exit code.
func TestDrillFails(t *testing.T) {
	r := newRestoreRig(t)
	whole, err := os.ReadFile(r.copied)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut")
	if err := os.WriteFile(cut, whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	r.refuses("the drill failed: restore: ", "drill", "--config", r.config, "--identity", r.owner, "--keys", r.escrow, cut)
	r.refuses(errCopyMissing.Error(), "drill", "--config", r.config, "--identity", r.owner, "none")
	if code, out := pbxCommand(t, "drill", "--config", r.config, "--identity", r.owner, cut); code == 0 || !strings.Contains(out, "signature ") {
		t.Errorf("a failure is not signed: %s", out)
	}
}
