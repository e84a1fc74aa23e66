// Package plc hides lost packets of codecs that have no concealment of their own, as ITU-T G.711 Appendix I does: it repeats the last
// pitch periods of the voice, more of them the longer the loss lasts, and fades them out. It never decodes and never decides what is lost.
//
// Unlike the appendix it needs no delay: where that one reaches back 3.75 ms to blend into the repetition, this one blends with the
// last quarter period read backwards.
package plc

import "math"

// Times in samples at 8 kHz, scaled by the rate (G.711 Appendix I, section I.2).
const (
	pitchMin  = 40  // 200 Hz
	pitchMax  = 120 // 66 Hz
	window    = 160 // of the correlation
	history   = 390 // 3.25 of the longest period
	block     = 80  // 10 ms
	blendMost = 80  // at the end of a loss
	blendStep = 32  // for every 10 ms lost
	loudFor   = 1   // blocks before it fades
	fadeOver  = 5   // blocks: 20 % of each
	periods   = 3   // repeated at most
)

// Concealer follows one stream. Not safe for concurrent use.
type Concealer struct {
	scale int     // samples of ours per sample at 8 kHz
	past  []int16 // what was heard last, concealed or not
	held  []int16 // past as it was when the loss began
	lost  int     // samples concealed in a row
	pitch int
	count int // periods being repeated
}

// New makes a concealer for PCM of a rate that is a multiple of 8000 Hz.
func New(rate int) *Concealer {
	scale := max(rate/8000, 1)
	return &Concealer{scale: scale, past: make([]int16, history*scale), held: make([]int16, history*scale)}
}

// Good takes a frame that arrived and, after a loss, blends its beginning with the repetition, in place.
func (c *Concealer) Good(pcm []int16) {
	if c.lost > 0 {
		n := min(c.pitch/4+c.lost/(block*c.scale)*blendStep*c.scale, blendMost*c.scale, len(pcm))
		for i := range n {
			w := float32(i+1) / float32(n+1)
			pcm[i] = clip(float32(pcm[i])*w + c.next()*(1-w))
		}
		c.lost = 0
	}
	c.remember(pcm)
}

// Conceal appends what is heard in place of n lost samples: nothing but silence after 60 ms.
func (c *Concealer) Conceal(dst []int16, n int) []int16 {
	from := len(dst)
	if c.lost == 0 {
		c.begin()
	}
	for range n {
		v := c.next()
		if q := c.pitch / 4; c.lost <= q { // the first quarter period: from the last samples, read backwards
			w := float32(c.lost) / float32(q+1)
			v = v*w + float32(c.held[len(c.held)-c.lost])*(1-w)
		}
		dst = append(dst, clip(v))
	}
	c.remember(dst[from:])
	return dst
}

// begin looks at what was heard and finds its period.
func (c *Concealer) begin() {
	copy(c.held, c.past)
	c.pitch, c.count = c.period(), 1
}

// next gives the repetition's next sample, faded.
func (c *Concealer) next() float32 {
	at := c.lost
	c.lost++
	ten := block * c.scale
	if at > 0 && at%ten == 0 && c.count < periods {
		c.count++ // another period, at the same place within the period: the voice sounds less like a buzzer
	}
	gain := 1 - float32(at-loudFor*ten)/float32(fadeOver*ten)
	if gain <= 0 {
		return 0
	}
	v := c.repeated(c.count, at)
	if blend := c.pitch / 4; c.count > 1 && at >= (c.count-1)*ten && at < (c.count-1)*ten+blend {
		w := float32(at-(c.count-1)*ten+1) / float32(blend+1)
		v = v*w + c.repeated(c.count-1, at)*(1-w)
	}
	return v * min(gain, 1)
}

// repeated is sample i of the last n periods in a circle; the last quarter period of the circle glides into its beginning.
func (c *Concealer) repeated(n, i int) float32 {
	length, blend := n*c.pitch, c.pitch/4
	start := len(c.held) - length
	j := (i + (n-1)*c.pitch) % length // the newest period first, as with n of 1
	v := float32(c.held[start+j])
	if over := j - (length - blend); over >= 0 {
		w := float32(over+1) / float32(blend+1)
		v = v*(1-w) + float32(c.held[start-blend+over])*w
	}
	return v
}

// period finds the lag at which the last 20 ms are most like what came before, coarsely and then exactly.
func (c *Concealer) period() int {
	step := 2 * c.scale
	best := c.closest(pitchMin*c.scale, pitchMax*c.scale, step)
	return c.closest(max(best-step+1, pitchMin*c.scale), min(best+step-1, pitchMax*c.scale), 1)
}

func (c *Concealer) closest(from, to, step int) int {
	best, lag := math.Inf(-1), from
	n := window * c.scale
	recent := c.held[len(c.held)-n:]
	for l := from; l <= to; l += step {
		before := c.held[len(c.held)-n-l:][:n]
		var product, power float64
		for i := 0; i < n; i += step {
			x, y := float64(recent[i]), float64(before[i])
			product += x * y
			power += y * y
		}
		if likeness := product / math.Sqrt(power+1); likeness > best {
			best, lag = likeness, l
		}
	}
	return lag
}

// remember moves on what was heard.
func (c *Concealer) remember(pcm []int16) {
	if n := len(c.past); len(pcm) >= n {
		copy(c.past, pcm[len(pcm)-n:])
	} else {
		copy(c.past, c.past[len(pcm):])
		copy(c.past[n-len(pcm):], pcm)
	}
}

func clip(v float32) int16 { return int16(min(max(v, math.MinInt16), math.MaxInt16)) }
