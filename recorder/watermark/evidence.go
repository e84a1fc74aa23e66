package watermark

import (
	"math"
	"slices"
)

// step is from one look at the loudness to the next: a quarter of a row, 8 ms.
const (
	step     = hop / 2
	rowSteps = rowHops * hop / step
	looks    = 3 // that are added up for one row
)

// noise is what a law's quantisation adds, as a part of the power of the sound (38 dB below), and what rounding adds to any.
const (
	lawNoise   = 1.6e-4
	roundNoise = 6e3
)

// How a cell's loudness is predicted from its neighbours', and how far it may be beside that.
const (
	fromTime   = 0.5  // of the rows before and after
	fromBand   = 0.15 // of the bands below and above
	outlier    = 2.0  // in units of the row's own scatter
	faintSound = 0.5  // of the weight: less is no sound
)

// evidence is how much louder each band is at each step than its neighbours let expect.
type evidence [][bands]float32

// look makes evidence of samples of 8 kHz, and says at which of the steps there was sound. background is the part of the power of what is loud that
// may have been added to everything since it was marked.
func look(pcm []int16, background float64) (x evidence, sounding []bool) {
	power := powers(pcm)
	n := len(power)
	added := background * loud(power) / bands
	sounding = make([]bool, n)
	level, weight := make([][bands]float64, n), make([][bands]float64, n)
	for i := range power {
		sum := [bands]float64{}
		total := 0.0
		for at := max(i-looks/2, 0); at <= min(i+looks/2, n-1); at++ {
			for b, v := range power[at] {
				sum[b] += v
				total += v
			}
		}
		noise := total*lawNoise/bands + roundNoise + added
		mean, heard := 0.0, 0.0
		for b, v := range sum {
			level[i][b] = math.Log(v + noise)
			weight[i][b] = v / (v + 4*noise)
			mean += level[i][b] / bands
			heard += weight[i][b] / bands
		}
		for b := range level[i] {
			level[i][b] -= mean
		}
		sounding[i] = heard > faintSound
	}
	return scatter(level, weight), sounding
}

// loud is the power of a step that is as loud as a tenth of all.
func loud(power [][bands]float64) float64 {
	if len(power) == 0 {
		return 0
	}
	all := make([]float64, len(power))
	for i := range power {
		for _, v := range power[i] {
			all[i] += looks * v
		}
	}
	slices.Sort(all)
	return all[len(all)*9/10]
}

// scatter takes away what the neighbours say, and what is left of it in proportion to the row's own scatter.
func scatter(level, weight [][bands]float64) evidence {
	n := len(level)
	x := make(evidence, n)
	flat := make([][bands]float64, n)
	for i := range level {
		before, after := &level[max(i-rowSteps, 0)], &level[min(i+rowSteps, n-1)]
		for b, v := range level[i] {
			flat[i][b] = v - fromTime*(before[b]+after[b])
		}
	}
	for i := range flat {
		var d [bands]float64
		power, sum := 1e-9, 1e-9
		for b, v := range flat[i] {
			d[b] = v - fromBand*(flat[i][max(b-1, 0)]+flat[i][min(b+1, bands-1)])
			power += weight[i][b] * d[b] * d[b]
			sum += weight[i][b]
		}
		scale := 1 / math.Sqrt(power/sum)
		for b, w := range weight[i] {
			x[i][b] = float32(w * min(max(d[b]*scale, -outlier), outlier))
		}
	}
	return x
}

// powers is the power in each band at each step.
func powers(pcm []int16) [][bands]float64 {
	if len(pcm) < frameSize {
		return nil
	}
	out := make([][bands]float64, (len(pcm)-frameSize)/step+1)
	w := window(frameSize)
	for i := range w {
		w[i] *= w[i]
	}
	fft, z := newFourier(frameSize), make([]complex128, frameSize)
	for i := 0; i < len(out); i += 2 { // two at a time: one is the real part, the other the imaginary one
		one := pcm[i*step:]
		two := pcm[min(i+1, len(out)-1)*step:]
		for j, v := range w {
			z[j] = complex(v*float64(one[j]), v*float64(two[j]))
		}
		fft.forward(z)
		for b := range bands {
			for k := firstBin + b*bandBins; k < firstBin+(b+1)*bandBins; k++ {
				low, high := z[k], z[frameSize-k]
				ar, ai := real(low)+real(high), imag(low)-imag(high)
				br, bi := real(low)-real(high), imag(low)+imag(high)
				out[i][b] += (ar*ar + ai*ai) / 4
				if i+1 < len(out) {
					out[i+1][b] += (br*br + bi*bi) / 4
				}
			}
		}
	}
	return out
}
