package mailbox

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"naisen/media"
	"naisen/media/codec"
	"naisen/media/mediatest"
	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
	"naisen/recorder/objstore/dir"
	"naisen/recorder/seal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	here = "a.example"
	box  = "2001"
)

// office is a Post in a directory. It can be opened again on the same one.
type office struct {
	*Post
	root    string
	store   objstore.Store
	changed chan struct{}
}

func open(t testing.TB, root string) *office {
	t.Helper()
	o := &office{root: root, changed: make(chan struct{}, 100)}
	files, err := seal.OpenFiles(filepath.Join(root, "keys"), nil)
	if err != nil {
		t.Fatal(err)
	}
	local, err := dir.Open(filepath.Join(root, "objects"), nil)
	if err != nil {
		t.Fatal(err)
	}
	o.store = local
	cat, err := catalogue.Open(t.Context(), filepath.Join(root, "messages.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	o.Post, err = Open(Config{Dir: filepath.Join(root, "spool"), Sealer: seal.New(files), Store: objstore.Under(local, "messages"), Catalogue: cat,
		Changed: func() {
			select {
			case o.changed <- struct{}{}:
			default: // nobody counts as far as that
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(o.Close(t.Context()), cat.Close(), local.Close()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return o
}

// speaker makes frames of a tone, 20 ms each.
type speaker struct {
	enc   codec.Encoder
	hz    float64
	phase float64
	n     int
}

func speaks(t testing.TB, c media.Codec, hz float64) *speaker {
	t.Helper()
	enc, err := codec.NewEncoder(c)
	if err != nil {
		t.Fatal(err)
	}
	return &speaker{enc: enc, hz: hz}
}

func (s *speaker) next(c media.Codec, from string) *media.Frame {
	pcm := make([]int16, s.enc.Rate()/50)
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(s.phase))
		s.phase += 2 * math.Pi * s.hz / float64(s.enc.Rate())
	}
	f := &media.Frame{From: from, Codec: c, Payload: s.enc.Encode(nil, pcm), Sequence: uint16(s.n), Timestamp: uint32(s.n * c.Clock() / 50),
		SSRC: 7, Arrived: int64(s.n) * int64(20*time.Millisecond)}
	s.n++
	return f
}

// say records a tone of so many milliseconds.
func (o *office) say(t testing.TB, l Letter, c media.Codec, hz float64, ms int) {
	t.Helper()
	take, err := o.Record(l)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	s, tap := speaks(t, c, hz), take.Tap()
	for n := range ms / 20 {
		f := s.next(c, "leg-1")
		if n > 25 {
			f.From = "leg-2" // the telephone changed
		}
		tap.Tap(f)
		if f.From == voice {
			t.Fatal("the frame is changed")
		}
		played := *f
		played.Played, played.Payload = true, bytes.Repeat([]byte{0}, len(f.Payload))
		tap.Tap(&played)
		if n%50 == 49 {
			o.drained(t, take)
		}
	}
	take.Stop(began.Add(time.Duration(ms)*time.Millisecond), "hung up")
}

func (o *office) drained(t testing.TB, take *Take) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); !take.recording.(interface{ Drained() bool }).Drained(); <-tick.C {
		if time.Now().After(end) {
			t.Fatal("the journal does not drain")
		}
	}
}

func (o *office) settled(t testing.TB) {
	t.Helper()
	if err := o.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (o *office) tally(t testing.TB) (n, old int) {
	t.Helper()
	all, err := o.Tallies(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if a.Domain == here && a.Number == box {
			return a.New, a.Old
		}
	}
	return 0, 0
}

func (o *office) objects(t testing.TB) (n int) {
	t.Helper()
	if err := o.store.List(t.Context(), "", func(objstore.Info) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// A message is listed, counted, heard by file and by telephone in each codec, marked and deleted; nothing of it is left.
func TestMessage(t *testing.T) {
	o := open(t, t.TempDir())
	o.say(t, Letter{ID: "m1", Domain: here, Mailbox: box, Call: "c1", From: "+819012345678", Name: "佐藤"}, media.PCMU, 600, 20_000)
	o.say(t, Letter{ID: "m2", Domain: here, Mailbox: box, Call: "c2"}, media.G722, 600, 3000)
	o.settled(t)
	all, err := o.Messages(t.Context(), here, box)
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v %v", all, err)
	}
	for _, m := range all {
		if m.ID == "m1" && (m.From != "+819012345678" || m.Name != "佐藤" || m.Length.Round(time.Second) != 20*time.Second || !m.Heard.IsZero()) {
			t.Errorf("%+v", m)
		}
		o.file(t, m)
		for _, c := range []media.Codec{media.PCMU, media.PCMA, media.G722, media.Opus} {
			o.telephone(t, m, c)
		}
	}
	if n, old := o.tally(t); n != 2 || old != 0 {
		t.Errorf("%d new, %d old", n, old)
	}
	for range 2 { // the second time it is so already
		if err := o.Mark(t.Context(), here, box, "m1", true); err != nil {
			t.Fatal(err)
		}
	}
	if n, old := o.tally(t); n != 1 || old != 1 {
		t.Errorf("%d new, %d old", n, old)
	}
	for _, wrong := range [][2]string{{"b.example", box}, {here, "2002"}} {
		_, err := o.Message(t.Context(), wrong[0], wrong[1], "m1")
		_, audio := o.Audio(t.Context(), wrong[0], wrong[1], "m1")
		if !errors.Is(err, recorder.ErrNotFound) || !errors.Is(audio, recorder.ErrNotFound) || !errors.Is(o.Remove(t.Context(), wrong[0], wrong[1], "m1"), recorder.ErrNotFound) ||
			!errors.Is(o.Mark(t.Context(), wrong[0], wrong[1], "m1", false), recorder.ErrNotFound) {
			t.Errorf("%v is told of another's message", wrong)
		}
	}
	scan(t, o.root)
	for len(o.changed) > 0 {
		<-o.changed
	}
	if err := o.Clear(t.Context(), here, box, time.Now().Add(time.Hour), true); err != nil {
		t.Fatal(err)
	}
	if n, old := o.tally(t); n+old != 0 || len(o.changed) < 2 {
		t.Errorf("%d new, %d old after all was deleted, told %d times", n, old, len(o.changed))
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); o.objects(t) > 0; <-tick.C {
		if time.Now().After(end) {
			t.Fatal("objects stay")
		}
	}
}

// file looks at the whole file, and at pieces of it.
func (o *office) file(t *testing.T, m Message) {
	t.Helper()
	a, err := o.Audio(t.Context(), here, box, m.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	whole, err := io.ReadAll(io.NewSectionReader(a, 0, a.Size()))
	if err != nil || int64(len(whole)) != a.Size() {
		t.Fatalf("%d octets of %d: %v", len(whole), a.Size(), err)
	}
	pcm := make([]int16, (len(whole)-wavHead)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(whole[wavHead+2*i:]))
	}
	if l := mediatest.Amplitude(pcm, a.Rate(), 600); l < 7000 {
		t.Errorf("%s: the file has the tone at %.0f", m.ID, l)
	}
	both := make([]byte, 4*a.samples)
	if _, err := a.stereo.ReadAt(both, wavHead); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	for i := 0; i < len(both); i += 4 {
		if both[i+2] != 0 || both[i+3] != 0 {
			t.Fatal("what was played to the caller is in the message")
		}
	}
	for _, r := range [][2]int64{{0, 10}, {3, 100}, {43, 3}, {44, 4000}, {45, 4001}, {45, 1}, {a.Size() - 5, 5}} {
		part := make([]byte, r[1])
		if _, err := a.ReadAt(part, r[0]); err != nil || !bytes.Equal(part, whole[r[0]:r[0]+r[1]]) {
			t.Errorf("%v: another piece, %v", r, err)
		}
	}
	if n, err := a.ReadAt(make([]byte, 10), a.Size()-4); n != 4 || err != io.EOF {
		t.Errorf("at the end: %d %v", n, err)
	}
}

// telephone hears the message as a leg does, and loses nothing between the pieces.
func (o *office) telephone(t *testing.T, m Message, c media.Codec) {
	t.Helper()
	src, err := o.Source(t.Context(), here, box, m.ID, c)
	if err != nil {
		t.Fatal(err)
	}
	dec, err := codec.NewDecoder(c)
	if err != nil {
		t.Fatal(err)
	}
	s := src.(*source)
	var pcm []int16
	for {
		if s.at == len(s.now.frames) && s.fetching { // the pacer would play silence meanwhile
			next := <-s.ready
			s.ready <- next
		}
		frame, ok := src.Next()
		if !ok {
			break
		}
		pcm = dec.Decode(pcm, frame)
	}
	if d := time.Duration(len(pcm)) * time.Second / time.Duration(dec.Rate()); d < m.Length || d > m.Length+150*time.Millisecond {
		t.Errorf("%s by %s takes %v", m.ID, c, d)
	}
	pcm = pcm[dec.Rate()/5 : len(pcm)-dec.Rate()/5]
	if g := mediatest.Gaps(pcm, dec.Rate(), 600, 40); len(g) > 0 || mediatest.Amplitude(pcm, dec.Rate(), 600) < 6500 {
		t.Errorf("%s by %s: %.0f, gaps %v", m.ID, c, mediatest.Amplitude(pcm, dec.Rate(), 600), g)
	}
}

// Who hangs up at the tone leaves nothing, not even a row.
func TestNothingSaid(t *testing.T) {
	o := open(t, t.TempDir())
	o.say(t, Letter{ID: "m1", Domain: here, Mailbox: box}, media.PCMU, 600, 800)
	silent, err := o.Record(Letter{ID: "m2", Domain: here, Mailbox: box})
	if err != nil {
		t.Fatal(err)
	}
	silent.Stop(time.Now().Add(10*time.Second), "hung up") // ten seconds without a packet
	o.settled(t)
	if s := o.Stats(); s.NotKept != 2 || s.Stored != 0 || o.objects(t) != 0 {
		t.Errorf("%+v", s)
	}
	for _, id := range []string{"m1", "m2"} {
		if _, err := o.cfg.Catalogue.Get(t.Context(), here, id); !errors.Is(err, recorder.ErrNotFound) {
			t.Errorf("%s: %v", id, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(o.root, "spool", "*", "*")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// A greeting is a draft until it is kept; then the one before goes, and no message is among them.
func TestGreeting(t *testing.T) {
	o := open(t, t.TempDir())
	for i, id := range []string{"g1", "g2", "g3"} {
		o.say(t, Letter{ID: id, Domain: here, Mailbox: box, Mode: "busy"}, media.PCMU, 600, 500) // a short one is its owner's wish
		if m, err := o.Await(t.Context(), here, box, id); err != nil || m.Mode != "busy" {
			t.Fatalf("%+v %v", m, err)
		}
		if _, ok, err := o.Greeting(t.Context(), here, box, "busy"); ok != (i > 0) || err != nil {
			t.Errorf("%s: in use %v %v", id, ok, err)
		}
		if id == "g3" {
			break
		}
		if err := o.KeepGreeting(t.Context(), here, box, id); err != nil {
			t.Fatal(err)
		}
		if m, ok, err := o.Greeting(t.Context(), here, box, "busy"); !ok || m.ID != id || err != nil {
			t.Errorf("%s: %+v %v", id, m, err)
		}
	}
	if _, ok, _ := o.Greeting(t.Context(), here, box, "night"); ok {
		t.Error("a greeting for another mode")
	}
	if all, err := o.Messages(t.Context(), here, box); len(all) != 0 || err != nil {
		t.Errorf("messages: %+v %v", all, err)
	}
	if n, old := o.tally(t); n+old != 0 {
		t.Error("a greeting counts as a message")
	}
	o.say(t, Letter{ID: "m1", Domain: here, Mailbox: box}, media.PCMU, 600, 1500)
	o.settled(t)
	if err := o.KeepGreeting(t.Context(), here, box, "m1"); !errors.Is(err, recorder.ErrNotFound) {
		t.Errorf("a message becomes a greeting: %v", err)
	}
}

// scan fails if the plain samples of the tone are in any file, encoded or not.
func scan(t testing.TB, root string) {
	t.Helper()
	s := speaks(t, media.PCMU, 600)
	payload := s.next(media.PCMU, "").Payload[:40]
	files := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		files++
		if bytes.Contains(b, payload) || bytes.Contains(b, []byte("WAVEfmt")) {
			t.Errorf("%s holds plain audio", path)
		}
		return err
	})
	if err != nil || files == 0 {
		t.Errorf("%d files: %v", files, err)
	}
}

const victimEnv = "NAISEN_TEST_MESSAGE"

// TestVictim is the process that TestKill kills while a message is spoken.
func TestVictim(t *testing.T) {
	root := os.Getenv(victimEnv)
	if root == "" {
		t.SkipNow() // it is a part of TestKill
	}
	o := open(t, root)
	take, err := o.Record(Letter{ID: "m1", Domain: here, Mailbox: box, From: "2002"})
	if err != nil {
		t.Fatal(err)
	}
	s, tap, began := speaks(t, media.PCMU, 600), take.Tap(), time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	for range 50 * 60 {
		<-tick.C
		f := s.next(media.PCMU, "leg")
		f.Arrived = int64(time.Since(began))
		tap.Tap(f)
		fmt.Printf("at %d\n", time.Since(began).Milliseconds())
	}
}

// kill -9 while a message is spoken: the next start finishes it, a second is missing at most, and it counts as new; nothing plain is left meanwhile.
func TestKill(t *testing.T) {
	root := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestVictim$", "-test.v")
	cmd.Env = append(os.Environ(), victimEnv+"="+root)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var last int64
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, err := fmt.Sscanf(lines.Text(), "at %d", &last); err == nil && last >= 2600 {
			break
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		fmt.Sscanf(lines.Text(), "at %d", &last)
	}
	cmd.Wait()
	scan(t, root)
	o := open(t, root)
	m, err := o.Await(t.Context(), here, box, "m1")
	if ms := m.Length.Milliseconds(); err != nil || ms < last-1000 || ms > last+200 || m.From != "2002" {
		t.Errorf("killed at %d ms: %+v %v", last, m, err)
	}
	if n, old := o.tally(t); n != 1 || old != 0 || len(o.changed) == 0 {
		t.Errorf("%d new, %d old", n, old)
	}
	o.file(t, m)
	scan(t, root)
}
