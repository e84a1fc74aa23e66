// Package witness calls through a real switch with voices that say who speaks and which packet it is, so that a recording of them tells by itself
// what is missing in it. It owns the voices, the telephones that speak with them, and the harnesses that need such evidence: a switch that
// is killed, an office full of calls, a store that is away. It never looks into the switch: what it knows of a recording it has from the API.
package witness

import (
	"math"
	"slices"

	"naisen/media/codec/g711"
)

// A packet of 20 ms is one tone of a ladder of 50 Hz steps, whole periods of each. Packet n of a voice with step m is tone n·m modulo the
// prime number of tones: from one packet to the next the tone climbs by m, which tells the voice, and another climb says how many are missing.
const (
	rate     = 8000
	frame    = rate / 50
	tones    = 61
	lowest   = 6 // of the ladder, in 50 Hz
	loudness = 8000
	pure     = 0.6 // share of a packet's power in its tone; a watermark and µ-law take little of it
)

// Voices is how many different voices there are; a voice is a number from 1 to Voices.
const Voices = tones - 1

// spoken holds each tone as a packet's payload in µ-law.
var spoken = func() (p [tones][]byte) {
	for t := range p {
		pcm := make([]int16, frame)
		for i := range pcm {
			pcm[i] = int16(loudness * math.Sin(2*math.Pi*float64((t+lowest)*i)/frame))
		}
		p[t] = g711.EncodeU(nil, pcm)
	}
	return p
}()

// Say is packet n of a voice.
func Say(voice, n int) []byte { return spoken[voice*n%tones] }

// Run is a stretch of one voice without a gap.
type Run struct {
	Voice   int // 0: a single packet, which says nothing of who speaks
	Packets int
	At, End int // samples
	first   int // tones
	last    int
}

// Runs takes a channel apart. What is no packet of anybody's is a run of voice -1.
func Runs(pcm []int16) []Run {
	var runs []Run
	for at := 0; at+frame <= len(pcm); {
		t, ok := toneOf(pcm[at : at+frame])
		if !ok {
			if silent(pcm[at : at+frame]) {
				at += frame / 4
				continue
			}
			if next := align(pcm, at); next > at {
				at = next
				continue
			}
			if next := onset(pcm, at); next > at {
				at = next
				continue
			}
			if at+2*frame <= len(pcm) && !silent(pcm[at+frame:at+2*frame]) { // else it is the rest of a packet that was cut off
				runs = append(runs, Run{Voice: -1, Packets: 1, At: at, End: at + frame})
			}
			at += frame
			continue
		}
		runs = extend(runs, t, at)
		at += frame
	}
	return runs
}

// extend adds a packet to the last run, or begins one.
func extend(runs []Run, tone, at int) []Run {
	if n := len(runs); n > 0 && runs[n-1].Voice >= 0 && at-runs[n-1].End < frame/4 {
		r := &runs[n-1]
		climb := (tone - r.last + tones) % tones
		if r.Voice == 0 {
			r.Voice = climb
		}
		if r.Voice == climb && climb != 0 {
			r.Packets, r.End, r.last = r.Packets+1, at+frame, tone
			return runs
		}
	}
	return append(runs, Run{Packets: 1, At: at, End: at + frame, first: tone, last: tone})
}

// Heard is what a channel holds of one voice.
type Heard struct {
	Packets int // of that voice
	Missing int // between the first of them and the last; of each gap that is longer, what is over a multiple of 61
	Breaks  int // places where some are missing
	First   int // sample at which its first packet begins
	End     int // and sample after its last
}

// Of sums a voice's runs up, and packets that stand alone just before one of them or just after.
func Of(runs []Run, voice int) (h Heard) {
	last := -1
	for i, r := range runs {
		if r.Voice != voice && (r.Voice != 0 || !fits(r.first, last, runs[i+1:], voice)) {
			continue
		}
		if h.Packets == 0 {
			h.First = r.At
		} else if gone := ((r.first-last+tones)*inverse(voice)%tones + tones - 1) % tones; gone > 0 {
			h.Missing += gone
			h.Breaks++
		}
		h.Packets, h.End, last = h.Packets+r.Packets, r.End, r.last
	}
	return h
}

// fits says that a packet alone is the very next one of a voice after the last one heard, or the one before its next run.
func fits(tone, last int, rest []Run, voice int) bool {
	if last >= 0 && tone == (last+voice)%tones {
		return true
	}
	i := slices.IndexFunc(rest, func(r Run) bool { return r.Voice == voice })
	return i >= 0 && rest[i].first == (tone+voice)%tones
}

// Noise counts what is no packet of any of the voices.
func Noise(runs []Run, voices ...int) (n int) {
	for _, r := range runs {
		if !slices.Contains(voices, r.Voice) {
			n += r.Packets
		}
	}
	return n
}

// Lone counts packets that stand alone, of which nothing tells the voice, and that may be of a voice that said so many: they are among its packets, in their
// order. Where a fragment of a call has gaps in time and no two packets side by side, that is all there is to tell.
func Lone(runs []Run, voice, said int) (n int) {
	next := 0
	for _, r := range runs {
		if r.Voice != 0 {
			continue
		}
		for k := next; k < said; k++ {
			if voice*k%tones == r.first {
				n, next = n+1, k+1
				break
			}
		}
	}
	return n
}

// onset finds where a packet begins after silence: of one that stands alone there is no border to another. It gives from if there is none.
func onset(pcm []int16, from int) int {
	for i := from + 1; i < from+frame && i-1+frame <= len(pcm); i++ {
		if pcm[i] == 0 {
			continue
		}
		begin := i - 1 // a tone begins at zero
		if _, ok := toneOf(pcm[begin : begin+frame]); ok && silent(pcm[from:begin]) {
			return begin
		}
		return from
	}
	return from
}

// align finds where a packet begins in the next 20 ms: two tones share a window that lies across their border. First roughly, since it is
// asked about music too.
func align(pcm []int16, from int) int {
	const rough = 10
	best, at := pure, -1
	try := func(first, last, step int) {
		for i := max(first, from+1); i <= min(last, from+frame, len(pcm)-2*frame); i += step {
			_, p := loudest(pcm[i : i+frame])
			if p <= best {
				continue
			}
			if _, q := loudest(pcm[i+frame : i+2*frame]); min(p, q) > best {
				best, at = min(p, q), i
			}
		}
	}
	if try(from+1, from+frame, rough); at >= 0 {
		try(at-rough, at+rough, 1)
	}
	return at
}

func toneOf(pcm []int16) (int, bool) {
	t, share := loudest(pcm)
	return t, share >= 0.9 // aligned to a few samples
}

// loudest is the strongest tone of a packet's length, and its share of the power.
func loudest(pcm []int16) (tone int, share float64) {
	var power float64
	for _, s := range pcm {
		power += float64(s) * float64(s)
	}
	if power < frame*100*100 {
		return 0, 0
	}
	best := 0.0
	for t := range tones {
		if p := goertzel(pcm, t+lowest); p > best {
			best, tone = p, t
		}
	}
	return tone, best * 2 / (power * float64(len(pcm)))
}

// goertzel is the squared magnitude of the bin'th harmonic of the window.
func goertzel(pcm []int16, bin int) float64 {
	c := 2 * math.Cos(2*math.Pi*float64(bin)/float64(len(pcm)))
	var s1, s2 float64
	for _, x := range pcm {
		s1, s2 = float64(x)+c*s1-s2, s1
	}
	return s1*s1 + s2*s2 - c*s1*s2
}

func silent(pcm []int16) bool {
	var power float64
	for _, s := range pcm {
		power += float64(s) * float64(s)
	}
	return power < frame*100*100
}

// inverse of m modulo the number of tones, which is prime.
func inverse(m int) int {
	r := 1
	for range tones - 2 {
		r = r * m % tones
	}
	return r
}
