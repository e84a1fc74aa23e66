package watermark

import "math"

// How much a cell is changed, as a part of its amplitude.
const (
	most      = 0.13  // 17.7 dB below the sound: ±1.1 dB
	tonalFrom = -20.0 // dB of spectral flatness: what is flatter hides all of it
	tonalTo   = -43.0 // a pure tone, as this window shows it
	softest   = 35.0  // dB below a pure tone
	atLeast   = 15.0  // dB below anything else, before most bounds it
)

// quiet is the amplitude, of 16 bits, below which nothing is touched: the change would be smaller than a step.
const quiet = 4

// shaper changes the spectrum of frames. It keeps what every frame needs, and belongs to one goroutine.
type shaper struct {
	key    *Key
	code   [codedBits]int8
	size   int // of a frame, samples
	fft    *fourier
	window []float64
	z      []complex128
}

// newShaper is for one message at 8 or 16 kHz; scale is the rate by 8 kHz.
func newShaper(k *Key, id ID, scale int) *shaper {
	size := frameSize * scale
	return &shaper{key: k, code: encode(k.message(id)), size: size, fft: newFourier(size), window: window(size), z: make([]complex128, size)}
}

// A sound that sets in or breaks off hides nothing of what its frame spreads over the moment before it, or after.
const (
	onset  = 16.0  // a quarter of a frame has so many times the power of one before it
	breaks = 250.0 // and of one after it
	sudden = 0.25  // of the strength that is left then
)

// frame adds the marked frame to sum. Frames are counted from the beginning of the recording; the first channel is the real part of the
// samples, a second one the imaginary part: one transform does both.
func (s *shaper) frame(sum, in []complex128, number int64) {
	loud := 0.0
	var left, right [4]float64 // power in the quarters of the frame
	for i, w := range s.window {
		v := in[i]
		quarter := 4 * i / s.size
		left[quarter] += real(v) * real(v)
		right[quarter] += imag(v) * imag(v)
		loud = max(loud, math.Abs(real(v)), math.Abs(imag(v)))
		s.z[i] = complex(real(v)*w, imag(v)*w)
	}
	if loud >= quiet {
		s.fft.forward(s.z)
		s.change(number, steady(left), steady(right))
		s.fft.back(s.z)
	}
	for i, w := range s.window {
		sum[i] += complex(real(s.z[i])*w, imag(s.z[i])*w)
	}
}

// steady is the part of the strength that a frame with such quarters can take.
func steady(quarters [4]float64) float64 {
	for i, later := range quarters {
		for _, earlier := range quarters[:i] {
			if later > onset*(earlier+1) || earlier > breaks*(later+1) {
				return sudden
			}
		}
	}
	return 1
}

// change makes every band louder or softer.
func (s *shaper) change(number int64, first, second float64) {
	row := (number + rows*rowHops) / rowHops % rows // the frame of which only the second half is in the recording has number -1
	cells := &s.key.cells[row]
	left, right := s.strength()
	left, right = left*first, right*second
	for band, c := range cells {
		up := c.sign > 0
		if c.bit != syncBit && s.code[c.bit] < 0 {
			up = !up
		}
		l, r := 1+left, 1+right
		if !up {
			l, r = 1/l, 1/r
		}
		for k := firstBin + band*bandBins; k < firstBin+(band+1)*bandBins; k++ {
			low, high := s.z[k], s.z[s.size-k]
			// The spectra of the channels are the parts that are even and odd under conjugation.
			a := complex(real(low)+real(high), imag(low)-imag(high)) // twice the first one's
			b := complex(real(low)-real(high), imag(low)+imag(high)) // twice the second one's, by i
			a, b = complex(real(a)*l/2, imag(a)*l/2), complex(real(b)*r/2, imag(b)*r/2)
			s.z[k] = a + b
			s.z[s.size-k] = complex(real(a)-real(b), imag(b)-imag(a))
		}
	}
}

// strength is how much each channel's bands change: by how much their spectrum is like noise, which hides, or like a tone, which does not
// (the measure of J. Johnston, "Transform coding of audio signals using perceptual noise criteria", 1988).
func (s *shaper) strength() (left, right float64) {
	var sum, logs [2]float64
	for band := range bands {
		product := [2]float64{1, 1}
		for k := firstBin + band*bandBins; k < firstBin+(band+1)*bandBins; k++ {
			low, high := s.z[k], s.z[s.size-k]
			ar, ai := real(low)+real(high), imag(low)-imag(high)
			br, bi := real(low)-real(high), imag(low)+imag(high)
			a, b := ar*ar+ai*ai+1, br*br+bi*bi+1
			sum[0], sum[1] = sum[0]+a, sum[1]+b
			product[0], product[1] = product[0]*a, product[1]*b
		}
		logs[0], logs[1] = logs[0]+math.Log2(product[0]), logs[1]+math.Log2(product[1])
	}
	return strengthOf(sum[0], logs[0]), strengthOf(sum[1], logs[1])
}

// strengthOf takes the sum of the powers of all bins and of their binary logarithms.
func strengthOf(sum, logs float64) float64 {
	const n = bands * bandBins
	const dB = 3.0102999566398120 // of a binary logarithm of power
	flatness := dB * (logs/n - math.Log2(sum/n))
	tonal := min(max((flatness-tonalFrom)/(tonalTo-tonalFrom), 0), 1)
	below := atLeast + tonal*(softest-atLeast)
	return min(most, math.Pow(10, -below/20))
}
