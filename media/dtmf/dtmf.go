// Package dtmf hears the sixteen keys in audio, for peers that send them as tones only (ITU-T Q.23, Q.24). It never sees a packet: it is given
// samples and says which key was pressed.
package dtmf

import (
	"math"
	"time"
)

const (
	rate  = 8000
	block = 102 // samples, 12.75 ms: bins as wide as the tones' spacing asks for
	// Block is how finely a press is timed.
	Block = block * time.Second / rate

	least    = 2    // blocks of the same key in a row make a press: 40 ms always hold two, 20 ms never do
	quiet    = 3    // blocks without it end one: interruptions of 10 ms do not, pauses of 40 ms do
	floor    = 3e4  // mean square of a sample, about -36 dBm0: Q.24 has -29 as the weakest that must be heard
	share    = 0.70 // of the block's energy that the two tones must hold: speech has other tones beside
	apart    = 6.3  // a tone against the others of its group: 8 dB
	twist    = 6.31 // the high tone above the low one: 8 dB
	antitwis = 2.52 // the low tone above the high one: 4 dB
)

const keys = "123A456B789C*0#D"

var frequencies = [8]float64{697, 770, 852, 941, 1209, 1336, 1477, 1633}

// Press is a key and how long it was held.
type Press struct {
	Rune   rune
	Length time.Duration
}

// Detector listens to one voice at 8000 samples a second. Not safe for concurrent use; it allocates nothing.
type Detector struct {
	weight [8]float32
	v1, v2 [8]float32 // Goertzel's state
	energy float32
	n      int // samples of the running block

	last   rune // of the block before; 0: none
	key    rune // that is being pressed; 0: none
	blocks int  // since it began
	silent int  // blocks without it
}

// New makes one.
func New() *Detector {
	d := &Detector{}
	for i, f := range frequencies {
		d.weight[i] = float32(2 * math.Cos(2*math.Pi*f/rate))
	}
	return d
}

// Hear takes samples and gives the key whose press ended in them; ok is false while there is none. A frame of up to 40 ms ends one press at most.
func (d *Detector) Hear(pcm []int16) (p Press, ok bool) {
	for _, s := range pcm {
		x := float32(s)
		d.energy += x * x
		for i := range d.weight {
			v := x + d.weight[i]*d.v1[i] - d.v2[i]
			d.v2[i], d.v1[i] = d.v1[i], v
		}
		if d.n++; d.n == block {
			if ended, over := d.step(d.judge()); over {
				p, ok = ended, true
			}
			d.n, d.energy, d.v1, d.v2 = 0, 0, [8]float32{}, [8]float32{}
		}
	}
	return p, ok
}

// judge says which key the block holds; 0: none.
func (d *Detector) judge() rune {
	if d.energy < floor*block {
		return 0
	}
	var e [8]float32
	for i := range e {
		e[i] = d.v1[i]*d.v1[i] + d.v2[i]*d.v2[i] - d.weight[i]*d.v1[i]*d.v2[i]
	}
	row, low := loudest(e[:4])
	col, high := loudest(e[4:])
	switch {
	case row < 0 || col < 0 || high > twist*low || low > antitwis*high:
		return 0
	case low+high < share*d.energy*block/2:
		return 0
	}
	return rune(keys[4*row+col])
}

// loudest is the strongest tone of a group, if the others are well below it; else -1.
func loudest(e []float32) (best int, power float32) {
	for i := range e {
		if e[i] > e[best] {
			best = i
		}
	}
	for i := range e {
		if i != best && e[i]*apart > e[best] {
			return -1, 0
		}
	}
	return best, e[best]
}

// step takes one block's verdict.
func (d *Detector) step(k rune) (Press, bool) {
	before := d.last
	d.last = k
	if d.key != 0 {
		d.blocks++
		if k == d.key {
			d.silent = 0
			return Press{}, false
		}
		if d.silent++; d.silent < quiet {
			return Press{}, false
		}
		p := Press{d.key, time.Duration(d.blocks-d.silent) * Block}
		d.key = 0
		if k != 0 && k == before { // the next key follows at once
			d.key, d.blocks, d.silent = k, least, 0
		}
		return p, true
	}
	if k != 0 && k == before {
		d.key, d.blocks, d.silent = k, least, 0
	}
	return Press{}, false
}
