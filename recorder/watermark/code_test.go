package watermark

import (
	"math/rand/v2"
	"testing"
)

func randomMessage(rnd *rand.Rand) (m [messageBits]uint8) {
	for i := range m {
		m[i] = uint8(rnd.IntN(2))
	}
	return m
}

// What the code is worth: the messages that come through noise. Uncoded, one bit in ten would be wrong at this level, and no message right.
func TestCode(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	right := 0
	const messages = 100
	for range messages {
		m := randomMessage(rnd)
		var s [codedBits]float64
		for i, c := range encode(m) {
			s[i] = float64(c) + 0.8*rnd.NormFloat64() // 3.7 dB for each bit of the message
		}
		if decode(&s) == m {
			right++
		}
	}
	if right < messages*98/100 {
		t.Errorf("%d of %d messages", right, messages)
	}
	for range 20 { // each alone and turned around the circle
		m := randomMessage(rnd)
		var s [codedBits]float64
		for i, c := range encode(m) {
			s[i] = float64(c)
		}
		if decode(&s) != m {
			t.Fatal("without noise")
		}
	}
}

// Any two codes differ in a third of their places or more: messages of small weight are where a code is weak.
func TestCodeDistance(t *testing.T) {
	zero := encode([messageBits]uint8{})
	least := codedBits
	for pattern := 1; pattern < 1<<12; pattern++ {
		var m [messageBits]uint8
		for i := range 12 {
			m[30+i] = uint8(pattern >> i & 1)
		}
		d := 0
		for i, c := range encode(m) {
			if c != zero[i] {
				d++
			}
		}
		least = min(least, d)
	}
	if least != 18 { // the free distance of this code (3GPP TS 25.212's generators)
		t.Errorf("distance %d", least)
	}
}

func BenchmarkDecode(b *testing.B) {
	var s [codedBits]float64
	for b.Loop() {
		decode(&s)
	}
}
