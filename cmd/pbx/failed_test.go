package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/recorder"
	"naisen/recorder/catalogue"
)

// `pbx recording failed`: names each journal that lies aside, with its end, and puts back what nobody agreed to destroy.
func TestFailedCommand(t *testing.T) {
	data := t.TempDir()
	_, v := sealedRecording(t, data, "stored", time.Now(), 30)
	due := time.Now().AddDate(0, 0, 30)
	for _, id := range []string{"r1", "r2", "r3"} {
		if err := v.catalogue.Aside(t.Context(), recorder.Case{ID: id, Domain: keepDomain, Call: "c-" + id, Started: time.Now()}, due, "journal damaged"); err != nil {
			t.Fatal(err)
		}
	}
	month, err := v.catalogue.TallyDue(t.Context(), catalogue.Due{Domain: keepDomain, From: due.Add(-time.Minute), To: due.Add(time.Minute)})
	if err != nil || month.Due != 4 { // the stored one is due then too
		t.Fatalf("%+v %v", month, err)
	}
	path := func(part, stage, id string) string { return filepath.Join(data, part, stage, id+".journal") }
	for _, p := range []string{path("recorder", "failed", "r1"), path("recorder", "failed", "r2"), path("mailbox", "failed", "m1")} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o700), os.MkdirAll(filepath.Join(filepath.Dir(p), "..", "journal"), 0o700), os.WriteFile(p, []byte("encrypted"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(data, "pbx.yaml")
	if err := os.WriteFile(config, []byte("data: "+data+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	failed := func(args ...string) (int, string) {
		var out bytes.Buffer
		code := run(t.Context(), append([]string{"recording", "failed", "--config", config}, args...), &out, &out)
		return code, out.String()
	}
	code, out := failed()
	for _, want := range []string{"r1  recording  " + keepDomain, due.UTC().Format(time.DateOnly) + "  journal damaged", "m1  message", "in no list yet"} {
		if code != 0 || !strings.Contains(strings.ReplaceAll(out, "    ", "  "), want) {
			t.Errorf("%d, no %q in\n%s", code, want, out)
		}
	}
	if code, out := failed("r3"); code == 0 || !strings.Contains(out, `no such journal: "r3"`) {
		t.Errorf("%d %s", code, out)
	}
	if code, out := failed("--retry", "r1", "m1"); code != 0 || strings.Count(out, "is tried again") != 2 || strings.Contains(out, "r2") {
		t.Errorf("%d %s", code, out)
	}
	for _, p := range []string{path("recorder", "journal", "r1"), path("mailbox", "journal", "m1"), path("recorder", "failed", "r2")} {
		if b, err := os.ReadFile(p); err != nil || string(b) != "encrypted" {
			t.Errorf("%s: %v", p, err)
		}
	}
	d := catalogue.Due{Domain: keepDomain, From: due.Add(-time.Minute), To: due.Add(time.Minute)}
	if _, err := v.catalogue.Approve(t.Context(), d, month.Digest, "kacho"); err != nil {
		t.Fatal(err)
	}
	if code, out := failed("--retry"); code == 0 || !strings.Contains(out, "its destruction is approved") {
		t.Errorf("%d %s", code, out)
	}
	if _, err := os.Stat(path("recorder", "failed", "r2")); err != nil {
		t.Error(err)
	}
}

// Of what nobody can read the longest rule of its domain counts, and no end is the longest.
func TestUnreadable(t *testing.T) {
	s := openAudit(t)
	rule := unreadable(s, keepDomain)
	for _, c := range []struct {
		days []int // of the policies
		want int
	}{{nil, 0}, {[]int{30}, 30}, {[]int{30, 365, 90}, 365}, {[]int{30, 0}, 0}} {
		err := s.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
			for i, days := range c.days {
				p := provisioning.RecordingPolicy{Name: "p" + string(rune('0'+i)), Record: provisioning.RecordAlways, Notice: "early-media", Prompt: "notice/recording", OnFailure: "continue", RetentionDays: days}
				if _, err := w.Put(keepDomain, p, ""); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if domain, days, err := rule(t.Context(), ""); err != nil || domain != keepDomain || days != c.want {
			t.Errorf("%v: %s %d %v", c.days, domain, days, err)
		}
	}
	if domain, days, err := rule(t.Context(), "b.example"); err != nil || domain != "b.example" || days != 0 {
		t.Errorf("%s %d %v", domain, days, err)
	}
}
