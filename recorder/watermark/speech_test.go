package watermark

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"naisen/media/codec/g711"
	"naisen/media/codec/resample"
)

// unraced skips a test of sums that one goroutine does, where the race detector would make minutes of its seconds: `make unit` runs it without.
func unraced(t *testing.T) {
	t.Helper()
	if raced {
		t.Skip("make unit runs this without the race detector")
	}
}

// voice reads the prompts of a language one after the other, 16 kHz, until there is enough.
func voice(t testing.TB, language string, skip, samples int) []int16 {
	t.Helper()
	list, err := os.ReadFile(filepath.Join("testdata", "voices-"+language+".txt")) // which prompts: a new one must not change what is measured
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Fields(string(list))
	var out []int16
	for _, name := range names[skip:] {
		b, err := os.ReadFile(filepath.Join("..", "..", "prompts", "builtin", language, name))
		if err != nil {
			t.Fatal(err)
		}
		l, err := readLayout(bytes.NewReader(b), int64(len(b)))
		if err != nil || l.rate != 16000 || l.channels != 1 {
			t.Fatalf("%s: %+v %v", name, l, err)
		}
		pcm := l.decode(nil, b[l.at:l.at+l.size])
		if out = append(out, pcm...); len(out) >= samples {
			return out[:samples]
		}
	}
	t.Fatalf("%d samples of %s, want %d", len(out), language, samples)
	return nil
}

// conversation is a telephone call: a Japanese and an English voice take turns on two channels, above a room's noise and through G.711 where
// the rate is 8 kHz. Interleaved.
func conversation(t testing.TB, seconds, rate, skip int) []int16 {
	t.Helper()
	n := seconds * 16000
	rnd := rand.New(rand.NewPCG(uint64(skip), 1))
	voices := [2][]int16{voice(t, "ja", skip, n*5/4+64000), voice(t, "en", skip, n*5/4+64000)}
	var sides [2][]int16
	for i := range sides {
		sides[i] = make([]int16, n)
	}
	var used [2]int
	for at, who := 0, 0; at < n; who = 1 - who { // turns of one to four seconds, with a little of both in between
		turn := min(16000+rnd.IntN(48000), n-at)
		copy(sides[who][at:at+turn], voices[who][used[who]:])
		used[who] += turn
		if at += turn; turn > 8000 && at < n {
			at -= 4000
		}
	}
	var out []int16
	for i, pcm := range sides {
		for j, s := range pcm {
			pcm[j] = int16(min(max(float64(s)*0.6+rnd.NormFloat64()*20, -32768), 32767))
		}
		if rate == baseRate {
			var err error
			if pcm, err = resample.All(pcm, 16000, baseRate); err != nil {
				t.Fatal(err)
			}
			pcm = g711.DecodeU(nil, g711.EncodeU(nil, pcm))
		}
		sides[i] = pcm
	}
	for i := range sides[0] {
		out = append(out, sides[0][i], sides[1][i])
	}
	return out
}

// wav writes a file as the renderer does.
func wav(law Law, rate, channels int, pcm []int16) []byte {
	l := layout{law: law, rate: rate, channels: channels}
	data := l.encode(nil, pcm)
	width := int(l.block()) / channels
	tag := map[Law]uint16{Linear: tagLinear, ALaw: tagALaw, ULaw: tagULaw}[law]
	head := append([]byte("RIFF\x00\x00\x00\x00WAVEfmt "), 16, 0, 0, 0)
	head = binary.LittleEndian.AppendUint16(head, tag)
	head = binary.LittleEndian.AppendUint16(head, uint16(channels))
	head = binary.LittleEndian.AppendUint32(head, uint32(rate))
	head = binary.LittleEndian.AppendUint32(head, uint32(rate*channels*width))
	head = binary.LittleEndian.AppendUint16(head, uint16(channels*width))
	head = binary.LittleEndian.AppendUint16(head, uint16(8*width))
	head = binary.LittleEndian.AppendUint32(append(head, "data"...), uint32(len(data)))
	binary.LittleEndian.PutUint32(head[4:], uint32(len(head)+len(data)-8))
	return append(head, data...)
}

// samplesOf reads a file's samples back.
func samplesOf(t testing.TB, b []byte) []int16 {
	t.Helper()
	l, err := readLayout(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return l.decode(nil, b[l.at:l.at+l.size])
}

// testKey is a key whose secret is a letter.
func testKey(t testing.TB, letter byte) *Key {
	t.Helper()
	k, err := newKey(bytes.Repeat([]byte{letter}, secretSize))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// heard is the copy that a listening gets.
func heard(t testing.TB, k *Key, b []byte, id ID) []byte {
	t.Helper()
	c, err := k.Copy(bytes.NewReader(b), int64(len(b)), id)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]byte, len(b))
	if n, err := c.ReadAt(out, 0); n != len(out) {
		t.Fatalf("%d of %d bytes: %v", n, len(out), err)
	}
	return out
}

// find searches a file.
func find(t testing.TB, k *Key, b []byte) Report {
	t.Helper()
	f, err := OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	r, err := k.Find(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// mixed adds two channels up.
func mixed(pcm []int16) []int16 {
	var out []int16
	for i := 0; i+1 < len(pcm); i += 2 {
		out = append(out, int16((int(pcm[i])+int(pcm[i+1]))/2))
	}
	return out
}

// side is one channel of two.
func side(pcm []int16, n int) []int16 {
	var out []int16
	for i := n; i < len(pcm); i += 2 {
		out = append(out, pcm[i])
	}
	return out
}

// drifted is what a player whose clock is fast by so many ppm makes of it, by cubic interpolation.
func drifted(pcm []int16, ppm float64) []int16 {
	var out []int16
	for n := 2; ; n++ {
		at := float64(n) * (1 + ppm/1e6)
		i := int(at)
		if i+2 >= len(pcm) {
			return out
		}
		f := at - float64(i)
		a, b, c, d := float64(pcm[i-1]), float64(pcm[i]), float64(pcm[i+1]), float64(pcm[i+2])
		out = append(out, whole(b+f*((c-a)/2+f*(a-2.5*b+2*c-d/2+f*((d-a)/2+1.5*(b-c))))))
	}
}

// noised adds noise so many dB below the loudness of the whole.
func noised(pcm []int16, below float64, seed uint64) []int16 {
	power := 0.0
	for _, s := range pcm {
		power += float64(s) * float64(s) / float64(len(pcm))
	}
	level := math.Sqrt(power) * math.Pow(10, -below/20)
	rnd := rand.New(rand.NewPCG(seed, 2))
	out := make([]int16, len(pcm))
	for i, s := range pcm {
		out[i] = whole(float64(s) + level*rnd.NormFloat64())
	}
	return out
}
