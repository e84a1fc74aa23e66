package opus

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"naisen/media/mediatest"
)

// What we encode is what libopus decodes: Debian's opusdec hears the tone at every rate, frame length and bandwidth.
func TestReferenceDecoderHearsUs(t *testing.T) {
	tool(t, "opusdec")
	for _, c := range []struct {
		rate, millis int
		hz           float64
	}{{8000, 20, 700}, {8000, 60, 1000}, {16000, 10, 700}, {16000, 20, 3000}, {16000, 40, 5000}, {48000, 20, 2000}, {48000, 60, 700}} {
		e, err := NewEncoder(c.rate)
		if err != nil {
			t.Fatal(err)
		}
		pcm, n := mediatest.Sine(c.rate, c.hz, 9000, 1200), c.rate*c.millis/1000
		var packets [][]byte
		for at := 0; at+n <= len(pcm); at += n {
			packets = append(packets, e.Encode(nil, pcm[at:at+n]))
		}
		dir := t.TempDir()
		in, out := filepath.Join(dir, "in.opus"), filepath.Join(dir, "out.raw")
		if err := os.WriteFile(in, ogg(packets, 48*c.millis), 0o600); err != nil {
			t.Fatal(err)
		}
		if text, err := exec.Command("opusdec", "--quiet", "--force-stereo", "--rate", "48000", in, out).CombinedOutput(); err != nil {
			t.Fatalf("%+v: opusdec: %v: %s", c, err, text)
		}
		raw, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		heard := make([]int16, len(raw)/4)
		for i := range heard {
			heard[i] = int16(binary.LittleEndian.Uint16(raw[4*i:])) // left
		}
		if ms := len(heard) / 48; ms < 1180 || ms > 1200 {
			t.Errorf("%+v: %d ms", c, ms)
		}
		heard = heard[len(heard)/10 : len(heard)*9/10]
		if level := mediatest.ToneIn(heard, 48000, c.hz); level < 0.9 {
			t.Errorf("%+v: level %.3f", c, level)
		}
		if g := mediatest.Gaps(heard, 48000, c.hz, 20); len(g) != 0 {
			t.Errorf("%+v: %v", c, g)
		}
	}
}

// What libopus encodes is what we decode: SILK, hybrid and CELT, mono and stereo, at every rate that we listen with.
func TestReferenceEncoderIsHeard(t *testing.T) {
	tool(t, "opusenc")
	dir := t.TempDir()
	for _, c := range []struct {
		channels int
		args     []string
	}{
		{1, []string{"--speech", "--bitrate", "12"}},
		{1, []string{"--speech", "--bitrate", "28"}},
		{1, []string{"--bitrate", "64", "--framesize", "10"}},
		{2, []string{"--bitrate", "32", "--framesize", "60"}},
		{2, []string{"--bitrate", "96", "--framesize", "2.5"}},
	} {
		pcm := mediatest.Sine(48000, 1500, 9000, 1000)
		raw := make([]byte, 0, 4*len(pcm))
		for _, s := range pcm {
			for range c.channels {
				raw = binary.LittleEndian.AppendUint16(raw, uint16(s))
			}
		}
		out := filepath.Join(dir, "out.opus")
		cmd := exec.Command("opusenc", append(append([]string{"--quiet", "--raw", "--raw-rate", "48000", "--raw-chan", string(rune('0' + c.channels))}, c.args...), "-", out)...)
		cmd.Stdin = bytes.NewReader(raw)
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: opusenc: %v: %s", c.args, err, text)
		}
		file, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		packets := unpack(t, file)
		for _, rate := range []int{8000, 16000, 48000} {
			d, err := NewDecoder(rate)
			if err != nil {
				t.Fatal(err)
			}
			var heard []int16
			for _, p := range packets {
				want := len(heard) + Samples(p, rate)
				if heard = d.Decode(heard, p); len(heard) != want {
					t.Fatalf("%v: %d samples, not %d", c.args, len(heard), want)
				}
			}
			heard = heard[len(heard)/10 : len(heard)*9/10]
			if level := mediatest.ToneIn(heard, rate, 1500); level < 0.9 {
				t.Errorf("%v at %d: level %.3f", c.args, rate, level)
			}
			if a := mediatest.Amplitude(heard, rate, 1500); a < 7000 || a > 11000 {
				t.Errorf("%v at %d: amplitude %.0f", c.args, rate, a)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	if _, err := NewEncoder(44100); !errors.Is(err, ErrRate) {
		t.Error(err)
	}
	if _, err := NewDecoder(0); !errors.Is(err, ErrRate) {
		t.Error(err)
	}
	e, err := NewEncoder(16000)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 159, 321, 48000} {
		if got := e.Encode([]byte("x"), make([]int16, n)); string(got) != "x" {
			t.Errorf("%d samples: %d octets", n, len(got))
		}
	}
	if got := e.Encode(nil, make([]int16, 320)); len(got) == 0 {
		t.Error("the encoder did not survive")
	}
}

// Whatever arrives, so much comes out as the packet says, or as the last good one had; and the next good one is heard.
func FuzzDecode(f *testing.F) {
	e, err := NewEncoder(16000)
	if err != nil {
		f.Fatal(err)
	}
	good := e.Encode(nil, mediatest.Sine(16000, 440, 9000, 20))
	f.Add(good, 0)
	f.Add([]byte{0xff, 0x3f, 0, 0}, 1)
	f.Add([]byte{0x0b, 0x81, 3, 1, 2}, 2)
	f.Fuzz(func(t *testing.T, packet []byte, which int) {
		rate := []int{8000, 16000, 48000}[uint(which)%3]
		d, err := NewDecoder(rate)
		if err != nil {
			t.Fatal(err)
		}
		pcm := d.Decode(nil, good)
		pcm = d.Decode(pcm, packet)
		if n := len(pcm) - rate/50; n != rate/50 && n != Samples(packet, rate) {
			t.Fatalf("%d samples of a packet that says %d", n, Samples(packet, rate))
		}
		if n := len(d.Decode(nil, good)); n != rate/50 {
			t.Fatalf("%d samples after it", n)
		}
		if n := len(d.Conceal(nil, 333)); n != 333 {
			t.Fatalf("%d samples concealed", n)
		}
	})
}

func TestNoAllocations(t *testing.T) {
	e, err := NewEncoder(16000)
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDecoder(16000)
	if err != nil {
		t.Fatal(err)
	}
	pcm, payload, back := mediatest.Sine(16000, 440, 9000, 20), make([]byte, 0, 500), make([]int16, 0, 400)
	if n := testing.AllocsPerRun(50, func() {
		payload = e.Encode(payload[:0], pcm)
		back = d.Decode(back[:0], payload)
	}); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

func tool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%s is missing; loadtest/install.sh brings it: %v", name, err)
	}
}

// BenchmarkEncode is how the settings were chosen: for each complexity the processor time of a frame ("cpu-µs"; ns/op is worth nothing on a
// shared machine) and how near the decoded voice comes to the spoken one ("dB", see fidelity).
func BenchmarkEncode(b *testing.B) {
	for _, rate := range []int{8000, 16000, 48000} {
		for _, complexity := range []int{0, 2, 4, 5, 7, 9, 10} {
			b.Run(fmt.Sprintf("%d/%d", rate, complexity), func(b *testing.B) {
				e, err := newEncoder(rate, settings[rate].bitrate, complexity)
				if err != nil {
					b.Fatal(err)
				}
				pcm, n, i := voice(rate, 2000), rate/50, 0
				buf := make([]byte, 0, maxPacket)
				began, runs := spent(b), 0
				for b.Loop() {
					buf = e.Encode(buf[:0], pcm[i:i+n])
					if i += n; i == len(pcm) {
						i = 0
					}
					runs++
				}
				b.ReportMetric(float64((spent(b)-began).Microseconds())/float64(runs), "cpu-µs")
				b.ReportMetric(fidelity(b, rate, complexity), "dB")
			})
		}
	}
}

// spent is the processor time of this process.
func spent(b *testing.B) time.Duration {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// voice is a glottal pulse train with gliding pitch through three formants, loud and soft in turns, and hiss: enough like speech for a voice
// codec to do its work.
func voice(rate, millis int) []int16 {
	out := make([]int16, rate*millis/1000)
	type formant struct{ a, b, y1, y2 float64 }
	var formants [3]formant
	for i, f := range []float64{700, 1220, 2600} {
		r := math.Exp(-math.Pi * 90 / float64(rate))
		formants[i] = formant{a: 2 * r * math.Cos(2*math.Pi*f/float64(rate)), b: -r * r}
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	phase := 0.0
	for i := range out {
		at := float64(i) / float64(rate)
		phase += (120 + 40*math.Sin(2*math.Pi*1.3*at)) / float64(rate)
		x := 0.02 * rnd.NormFloat64()
		if phase >= 1 {
			phase--
			x++
		}
		sum := 0.0
		for j := range formants {
			f := &formants[j]
			y := x + f.a*f.y1 + f.b*f.y2
			f.y2, f.y1 = f.y1, y
			sum += y
		}
		loud := 0.5 + 0.5*math.Sin(2*math.Pi*3*at)
		out[i] = int16(min(max(2500*loud*sum, -32000), 32000))
	}
	return out
}

// fidelity codes and decodes the voice and compares the magnitude of its spectrum in frames of 20 ms, in 200 Hz bands: the mean
// log-spectral distance turned into a figure of merit (20 minus the distance in dB, so that more is better).
func fidelity(b *testing.B, rate, complexity int) float64 {
	e, err := newEncoder(rate, settings[rate].bitrate, complexity)
	if err != nil {
		b.Fatal(err)
	}
	d, err := NewDecoder(rate)
	if err != nil {
		b.Fatal(err)
	}
	pcm, n := voice(rate, 2000), rate/50
	var back []int16
	for at := 0; at+n <= len(pcm); at += n {
		back = d.Decode(back, e.Encode(nil, pcm[at:at+n]))
	}
	best := math.Inf(1)
	for lag := 0; lag < rate/50; lag += rate / 2000 { // the codec's delay
		sum, count := 0.0, 0
		for at := 10 * n; at+n+lag <= len(pcm); at += 4 * n {
			for hz := 200.0; hz < min(float64(rate)/2, 7000)-200; hz += 200 {
				x, y := mediatest.Amplitude(pcm[at:at+n], rate, hz), mediatest.Amplitude(back[at+lag:at+lag+n], rate, hz)
				sum += math.Abs(20 * math.Log10((x+10)/(y+10)))
				count++
			}
		}
		best = min(best, sum/float64(count))
	}
	return 20 - best
}
