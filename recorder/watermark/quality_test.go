package watermark

import (
	"math"
	"testing"
)

// bark is the rate of critical bands at a frequency (Zwicker and Terhardt 1980).
func bark(hz float64) float64 {
	return 13*math.Atan(0.00076*hz) + 3.5*math.Atan(hz/7500*hz/7500)
}

// masking is the threshold below which a critical band's noise is not heard beside a sound, by the model of Johnston (1988): the power in critical
// bands, spread over their neighbours, less an offset between what noise hides and what tones hide. It is not the model that the shaper uses.
type masking struct {
	rate, size int
	fft        *fourier
	window     []float64
	band       []int // of each bin
	bands      int
	spread     [][]float64
}

func newMasking(rate, size int) *masking {
	m := &masking{rate: rate, size: size, fft: newFourier(size), window: window(size)}
	for k := range size / 2 {
		b := int(bark(float64(k) * float64(rate) / float64(size)))
		m.band = append(m.band, b)
		m.bands = max(m.bands, b+1)
	}
	for i := range m.bands {
		row := make([]float64, m.bands)
		sum := 0.0
		for j := range row {
			d := float64(i-j) + 0.474
			row[j] = math.Pow(10, (15.81+7.5*d-17.5*math.Sqrt(1+d*d))/10)
			sum += row[j]
		}
		for j := range row {
			row[j] /= sum
		}
		m.spread = append(m.spread, row)
	}
	return m
}

// powers in critical bands, and how tonal the sound is, 0 to 1.
func (m *masking) powers(pcm []float64) ([]float64, float64) {
	z := make([]complex128, m.size)
	for i, v := range pcm {
		z[i] = complex(v*m.window[i]*m.window[i], 0)
	}
	m.fft.forward(z)
	p := make([]float64, m.bands)
	logs, sum := 0.0, 0.0
	for k := 1; k < m.size/2; k++ {
		v := real(z[k])*real(z[k]) + imag(z[k])*imag(z[k]) + 1e-3
		p[m.band[k]] += v
		logs, sum = logs+math.Log10(v), sum+v
	}
	n := float64(m.size/2 - 1)
	flatness := 10 * (logs/n - math.Log10(sum/n))
	return p, min(flatness/-60, 1)
}

// threshold is the power of noise in each band that is just not heard.
func (m *masking) threshold(pcm []float64) []float64 {
	p, tonal := m.powers(pcm)
	out := make([]float64, m.bands)
	for i := range out {
		for j, s := range m.spread[i] {
			out[i] += s * p[j]
		}
		offset := tonal*(14.5+float64(i)) + (1-tonal)*5.5
		out[i] *= math.Pow(10, -offset/10)
	}
	return out
}

// quality measures a copy beside its original, of one channel: the mean over all frames with sound of the ratio of sound to mark in dB, the share
// of critical bands in which the mark is above the threshold, and the share in which it is by more than 3 dB.
func quality(rate int, plain, copied []int16) (segmental, above, far float64) {
	const size = 512
	m := newMasking(rate, size)
	frames, cells, over := 0.0, 0.0, 0.0
	for at := 0; at+size <= len(plain); at += size / 2 {
		sound, mark := make([]float64, size), make([]float64, size)
		s, n := 0.0, 0.0
		for i := range size {
			sound[i] = float64(plain[at+i])
			mark[i] = float64(copied[at+i]) - sound[i]
			s, n = s+sound[i]*sound[i], n+mark[i]*mark[i]
		}
		if s < 100*100*size { // 50 dB below full scale: a pause
			continue
		}
		frames++
		segmental += min(10*math.Log10(s/max(n, 1e-9)), 60)
		p, _ := m.powers(mark)
		for b, limit := range m.threshold(sound) {
			if limit < 1e4 { // below a step of 16 bits
				continue
			}
			cells++
			d := 10 * math.Log10(p[b]/limit)
			if d > 0 {
				over++
			}
			if d > 3 {
				far++
			}
		}
	}
	return segmental / frames, over / cells, far / cells
}

// The mark is below what a listener can hear beside the voice, by a model that the shaper does not know: in at least 98 of 100 critical bands of
// all frames, and by more than 3 dB in two of 1,000; 20 dB below the voice in the mean of all frames. A pure tone hides less, and is marked less.
func TestInaudible(t *testing.T) {
	unraced(t)
	k := testKey(t, 'a')
	tone := func(hz float64, rate int) []int16 {
		out := make([]int16, 2*rate*4)
		for i := range out {
			out[i] = int16(9000 * math.Sin(2*math.Pi*hz*float64(i/2)/float64(rate)))
		}
		return out
	}
	for _, c := range []struct {
		name      string
		rate      int
		pcm       []int16
		segmental float64 // dB, at least
		above     float64 // share, at most
		far       float64 // share, at most
	}{
		{"conversation", 8000, conversation(t, 30, 8000, 5), 20, 0.02, 0.002},
		{"conversation, wide", 16000, conversation(t, 30, 16000, 60), 20, 0.02, 0.002},
		{"tone of 400 Hz", 8000, tone(400, 8000), 30, 0, 0},
		{"tone of 1,000 Hz", 16000, tone(1000, 16000), 30, 0, 0},
	} {
		copied := samplesOf(t, heard(t, k, wav(Linear, c.rate, 2, c.pcm), 7))
		for n := range 2 {
			segmental, above, far := quality(c.rate, side(c.pcm, n), side(copied, n))
			t.Logf("%s, channel %d: %.1f dB, above the threshold %.3f %%, by more than 3 dB %.3f %%", c.name, n, segmental, 100*above, 100*far)
			if segmental < c.segmental || above > c.above || far > c.far {
				t.Errorf("%s, channel %d: %.1f dB below the sound, %.2f %% above the threshold, %.2f %% by more than 3 dB", c.name, n, segmental, 100*above, 100*far)
			}
		}
	}
}
