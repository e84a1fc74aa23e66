package phones

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"naisen/loadtest/peer"
	"naisen/media/mediatest"
)

// The voices: tones that share no harmonic.
const (
	carrierHz = 660
	deskHz    = 890
	otherHz   = 430
	thirdHz   = 1170
	rate      = 8000
	did       = "+81312345678"
)

var (
	bin    string       // the switch, built once for all tests
	spaces atomic.Int32 // RTP port ranges given away
)

const (
	rtpFirst = 15000 // below the range of an unconfigured switch, which may run beside
	rtpPorts = 100   // per switch
)

func TestMain(m *testing.M) { os.Exit(peer.Main(m, &bin, 4)) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newPBX starts a fresh switch with an RTP port range of its own. The seeded trunk is told to take calls from 127.0.0.1: baresip sends RTP from there whatever its SIP
// address is, and plain RTP is believed only from where the signalling comes from. The desk phones here only receive calls from it.
func newPBX(t *testing.T, yaml string) *peer.PBX {
	t.Helper()
	p, _ := newPBXAt(t, yaml)
	return p
}

// newPBXAt also tells the first of its RTP ports.
func newPBXAt(t *testing.T, yaml string) (*peer.PBX, int) {
	t.Helper()
	return newPBXWith(t, peer.Options{YAML: yaml})
}

// newPBXWith is newPBXAt with more than YAML.
func newPBXWith(t *testing.T, o peer.Options) (*peer.PBX, int) {
	t.Helper()
	first := rtpFirst + rtpPorts*int(spaces.Add(1)-1)
	o.YAML += fmt.Sprintf("media: {ports: \"%d-%d\"}\n", first, first+rtpPorts-1)
	p, err := peer.NewPBX(bin, t.TempDir(), o)
	must(t, err)
	must(t, p.Run(t.Context()))
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("switch said:\n%s", p.Output())
		}
	})
	must(t, p.SignIn(t.Context()))
	return p, first
}

// carrierHere lets 127.0.0.1 be the carrier.
func carrierHere(t *testing.T, p *peer.PBX) {
	t.Helper()
	put(t, p, "trunks/carrier", map[string]any{"name": "carrier", "host": "127.0.0.2:5060", "transport": "udp", "sources": []string{"127.0.0.1/32"},
		"prefixes": []string{"0"}, "strip": 0, "media": "srtp-forbidden", "did_from": []string{"request-uri"}, "even_ports": false, "disabled": false})
}

func put(t *testing.T, p *peer.PBX, path string, body any) {
	t.Helper()
	status, answer, err := p.Do(t.Context(), "PUT", path, body)
	must(t, err)
	if status/100 != 2 {
		t.Fatalf("PUT %s: %d %s", path, status, answer)
	}
}

func get(t *testing.T, p *peer.PBX, path string, into any) {
	t.Helper()
	status, answer, err := p.Do(t.Context(), "GET", path, nil)
	must(t, err)
	if status != 200 {
		t.Fatalf("GET %s: %d %s", path, status, answer)
	}
	must(t, json.Unmarshal(answer, into))
}

// desk is an extension's phone over TLS with SRTP mandatory that answers at once.
func desk(t *testing.T, p *peer.PBX, user string, hz float64, answer bool) *peer.Baresip {
	t.Helper()
	return phone(t, peer.Phone{User: user, Domain: p.Domain, Password: p.Passwords[user], Proxy: p.TLS, Transport: "tls", Hz: hz, SRTP: true,
		Register: true, Answer: answer})
}

// subscriber is a phone that has been told of its messages. Now and then baresip 1.0 subscribes in a circle from its first moment, and reads nothing
// any more, not even the 401; such a one is started again.
func subscriber(t *testing.T, ph peer.Phone) *peer.Baresip {
	t.Helper()
	for range 5 {
		b := phone(t, ph)
		if b.Saw("Voice-Message: 0/0", 6*time.Second) == nil {
			return b
		}
		if strings.Count(b.Output(), "subscribing to messages") < 10 {
			must(t, b.Saw("Voice-Message: 0/0", 30*time.Second)) // it is only slow
			return b
		}
		b.Stop()
	}
	t.Fatal("no phone was told of its messages")
	return nil
}

func phone(t *testing.T, ph peer.Phone) *peer.Baresip {
	t.Helper()
	b, err := peer.StartBaresip(t.TempDir(), ph)
	must(t, err)
	t.Cleanup(func() {
		b.Stop()
		if t.Failed() {
			t.Logf("phone %s said:\n%.6000s", ph.User, b.Output())
		}
	})
	return b
}

// carrier is a phone without SRTP and without registration, which the switch takes for the carrier.
func carrier(t *testing.T, p *peer.PBX) *peer.Baresip {
	t.Helper()
	return phone(t, peer.Phone{User: "09012345678", Domain: "127.0.0.1", Proxy: p.UDP, Transport: "udp", Hz: carrierHz})
}

// call is one row of the call history.
type call struct {
	ID, From, To, Direction, Cause string
	AnsweredBy                     string `json:"answered_by"`
	EndedBy                        string `json:"ended_by"`
	TalkMS                         int64  `json:"talk_ms"`
	Status                         int
	Recording, Trunk               string

	Asked *struct{ By, How string } `json:"recording_asked"`

	Pauses []struct{ From, To time.Time } `json:"recording_pauses"`
}

// history waits until n calls are in the call history, newest first.
func history(t *testing.T, p *peer.PBX, n int) []call {
	t.Helper()
	var h struct{ Items []call }
	if err := peer.Until(10*time.Second, func() bool {
		h.Items = nil // what a row leaves out would keep what another one had before
		get(t, p, "calls/history", &h)
		return len(h.Items) >= n
	}); err != nil {
		t.Fatalf("%d of %d calls in the history", len(h.Items), n)
	}
	return h.Items
}

// stored waits until the recording is stored and returns its row with the manifest.
func stored(t *testing.T, p *peer.PBX, id string) recording {
	t.Helper()
	var r recording
	err := peer.Until(60*time.Second, func() bool {
		status, answer, err := p.Do(t.Context(), "GET", "recordings/"+id, nil)
		must(t, err)
		return status == 200 && json.Unmarshal(answer, &r) == nil && r.State == "stored"
	})
	if err != nil {
		t.Fatalf("recording %s is %q", id, r.State)
	}
	return r
}

type recording struct {
	ID, State  string
	DurationMS int64 `json:"duration_ms"`
	Manifest   struct {
		Interrupted bool
		Dropped     int64
		Why         string
		Codecs      []string
		Asked       *struct {
			By, How  string
			BeforeMS int64 `json:"before_ms"`
		}
		Pauses []struct {
			FromMS          int64 `json:"from_ms"`
			ToMS            int64 `json:"to_ms"`
			Paused, Resumed struct{ By, How string }
		}
		Tracks []struct {
			Track   int
			Parties []struct{ Number string }
		}
		Segments []struct {
			Role, Number string
			FromMS       int64 `json:"from_ms"`
			ToMS         int64 `json:"to_ms"`
		}
		Notice *struct {
			Prompt, Language, Mode, SHA256 string
			Packets                        int
			Complete                       bool
		}
	}
}

// listen plays a recording as the administrator and splits it: left the caller, right the called side.
func listen(t *testing.T, p *peer.PBX, id string) (left, right []int16) {
	t.Helper()
	status, wav, err := p.Listen(t.Context(), "recordings/"+id+"/audio")
	must(t, err)
	if status != 200 {
		t.Fatalf("playback: %d %s", status, wav)
	}
	channels, hz, err := peer.ReadWAV(wav)
	must(t, err)
	if hz != rate || len(channels) != 2 {
		t.Fatalf("recording has %d channels at %d Hz", len(channels), hz)
	}
	return channels[0], channels[1]
}

// onlyTone fails unless audio is the tone hz, without a gap over 100 ms, for at least least.
func onlyTone(t *testing.T, what string, pcm []int16, hz float64, least time.Duration) {
	t.Helper()
	start, end, ok := mediatest.Span(pcm, rate, hz)
	if !ok {
		t.Errorf("%s: no %v Hz in %d samples", what, hz, len(pcm))
		return
	}
	if d := time.Duration(end-start) * time.Millisecond; d < least {
		t.Errorf("%s: %v Hz for %v, want at least %v", what, hz, d, least)
	}
	pcm = pcm[start*rate/1000 : end*rate/1000]
	for _, g := range mediatest.Gaps(pcm, rate, hz, 100) {
		t.Errorf("%s: gap %+v in %v Hz", what, g, hz)
	}
	for _, other := range []float64{carrierHz, deskHz, otherHz} {
		if other != hz && mediatest.ToneIn(pcm, rate, other) > 0.05 {
			t.Errorf("%s: %v Hz is in it, which is somebody else's", what, other)
		}
	}
}

// nothingReadable scans the data directory for text and audio that must never be there in clear.
func nothingReadable(t *testing.T, p *peer.PBX, forbidden map[string][]byte) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(p.Var(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			if errors.Is(err, fs.ErrNotExist) { // journals come and go
				return nil
			}
			return err
		}
		raw, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		files++
		for what, b := range forbidden {
			if strings.Contains(string(raw), string(b)) {
				t.Errorf("%s is readable in %s", what, path)
			}
		}
		return err
	})
	must(t, err)
	if files < 5 {
		t.Errorf("only %d files scanned: the test looks at the wrong place", files)
	}
}

// notice sets when and whether the recorded number's callers are told; the calls are recorded either way. That they are not told takes two people.
func notice(t *testing.T, p *peer.PBX, mode string) {
	t.Helper()
	policy := map[string]any{"name": "citizens", "record": "always", "notice": mode, "prompt": "notice/recording", "on_failure": "continue", "retention_days": 365}
	if mode == "none" {
		policy["exception"] = map[string]any{"reason": "test", "until": time.Now().Add(time.Hour)}
	}
	status, answer, err := p.Do(t.Context(), "PUT", "recording-policies/citizens", policy)
	must(t, err)
	switch status {
	case 200:
	case 202:
		must(t, p.Agree(t.Context(), person(t, p, "kacho", "recording-manager"), "policy:citizens"))
	default:
		t.Fatalf("the policy's notice: %d %s", status, answer)
	}
}

// rings sets whom the recorded number rings and in which language its callers are told.
func rings(t *testing.T, p *peer.PBX, language string, extensions ...string) {
	t.Helper()
	put(t, p, "dids/"+did, map[string]any{"number": did, "title": "Recorded line", "to": extensions, "ring_seconds": 60, "policy": "citizens", "language": language})
}
