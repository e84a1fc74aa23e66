package render

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"naisen/media"
	"naisen/recorder"
	"naisen/recorder/journal"
	"naisen/recorder/journal/journaltest"
)

const sec = time.Second

func within(t *testing.T, what string, got, want, by time.Duration) {
	t.Helper()
	if d := got - want; d > by || d < -by {
		t.Errorf("%s: %v, want %v ± %v", what, got, want, by)
	}
}

func TestCleanCall(t *testing.T) {
	for _, c := range []struct{ a, b media.Codec }{{media.PCMU, media.PCMA}, {media.PCMU, media.G722}, {media.G722, media.G722}, {media.Opus, media.PCMU}, {media.G722, media.Opus}} {
		b := journalOf(t, 10*sec, talk{party: 0, codec: c.a, hz: 440, to: 10 * sec}, talk{party: 1, codec: c.b, hz: 1000, to: 10 * sec})
		a, m := renderAll(t, b)
		rate := 8000
		if c.b == media.G722 || c.a == media.Opus || c.b == media.Opus {
			rate = 16000
		}
		if a.rate != rate {
			t.Errorf("%v: rate %d", c, a.rate)
		}
		within(t, "length", a.length(), 10*sec, 0)
		begun := time.Duration(0)
		if c.a == media.Opus || c.b == media.Opus { // a voice codec needs a moment to find the tone
			begun = 100 * time.Millisecond
		}
		a.tone(t, 0, 440, begun, 10*sec)
		a.tone(t, 1, 1000, begun, 10*sec)
		if l := a.level(0, 1000, 0, 10*sec); l > 30 {
			t.Errorf("%v: the called's tone is in the caller's channel: %.0f", c, l)
		}
		if l := a.level(1, 440, 0, 10*sec); l > 30 {
			t.Errorf("%v: the caller's tone is in the called's channel: %.0f", c, l)
		}
		if m.Interrupted || m.Why != "bye" || m.DurationMS != 10_000 || len(m.Gaps) != 0 || m.Lost != 0 || m.Codecs[0] != string(c.a) ||
			m.Codecs[1] != string(c.b) || m.AudioBytes != int64(44+len(a.ch[0])*4) || len(m.Parties) != 2 || len(m.AudioSHA256) != 64 {
			t.Errorf("%v: manifest %+v", c, m)
		}
	}
}

// Opus counts its time on another clock than G.711: what is lost, late or doubled stands at its place all the same, also round the wrap.
func TestOpusTimeline(t *testing.T) {
	b := journalOf(t, 12*sec,
		talk{party: 0, codec: media.Opus, hz: 440, from: sec, to: 11 * sec, jitter: 60 * time.Millisecond, dup: 0.1, seq: 65400, ts: 1<<32 - 100*960},
		talk{party: 1, hz: 1000, from: sec, to: 11 * sec})
	a, m := renderAll(t, b)
	within(t, "alignment", a.first(0, 0), a.first(1, 0), 65*time.Millisecond)
	a.tone(t, 0, 440, 1500*time.Millisecond, 10900*time.Millisecond)
	if m.Lost != 0 || len(m.Gaps) != 4 { // a second of silence at each end of each side
		t.Errorf("manifest %+v", m)
	}
}

// Row E18: 40 % loss, 200 ms jitter, reordering, duplicates, and two legs whose networks differ.
func TestBadNetwork(t *testing.T) {
	b := journalOf(t, 30*sec,
		talk{party: 0, hz: 440, from: 2 * sec, to: 28 * sec, jitter: 200 * time.Millisecond, loss: 0.4, dup: 0.1, seq: 65000, ts: 1<<32 - 5000},
		talk{party: 1, hz: 1000, from: 2 * sec, to: 28 * sec, jitter: 20 * time.Millisecond})
	a, m := renderAll(t, b)
	within(t, "length", a.length(), 30*sec, 50*time.Millisecond)
	within(t, "alignment", a.first(0, 0), a.first(1, 0), 40*time.Millisecond) // the first packets may be lost
	if l := a.level(0, 440, 2*sec, 28*sec); l < 3000 {
		t.Errorf("level of what came: %.0f", l)
	}
	a.tone(t, 1, 1000, 3*sec, 27*sec)
	if m.Lost < 450 || m.Lost > 600 {
		t.Errorf("lost %d of 1300", m.Lost)
	}
	// Where each packet went: those that came must stand at their time, not where jitter put them.
	if off := offset(a, 0, 440, 10*sec, 20*sec); off > 20*time.Millisecond {
		t.Errorf("misplaced by %v", off)
	}
}

// offset compares a channel with the packet grid: every sample position modulo 20 ms must begin a packet at the same phase. It returns how
// far the edges of lost packets are spread.
func offset(a audio, ch int, _ float64, from, to time.Duration) time.Duration {
	s := a.part(ch, from, to)
	per := a.rate / 50
	var lo, hi = per, -1
	for i := 1; i < len(s); i++ {
		if silent(s, i-40, i) && !silent(s, i, i+8) {
			lo, hi = min(lo, i%per), max(hi, i%per)
		}
	}
	if hi < 0 || hi-lo > per/2 { // the grid may lie around 0
		return spreadAround(s, per, a.rate)
	}
	return time.Duration(hi-lo) * sec / time.Duration(a.rate)
}

func spreadAround(s []int16, per, rate int) time.Duration {
	lo, hi := per, -per
	for i := 1; i < len(s); i++ {
		if silent(s, i-40, i) && !silent(s, i, i+8) {
			p := (i + per/2) % per
			lo, hi = min(lo, p), max(hi, p)
		}
	}
	return time.Duration(hi-lo) * sec / time.Duration(rate)
}

func silent(s []int16, from, to int) bool {
	if from < 0 || to > len(s) {
		return false
	}
	for _, x := range s[from:to] {
		if x != 0 {
			return false
		}
	}
	return true
}

// Row E8: sequence wrap, new SSRC, timestamp jumps: no gap, no minute of silence.
func TestJumps(t *testing.T) {
	for name, change := range map[string]func(int, *journal.Frame) bool{
		"wrap of both":  func(n int, f *journal.Frame) bool { f.Sequence += 65400; f.Timestamp += 1<<32 - 30000; return true },
		"jump forward":  func(n int, f *journal.Frame) bool { f.Timestamp += uint32(n/100) * 1_000_000; return true },
		"jump back":     func(n int, f *journal.Frame) bool { f.Timestamp -= uint32(n/100) * 1_000_000; return true },
		"half a circle": func(n int, f *journal.Frame) bool { f.Timestamp += uint32(n/100) << 31; return true },
		"new SSRC":      func(n int, f *journal.Frame) bool { f.SSRC += uint32(n / 100); return true },
		"new everything": func(n int, f *journal.Frame) bool {
			k := uint32(n / 100)
			f.SSRC += k
			f.Timestamp -= k * 777_777
			f.Sequence += uint16(k * 9999)
			return true
		},
		"small jump":        func(n int, f *journal.Frame) bool { f.Timestamp += uint32(n/100) * 8000; return true },
		"sequence restarts": func(n int, f *journal.Frame) bool { f.Sequence = uint16(n % 100); return true },
	} {
		t.Run(name, func(t *testing.T) {
			b := journalOf(t, 12*sec, talk{party: 0, hz: 440, from: sec, to: 11 * sec, change: change}, talk{party: 1, hz: 1000, to: 12 * sec})
			a, m := renderAll(t, b)
			within(t, "length", a.length(), 12*sec, 0)
			a.tone(t, 0, 440, sec, 11*sec)
			a.tone(t, 1, 1000, 0, 12*sec)
			for _, g := range m.Gaps {
				if g.FromMS > 1000 && g.ToMS < 11000 {
					t.Errorf("gap %+v", g)
				}
			}
		})
	}
}

// A sender whose clock is off by 300 ppm (1 s an hour) stays aligned with one whose clock is right.
func TestDrift(t *testing.T) {
	for _, ppm := range []float64{300, -300} {
		const long = 5 * time.Minute
		mute := func(n int, f *journal.Frame) bool { // a beep of 100 ms each 10 s
			return n%500 < 5
		}
		b := journalOf(t, long, talk{party: 0, hz: 1000, to: long, ppm: ppm, jitter: 5 * time.Millisecond},
			talk{party: 1, hz: 1000, to: long, change: mute})
		a, _ := renderAll(t, b)
		within(t, "length", a.length(), long, 0)
		a.tone(t, 0, 1000, 0, long-sec)
		// The last packet stands where its sender's wall clock was, not 90 ms beside it.
		end := len(a.ch[0])
		for end > 0 && a.ch[0][end-1] == 0 {
			end--
		}
		within(t, "end", time.Duration(end)*sec/8000, long, 20*time.Millisecond)
	}
}

// A sender that is muted or on hold: some stop their clock meanwhile, some let it run, and sometimes it is the network that stalls.
func TestPauses(t *testing.T) {
	stalled := func(n int, f *journal.Frame) bool { // 3 s stuck in the network, then all at once
		if n >= 200 && n < 350 {
			f.At = 7*sec + time.Duration(n)*100*time.Microsecond
		}
		return true
	}
	t.Run("network stalls", func(t *testing.T) {
		a, m := renderAll(t, journalOf(t, 12*sec, talk{party: 0, hz: 440, to: 12 * sec, change: stalled}, talk{party: 1, hz: 1000, to: 12 * sec}))
		a.tone(t, 0, 440, 0, 12*sec)
		if len(m.Gaps) != 0 {
			t.Errorf("gaps %+v", m.Gaps)
		}
	})
	t.Run("clock runs on", func(t *testing.T) {
		quiet := func(n int, f *journal.Frame) bool {
			if n > 350 {
				f.Sequence -= 150
			}
			return n <= 200 || n > 350
		}
		a, m := renderAll(t, journalOf(t, 12*sec, talk{party: 0, hz: 440, to: 12 * sec, change: quiet}))
		a.tone(t, 0, 440, 0, 4*sec)
		a.tone(t, 0, 440, 7100*time.Millisecond, 12*sec)
		if a.peak(0, 4100*time.Millisecond, 7*sec) != 0 {
			t.Error("sound while it was silent")
		}
		if len(m.Gaps) != 2 || m.Gaps[1].Reason != "silence" || m.Gaps[1].Party != "caller" || m.Lost != 0 {
			t.Errorf("gaps %+v lost %d", m.Gaps, m.Lost)
		}
	})
	t.Run("clock stops", func(t *testing.T) {
		held := talk{party: 0, hz: 440, to: 4 * sec}
		after := talk{party: 0, hz: 440, from: 9 * sec, to: 12 * sec, seq: 200, ts: 200 * 160}
		a, m := renderAll(t, journalOf(t, 12*sec, held, after, talk{party: 1, hz: 1000, to: 12 * sec}))
		a.tone(t, 0, 440, 0, 4*sec)
		within(t, "resumes", a.first(0, 5*sec), 9*sec, 20*time.Millisecond)
		a.tone(t, 0, 440, 9100*time.Millisecond, 12*sec)
		if len(m.Gaps) != 1 || m.Gaps[0].Reason != "silence" {
			t.Errorf("gaps %+v", m.Gaps)
		}
	})
}

// What was played to the caller is heard on the called's side, where the caller heard it; a transfer goes on in the same channel.
func TestPromptAndTransfer(t *testing.T) {
	b := journalOf(t, 12*sec, talk{party: 0, played: true, hz: 700, to: 3 * sec, ssrc: 7}, talk{party: 0, hz: 440, to: 12 * sec},
		talk{party: 1, hz: 1000, from: 4 * sec, to: 8 * sec}, talk{party: 2, hz: 1500, from: 9 * sec, to: 12 * sec, codec: media.PCMA})
	a, m := renderAll(t, b)
	a.tone(t, 1, 700, 0, 3*sec)
	a.tone(t, 1, 1000, 4*sec, 8*sec)
	a.tone(t, 0, 440, 0, 12*sec)
	if l := a.level(0, 700, 0, 3*sec); l > 30 {
		t.Errorf("the prompt is in its listener's channel: %.0f", l)
	}
	if len(m.Gaps) != 3 { // 3-4 s, 8-9 s; party 2 was never introduced, so it is nobody's side: left
		t.Logf("gaps %+v", m.Gaps)
	}
}

// DTMF is data, never audio (RFC 4733).
func TestEventsAreNotAudio(t *testing.T) {
	event := func(n int, f *journal.Frame) bool {
		if n >= 100 && n < 110 {
			f.Event, f.Payload, f.Timestamp = true, []byte{5, 10, 0x03, 0x20}, 100*160
		}
		return true
	}
	a, m := renderAll(t, journalOf(t, 5*sec, talk{party: 0, hz: 440, to: 5 * sec, change: event}, talk{party: 1, hz: 1000, to: 5 * sec}))
	if p := a.peak(0, 2030*time.Millisecond, 2190*time.Millisecond); p != 0 {
		t.Errorf("sound of %d during the digit", p)
	}
	a.tone(t, 0, 440, 2200*time.Millisecond, 5*sec)
	if len(m.Gaps) != 1 || m.Gaps[0].Reason != "silence" || m.Lost != 0 {
		t.Errorf("gaps %+v lost %d", m.Gaps, m.Lost)
	}
}

// A journal without its end, cut anywhere, is a shorter recording that says so.
func TestInterrupted(t *testing.T) {
	b := journalOf(t, -1, talk{party: 0, hz: 440, to: 10 * sec}, talk{party: 1, hz: 1000, to: 10 * sec})
	a, m := renderAll(t, b)
	if !m.Interrupted || m.Why != "interrupted" || m.DurationMS < 9_900 || !m.Ended.Equal(started.Add(time.Duration(m.DurationMS)*time.Millisecond)) {
		t.Errorf("%+v", m)
	}
	a.tone(t, 0, 440, 0, 9800*time.Millisecond)
	cut, m := renderAll(t, b[:len(b)*6/10])
	if !m.Interrupted || cut.length() < 5*sec || cut.length() > 7*sec {
		t.Errorf("cut: %v %+v", cut.length(), m)
	}
	cut.tone(t, 1, 1000, 0, cut.length()-300*time.Millisecond)
}

// A damaged slot costs itself: the rest is there, in its place, and the manifest says what is missing.
func TestDamage(t *testing.T) {
	b := journalOf(t, 10*sec, talk{party: 0, hz: 440, to: 10 * sec}, talk{party: 1, hz: 1000, to: 10 * sec})
	b[len(b)/2] ^= 1
	a, m := renderAll(t, b)
	if m.Damaged != 1 || m.Interrupted || len(m.Gaps) == 0 || m.Gaps[0].Reason != "truncated" {
		t.Errorf("%+v", m)
	}
	within(t, "length", a.length(), 10*sec, 0)
	a.tone(t, 0, 440, 0, 4*sec)
	a.tone(t, 0, 440, 6*sec, 10*sec)
}

// What the ring refused is a gap with that reason.
func TestDropped(t *testing.T) {
	w, f := journaltest.New(t, "r1")
	must(t, w.Mark(journal.KindCase, recorder.Case{ID: "r1", Started: started}))
	must(t, w.Mark(journal.KindParty, journal.Party{Party: recorder.Party{Role: "caller"}}))
	for _, x := range (talk{hz: 440, to: 6 * sec, change: func(n int, _ *journal.Frame) bool { return n < 100 || n >= 200 }}).frames(t, rand.New(rand.NewPCG(1, 2))) {
		must(t, w.Frame(&x))
	}
	must(t, w.Mark(journal.KindDrops, journal.Drops{From: 2 * sec, To: 4 * sec, N: 100}))
	must(t, w.Mark(journal.KindStop, journal.Stop{At: 6 * sec}))
	must(t, w.Finish())
	_, m := renderAll(t, f.B)
	if m.Dropped != 100 || len(m.Gaps) != 2 || m.Gaps[1].Reason != "dropped" || m.Gaps[1].FromMS != 2000 || m.Gaps[1].ToMS != 4000 {
		t.Errorf("%+v", m)
	}
}

// Frames far behind the end that the call told are never cut off: the call's clock is data.
func TestEndByClock(t *testing.T) {
	a, _ := renderAll(t, journalOf(t, 2*sec, talk{party: 0, hz: 440, to: 10 * sec}))
	within(t, "length", a.length(), 10*sec, 50*time.Millisecond)
	a, _ = renderAll(t, journalOf(t, 0))
	within(t, "nothing", a.length(), 0, 0)
	a, m := renderAll(t, journalOf(t, 3*sec))
	within(t, "silence", a.length(), 3*sec, 0)
	if len(m.Gaps) != 2 {
		t.Errorf("gaps %+v", m.Gaps)
	}
}

// BenchmarkRender reports how many times faster than real time a recording is rendered, by processor time: on a loaded machine the clock says nothing.
func BenchmarkRender(b *testing.B) {
	for _, c := range []struct {
		name string
		a, b media.Codec
	}{{"G.711", media.PCMU, media.PCMA}, {"G.711-G.722", media.PCMU, media.G722}, {"G.722", media.G722, media.G722}, {"Opus", media.Opus, media.Opus}} {
		b.Run(c.name, func(b *testing.B) {
			const long = 2 * time.Minute
			j := journalOf(b, long, talk{party: 0, codec: c.a, hz: 440, to: long, jitter: 10 * time.Millisecond}, talk{party: 1, codec: c.b, hz: 1000, to: long})
			b.ReportAllocs()
			n, before := 0, processorTime(b)
			for b.Loop() {
				if _, err := stereo(b.Context(), open4bench(b, j), discard{}); err != nil {
					b.Fatal(err)
				}
				n++
			}
			b.ReportMetric(float64(n)*long.Seconds()/(processorTime(b)-before).Seconds(), "x-realtime")
			b.ReportMetric(float64(len(j))/long.Seconds(), "journal-B/s")
		})
	}
}

// processorTime is what this process has used.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// A masked stretch is silence with that reason, not loss, and a mask that was never taken off lasts to the end.
func TestMasked(t *testing.T) {
	w, f := journaltest.New(t, "r1")
	must(t, w.Mark(journal.KindCase, recorder.Case{ID: "r1", Started: started}))
	must(t, w.Mark(journal.KindParty, journal.Party{Party: recorder.Party{Role: "caller"}}))
	for _, m := range []journal.Mask{{On: true, At: 2 * sec, By: "pin"}, {On: true, At: 3 * sec, By: "twice"}, {At: 4 * sec}, {At: 4 * sec}, {On: true, At: 5 * sec, By: "card"}} {
		must(t, w.Mark(journal.KindMask, m))
	}
	for n, x := range (talk{hz: 440, to: 6 * sec}).frames(t, rand.New(rand.NewPCG(1, 2))) {
		if n >= 100 && n < 200 || n >= 250 {
			x.Event, x.Codec, x.Payload = true, "", nil
		}
		must(t, w.Frame(&x))
	}
	must(t, w.Mark(journal.KindStop, journal.Stop{At: 6 * sec}))
	must(t, w.Finish())
	a, m := renderAll(t, f.B)
	want := []recorder.Mask{{FromMS: 2000, ToMS: 4000, By: "pin"}, {FromMS: 5000, ToMS: 6000, By: "card"}}
	if !slices.Equal(m.Masks, want) || m.Lost != 0 {
		t.Errorf("%+v", m)
	}
	reasons := 0
	for _, g := range m.Gaps {
		if g.Party == "caller" && g.Reason == "masked" {
			reasons++
		}
	}
	if reasons != 2 {
		t.Errorf("gaps %+v", m.Gaps)
	}
	a.tone(t, 0, 440, 0, 1900*time.Millisecond)
	a.tone(t, 0, 440, 4100*time.Millisecond, 4900*time.Millisecond)
}
