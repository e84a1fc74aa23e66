package pipeline

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"naisen/recorder"
	"naisen/recorder/journal"
)

// limited makes journal files on a disk with a certain room for each.
type limited struct{ room atomic.Int64 }

func (l *limited) open(path string) (journal.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	return &limitedFile{f, l}, err
}

type limitedFile struct {
	*os.File
	l *limited
}

func (f *limitedFile) WriteAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.l.room.Load() {
		return 0, syscall.ENOSPC
	}
	return f.File.WriteAt(p, off)
}

const victimEnv = "NAISEN_TEST_VICTIM"

// keeper is a recording that can be told of a longer retention, and of a higher label.
type keeper interface{ Kept(int, recorder.Label) }

// TestVictim is the process that TestKill kills: three calls at 50 packets a second and direction, until it dies.
func TestVictim(t *testing.T) {
	root := os.Getenv(victimEnv)
	if root == "" {
		t.SkipNow() // it is a part of TestKill
	}
	r := openRig(t, root, nil, nil)
	var taps []func()
	began := time.Now()
	for i := range 3 {
		c := someCase(fmt.Sprintf("r%d", i), time.Now())
		c.RetentionDays = 30
		rec, err := r.Start(c)
		if err != nil {
			t.Fatal(err)
		}
		rec.(keeper).Kept(3650, recorder.Internal)
		a, b := newVoice(t, "A", 440), newVoice(t, "B", 1000)
		tap := rec.Tap()
		taps = append(taps, func() {
			for _, v := range []*voice{a, b} {
				f := v.next()
				f.Arrived = int64(time.Since(began))
				tap.Tap(f)
			}
		})
	}
	tick := time.NewTicker(20 * time.Millisecond)
	for n := 0; n < 50*60; n++ {
		<-tick.C
		for _, tap := range taps {
			tap()
		}
		fmt.Printf("at %d\n", time.Since(began).Milliseconds())
	}
}

// Row H4: kill -9 in the middle of calls. The next start finishes every recording by itself; at most a second is missing.
func TestKill(t *testing.T) {
	for _, after := range []int64{1700, 2950} {
		root := t.TempDir()
		cmd := exec.Command(os.Args[0], "-test.run=^TestVictim$", "-test.v")
		cmd.Env = append(os.Environ(), victimEnv+"="+root)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var last int64
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if _, err := fmt.Sscanf(lines.Text(), "at %d", &last); err == nil && last >= after {
				break
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // what it still said
			fmt.Sscanf(lines.Text(), "at %d", &last)
		}
		cmd.Wait()
		if last < after {
			t.Fatalf("the victim came only to %d ms", last)
		}
		r := openRig(t, root, nil, nil)
		wait(t, func() bool { return r.Stats().Stored == 3 })
		r.settle(t)
		for i := range 3 {
			wav, m := r.open(t, fmt.Sprintf("r%d", i))
			if !m.Interrupted || m.Why != "interrupted" || m.DurationMS < last-1000 || m.DurationMS > last+200 {
				t.Errorf("killed at %d ms: %+v", last, m)
			}
			if m.RetentionDays != 3650 {
				t.Errorf("kept for %d days: the longer rule is forgotten", m.RetentionDays)
			}
			checkTones(t, wav)
			t.Logf("killed at %d ms, recording %d ms", last, m.DurationMS)
		}
		if n := len(r.objects(t)); n != 6 {
			t.Errorf("%d objects", n)
		}
		r.close(t, time.Second)
	}
}
