package storetest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

// CrashDir is the environment variable that tells a child process to run CrashChild, and where.
const CrashDir = "NAISEN_STORETEST_CRASH"

// RunCrash kills child processes with signal 9 while they write, and looks at what they left. child is the name of a test that
// calls CrashChild.
func RunCrash(t *testing.T, open Open, child string) {
	dir := t.TempDir()
	last := 0
	for round := range 6 {
		said := killed(t, dir, child, 5+round*7)
		s := open(t, dir)
		last = checkCrash(t, s, max(said, last))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killed runs a child until it has said commits lines, kills it, and returns the number of the last commit that it reported.
func killed(t *testing.T, dir, child string, commits int) (last int) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+child+"$", "-test.v") // this very test
	cmd.Env = append(os.Environ(), CrashDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timeout := time.AfterFunc(wait, func() { _ = cmd.Process.Kill() })
	defer timeout.Stop()
	lines, n, all := bufio.NewScanner(out), 0, []string{}
	for lines.Scan() {
		if number, ok := strings.CutPrefix(lines.Text(), "committed "); ok {
			if last, err = strconv.Atoi(number); err != nil {
				t.Fatal(err)
			}
			if n++; n == commits {
				_ = cmd.Process.Kill() // SIGKILL
			}
		} else {
			all = append(all, lines.Text())
		}
	}
	_ = cmd.Wait() // "signal: killed"
	if n < commits {
		t.Fatalf("the child ended after %d commits:\n%s", n, strings.Join(all, "\n"))
	}
	return last
}

// CrashChild writes until it is killed. Each transaction changes two extensions, a secret, a call record and a fact, all by one number.
func CrashChild(t *testing.T, open Open) {
	dir := os.Getenv(CrashDir)
	if dir == "" {
		t.Skip("runs as the child of RunCrash only")
	}
	s := open(t, dir)
	i := 0
	update(t, s, system(), func(w provisioning.Writer) error {
		if e, _, err := provisioning.Get[provisioning.Extension](w, domA, "2001"); err == nil {
			i, err = strconv.Atoi(e.Display)
			return err
		}
		_, err := w.Put(domA, provisioning.Domain{Name: domA}, "")
		return err
	})
	for {
		i++
		update(t, s, system(), func(w provisioning.Writer) error { return crashStep(w, i) })
		fmt.Printf("committed %d\n", i)
	}
}

func crashStep(w provisioning.Writer, i int) error {
	for _, number := range []string{"2001", "2002"} {
		if _, err := w.Put(domA, provisioning.Extension{Number: number, Display: fmt.Sprint(i)}, ""); err != nil {
			return err
		}
	}
	if err := w.PutSecret(domA, "sip", "2001", []byte(fmt.Sprint(i))); err != nil {
		return err
	}
	if err := w.AddCDR(record(domA, fmt.Sprint("c", i), 1)); err != nil {
		return err
	}
	return w.AddAudit(provisioning.AuditEntry{Domain: domA, Action: "call.ended", Object: fmt.Sprint("c", i)})
}

// checkCrash: all of a transaction or nothing of it; nothing lost that was reported; log, feed and tables agree.
func checkCrash(t *testing.T, s Backend, atLeast int) (i int) {
	verified(t, s)
	view(t, s, func(r provisioning.Reader) error {
		a, _, err := provisioning.Get[provisioning.Extension](r, domA, "2001")
		if err != nil {
			return err
		}
		b, _, err := provisioning.Get[provisioning.Extension](r, domA, "2002")
		if err != nil {
			return err
		}
		plain, err := provisioning.Secret(r, domA, "sip", "2001")
		if err != nil {
			return err
		}
		if i, err = strconv.Atoi(a.Display); err != nil || i < atLeast {
			t.Errorf("number %s, but %d was reported as committed (%v)", a.Display, atLeast, err)
		}
		if b.Display != a.Display || string(plain) != a.Display {
			t.Errorf("half a transaction: %s, %s, %s", a.Display, b.Display, plain)
		}
		cdrs, err := r.CDRs(domA, provisioning.CDRQuery{})
		if err != nil || len(cdrs) != i {
			t.Errorf("%d call records after %d calls, %v", len(cdrs), i, err)
		}
		changes, err := r.Since(0, 0)
		if err != nil || len(changes) != 1+3*i || changes[len(changes)-1].More {
			t.Errorf("%d changes after %d transactions, %v", len(changes), i, err)
		}
		return nil
	})
	if n := auditSize(t, s); n != int64(1+4*i) {
		t.Errorf("%d audit entries after %d transactions", n, i)
	}
	return i
}
