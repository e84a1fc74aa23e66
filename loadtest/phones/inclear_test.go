package phones

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"naisen/loadtest/callgen/traffic"
	"naisen/loadtest/inclear"
	"naisen/loadtest/peer"
	"naisen/media"
	"naisen/media/mediatest"
)

// recorded is how many SRTP calls TestNothingInClear has recorded at once: a few in the gate, 200 by hand:
//
//	go test -count=1 -run TestNothingInClear ./loadtest/phones -recorded 200
var recorded = flag.Int("recorded", 6, "recorded SRTP calls in TestNothingInClear")

// inFlight bounds what of a call the switch may have in clear at one moment: in each direction what waits for the journal (100 ms, and what a slot gathers
// in 400 ms more), and what the relay works on.
const inFlight = 2 * 40 // frames of 20 ms

// TestNothingInClear: the vault is a process of its own, SRTP calls are recorded, and their known voice is in no file of the data directory or the
// object store, and nowhere in the vault's memory, while they last and when they are stored. In the switch, which relays them, it is what is
// in flight and no more, also when all of them are rendered. The private keys are out of the switch's reach all the while, and what was recorded is heard through the vault.
func TestNothingInClear(t *testing.T) {
	t.Parallel()
	set := knownVoice(t)
	p, vault := apartPBX(t)
	must(t, p.RecordUntold(t.Context(), "all"))
	put(t, p, "extensions/2001", map[string]any{"display": "2001", "allow_md5": true, "media": "srtp-preferred", "record": "all"})
	calls := talkOverSRTP(t, p, *recorded)
	live := func(name string, want float64) {
		t.Helper()
		var got float64
		if err := peer.Until(2*time.Minute, func() bool {
			var err error
			got, err = p.Metric(t.Context(), name)
			must(t, err)
			return got == want
		}); err != nil {
			t.Fatalf("%s is %v, want %v\n%s", name, got, want, calls.Output())
		}
	}
	live("naisen_recordings_live", float64(*recorded))
	for range 2 {
		talk(t, time.Second) // what came while the switch stood still is worked off by then
		files(t, set, p)
		if f := memory(t, set, vault); f.Total() != 0 {
			t.Errorf("the vault has audio in its memory: %v %q", f.Hits, f.Where)
		}
		f := memory(t, set, p.Process)
		t.Logf("%d calls live: %d MiB of the switch, in flight %v", *recorded, f.Bytes>>20, f.Hits)
		live("naisen_recordings_live", float64(*recorded))
		if f.Total() > *recorded*inFlight {
			t.Errorf("the switch has more in clear than what is in flight: %v %q", f.Hits, f.Where)
		}
	}
	must(t, calls.Wait(t.Context()))
	live("naisen_recorder_stored_total", float64(*recorded))
	files(t, set, p)
	if f := memory(t, set, vault); f.Total() != 0 {
		t.Errorf("the vault has audio in its memory when all is stored: %v %q", f.Hits, f.Where)
	}
	f := memory(t, set, p.Process) // the calls are over: this is what of them lies about in buffers of the packet path
	t.Logf("%d calls rendered: %d MiB of the switch, left %v", *recorded, f.Bytes>>20, f.Hits)
	if f.Total() > *recorded*inFlight || f.Hits[inclear.Stereo] > 0 { // as recordings have it nobody relays
		t.Errorf("the switch has more in clear than what was in flight, when all is rendered: %v %q", f.Hits, f.Where)
	}
	heardThroughTheVault(t, set, p)
}

// knownVoice is what callgen's phones say, and a proof that it would be found.
func knownVoice(t *testing.T) *inclear.Set {
	t.Helper()
	voice, err := traffic.NewVoice(media.PCMU)
	must(t, err)
	set, err := inclear.NewSet(voice.Frames())
	must(t, err)
	planted := t.TempDir()
	must(t, os.WriteFile(filepath.Join(planted, "audio"), bytes.Join(voice.Frames(), nil)[13:], 0o600))
	if f, err := set.Files(planted); err != nil || f.Hits[inclear.MuLaw] < 30 {
		t.Fatalf("the search does not find what was planted: %+v %v", f, err)
	}
	return set
}

// apartPBX is a switch whose vault is a process of its own, with keys that the switch cannot read.
func apartPBX(t *testing.T) (*peer.PBX, *peer.Process) {
	t.Helper()
	dir := t.TempDir()
	private := filepath.Join(dir, "private")
	ports := fmt.Sprintf("%d-%d", rtpFirst+rtpPorts*int(spaces.Add(1)-1), rtpFirst+rtpPorts*int(spaces.Load())-1)
	if *recorded > 20 {
		ports = "34000-39999"
	}
	p, err := peer.NewPBX(bin, dir, peer.Options{SIP: "rate: 100000\n  rate_per_source: 100000\n  connections_per_source: 1000",
		YAML: fmt.Sprintf("vault: {separate: true, keys: %q}\nmedia: {ports: %q}\n", private, ports)})
	must(t, err)
	if err := p.Run(t.Context()); err == nil || !strings.Contains(p.Output(), "which the vault makes at its first start") {
		t.Fatalf("a switch without any key began: %v\n%s", err, p.Output())
	}
	p.Stop()
	vault, err := peer.Start(dir, bin, "vault", "--config", filepath.Join(dir, "pbx.yaml"))
	must(t, err)
	t.Cleanup(func() {
		vault.Stop()
		if t.Failed() {
			t.Logf("vault said:\n%s", vault.Output())
		}
	})
	must(t, peer.Until(30*time.Second, func() bool { return strings.Contains(vault.Output(), "vault: ready") }))
	must(t, os.Rename(private, private+"-out-of-reach"))
	if left, err := filepath.Glob(p.Var("keys", "vault", "*.agekey*")); err != nil || len(left) > 0 {
		t.Errorf("identities within the switch's reach: %q %v", left, err)
	}
	must(t, p.Run(t.Context()))
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("switch said:\n%.20000s", p.Output())
		}
	})
	must(t, p.SignIn(t.Context()))
	return p, vault
}

// talkOverSRTP lets callgen hold calls from 2001 to 2002 over TLS and SRTP; both sides say the known voice.
func talkOverSRTP(t *testing.T, p *peer.PBX, n int) *peer.Process {
	t.Helper()
	dir := t.TempDir()
	root, err := peer.Root()
	must(t, err)
	callgen := filepath.Join(dir, "callgen")
	build := exec.Command("go", "build", "-o", callgen, "./loadtest/callgen")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	_, port, _ := strings.Cut(p.TLS, ":")
	length := 12*time.Second + time.Duration(n)*100*time.Millisecond
	process, err := peer.Start(dir, "env", "CALLER_PASSWORD="+p.Passwords["2001"], "CALLEE_PASSWORD="+p.Passwords["2002"], callgen, "sip", "-switch", p.UDP, "-tls-port", port,
		"-insecure", "-domain", p.Domain, "-caller-transport", "tls", "-callee-transport", "tls", "-media", "cm", "-codec", "PCMU", "-calls", fmt.Sprint(n),
		"-rate", "10", "-settle", "1s", "-warm", "0s", "-time", length.String(), "-pid", fmt.Sprint(p.PID()), "-json")
	must(t, err)
	t.Cleanup(process.Stop)
	return process
}

// files looks at everything on the disk: data directory, journals, spool, object store.
func files(t *testing.T, set *inclear.Set, p *peer.PBX) {
	t.Helper()
	f, err := set.Files(p.Var())
	must(t, err)
	if f.Total() != 0 || f.Files < 10 {
		t.Errorf("%d files: %v %q", f.Files, f.Hits, f.Where)
	}
}

// memory looks at a process that stands still, as a core dump would have it.
func memory(t *testing.T, set *inclear.Set, p *peer.Process) inclear.Found {
	t.Helper()
	must(t, p.Signal(syscall.SIGSTOP))
	f, err := set.Process(p.PID())
	must(t, errors.Join(err, p.Signal(syscall.SIGCONT)))
	return f
}

// heardThroughTheVault plays one recording, and has its original, in which the voice is found after all, given away as evidence: what is played is marked.
func heardThroughTheVault(t *testing.T, set *inclear.Set, p *peer.PBX) {
	t.Helper()
	var list struct {
		Recordings []struct{ ID, State string }
	}
	get(t, p, "recordings", &list)
	if len(list.Recordings) == 0 {
		t.Fatal("no recording is listed")
	}
	id := list.Recordings[0].ID
	left, right := listen(t, p, id)
	if len(left) < 5*rate || mediatest.Power(left) < 100_000 || mediatest.Power(right) < 100_000 {
		t.Errorf("%d samples were played, power %.0f and %.0f", len(left), mediatest.Power(left), mediatest.Power(right))
	}
	must(t, p.MayListen(t.Context()))
	status, pack, err := p.Do(t.Context(), "POST", "recordings/"+id+"/evidence", map[string]any{"purpose": "a test"})
	must(t, err)
	given := t.TempDir()
	must(t, os.WriteFile(filepath.Join(given, "zip"), pack, 0o600))
	if f, err := set.Files(given); err != nil || status != 200 || f.Hits[inclear.Stereo] < 100 {
		t.Errorf("the original is not the voice: %d, %d octets, %v %v", status, len(pack), f.Hits, err)
	}
}
