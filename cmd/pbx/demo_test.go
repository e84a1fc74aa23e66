package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"naisen/cmd/pbx/internal/demo"
	"naisen/provisioning/audit"
	"naisen/sip/stack"
)

// The whole story on real sockets: what a stranger sees who runs `pbx demo`.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("a call of 18 s")
	}
	t.Parallel()
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"demo", "--keep"}, &out, &errs)
	text := out.String()
	if kept := regexp.MustCompile(`Kept: (\S+naisen-demo-\S+)`).FindStringSubmatch(text); kept == nil {
		t.Error("the directory is not named")
	} else if err := os.RemoveAll(kept[1]); err != nil {
		t.Error(err)
	}
	if code != 0 {
		t.Fatalf("exit code %d: %s\n%s", code, &errs, text)
	}
	for _, want := range []string{
		`(?m)^          carrier           pbx               desk$`,
		`(?m)^       0m \| INVITE -------->\|                 \|$`,
		`(?m)^ +1\d{4}m \|                 \| INVITE -------->\|$`, // after the notice
		`(?m)^ +1\d{4}m \| BYE ----------->\|                 \|$`,
		`heard the notice first: 62\d of its 625 frames of 20 ms \(12\.5 s\)`,
		`ja: お電話ありがとうございます。`, `en: Thank you for calling\. This call will be recorded`,
		`SRTP AEAD_AES_128_GCM; of the carrier: plain RTP`,
		`carrier then heard the desk's 1100 Hz`, `desk phone then heard the caller's 700 Hz`,
		`age-encryption\.org/v1`, `for the µ-law of both voices and the passwords finds nothing`,
		`Without a token: 401`, `with the role staff: 404`, `with the role recording-listener: 403; the listening request is made \(201\)`, `Now as user admin: 200`,
		`Left is the caller's 700 Hz`, `Right is the desk phone's 1100 Hz`,
		`clerk@pbx\.internal +recording\.listen +c\w+ +denied`, `admin@pbx\.internal +recording\.listen +c\w+ +allowed`,
		`audit verify: \d+ entries good, [1-9]\d* checkpoints agree, 0 entries since`,
		`flipped is refused`, `audit verify: first bad entry is \d+: it was changed`,
		`checks, all good\.`,
	} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("missing: %s", want)
		}
	}
	if t.Failed() || strings.Contains(text, "FAIL") {
		t.Errorf("the story:\n%s", text)
	}
}

// The story's checks can fail: another announcement is expected, and a verifier that is content with everything.
func TestDemoNotices(t *testing.T) {
	if testing.Short() {
		t.Skip("a call of 18 s")
	}
	t.Parallel()
	var out bytes.Buffer
	start := func(ctx context.Context, dir string, trace func(stack.Traced)) (*demo.Switch, error) {
		s, err := demoStart(slog.New(slog.DiscardHandler))(ctx, dir, trace)
		if err == nil {
			s.Notice = "greeting/open"
			s.Verify = func(context.Context, string) (audit.Report, error) { return audit.Report{Checkpoints: 1}, nil }
		}
		return s, err
	}
	err := demo.Run(t.Context(), demo.Config{Out: &out, Dir: t.TempDir(), Start: start})
	if !errors.Is(err, demo.ErrFailed) {
		t.Errorf("%v", err)
	}
	for _, want := range []string{"FAIL  The caller heard the notice first", "FAIL  The sealed manifest says", "FAIL  In a copy of the database", "FAILED: 3 of "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("missing: %s\n%s", want, &out)
		}
	}
}

// Interrupted, it says so, leaves nothing running and nothing behind.
func TestDemoInterrupted(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithCancel(t.Context())
	out := &watcher{until: "The carrier calls", then: cancel}
	if code := run(ctx, []string{"demo"}, out, io.Discard); code != 1 || !strings.Contains(out.String(), "context canceled") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// watcher acts when a text was written.
type watcher struct {
	bytes.Buffer
	until string
	then  func()
}

func (w *watcher) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(w.until)) {
		w.then()
	}
	return w.Buffer.Write(p)
}
