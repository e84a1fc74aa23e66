// Package mediatest makes and judges audio in tests: tones, "is this tone in this audio", gaps, and a network that loses,
// delays, reorders and doubles packets by a seed. Nothing in production imports it.
package mediatest

import "math"

// Sine makes a tone of the given frequency (Hz) and amplitude (0 to 32767).
func Sine(rate int, hz float64, amplitude float64, millis int) []int16 {
	return AppendSine(make([]int16, 0, rate*millis/1000), rate, hz, amplitude, millis)
}

// AppendSine appends a tone, which starts at phase 0.
func AppendSine(dst []int16, rate int, hz float64, amplitude float64, millis int) []int16 {
	for i := range rate * millis / 1000 {
		dst = append(dst, int16(math.Round(amplitude*math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))))
	}
	return dst
}

// Mix adds b to a copy of a, clipped; the longer one decides the length.
func Mix(a, b []int16) []int16 {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := append([]int16(nil), a...)
	for i, s := range b {
		out[i] = int16(min(max(int(out[i])+int(s), math.MinInt16), math.MaxInt16))
	}
	return out
}

// Power is the mean power of audio, in squared sample units; 0 for none.
func Power(pcm []int16) float64 {
	if len(pcm) == 0 {
		return 0
	}
	sum := 0.0
	for _, s := range pcm {
		sum += float64(s) * float64(s)
	}
	return sum / float64(len(pcm))
}

// ToneIn gives the level of a tone in audio by Goertzel's algorithm: its share of the whole power, 0 to 1. A pure tone gives 1,
// silence and other tones 0. The audio should be at least 20 ms long.
func ToneIn(pcm []int16, rate int, hz float64) (level float64) {
	total := Power(pcm)
	if total == 0 {
		return 0
	}
	return math.Min(goertzel(pcm, rate, hz)/total, 1)
}

// Amplitude of a tone in audio, in sample units.
func Amplitude(pcm []int16, rate int, hz float64) float64 {
	if len(pcm) == 0 {
		return 0
	}
	return math.Sqrt(2 * goertzel(pcm, rate, hz))
}

// goertzel gives the mean power of one frequency.
func goertzel(pcm []int16, rate int, hz float64) float64 {
	k := 2 * math.Cos(2*math.Pi*hz/float64(rate))
	var s1, s2 float64
	for _, x := range pcm {
		s1, s2 = float64(x)+k*s1-s2, s1
	}
	n := float64(len(pcm))
	return 2 * (s1*s1 + s2*s2 - k*s1*s2) / (n * n)
}

// HasTone says whether a tone makes up most of the audio.
func HasTone(pcm []int16, rate int, hz float64) bool { return ToneIn(pcm, rate, hz) > 0.5 }

// Gap is a stretch without the tone.
type Gap struct{ StartMillis, LengthMillis int }

const windowMillis = 20

// Gaps lists where a tone is missing for at least minMillis, from its first to its last appearance. Steps are 5 ms, windows 20 ms:
// lengths are right within about 15 ms. A tone that never appears is one gap over the whole audio.
func Gaps(pcm []int16, rate int, hz float64, minMillis int) []Gap {
	const step = 5
	window := rate * windowMillis / 1000
	floor := loudest(pcm, rate, hz) / 8 // 18 dB below the tone's best
	var gaps []Gap
	seen, open := false, -1
	for at := 0; (at*rate/1000)+window <= len(pcm); at += step {
		w := pcm[at*rate/1000:][:window]
		if a := Amplitude(w, rate, hz); a > floor && a > 1 && ToneIn(w, rate, hz) > 0.25 {
			if seen && open >= 0 && at-open >= minMillis {
				gaps = append(gaps, Gap{open, at - open})
			}
			seen, open = true, -1
		} else if open < 0 {
			open = at
		}
	}
	if !seen {
		return []Gap{{0, len(pcm) * 1000 / rate}}
	}
	return gaps
}

func loudest(pcm []int16, rate int, hz float64) float64 {
	window := rate * windowMillis / 1000
	best := 0.0
	for at := 0; at+window <= len(pcm); at += window {
		best = math.Max(best, Amplitude(pcm[at:at+window], rate, hz))
	}
	return best
}

// Span gives where a tone first and last appears, in ms; ok is false if it never does.
func Span(pcm []int16, rate int, hz float64) (start, end int, ok bool) {
	window := rate * windowMillis / 1000
	floor := loudest(pcm, rate, hz) / 8
	for at := 0; at*rate/1000+window <= len(pcm); at += 5 {
		w := pcm[at*rate/1000:][:window]
		if a := Amplitude(w, rate, hz); a > floor && a > 1 && ToneIn(w, rate, hz) > 0.25 {
			if !ok {
				start, ok = at, true
			}
			end = at + windowMillis
		}
	}
	return start, end, ok
}
