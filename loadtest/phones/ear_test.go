package phones

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"naisen/loadtest/peer"
	"naisen/media/mediatest"
)

// stretch is a part of what somebody heard: one of the tones, "silence", or "sound" for speech and music.
type stretch struct {
	kind    string
	windows int
}

const (
	window     = rate / 10 // 100 ms
	moment     = 3         // windows: anything shorter is a transition
	pause      = 15        // windows: anything shorter between two words is part of the speech
	silentRoot = 20        // root mean square below which nobody hears anything
)

func kind(pcm []int16) string {
	if mediatest.Power(pcm) < silentRoot*silentRoot {
		return "silence"
	}
	for _, hz := range []float64{carrierHz, deskHz, otherHz, thirdHz} {
		if mediatest.ToneIn(pcm, rate, hz) > 0.9 {
			return fmt.Sprint(hz)
		}
	}
	return "sound"
}

// stretches draws audio as what was heard in turn.
func stretches(pcm []int16) []stretch {
	var all []stretch
	for at := 0; at+window <= len(pcm); at += window {
		all = append(all, stretch{kind(pcm[at : at+window]), 1})
	}
	all = merge(all, func(_, s, _ stretch) bool { return s.windows == 0 })
	all = merge(all, func(_, s, _ stretch) bool { return s.windows < moment })
	return merge(all, func(before, s, after stretch) bool {
		return s.kind == "silence" && s.windows < pause && (before.kind == "sound" || after.kind == "sound")
	})
}

// merge joins neighbours of one kind, and gives a stretch that belongs to no kind of its own to the one before it.
func merge(all []stretch, weak func(before, s, after stretch) bool) []stretch {
	for joined := true; joined; {
		joined = false
		var out []stretch
		for i, s := range all {
			var before, after stretch
			if len(out) > 0 {
				before = out[len(out)-1]
			}
			if i+1 < len(all) {
				after = all[i+1]
			}
			if before.windows > 0 && (before.kind == s.kind || weak(before, s, after)) {
				out[len(out)-1].windows += s.windows
				joined = true
				continue
			}
			if len(out) == 0 && after.windows > 0 && s.windows < moment { // the first moment
				all[i+1].windows += s.windows
				joined = true
				continue
			}
			out = append(out, s)
		}
		all = out
	}
	return all
}

// heard fails unless somebody heard exactly these things in turn ("890 sound 890"), each for at least least. It returns how long each was.
func heard(t *testing.T, who string, pcm []int16, want string, least time.Duration) []time.Duration {
	t.Helper()
	var kinds []string
	var long []time.Duration
	for _, s := range stretches(pcm) {
		kinds, long = append(kinds, s.kind), append(long, time.Duration(s.windows)*100*time.Millisecond)
	}
	t.Logf("%s: %v %v", who, kinds, long)
	if got := strings.Join(kinds, " "); got != want {
		t.Fatalf("%s: %q %v, want %q", who, got, long, want)
	}
	for i, d := range long {
		if d < least {
			t.Errorf("%s: %s for %v only", who, kinds[i], d)
		}
	}
	return long
}

// ear is what a phone heard. Its process is ended, so that its files are whole.
func ear(t *testing.T, b *peer.Baresip) []int16 {
	t.Helper()
	b.Stop()
	pcm, err := b.Heard()
	must(t, err)
	return pcm
}

// established waits until each of the phones is in a call.
func established(t *testing.T, phones ...*peer.Baresip) {
	t.Helper()
	for _, b := range phones {
		must(t, b.Saw("Call established", 30*time.Second))
	}
}

// talk lets time go by.
func talk(t *testing.T, d time.Duration) { t.Helper(); hold(t, d, func() {}) }

// said waits until the switch logged text n times.
func said(t *testing.T, p *peer.PBX, text string, n int) {
	t.Helper()
	if err := peer.Until(10*time.Second, func() bool { return strings.Count(p.Output(), text) >= n }); err != nil {
		t.Fatalf("the switch never said %q %d times", text, n)
	}
}

func TestStretches(t *testing.T) {
	music := mediatest.Mix(mediatest.Sine(rate, 500, 3000, 2000), mediatest.Sine(rate, 700, 3000, 2000))
	pcm := append(mediatest.Sine(rate, deskHz, 10000, 3050), music...)
	pcm = append(pcm, make([]int16, rate)...) // a rest in the music
	pcm = append(pcm, music...)
	pcm = append(pcm, mediatest.Sine(rate, deskHz, 10000, 3000)...)
	pcm = append(pcm, make([]int16, 3*rate)...)
	heard(t, "test", pcm, "890 sound 890 silence", time.Second)
}
