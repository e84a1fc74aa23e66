package watermark

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Any range of a copy is the same as in any other reading of it, whatever was read before; head, length and what follows the samples stay.
func TestRanges(t *testing.T) {
	k := testKey(t, 'a')
	id := k.ID(listening)
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct {
		law            Law
		rate, channels int
	}{{Linear, 8000, 2}, {Linear, 16000, 2}, {Linear, 16000, 1}, {ULaw, 8000, 1}, {ALaw, 8000, 1}} {
		name := string(c.law) + " " + strconv.Itoa(c.rate) + " " + strconv.Itoa(c.channels)
		pcm := conversation(t, 4, c.rate, 5)
		if c.channels == 1 {
			pcm = mixed(pcm)
		}
		plain := append(wav(c.law, c.rate, c.channels, pcm[:len(pcm)-2*37]), "LIST after the samples"...)
		all := heard(t, k, plain, id)
		l, err := readLayout(bytes.NewReader(plain), int64(len(plain)))
		if err != nil {
			t.Fatal(err)
		}
		if end := l.at + l.size; !bytes.Equal(all[:l.at], plain[:l.at]) || !bytes.Equal(all[end:], plain[end:]) || bytes.Equal(all[l.at:end], plain[l.at:end]) {
			t.Errorf("%s: head, samples or tail", name)
		}
		if !bytes.Equal(all, heard(t, k, plain, id)) {
			t.Errorf("%s: two copies for the same listening", name)
		}
		if bytes.Equal(all, heard(t, k, plain, id+1)) {
			t.Errorf("%s: two listenings have one copy", name)
		}
		reader, err := k.Copy(bytes.NewReader(plain), int64(len(plain)), id)
		if err != nil {
			t.Fatal(err)
		}
		for range 60 {
			from := rnd.IntN(len(plain))
			part := make([]byte, rnd.IntN(len(plain)-from)/(1+rnd.IntN(50))+1)
			n, err := reader.ReadAt(part, int64(from))
			if n != len(part) || err != nil && err != io.EOF || !bytes.Equal(part, all[from:from+n]) {
				t.Fatalf("%s: range from %d, %d bytes: %d %v", name, from, len(part), n, err)
			}
		}
		if n, err := reader.ReadAt(make([]byte, 10), int64(len(plain))); n != 0 || err != io.EOF {
			t.Errorf("%s: behind the end: %d %v", name, n, err)
		}
	}
}

// Where nothing is heard nothing is changed, and what is in one channel stays out of the other.
func TestSilence(t *testing.T) {
	k := testKey(t, 'a')
	silent := wav(Linear, 8000, 2, make([]int16, 2*24000))
	if !bytes.Equal(heard(t, k, silent, 7), silent) {
		t.Error("silence was marked")
	}
	pcm := conversation(t, 3, 16000, 5)
	for i := 1; i < len(pcm); i += 2 {
		pcm[i] = 0
	}
	for i, s := range side(samplesOf(t, heard(t, k, wav(Linear, 16000, 2, pcm), 7)), 1) {
		if s != 0 {
			t.Fatalf("sample %d of the silent channel is %d", i, s)
		}
	}
}

// A store that fails in the middle is told, and is no silence.
func TestReadFails(t *testing.T) {
	k := testKey(t, 'a')
	plain := wav(Linear, 8000, 2, conversation(t, 4, 8000, 5))
	bad := errors.New("reset")
	c, err := k.Copy(failing{bytes.NewReader(plain), 70_000, bad}, int64(len(plain)), 7)
	if err != nil {
		t.Fatal(err)
	}
	part := make([]byte, len(plain))
	n, err := c.ReadAt(part, 0)
	if !errors.Is(err, bad) || n > 70_000 || !bytes.Equal(part[:n], heard(t, k, plain, 7)[:n]) {
		t.Errorf("%d bytes, %v", n, err)
	}
	if _, err := k.Copy(failing{bytes.NewReader(plain), 10, bad}, int64(len(plain)), 7); !errors.Is(err, bad) {
		t.Errorf("head: %v", err)
	}
}

// Who listens from a place on has the file read in order from there, each octet once, with little more than was asked for: behind it may be the
// vault's process, which is asked anew for each jump.
func TestReadInOrder(t *testing.T) {
	k := testKey(t, 'a')
	for _, rate := range []int{8000, 16000} {
		plain := wav(Linear, rate, 2, conversation(t, 6, rate, 5))
		want := heard(t, k, plain, 7)
		for _, from := range []int64{0, int64(len(plain)) / 2} {
			file := &watchedFile{ReaderAt: bytes.NewReader(plain)}
			c, err := k.Copy(file, int64(len(plain)), 7)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.ReadAt(make([]byte, 4096), 0); err != nil { // as whoever serves it looks at its head
				t.Fatal(err)
			}
			got, err := io.ReadAll(io.NewSectionReader(c, from, int64(len(plain))-from))
			if err != nil || !bytes.Equal(got, want[from:]) {
				t.Fatalf("from %d: %d bytes, %v", from, len(got), err)
			}
			jumps, most := 0, int64(len(plain))
			if from > 0 {
				jumps, most = 1, maxHead+int64(len(plain))-from+2*frameSize*int64(rate/baseRate)*4+int64(blockHops*hop*rate/baseRate)*4
			}
			if file.jumps != jumps || file.octets > most {
				t.Errorf("%d Hz from %d: %d jumps instead of %d, %d octets, at most %d", rate, from, file.jumps, jumps, file.octets, most)
			}
		}
	}
}

// watchedFile counts what is read, and how often not where the last read ended.
type watchedFile struct {
	io.ReaderAt
	at, octets int64
	jumps      int
}

func (f *watchedFile) ReadAt(p []byte, off int64) (int, error) {
	if off != f.at {
		f.jumps++
	}
	n, err := f.ReaderAt.ReadAt(p, off)
	f.at, f.octets = off+int64(n), f.octets+int64(n)
	return n, err
}

// failing reads nothing at or behind a place.
type failing struct {
	io.ReaderAt
	from int64
	err  error
}

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.from && f.from > 10 && off < 1000 { // the head is read in one go
		return f.ReaderAt.ReadAt(p, off)
	}
	if off+int64(len(p)) > f.from {
		return 0, f.err
	}
	return f.ReaderAt.ReadAt(p, off)
}

func TestFormats(t *testing.T) {
	k := testKey(t, 'a')
	good := wav(Linear, 8000, 1, make([]int16, 100))
	with := func(at int, b ...byte) []byte {
		out := bytes.Clone(good)
		copy(out[at:], b)
		return out
	}
	for name, b := range map[string][]byte{
		"empty": {}, "short": good[:30], "no RIFF": with(0, 'X'), "no WAVE": with(8, 'X'), "no data": with(36, 'X'), "8 bits": with(34, 8), "float": with(20, 3),
		"no channel": with(22, 0), "three channels": with(22, 3), "11,025 Hz": with(24, 0x11, 0x2b), "0 Hz": with(24, 0, 0), "short format": with(16, 4),
		"data first": append(bytes.Clone(good[:12]), good[36:]...), "Opus": []byte("OggS, and more than twelve bytes of it"),
	} {
		if _, err := k.Copy(bytes.NewReader(b), int64(len(b)), 7); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzFile: whatever a file says, it is marked or refused, in a bounded time and without a panic, and keeps its length.
func FuzzFile(f *testing.F) {
	k := testKey(f, 'a')
	tone := make([]int16, 400)
	for i := range tone {
		tone[i] = int16(1000 * (i % 8))
	}
	f.Add(wav(Linear, 8000, 2, tone))
	f.Add(wav(ULaw, 8000, 1, tone))
	f.Add(wav(Linear, 44100, 1, tone))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := k.Copy(bytes.NewReader(b), int64(len(b)), 7); err == nil {
			if n, err := c.ReadAt(make([]byte, len(b)+1), 0); n != len(b) || err != io.EOF {
				t.Fatalf("%d of %d: %v", n, len(b), err)
			}
		}
		if file, err := OpenFile(bytes.NewReader(b), int64(len(b))); err == nil {
			if _, err := file.stretch(0, 1, both); err != nil && !errors.Is(err, ErrFormat) {
				t.Fatal(err)
			}
		}
	})
}

func BenchmarkCopy(b *testing.B) {
	k := testKey(b, 'a')
	for _, rate := range []int{8000, 16000} {
		b.Run(strconv.Itoa(rate), func(b *testing.B) {
			plain := wav(Linear, rate, 2, conversation(b, 10, rate, 5))
			out := make([]byte, len(plain))
			n, before := 0.0, processorTime(b)
			for b.Loop() {
				n++
				c, err := k.Copy(bytes.NewReader(plain), int64(len(plain)), 7)
				if err != nil {
					b.Fatal(err)
				}
				if n, err := c.ReadAt(out, 0); n != len(out) {
					b.Fatal(err)
				}
			}
			spent := processorTime(b) - before
			b.ReportMetric(10*n/spent.Seconds(), "x-realtime")
			b.ReportMetric(float64(spent.Microseconds())/(10*n), "µs/s")
		})
	}
}

// processorTime is what this process has used: on a loaded machine the clock says nothing.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
