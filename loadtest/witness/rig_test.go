package witness

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

var (
	points   = flag.Int("points", 50, "how often the switch is killed; the full harness is 1000")
	calls    = flag.Int("calls", 45, "calls of the mixed run; the full run is 1000")
	outage   = flag.Duration("outage", 8*time.Second, "how long the store is away; the full run is 1h")
	absences = flag.Int("outage-calls", 8, "calls meanwhile, of 2 s each; the full run is 200")
)

var bin string // the switch, built once

func TestMain(m *testing.M) { os.Exit(peer.Main(m, &bin, 12)) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newPBX starts a fresh switch that records by the policy "all" without a notice.
func newPBX(t *testing.T, yaml string) *peer.PBX {
	t.Helper()
	first, last, err := peer.MediaPorts()
	must(t, err)
	p, err := peer.NewPBX(bin, t.TempDir(), peer.Options{YAML: yaml + fmt.Sprintf("media: {ports: \"%d-%d\"}\n", first, last)})
	must(t, err)
	must(t, p.Run(t.Context()))
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("switch said:\n%.20000s", p.Output())
		}
	})
	must(t, p.SignIn(t.Context()))
	must(t, p.RecordUntold(t.Context(), "all"))
	return p
}

func put(t *testing.T, p *peer.PBX, path string, body any) {
	t.Helper()
	status, answer, err := p.Do(t.Context(), "PUT", path, body)
	must(t, err)
	if status/100 != 2 {
		t.Fatalf("PUT %s: %d %s", path, status, answer)
	}
}

// pass lets time go by.
func pass(t *testing.T, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
}

// staff makes telephones; each has a voice of its own, the voices from first on.
func staff(t *testing.T, p *peer.PBX, c *choir, first, n int, record string) []*phone {
	t.Helper()
	var out []*phone
	for i := range n {
		ph, err := hire(t.Context(), p, c, fmt.Sprint(3000+first+i), first+i, record, false)
		must(t, err)
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			_ = ph.Close(ctx)
		})
		out = append(out, ph)
	}
	must(t, peer.Until(10*time.Second, func() bool { // what was written, a kill does not take
		n, err := p.Metric(t.Context(), "naisen_registrations_unsaved")
		return err == nil && n == 0
	}))
	return out
}

// allStored waits until every recording from a moment on is in the store, and gives those that are not in known.
func allStored(t *testing.T, p *peer.PBX, from time.Time, known map[string]bool) []recording {
	t.Helper()
	var fresh []recording
	err := peer.Until(60*time.Second, func() bool {
		all, err := recordings(t.Context(), p, from)
		must(t, err)
		fresh = nil
		for _, r := range all {
			if r.State != "stored" {
				return false
			}
			if !known[r.ID] {
				fresh = append(fresh, r)
			}
		}
		return true
	})
	if err != nil {
		all, _ := recordings(t.Context(), p, from)
		t.Fatalf("after 60 s not all are stored: %+v", all)
	}
	return fresh
}

// reconciled stops the switch and compares catalogue, manifests and objects, octet by octet.
func reconciled(t *testing.T, p *peer.PBX) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	must(t, p.Terminate(ctx))
	out, err := p.Command(t.Context(), "", "recording", "reconcile", "--config", p.Dir+"/pbx.yaml", "--deep")
	if err != nil {
		t.Errorf("catalogue, manifests and objects do not agree: %v\n%s", err, out)
	}
}
