// Package quality judges how a call sounds from what the network did to it: the E-model (ITU-T G.107) and the listening quality that follows
// from it. It is arithmetic on measured figures: it never sees a packet, a clock or a socket.
package quality

import (
	"math"
	"time"

	"naisen/media"
)

// Network is what was measured of one direction of a leg.
type Network struct {
	Codec     media.Codec
	Loss      float64       // share of packets that never came, 0 to 1
	Burst     float64       // how much longer runs of losses are than chance would have them (BurstR); below 1: 1
	Jitter    time.Duration // interarrival jitter (RFC 3550)
	RoundTrip time.Duration // 0: unknown, no delay is counted but the buffers'
}

// impairment is what a codec costs by itself (Ie) and how well it bears loss (Bpl), from ITU-T G.113 appendix I; decoders of phones conceal
// lost packets. Wide-band codecs are rated on the same narrow-band scale, where they cost nothing.
type impairment struct{ ie, bpl float64 }

func impairmentOf(c media.Codec) impairment {
	switch c {
	case media.PCMU, media.PCMA, media.G722:
		return impairment{0, 25.1}
	case "G729":
		return impairment{11, 19}
	}
	return impairment{0, 10} // Opus and what comes: modest robustness is assumed
}

// Defaults of G.107 table 2.
const (
	slr, rlr   = 8.0, 2.0   // loudness of sending and receiving, dB
	stmr, lstr = 15.0, 18.0 // side tone, dB
	ds, dr     = 3.0, 3.0   // D-values of the telephones
	telr       = 65.0       // talker's echo, dB
	wepl       = 110.0      // listener's echo path, dB
	nc, nfor   = -70.0, -64.0
	ps, pr     = 35.0, 35.0 // room noise, dB(A)
	qdu        = 1.0        // one coder and decoder
)

const (
	packetTime  = 20.0 // ms: a packet leaves when it is full
	leastBuffer = 20.0 // ms of the listener's jitter buffer
)

// R is the transmission rating of G.107, 0 to 100: 93.2 is a call without any fault, below 70 many are dissatisfied, below 50 nearly all.
func (n Network) R() float64 {
	oneWay := float64(n.RoundTrip)/2/float64(time.Millisecond) + packetTime + max(leastBuffer, 2*float64(n.Jitter)/float64(time.Millisecond))
	if n.RoundTrip == 0 {
		oneWay = packetTime + leastBuffer
	}
	i := impairmentOf(n.Codec)
	return rating(oneWay, lossImpairment(i.ie, i.bpl, 100*min(max(n.Loss, 0), 1), max(n.Burst, 1)))
}

// MOS is the mean opinion score that G.107 annex B gives for R: 1 (bad) to 4.5.
func (n Network) MOS() float64 { return MOS(n.R()) }

// MOS of a rating.
func MOS(r float64) float64 {
	switch {
	case r <= 0:
		return 1
	case r >= 100:
		return 4.5
	}
	return max(1, 1+0.035*r+r*(r-60)*(100-r)*7e-6)
}

// lossImpairment is Ie,eff (equation 7-29): loss in per cent.
func lossImpairment(ie, bpl, loss, burst float64) float64 {
	if loss == 0 {
		return ie
	}
	return ie + (95-ie)*loss/(loss/burst+bpl)
}

// rating is R for a one-way delay in ms and an equipment impairment; all else has the defaults.
func rating(t, ieEff float64) float64 {
	olr := slr + rlr
	nos := ps - slr - ds - 100 + 0.004*square(ps-olr-ds-14)
	pre := pr + 10*math.Log10(1+math.Pow(10, (10-lstr)/10))
	nor := rlr - 121 + pre + 0.008*square(pre-35)
	no := 10 * math.Log10(power(nc)+power(nos)+power(nor)+power(nfor+rlr))
	ro := 15 - 1.5*(slr+no)
	return ro - simultaneous(olr, no, ro, t) - delayed(no, ro, t) - ieEff
}

// simultaneous is Is, what comes together with the voice: too loud, side tone, quantising (section 7.3).
func simultaneous(olr, no, ro, t float64) float64 {
	x := olr + 0.2*(64+no-rlr)
	loud := 20 * (root(1+math.Pow(x/8, 8), 8) - x/8)
	side := -10 * math.Log10(math.Pow(10, -stmr/10)+math.Exp(-t/4)*math.Pow(10, -telr/10))
	tone := 12*root(1+math.Pow((side-13)/6, 8), 8) - 28*root(1+math.Pow((side+1)/19.4, 35), 35) - 13*root(1+math.Pow((side-3)/33, 13), 13) + 29
	q := 37 - 15*math.Log10(qdu)
	g := 1.07 + 0.258*q + 0.0602*q*q
	y := (ro-100)/15 + 46/8.4 - g/9
	z := 46.0/30 - g/40
	return loud + tone + 15*math.Log10(1+math.Pow(10, y)+math.Pow(10, z))
}

// delayed is Id, what delay does: echo of the talker and of the listener, and delay itself (section 7.4).
func delayed(no, ro, t float64) float64 {
	terv := telr - 40*math.Log10((1+t/10)/(1+t/150)) + 6*math.Exp(-0.3*t*t)
	half := (-1.5*(no-rlr) - (80 + 2.5*(terv-14))) / 2
	talker := (half + math.Sqrt(half*half+100) - 1) * (1 - math.Exp(-t))
	half = (ro - 10.5*(wepl+7)*math.Pow(2*t+1, -0.25)) / 2
	listener := half + math.Sqrt(half*half+169)
	if t <= 100 {
		return talker + listener
	}
	x := math.Log2(t / 100)
	return talker + listener + 25*(root(1+math.Pow(x, 6), 6)-3*root(1+math.Pow(x/3, 6), 6)+2)
}

func square(x float64) float64       { return x * x }
func power(db float64) float64       { return math.Pow(10, db/10) }
func root(x, degree float64) float64 { return math.Pow(x, 1/degree) }
