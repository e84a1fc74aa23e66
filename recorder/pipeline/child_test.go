package pipeline

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"naisen/recorder"
	"naisen/recorder/capture"
)

// TestMain lets this program be the process that renders, as `pbx render` is, and some that fail.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 || strings.HasPrefix(os.Args[1], "-") {
		os.Exit(m.Run())
	}
	if err := play(os.Args[1], os.Args[2:]); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// play is one of them.
func play(part string, args []string) error {
	ctx := context.Background()
	switch part {
	case "render":
		return Serve(ctx, os.Stdin, os.Stdout)
	case "counted": // and leaves a file of its name
		if err := os.WriteFile(filepath.Join(args[0], strconv.Itoa(os.Getpid())), nil, 0o600); err != nil {
			return err
		}
		return Serve(ctx, os.Stdin, os.Stdout)
	case "look": // says what it was given besides its job
		if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
			return err
		}
		files, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			return err
		}
		var open []string // that are files with names: those below the data directory are the switch's
		for _, f := range files {
			to, err := os.Readlink("/proc/self/fd/" + f.Name())
			if err == nil && strings.HasPrefix(to, args[0]) {
				open = append(open, to)
			}
		}
		return json.NewEncoder(os.Stdout).Encode(reply{Why: fmt.Sprintf("%q %q %q", os.Args[1:], os.Environ(), open)})
	case "crash":
		return errors.New("it does")
	case "silent":
		return nil
	case "babble":
		_, err := os.Stdout.Write(make([]byte, 2*maxReply))
		return err
	case "stuck": // and says who it is
		if err := os.WriteFile(args[0]+".tmp", []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
			return err
		}
		if err := os.Rename(args[0]+".tmp", args[0]); err != nil {
			return err
		}
		select {}
	case "switch": // one that dies while another process renders for it
		_, err := Child{os.Args[0], []string{"stuck", args[0]}}.Render(ctx, Job{Dir: args[1], ID: args[2], Name: args[2]})
		return err
	}
	return errors.New("no part for it")
}

// parts is a Renderer that fails in turn, and then works.
type parts struct {
	turn  atomic.Int64
	parts []string
	errs  chan error
}

func (p *parts) Render(ctx context.Context, j Job) (recorder.Manifest, error) {
	part := "render"
	if n := p.turn.Add(1) - 1; n < int64(len(p.parts)) {
		part = p.parts[n]
	}
	args := []string{part}
	if part == "look" {
		args = append(args, filepath.Dir(j.Dir))
	}
	m, err := Child{os.Args[0], args}.Render(ctx, j)
	p.errs <- err
	return m, err
}

// A recording is rendered by processes of their own as by this one, with tracks; those that fail are tried again, and what cannot be rendered is put aside.
func TestChild(t *testing.T) {
	p := &parts{parts: []string{"crash", "silent", "babble", "look"}, errs: make(chan error, 100)}
	r := openRig(t, t.TempDir(), nil, func(c *Config) { c.Renderer = p })
	r.record(t, "r1", 3, "C")
	wait(t, func() bool { return r.Stats().Stored == 1 })
	for i, want := range []string{"exit status 1", "said nothing", "says too much", fmt.Sprintf(`["look" %q] ["GOMAXPROCS=1"] []`, r.root)} {
		if err := <-p.errs; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", p.parts[i], err)
		}
	}
	if err := <-p.errs; err != nil {
		t.Error(err)
	}
	wav, m := r.open(t, "r1")
	checkTones(t, wav)
	if m.DurationMS != 3000 || len(m.Tracks) != 3 || m.Peaks == nil || m.Epoch != 1 {
		t.Errorf("%+v", m)
	}
	r.settle(t)
	if left := r.leftovers(t); len(left) != 0 {
		t.Errorf("left over: %q", left)
	}
	bad := capture.Path(filepath.Join(r.root, "spool", journals), "bad")
	if err := os.WriteFile(bad, make([]byte, 100_000), 0o600); err != nil {
		t.Fatal(err)
	}
	r.renders.add("bad")
	wait(t, func() bool { return r.Stats().Failed == 1 })
}

// Journals that wait are rendered by one process, up to maxTurn of them, and it ends with the last of them. What could not be rendered has no other one behind
// it in its process.
func TestTurns(t *testing.T) {
	seen := t.TempDir()
	processes := func() (pids []int) {
		t.Helper()
		all, err := os.ReadDir(seen)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range all {
			pid, err := strconv.Atoi(f.Name())
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
		return pids
	}
	gate, closed := make(chan struct{}), &atomic.Int64{}
	r := openRig(t, t.TempDir(), nil, func(c *Config) {
		c.Renders = 1
		c.Renderer = gated{Child{os.Args[0], []string{"counted", seen}}, gate, closed}
	})
	for n := range maxTurn + 2 {
		r.record(t, fmt.Sprintf("r%02d", n), 1)
	}
	wait(t, func() bool { return r.renders.len() == maxTurn+2 })
	close(gate)
	wait(t, func() bool { return r.Stats().Stored == maxTurn+2 })
	r.settle(t)
	if got := processes(); len(got) != 2 {
		t.Errorf("%d processes for %d journals", len(got), maxTurn+2)
	}
	wait(t, func() bool { return closed.Load() == 2 })
	for _, pid := range processes() {
		if running(pid) {
			t.Error("it goes on although nothing waits")
		}
	}
	if _, m := r.open(t, "r03"); m.ID != "r03" || m.DurationMS != 1000 {
		t.Errorf("%+v", m)
	}
	turn := Child{os.Args[0], []string{"counted", seen}}.Turn()
	defer turn.Close()
	for _, id := range []string{"x", "y"} {
		if err := os.WriteFile(capture.Path(filepath.Join(r.root, "spool", journals), id), make([]byte, 100), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := turn.Render(t.Context(), Job{Dir: filepath.Join(r.root, "spool"), ID: id, Name: id}); err == nil {
			t.Error("a journal of nothing")
		}
	}
	if got := processes(); len(got) != 4 {
		t.Errorf("%d processes, want one more for each that failed", len(got))
	}
}

// gated begins no turn before it may, and counts those that ended.
type gated struct {
	Child
	open   chan struct{}
	closed *atomic.Int64
}

type countedTurn struct {
	Turn
	closed *atomic.Int64
}

func (c countedTurn) Close() {
	c.Turn.Close()
	c.closed.Add(1)
}

func (g gated) Turn() Turn {
	select {
	case <-g.open:
	case <-time.After(time.Minute):
	}
	return countedTurn{g.Child.Turn(), g.closed}
}

// What the process says of a journal that can never be rendered is believed: it is not tried for ever.
func TestChildSaysNever(t *testing.T) {
	j := Job{Dir: t.TempDir(), ID: "r1", Name: "r1", Key: make([]byte, 34)}
	r := openRig(t, t.TempDir(), nil, nil)
	var err error
	if j.Keys, err = r.sealer.Public(t.Context(), "a.example"); err != nil {
		t.Fatal(err)
	}
	journal := capture.Path(filepath.Join(j.Dir, journals), j.ID)
	if err := os.MkdirAll(filepath.Dir(journal), 0o700); err != nil {
		t.Fatal(err)
	}
	child := Child{os.Args[0], []string{"render"}}
	if _, err := child.Render(t.Context(), j); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no journal: %v", err)
	}
	if err := os.WriteFile(journal, make([]byte, 100_000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := child.Render(t.Context(), j); !errors.Is(err, recorder.ErrIntegrity) {
		t.Errorf("no journal's head: %v", err)
	}
	if text := fmt.Sprintf("%v %+v %#v", j, j, j); strings.Contains(text, "age1") || strings.Contains(text, "r1") {
		t.Error(text)
	}
	j.Keys.To = []string{"AGE-SECRET-KEY-PQ-1"}
	if _, err := child.Render(t.Context(), j); err == nil || errors.Is(err, recorder.ErrIntegrity) || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("no recipient: %v", err)
	}
}

// The process ends with whoever wants no render any more, and with this program, whatever ends that.
func TestChildDies(t *testing.T) {
	dir := t.TempDir()
	journal := capture.Path(filepath.Join(dir, journals), "r1")
	if err := errors.Join(os.MkdirAll(filepath.Dir(journal), 0o700), os.WriteFile(journal, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	stuck := func(name string) int {
		t.Helper()
		var pid int
		wait(t, func() bool {
			text, err := os.ReadFile(name)
			if err == nil {
				pid, err = strconv.Atoi(string(text))
			}
			return err == nil
		})
		return pid
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	mine := filepath.Join(dir, "mine")
	go func() {
		_, err := Child{os.Args[0], []string{"stuck", mine}}.Render(ctx, Job{Dir: dir, ID: "r1", Name: "r1"})
		ended <- err
	}()
	pid := stuck(mine)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if running(pid) {
		t.Error("it goes on although nobody wants it")
	}
	theirs := filepath.Join(dir, "theirs")
	other := exec.Command(os.Args[0], "switch", theirs, dir, "r1")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	pid = stuck(theirs)
	if !running(pid) {
		t.Error("it does not run at all")
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = other.Wait() // it was killed
	wait(t, func() bool { return !running(pid) })
}

// running says that a process is there and has not ended.
func running(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	fields := strings.Fields(string(stat[slices.Index(stat, ')')+1:]))
	return len(fields) > 0 && fields[0] != "Z" && fields[0] != "X"
}

// A renderer that is told too much, or nothing, does nothing.
func TestServeIsToldAJob(t *testing.T) {
	for name, text := range map[string]string{"nothing": "", "no JSON": "x", "too much": `{"id":"` + strings.Repeat("x", maxJob) + `"}`} {
		var out strings.Builder
		if err := Serve(t.Context(), strings.NewReader(text), &out); err == nil || out.Len() > 0 {
			t.Errorf("%s: %v %s", name, err, &out)
		}
	}
	for _, text := range []string{"{}", `{"id":"../r1","dir":"/x","name":"r1"}`} {
		var out strings.Builder
		if err := Serve(t.Context(), strings.NewReader(text), &out); err != nil || !strings.Contains(out.String(), "no job") {
			t.Errorf("%s: %v %s", text, err, &out)
		}
	}
}
