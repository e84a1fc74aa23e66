package capture

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/recorder"
	"naisen/recorder/journal/journaltest"
)

// The memory of a process that holds a call is searched from outside, by its parent, who knows what was said.

const (
	speakerEnv = "NAISEN_TEST_SPEAKER"
	pageSize   = 4096
)

// spoken is the i-th octet of what is said. The speaker never has more than one packet of it in a place.
func spoken(i int) byte {
	x := uint64(i)*0x9e3779b97f4a7c15 + 0x1234567
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	return byte(x >> 40)
}

// TestSpeaker is the process that TestHeldInMemory looks into. It does what it is told, line by line, and answers with a line.
func TestSpeaker(t *testing.T) {
	if os.Getenv(speakerEnv) == "" {
		t.Skip("it is a part of TestHeldInMemory")
	}
	b, err := Open(Config{Dir: os.Getenv(speakerEnv), Keeper: journaltest.Keeper{}, MinFree: -1, Rings: 1, Max: 2, Drain: 5 * time.Millisecond, Flush: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	var h recorder.Held
	var mine []byte
	orders := bufio.NewScanner(os.Stdin)
	for n := 0; orders.Scan(); n++ {
		answer := "done"
		switch orders.Text() {
		case "keep it plain":
			mine = make([]byte, 160)
			say(mine)
		case "clear it":
			clear(mine)
		case "hold":
			if h, err = b.Hold(twoParties(fmt.Sprintf("r%d", n)), MaxWindow); err != nil {
				t.Fatal(err)
			}
			for i := range 2000 {
				for _, party := range []string{"A", "B"} {
					f := rtp(party, i)
					say(f.Payload)
					h.Tap().Tap(f)
					clear(f.Payload)
				}
				if i%50 == 49 {
					waitFor(h.(*recording).Drained)
				}
			}
			answer = hex.EncodeToString(b.rings.keys[8:40]) // round keys, past the count of rounds
		case "keep":
			h.Keep(recorder.Case{})
			waitFor(func() bool { return b.Stats().Bytes > 4000*160 })
		case "end":
			h.Stop(time.Now(), "bye")
			waitFor(func() bool { s := b.Stats(); return s.Holding+s.Live == 0 })
		}
		fmt.Println("> " + answer)
	}
	b.Close()
}

func say(payload []byte) {
	for i := range payload {
		payload[i] = spoken(i)
	}
}

func waitFor(done func() bool) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() {
		<-tick.C
	}
	for range 20 { // whatever was done is left behind: two rounds of the drain at least
		<-tick.C
	}
}

// TestHeldInMemory: what is held is nowhere plain in the process that holds it. Once the call is over and nobody asked, neither it nor its key is there in
// any form. What is kept is a recording like any other: plain only until the journal's slot is sealed.
func TestHeldInMemory(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSpeaker$")
	cmd.Env = append(os.Environ(), speakerEnv+"="+dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewScanner(out)
	tell := func(order string) string {
		t.Helper()
		fmt.Fprintln(in, order)
		for answers.Scan() {
			if a, ok := strings.CutPrefix(answers.Text(), "> "); ok {
				return a
			}
		}
		t.Fatalf("%s: no answer", order)
		return ""
	}
	voice := make([]byte, 160)
	say(voice)
	find := func(when string, want bool, what []byte) {
		t.Helper()
		if n := search(t, cmd.Process.Pid, what); n > 0 != want {
			t.Errorf("%s: found %d times, wanted: %v", when, n, want)
		}
	}
	gone := func(when string, what []byte) { // what is on its way to the journal is sealed with the slot that it lies in, half a second later at most
		t.Helper()
		n := search(t, cmd.Process.Pid, what)
		for deadline := time.Now().Add(10 * time.Second); n > 0 && time.Now().Before(deadline); n = search(t, cmd.Process.Pid, what) {
		}
		if n > 0 {
			t.Errorf("%s: found %d times", when, n)
		}
	}
	needle := voice[60:108]
	tell("keep it plain")
	find("a voice that is kept plain", true, needle) // else the search finds nothing
	tell("clear it")
	find("cleared", false, needle)
	key, err := hex.DecodeString(tell("hold"))
	if err != nil {
		t.Fatal(err)
	}
	find("while it is held", false, needle)
	find("the key meanwhile", true, key)
	tell("end")
	find("when nobody asked", false, needle)
	find("the key when nobody asked", false, key)
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 0 {
		t.Errorf("on disk: %v", left)
	}
	if key, err = hex.DecodeString(tell("hold")); err != nil {
		t.Fatal(err)
	}
	tell("keep")
	gone("when it is kept", needle)
	find("the key when it is kept", false, key)
	tell("end")
	gone("when the recording is over", needle)
	files, _ := filepath.Glob(filepath.Join(dir, "*"+Ext))
	for _, f := range files {
		if b, err := os.ReadFile(f); err != nil || len(b) < 4000*160 || bytes.Contains(b, needle[:16]) {
			t.Errorf("%s: %d bytes, a voice in it: %v, %v", f, len(b), bytes.Contains(b, needle[:16]), err)
		}
	}
	if len(files) != 1 {
		t.Errorf("%d journals", len(files))
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// search counts how often something stands in the memory of a process.
func search(t *testing.T, pid int, what []byte) (n int) {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	pages, err := os.Open(fmt.Sprintf("/proc/%d/pagemap", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer pages.Close()
	for line := range strings.Lines(string(maps)) {
		var from, to int64
		var perms string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &perms); err != nil || perms[1] != 'w' || to-from > 64<<30 {
			continue
		}
		for at := from; at < to; {
			end := present(t, pages, at, to)
			if end == at {
				at = absent(t, pages, at, to)
				continue
			}
			b := make([]byte, end-at)
			if k, err := mem.ReadAt(b, at); err == nil || err == io.EOF || k > 0 {
				n += bytes.Count(b[:k], what)
			}
			at = end
		}
	}
	return n
}

// present is where the pages end that are in memory, or in the swap, from a place on; absent where those end that are not.
func present(t *testing.T, pages *os.File, at, to int64) int64 { return run(t, pages, at, to, true) }
func absent(t *testing.T, pages *os.File, at, to int64) int64  { return run(t, pages, at, to, false) }

func run(t *testing.T, pages *os.File, at, to int64, want bool) int64 {
	t.Helper()
	const most = 1 << 14 // pages at once
	entries := make([]byte, 8*min((to-at)/pageSize, most))
	if _, err := pages.ReadAt(entries, at/pageSize*8); err != nil {
		t.Fatal(err)
	}
	for ; len(entries) > 0; entries, at = entries[8:], at+pageSize {
		if is := binary.LittleEndian.Uint64(entries)>>62 != 0; is != want { // bit 63: present, bit 62: swapped
			break
		}
	}
	return at
}
