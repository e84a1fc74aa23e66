package browser

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"naisen/loadtest/peer"
	"naisen/media/mediatest"
)

// phone is one Chromium with a JsSIP phone in its page.
type phone struct {
	t      *testing.T
	in     io.WriteCloser
	out    *bufio.Reader
	origin string
	mu     sync.Mutex // one command at a time
}

// modules is where loadtest/install.sh puts the npm packages.
func modules(t *testing.T) string {
	t.Helper()
	root, err := peer.Root()
	must(t, err)
	dir := filepath.Join(root, "build", "browser")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "jssip")); err != nil {
		t.Fatalf("the npm packages are missing: run loadtest/install.sh (%v)", err)
	}
	return dir
}

// originFor picks where the page will be served, which the switch must know before.
func originFor(t *testing.T) (port int) {
	t.Helper()
	port, err := peer.FreePort("127.0.0.1")
	must(t, err)
	return port
}

// start opens the browser, its microphone a tone, its page at http://127.0.0.1:port.
func start(t *testing.T, port int, hz float64) *phone {
	t.Helper()
	dir, err := os.MkdirTemp("", "browser") // not the test's: processes of the browser may still write into it for a moment
	must(t, err)
	tone := filepath.Join(dir, "tone.wav")
	must(t, peer.WriteWAV(tone, mediatest.Sine(48000, hz, 12000, 10_000), 48000))
	chromium, err := exec.LookPath("chromium")
	must(t, err)
	p := drive(t, dir, "driver.mjs", modules(t), filepath.Join(dir, "profile"), tone, fmt.Sprint(port), chromium)
	p.origin = fmt.Sprintf("http://127.0.0.1:%d", port)
	return p
}

// drive starts a browser by a script of the page folder, which lives in dir and takes it away at the end.
func drive(t *testing.T, dir, script string, args ...string) *phone {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", append([]string{filepath.Join("page", script)}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+dir)
	var said bytes.Buffer
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	p := &phone{t: t, in: in, out: bufio.NewReaderSize(out, 1<<20)}
	t.Cleanup(func() {
		_ = in.Close() // the driver closes the browser and ends
		timer := time.AfterFunc(15*time.Second, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
		if t.Failed() {
			t.Logf("the browser said:\n%.6000s", said.String())
		}
	})
	var hello struct{ Ready bool }
	p.read(&hello)
	if !hello.Ready {
		t.Fatal("the browser did not start")
	}
	return p
}

func (p *phone) read(into any) {
	p.t.Helper()
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		p.t.Fatalf("browser: %v", err)
	}
	must(p.t, json.Unmarshal(line, into))
}

// do calls a function of the page; into may be nil.
func (p *phone) do(into any, method string, args ...any) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	b, err := json.Marshal(map[string]any{"method": method, "args": args})
	must(p.t, err)
	if _, err := p.in.Write(append(b, '\n')); err != nil {
		p.t.Fatalf("browser: %v", err)
	}
	var answer struct {
		Value json.RawMessage
		Error string
	}
	p.read(&answer)
	if answer.Error != "" {
		p.t.Fatalf("browser: %s: %s", method, answer.Error)
	}
	if into != nil {
		must(p.t, json.Unmarshal(answer.Value, into))
	}
}

// reload loads the page anew: what it has seen is gone.
func (p *phone) reload() { p.t.Helper(); p.do(nil, "reload") }

func (p *phone) seen() (all []string) { p.t.Helper(); p.do(&all, "seen"); return all }

// saw waits until the page has seen an event n times.
func (p *phone) saw(what string, n int) {
	p.t.Helper()
	var all []string
	err := peer.Until(30*time.Second, func() bool {
		all = p.seen()
		count := 0
		for _, e := range all {
			if strings.HasPrefix(e, what) {
				count++
			}
		}
		return count >= n
	})
	if err != nil {
		p.t.Fatalf("the browser never saw %q %d times, but %q", what, n, all)
	}
}

func (p *phone) never(what string) {
	p.t.Helper()
	if all := p.seen(); slices.ContainsFunc(all, func(e string) bool { return strings.HasPrefix(e, what) }) {
		p.t.Errorf("the browser saw %q: %q", what, all)
	}
}

// hears waits until the speaker plays a pure tone.
func (p *phone) hears(hz float64) {
	p.t.Helper()
	best := 0.0
	if err := peer.Until(20*time.Second, func() bool {
		share := p.toneIn(hz)
		best = max(best, share)
		return share > 0.8
	}); err != nil {
		var stats json.RawMessage
		p.do(&stats, "stats")
		p.t.Fatalf("the browser does not hear %v Hz: at best %.2f of the power; %s; %q", hz, best, stats, p.seen())
	}
}

// toneIn gives the share of the power of what the speaker plays now that one tone has.
func (p *phone) toneIn(hz float64) float64 {
	p.t.Helper()
	var h struct {
		Rate int
		PCM  []int16
	}
	p.do(&h, "hear")
	if h.Rate == 0 || mediatest.Power(h.PCM) < 100*100 {
		return 0
	}
	return mediatest.ToneIn(h.PCM, h.Rate, hz)
}

// deaf waits until the speaker plays nothing of a tone.
func (p *phone) deaf(hz float64) {
	p.t.Helper()
	must(p.t, peer.Until(20*time.Second, func() bool { return p.toneIn(hz) < 0.2 }))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
