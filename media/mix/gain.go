package mix

// rampMillis is how fast a voice rises and falls: shorter clicks, longer swallows a syllable.
const rampMillis = 10

// one is a gain of 1 in fixed point.
const one = 1 << 15

// gain is a level between 0 and one that moves without a step.
type gain struct{ now, target, step int32 }

func (g *gain) tune(rate int) { g.step = max(one/int32(rate*rampMillis/1000), 1) }

func (g *gain) to(open bool) {
	g.target = 0
	if open {
		g.target = one
	}
}

// silent says that nothing comes through, now and at the end of the ramp.
func (g *gain) silent() bool { return g.now == 0 && g.target == 0 }

func (g *gain) next() int32 {
	switch {
	case g.now < g.target:
		g.now = min(g.now+g.step, g.target)
	case g.now > g.target:
		g.now = max(g.now-g.step, g.target)
	}
	return g.now
}

// scale writes src at this gain.
func (g *gain) scale(dst, src []int16) {
	if g.now == one && g.target == one {
		copy(dst, src)
		return
	}
	for i, s := range src {
		dst[i] = int16(int32(s) * g.next() >> 15)
	}
}

// limit writes a sum as samples at this gain.
func (g *gain) limit(dst []int16, src []int32) {
	if g.now == one && g.target == one {
		for i, s := range src {
			dst[i] = soft(s)
		}
		return
	}
	for i, s := range src {
		dst[i] = int16(int32(soft(s)) * g.next() >> 15)
	}
}

// The soft limit is straight up to the knee and bends towards full scale above it, without a corner and without wrapping round: a sum of
// voices that is too loud becomes a little flat instead of crackling.
const (
	knee = 20000
	room = 32767 - knee
)

func soft(v int32) int16 {
	switch {
	case v > knee:
		over := int64(v - knee)
		return int16(knee + over*room/(over+room))
	case v < -knee:
		over := int64(-v - knee)
		return int16(-knee - over*room/(over+room))
	}
	return int16(v)
}

// power is the mean square of a frame.
func power(pcm []int16) int64 {
	sum := int64(0)
	for _, s := range pcm {
		sum += int64(s) * int64(s)
	}
	return sum / int64(max(len(pcm), 1))
}
