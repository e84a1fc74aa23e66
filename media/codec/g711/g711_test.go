package g711

import (
	"math"
	"testing"
)

// Every sample lies inside the interval of its code: at most half a step of its segment away (G.711 tables 1 and 2).
func TestQuantisation(t *testing.T) {
	for s := math.MinInt16; s <= math.MaxInt16; s++ {
		u := codeU[uint16(int16(s))]
		if d := distance(min(max(s, -clipU), clipU), linearU[u]); d > 4<<(^u>>4&7) {
			t.Fatalf("µ: %d is coded as %d", s, linearU[u])
		}
		a := codeA[uint16(int16(s))]
		if d := distance(s, linearA[a]); d > 8<<max(int((a^0x55)>>4&7)-1, 0) {
			t.Fatalf("A: %d is coded as %d", s, linearA[a])
		}
	}
}

func distance(s int, v int16) int {
	if d := s - int(v); d >= 0 {
		return d
	}
	return int(v) - s
}

// Well-known points of the two laws.
func TestKnownCodes(t *testing.T) {
	for _, c := range []struct {
		code byte
		u, a int16
	}{
		{0x00, -32124, -5504}, {0x80, 32124, 5504}, {0xff, 0, 848}, {0x7f, 0, -848}, {0xd5, 716, 8}, {0x55, -716, -8},
		{0x2a, -5372, -32256}, {0xaa, 5372, 32256},
	} {
		if linearU[c.code] != c.u || linearA[c.code] != c.a {
			t.Errorf("%02x: µ %d A %d", c.code, linearU[c.code], linearA[c.code])
		}
	}
	if got := EncodeU(nil, []int16{0, 32767, -32768}); got[0] != SilenceU || got[1] != 0x80 || got[2] != 0x00 {
		t.Errorf("µ %x", got)
	}
	if got := EncodeA(nil, []int16{0, 32767, -32768}); got[0] != SilenceA || got[1] != 0xaa || got[2] != 0x2a {
		t.Errorf("A %x", got)
	}
}

func TestCodesSurvive(t *testing.T) {
	for c := range 256 {
		code := []byte{byte(c)}
		if got := EncodeA(nil, DecodeA(nil, code)); got[0] != byte(c) {
			t.Errorf("A %02x becomes %02x", c, got[0])
		}
		if got := EncodeU(nil, DecodeU(nil, code)); got[0] != byte(c) && c != 0x7f { // µ-law has two zeros
			t.Errorf("µ %02x becomes %02x", c, got[0])
		}
	}
}

// Between the laws: the sign stays, the order stays, and the error is at most a step of the coarser law.
func TestBetweenLaws(t *testing.T) {
	for c := range 256 {
		u := []byte{byte(c)}
		UToA(u)
		checkLaw(t, "µ to A", linearU[c], linearA[u[0]])
		a := []byte{byte(c)}
		AToU(a)
		checkLaw(t, "A to µ", linearA[c], linearU[a[0]])
	}
	prev := int16(math.MinInt16)
	for c := range 128 { // 0x00 to 0x7f rise from the most negative to zero
		u := []byte{byte(c)}
		UToA(u)
		if v := linearA[u[0]]; v < prev {
			t.Errorf("order lost at %02x", c)
		} else {
			prev = v
		}
	}
	for c := range 256 { // a tandem of conversions settles after the first
		once := []byte{byte(c)}
		UToA(once)
		again := []byte{once[0]}
		AToU(again)
		UToA(again)
		if again[0] != once[0] {
			t.Errorf("µ %02x: A %02x drifts to %02x", c, once[0], again[0])
		}
	}
	for c, want := range map[byte]byte{0xff: 0xd5, 0x7f: 0x55, 0x80: 0xaa, 0x00: 0x2a, 0xff - 48: 0xd5 ^ 45, 0xff - 81: 0xd5 ^ 81} {
		if ULawToALaw[c] != want {
			t.Errorf("table 3: %02x gives %02x, not %02x", c, ULawToALaw[c], want)
		}
	}
}

func checkLaw(t *testing.T, name string, from, to int16) {
	t.Helper()
	if from > 8 && to < 0 || from < -8 && to > 0 {
		t.Errorf("%s: sign of %d lost: %d", name, from, to)
	}
	mag := distance(0, from)
	if limit := max(16, mag/16); distance(int(from), to) > limit {
		t.Errorf("%s: %d becomes %d", name, from, to)
	}
}

// Signal to distortion of a sine, the way G.712 figure 5 looks at it: at least 33 dB from -30 dBm0 up.
func TestSineDistortion(t *testing.T) {
	for _, amp := range []float64{20000, 8000, 1000} {
		pcm := make([]int16, 8000)
		for i := range pcm {
			pcm[i] = int16(math.Round(amp * math.Sin(2*math.Pi*1004*float64(i)/8000)))
		}
		for name, back := range map[string][]int16{
			"µ": DecodeU(nil, EncodeU(nil, pcm)), "A": DecodeA(nil, EncodeA(nil, pcm)),
		} {
			var signal, noise float64
			for i := range pcm {
				d := float64(pcm[i]) - float64(back[i])
				signal += float64(pcm[i]) * float64(pcm[i])
				noise += d * d
			}
			if db := 10 * math.Log10(signal/noise); db < 33 {
				t.Errorf("%s at %v: %.1f dB", name, amp, db)
			}
		}
	}
}

func TestNoAllocations(t *testing.T) {
	pcm, code := make([]int16, 160), make([]byte, 160)
	if n := testing.AllocsPerRun(100, func() {
		code = EncodeU(code[:0], pcm)
		UToA(code)
		AToU(code)
		pcm = DecodeU(pcm[:0], code)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkUToA(b *testing.B) {
	p := make([]byte, 160)
	for b.Loop() {
		UToA(p)
	}
}
