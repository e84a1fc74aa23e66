package render

// taps of a half-band filter for the samples between two others, Q15, symmetric: windowed sinc (Kaiser, beta 6) over 16 neighbours.
// Flat within 0.1 dB to 3.2 kHz, 0.5 dB down at 3.4 kHz; images 25 dB down at 4.6 kHz, 39 dB at 4.8 kHz, more above.
var taps = [8]int32{20646, -6313, 3175, -1722, 907, -435, 176, -50}

// upsampler doubles 8 kHz to 16 kHz. It delays by eight input samples, 1 ms.
type upsampler struct {
	past [16]int16 // the last inputs, oldest first
}

// double appends two samples for each input.
func (u *upsampler) double(dst, pcm []int16) []int16 {
	for _, s := range pcm {
		copy(u.past[:], u.past[1:])
		u.past[15] = s
		// past[7] is the sample that goes out now; the one after it lies between past[7] and past[8].
		var sum int32
		for i, t := range taps {
			sum += t * (int32(u.past[7-i]) + int32(u.past[8+i])) >> 1
		}
		dst = append(dst, u.past[7], clip(sum>>14))
	}
	return dst
}
