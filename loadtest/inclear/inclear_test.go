package inclear

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"naisen/media/codec/g711"
	"naisen/media/mediatest"
)

func frames() [][]byte {
	law := g711.EncodeU(nil, mediatest.Sine(8000, 437, 9000, 8000))
	var out [][]byte
	for i := 0; i+160 <= len(law); i += 160 {
		out = append(out, law[i:i+160])
	}
	return out
}

// forms is one frame as each form, between other data and at an odd place.
func forms(frame []byte) map[Form][]byte {
	pcm := g711.DecodeU(nil, frame)
	mono, stereo := []byte("x"), []byte("xyz")
	for i, v := range pcm {
		mono = binary.LittleEndian.AppendUint16(mono, uint16(v))
		stereo = binary.LittleEndian.AppendUint16(stereo, uint16(i*7))
		stereo = binary.LittleEndian.AppendUint16(stereo, uint16(v))
	}
	return map[Form][]byte{MuLaw: append([]byte("RTP"), frame...), PCM: mono, Stereo: stereo}
}

// What is planted is found in each form, in files and in memory, and nothing where nothing was planted.
func TestFindsWhatWasPlanted(t *testing.T) {
	s, err := NewSet(frames())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "noise"), make([]byte, 100_000), 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err := s.Files(dir); err != nil || f.Total() != 0 || f.Files != 1 || f.Bytes != 100_000 {
		t.Errorf("%+v %v", f, err)
	}
	for form, text := range forms(frames()[7]) {
		if err := os.WriteFile(filepath.Join(dir, "planted"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := s.Files(dir)
		if err != nil || f.Hits[form] == 0 {
			t.Errorf("%s: %+v %v", form, f, err)
		}
	}
}

// Another process has it in its memory: the search finds it there, also across pages and pieces, and finds nothing where there is nothing.
func TestFindsInAProcess(t *testing.T) {
	s, err := NewSet(frames())
	if err != nil {
		t.Fatal(err)
	}
	if f := inChild(t, s, make([]byte, 3<<20)); f.Total() != 0 || f.Bytes < 3<<20 {
		t.Errorf("a process that never saw it: %+v", f)
	}
	for form, text := range forms(frames()[3]) {
		all := make([]byte, 3<<20)
		at := []int{5, pageSize - 60, piece - 70, 2<<20 + 1}
		for _, at := range at {
			copy(all[at:], text)
		}
		if f := inChild(t, s, all); f.Hits[form] < len(at) {
			t.Errorf("%s: %+v", form, f)
		}
	}
}

// inChild looks through a process that holds something.
func inChild(t *testing.T, s *Set, held []byte) Found {
	t.Helper()
	path := filepath.Join(t.TempDir(), "held")
	if err := os.WriteFile(path, held, 0o600); err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), hold+"="+path)
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { in.Close(); _ = child.Wait() }()
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	f, err := s.Process(child.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// hold names what the child reads and keeps until its input ends.
const hold = "INCLEAR_HOLD"

func TestMain(m *testing.M) {
	path := os.Getenv(hold)
	if path == "" {
		os.Exit(m.Run())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		os.Exit(1)
	}
	os.Stdout.WriteString("r")
	_, _ = os.Stdin.Read(make([]byte, 1))
	runtime.KeepAlive(text)
}
