package retention

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
	"naisen/recorder/objstore/dir"
)

const victimEnv = "NAISEN_TEST_DESTROYER"

// onDisk opens what a house keeps below a directory, as another process finds it, a month later.
func onDisk(t *testing.T, root string) *house {
	t.Helper()
	h := &house{root: root, now: began.AddDate(0, 1, 0), sums: map[string]string{}}
	local, err := dir.Open(filepath.Join(root, "objects"), h.clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { local.Close() })
	h.store = local
	h.open(t)
	return h
}

// lines is an audit log in a file: synced, and one certificate for each recording, as the real one has it.
func lines(root string) func(context.Context, Certificate) error {
	path := filepath.Join(root, "log")
	return func(_ context.Context, c Certificate) error {
		before, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if strings.Contains(string(before), `"recording":"`+c.Recording+`"`) {
			return nil
		}
		text, err := json.Marshal(c)
		if err != nil {
			return err
		}
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = f.Write(append(text, '\n'))
		return errors.Join(err, f.Sync(), f.Close())
	}
}

// telling says on standard output what it is about to delete.
type telling struct{ objstore.Store }

func (s telling) Delete(ctx context.Context, name string) error {
	fmt.Println("deletes", name)
	return s.Store.Delete(ctx, name)
}

// TestDestroyer is the process that TestKillWhileDestroying kills.
func TestDestroyer(t *testing.T) {
	root := os.Getenv(victimEnv)
	if root == "" {
		t.SkipNow() // it is a part of TestKillWhileDestroying
	}
	h := onDisk(t, root)
	if err := h.keeper(t, telling{h.store}, lines(root)).Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// kill -9 in the middle of many destructions, again and again: in the end nothing is left of what was approved, each has one certificate with the hashes
// of what was there, and what was not approved is untouched.
func TestKillWhileDestroying(t *testing.T) {
	const due = 12
	root := t.TempDir()
	h := onDisk(t, root)
	h.set(began)
	for i := range due {
		h.add(t, fmt.Sprintf("r%02d", i), 7)
	}
	h.add(t, "stays", 8)
	if err := h.cat.Hold(t.Context(), domain, "stays", "boss", "x"); err != nil {
		t.Fatal(err)
	}
	approve(t, h.keeper(t, nil, nil), "2026-04")
	h.cat.Close()
	for _, after := range []int{1, 3, 7, 2, 11} { // deletions that were begun
		victim(t, root, after)
	}
	h2 := onDisk(t, root)
	if err := h2.keeper(t, nil, lines(root)).Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := h2.objects(t); len(left) != 3 || !strings.Contains(left[0], "stays") {
		t.Errorf("left: %v", left)
	}
	if rows, err := h2.cat.List(t.Context(), catalogue.Query{Domain: domain}); err != nil || len(rows) != 1 || rows[0].ID != "stays" {
		t.Errorf("%+v %v", rows, err)
	}
	text, err := os.ReadFile(filepath.Join(root, "log"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		var c Certificate
		if err := json.Unmarshal([]byte(line), &c); err != nil || seen[c.Recording] || len(c.Objects) != 3 || c.Altered {
			t.Errorf("%v: %s", err, line)
		}
		seen[c.Recording] = true
		for _, o := range c.Objects {
			if o.SHA256 != h.sums[o.Name] || o.Missing {
				t.Errorf("%+v", o)
			}
		}
	}
	if len(seen) != due {
		t.Errorf("%d certificates for %d recordings", len(seen), due)
	}
}

// victim runs a pass in a process of its own and kills it when it has begun so many deletions.
func victim(t *testing.T, root string, after int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestDestroyer$", "-test.v")
	cmd.Env = append(os.Environ(), victimEnv+"="+root)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for said := bufio.NewScanner(out); n < after && said.Scan(); {
		if strings.HasPrefix(said.Text(), "deletes ") {
			n++
		}
	}
	killed := cmd.Process.Kill()
	cmd.Wait()
	if n < after || killed != nil {
		t.Fatalf("it came to %d of %d deletions: %v", n, after, killed)
	}
}
