// Package resample changes the sample rate of a stream of PCM by a polyphase FIR filter: prompts of any rate, and 8, 16 and 48 kHz live.
// It never decodes a codec and never paces.
package resample

import (
	"errors"
	"math"
)

// ErrRate says that a pair of rates cannot be converted.
var ErrRate = errors.New("resample: sample rates cannot be converted")

const (
	minRate, maxRate = 4000, 192000 // Hz
	maxPhases        = 1000
	width            = 64  // filter length in samples of the lower rate
	beta             = 7.0 // of the Kaiser window: 70 dB
	transition       = 0.07
)

// Resampler changes the rate of one stream by a polyphase FIR: flat up to 86 % of the lower rate's half, 70 dB down from the half on.
// Its output is aligned with its input: the delay is made up by looking width/2 samples ahead. Not safe for concurrent use.
type Resampler struct {
	up, down int
	taps     [][]float32 // one filter per phase
	span     int         // taps of one filter
	buf      []float32   // input not yet done with
	next     int         // in buf: first sample under the filter for the next output
	phase    int
	in, out  int64 // samples taken and given
}

// New converts from one rate to another, Hz; ErrRate if they are out of bounds or have no small ratio (44,101 Hz).
func New(from, to int) (*Resampler, error) {
	if from < minRate || to < minRate || from > maxRate || to > maxRate {
		return nil, ErrRate
	}
	g := gcd(from, to)
	r := &Resampler{up: to / g, down: from / g}
	if r.up > maxPhases || r.down > maxPhases {
		return nil, ErrRate
	}
	if r.up == r.down {
		return r, nil
	}
	scale := math.Min(1, float64(to)/float64(from)) // the lower rate in units of the input's
	r.span = 2 * int(math.Ceil(width/2/scale))
	r.taps = filters(r.up, r.span, scale)
	r.buf = make([]float32, r.span/2-1, r.span+960)
	return r, nil
}

// NewLive converts a stream that has no end: every frame comes out as it goes in, with its whole number of samples, late by half a filter
// (4 ms where the lower rate is 8 kHz). Flush is not used with it. Errors as New.
func NewLive(from, to int) (*Resampler, error) {
	r, err := New(from, to)
	if err == nil && r.taps != nil {
		r.buf = r.buf[:r.span-1]
	}
	return r, err
}

// filters builds windowed sinc filters, one for each place of an output sample between two input samples.
func filters(phases, span int, scale float64) [][]float32 {
	cut := (0.5 - transition/2) * scale // cycles per input sample
	half := float64(span / 2)
	out := make([][]float32, phases)
	for p := range out {
		row := make([]float64, span)
		sum := 0.0
		for j := range row {
			t := float64(j-(span/2-1)) - float64(p)/float64(phases)
			row[j] = 2 * cut * sinc(2*cut*t) * kaiser(t/half)
			sum += row[j]
		}
		out[p] = make([]float32, span)
		for j, v := range row {
			out[p][j] = float32(v / sum)
		}
	}
	return out
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

func kaiser(x float64) float64 {
	if x <= -1 || x >= 1 {
		return 0
	}
	return bessel(beta * math.Sqrt(1-x*x)) // not divided by bessel(beta): each filter is brought to a sum of 1
}

// bessel is the modified Bessel function of the first kind, order 0, by its series.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-12*sum; k++ {
		term *= x / 2 / k * (x / 2 / k)
		sum += term
	}
	return sum
}

// Process appends to dst what can be computed from src and what came before.
func (r *Resampler) Process(dst, src []int16) []int16 {
	r.in += int64(len(src))
	if r.taps == nil {
		r.out = r.in
		return append(dst, src...)
	}
	for _, s := range src {
		r.buf = append(r.buf, float32(s))
	}
	for r.next+r.span <= len(r.buf) {
		dst = append(dst, clip(dot(r.taps[r.phase], r.buf[r.next:r.next+r.span])))
		r.out++
		r.phase += r.down
		r.next += r.phase / r.up
		r.phase %= r.up
	}
	done := min(r.next, len(r.buf))
	r.buf = r.buf[:copy(r.buf, r.buf[done:])]
	r.next -= done
	return dst
}

// Flush appends the rest at the end of a stream: in total ceil(in * to / from) samples come out. The Resampler is not used afterwards.
func (r *Resampler) Flush(dst []int16) []int16 {
	if r.taps == nil {
		return dst
	}
	want := (r.in*int64(r.up) + int64(r.down) - 1) / int64(r.down)
	have := r.out
	dst = r.Process(dst, make([]int16, r.span))
	return dst[:len(dst)-int(max(r.out-max(want, have), 0))]
}

// dot multiplies and adds; four sums, so that one addition need not wait for the other.
func dot(taps, window []float32) float32 {
	var a, b, c, d float32
	window = window[:len(taps)]
	j := 0
	for ; j+4 <= len(taps); j += 4 {
		a += taps[j] * window[j]
		b += taps[j+1] * window[j+1]
		c += taps[j+2] * window[j+2]
		d += taps[j+3] * window[j+3]
	}
	for ; j < len(taps); j++ {
		a += taps[j] * window[j]
	}
	return a + b + c + d
}

func clip(v float32) int16 {
	switch {
	case v >= math.MaxInt16:
		return math.MaxInt16
	case v <= math.MinInt16:
		return math.MinInt16
	case v < 0:
		return int16(v - 0.5)
	}
	return int16(v + 0.5)
}

// All converts a whole recording; ErrRate.
func All(pcm []int16, from, to int) ([]int16, error) {
	r, err := New(from, to)
	if err != nil {
		return nil, err
	}
	out := make([]int16, 0, int(int64(len(pcm))*int64(to)/int64(from))+r.span+2)
	return r.Flush(r.Process(out, pcm)), nil
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
