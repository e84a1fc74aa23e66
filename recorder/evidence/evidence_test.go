package evidence

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/recorder"
)

// TestPack: it holds what it should, ordinary tools read it, it verifies, and the same input gives the same octets.
func TestPack(t *testing.T) {
	r := newRig(t, 3)
	pack := r.pack(t, Request{})
	if !bytes.Equal(pack, r.pack(t, Request{})) {
		t.Error("the same recording gave two different packs")
	}
	stock, err := zip.NewReader(bytes.NewReader(pack), int64(len(pack)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range stock.File {
		names = append(names, f.Name)
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(in) // the reader compares the CRC
		if err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		if want := r.plain[f.Name]; want != nil && !bytes.Equal(got, want) {
			t.Errorf("%s is not the original", f.Name)
		}
		if f.Name == manifestOf && !bytes.Equal(got, r.text) {
			t.Error("the manifest is not the one that was sealed")
		}
	}
	want := []string{readmeText, readmePage, indexName, sigName, keyName, manifestOf, receiptName, logName, audioName, "track-01.wav", "track-02.wav", "track-03.wav"}
	if !slices.Equal(names, want) {
		t.Errorf("members %q", names)
	}
	o, rep := verify(t, pack, r.trust())
	if o == nil {
		t.Fatalf("%v", rep.Findings)
	}
	if got, err := io.ReadAll(o.Audio()); err != nil || !bytes.Equal(got, r.plain[audioName]) || sum(got) != o.AudioSHA256() {
		t.Errorf("audio: %d bytes, %v", len(got), err)
	}
	if rep.Index.By != "kakari@a.example" || rep.Entries != 2 || !rep.Stored.Equal(began.Add(time.Minute)) || len(rep.Index.Files) != 9 {
		t.Errorf("%+v", rep)
	}
	for _, text := range []string{rep.Japanese(), rep.English()} {
		if !strings.Contains(text, "r1") || !strings.Contains(text, "開示請求") || !strings.Contains(text, r.trust().Fingerprint) {
			t.Errorf("report: %s", text)
		}
	}
	for _, s := range parts(t, pack)[:2] {
		text := string(read(s))
		if !strings.Contains(text, "変わっていないことの確かめ方") || !strings.Contains(text, "How to check it") || !strings.Contains(text, r.trust().Fingerprint) || strings.Contains(text, "<山田>") {
			t.Errorf("%s: %s", s.name, text)
		}
	}
}

// TestTrust: another key, none, and the same key written as people write fingerprints.
func TestTrust(t *testing.T) {
	r, other := newRig(t, 0), newRig(t, 0)
	pack := r.pack(t, Request{})
	for _, no := range []string{"", "00", other.trust().Fingerprint} {
		if _, rep := verify(t, pack, Trust{Fingerprint: no, Log: openEntries}); rep.OK() || rep.Findings[0].File != keyName || !strings.Contains(rep.English(), r.trust().Fingerprint) {
			t.Errorf("%q: %v", no, rep.Findings)
		}
	}
	var colons []string
	for pair := range slices.Chunk([]byte(strings.ToUpper(r.trust().Fingerprint)), 2) {
		colons = append(colons, string(pair))
	}
	if _, rep := verify(t, pack, Trust{Fingerprint: strings.Join(colons, ":"), Log: openEntries}); !rep.OK() {
		t.Errorf("%v", rep.Findings)
	}
	if _, rep := verify(t, pack, Trust{Fingerprint: r.trust().Fingerprint}); rep.OK() {
		t.Error("good without having looked at the log")
	}
}

// TestRedaction: silence on the side and to the sample, in stereo copy and tracks; what was said there is nowhere in the pack, all else is; the original's
// hash stands.
func TestRedaction(t *testing.T) {
	r := newRig(t, 3)
	cut := []Redaction{{100, 150, Caller, "カード番号"}, {300, 301, Both, "third person"}, {490, 500, Called, "end"}}
	pack := r.pack(t, Request{By: "x", Purpose: "y", Redactions: cut})
	o, rep := verify(t, pack, r.trust())
	if o == nil {
		t.Fatal(rep.Findings)
	}
	if !slices.Equal(rep.Index.Redactions, cut) || !strings.Contains(rep.Japanese(), "0:00:00.100 から 0:00:00.150、発信者側、理由 カード番号") {
		t.Errorf("%+v\n%s", rep.Index.Redactions, rep.Japanese())
	}
	silent := func(name string, width int, silence byte, stretches [][2]int, channel, channels int) {
		t.Helper()
		want := bytes.Clone(r.plain[name])
		head := len(want) - 4000*width*channels
		for _, s := range stretches {
			for frame := s[0] * 8; frame < s[1]*8; frame++ {
				for k := range width {
					want[head+(frame*channels+channel)*width+k] = silence
				}
			}
		}
		r.plain[name] = want // the next channel goes on from here
	}
	original := bytes.Clone(r.plain[audioName])
	silent(audioName, 2, 0, [][2]int{{100, 150}, {300, 301}}, 0, 2)
	silent(audioName, 2, 0, [][2]int{{490, 500}, {300, 301}}, 1, 2)
	silent("track-01.wav", 1, 0xFF, [][2]int{{100, 150}, {300, 301}}, 0, 1)          // the caller, PCMU
	silent("track-02.wav", 1, 0xD5, [][2]int{{300, 301}, {490, 500}}, 0, 1)          // the called side, PCMA
	silent("track-03.wav", 2, 0, [][2]int{{100, 150}, {300, 301}, {490, 500}}, 0, 1) // neither: never let through
	for _, s := range parts(t, pack) {
		if want := r.plain[s.name]; want != nil && !bytes.Equal(read(s), want) {
			t.Errorf("%s is not as it should be", s.name)
		}
		if f, ok := fileOf(rep.Index, s.name); ok && strings.HasSuffix(s.name, ".wav") && (f.Original == f.SHA256 || len(f.Original) != 64) {
			t.Errorf("%s: %+v", s.name, f)
		}
	}
	if f, _ := fileOf(rep.Index, audioName); f.Original != sum(original) {
		t.Error("the original's hash is lost")
	}
	secret := original[44+8*100*4:][:8*50*4] // both channels of it
	for i := 0; i < len(secret); i += 4 {
		if bytes.Contains(pack, secret[i:min(i+16, len(secret))]) {
			t.Fatalf("what was said at sample %d is in the pack", i/4)
		}
	}
}

// TestRequests: what cannot be done is refused by field, before anything is read out.
func TestRequests(t *testing.T) {
	r := newRig(t, 0)
	good := Redaction{0, 10, Both, "x"}
	for _, c := range []struct {
		field string
		q     Request
	}{
		{"purpose", Request{}}, {"purpose", Request{Purpose: " "}}, {"purpose", Request{Purpose: "a\nb"}}, {"purpose", Request{Purpose: strings.Repeat("長", 201)}},
		{"redactions", Request{Purpose: "x", Redactions: slices.Repeat([]Redaction{good}, 201)}},
		{"redactions[1].from_ms", Request{Purpose: "x", Redactions: []Redaction{good, {-1, 10, Both, "x"}}}},
		{"redactions[0].from_ms", Request{Purpose: "x", Redactions: []Redaction{{501, 502, Both, "x"}}}},
		{"redactions[0].to_ms", Request{Purpose: "x", Redactions: []Redaction{{10, 10, Both, "x"}}}},
		{"redactions[0].to_ms", Request{Purpose: "x", Redactions: []Redaction{{10, 501, Both, "x"}}}},
		{"redactions[0].side", Request{Purpose: "x", Redactions: []Redaction{{10, 20, "left", "x"}}}},
		{"redactions[0].reason", Request{Purpose: "x", Redactions: []Redaction{{10, 20, Both, ""}}}},
	} {
		_, err := r.builder.Prepare(t.Context(), r.row, c.q)
		var invalid *Invalid
		if !errors.As(err, &invalid) || invalid.Field != c.field {
			t.Errorf("%v: %v", c.q, err)
		}
	}
}

// TestManyRedactionsOfOneStretch: two hundred of them are one stretch of each channel, and silence what each of them says.
func TestManyRedactionsOfOneStretch(t *testing.T) {
	w := wav{channels: 2, width: 2, rate: 8000}
	var list []Redaction
	for i := range int64(maxRedactions / 4) {
		for _, side := range []string{Both, Caller, Called, Both} {
			list = append(list, Redaction{FromMS: 1000 - i, ToMS: 2000 + i, Side: side, Reason: "x"})
		}
	}
	list = append(list, Redaction{FromMS: 5000, ToMS: 6000, Side: Caller}, Redaction{FromMS: 6000, ToMS: 6001, Side: Caller}, Redaction{FromMS: 6002, ToMS: 6003, Side: Caller})
	const first, last = (1000 - maxRedactions/4 + 1) * 8, (2000 + maxRedactions/4 - 1) * 8
	want := []span{{first, last, -1}, {first, last, 0}, {40_000, 48_008, 0}, {48_016, 48_024, 0}, {first, last, 1}}
	if got := spans(w, list, nil); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestTwoDeposits: a log that says twice that a recording was stored, each time of other sound, proves neither; of the same sound it is said.
func TestTwoDeposits(t *testing.T) {
	r := newRig(t, 2)
	good := r.entries
	second := func(change func(detail map[string]any)) Entry {
		e := good[0]
		e.Seq, e.Detail = 2, map[string]any{}
		for k, v := range good[0].Detail {
			e.Detail[k] = v
		}
		e.Detail["manifest_sha256"] = "00"
		change(e.Detail)
		return e
	}
	for name, earlier := range map[string]Entry{
		"other audio": second(func(d map[string]any) { d["audio_sha256"] = "11" }),
		"no audio":    second(func(d map[string]any) { delete(d, "audio_sha256") }),
		"no track":    second(func(d map[string]any) { delete(d, "tracks") }),
		"other track": second(func(d map[string]any) {
			d["tracks"] = []any{map[string]any{"track": 1.0, "audio_sha256": "22"}, map[string]any{"track": 2.0, "audio_sha256": "33"}}
		}),
	} {
		r.entries = append([]Entry{earlier}, good...)
		r.builder.Check = openEntries
		if _, err := r.builder.Prepare(t.Context(), r.row, Request{By: "x", Purpose: "y"}); !errors.Is(err, ErrUnlogged) || !strings.Contains(err.Error(), "entry 2 of") {
			t.Errorf("%s: a pack was made: %v", name, err)
		}
		r.builder.Check = func(extract []byte, key string) (Proved, error) { // whoever makes it looks away
			p, err := openEntries(extract, key)
			p.Entries = slices.DeleteFunc(p.Entries, func(e Entry) bool { return e.Seq == earlier.Seq })
			return p, err
		}
		o, rep := verify(t, r.pack(t, Request{}), r.trust())
		if o != nil || len(rep.Findings) != 1 || rep.Findings[0].File != logName || !strings.Contains(rep.English(), "entry 2 of") || !strings.Contains(rep.English(), "entry 4 of") ||
			!strings.Contains(rep.Japanese(), "2番、") {
			t.Errorf("%s: %s", name, rep.English())
		}
	}
	r.builder.Check = openEntries
	r.entries = append([]Entry{second(func(map[string]any) {})}, good...)
	o, rep := verify(t, r.pack(t, Request{}), r.trust())
	if o == nil || !strings.Contains(rep.English(), "entered before: entry 2 of") || !strings.Contains(rep.Japanese(), "それ以前にも記録されています（2番、") {
		t.Errorf("a render that was done again: %s%s", rep.English(), rep.Japanese())
	}
}

// TestUnprovable: no pack of what is not what was stored, of what the log does not know, and none that changed while it was written.
func TestUnprovable(t *testing.T) {
	r := newRigOf(t, 1, 10*time.Second) // more than what was proved is kept here
	q := Request{By: "x", Purpose: "y"}
	p, err := r.builder.Prepare(t.Context(), r.row, q)
	if err != nil {
		t.Fatal(err)
	}
	r.store.spoil.Store(true)
	if _, err := p.WriteTo(io.Discard); !errors.Is(err, recorder.ErrIntegrity) {
		t.Errorf("changed while it was written: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := r.builder.Prepare(t.Context(), r.row, q); !errors.Is(err, recorder.ErrIntegrity) {
		t.Errorf("altered: %v", err)
	}
	r.store.spoil.Store(false)
	r.entries[0].Detail["manifest_sha256"] = "00"
	if _, err := r.builder.Prepare(t.Context(), r.row, q); !errors.Is(err, ErrUnlogged) {
		t.Errorf("another manifest in the log: %v", err)
	}
	r.entries = r.entries[1:]
	if _, err := r.builder.Prepare(t.Context(), r.row, q); !errors.Is(err, ErrUnlogged) {
		t.Errorf("not in the log: %v", err)
	}
}

// insider signs an index again after changing the files and what the index says: whoever has the key that signs packs.
func (r *rig) insider(t *testing.T, pack []byte, change func(map[string][]byte, *Index)) []byte {
	t.Helper()
	files := map[string][]byte{}
	var order []string
	for _, s := range parts(t, pack) {
		files[s.name] = read(s)
		order = append(order, s.name)
	}
	var i Index
	if err := json.Unmarshal(files[indexName], &i); err != nil {
		t.Fatal(err)
	}
	change(files, &i)
	for k := range i.Files {
		f := &i.Files[k]
		if text, ok := files[f.Name]; ok {
			f.Bytes, f.SHA256 = int64(len(text)), sum(text)
		}
	}
	signed, err := r.builder.sign(i)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range signed {
		files[s.name] = read(s)
	}
	var list []source
	for _, name := range order {
		if text, ok := files[name]; ok {
			list = append(list, inMemory(name, text))
			delete(files, name)
		}
	}
	for name, text := range files {
		list = append(list, inMemory(name, text))
	}
	return join(t, list)
}

// TestInsider: whoever has the signing key still cannot exchange what manifest and log name.
func TestInsider(t *testing.T) {
	r := newRig(t, 1)
	pack := r.pack(t, Request{})
	edit := func(name, old, with string) func(map[string][]byte, *Index) {
		return func(f map[string][]byte, _ *Index) { f[name] = bytes.Replace(f[name], []byte(old), []byte(with), 1) }
	}
	for _, c := range []struct {
		name, file string
		change     func(map[string][]byte, *Index)
	}{
		{"nothing", "", func(map[string][]byte, *Index) {}},
		{"manifest edited", manifestOf, edit(manifestOf, "0901", "0902")},
		{"manifest of another recording", manifestOf, edit(manifestOf, `"id":"r1"`, `"id":"r2"`)},
		{"manifest swapped, and the index with it", logName, func(f map[string][]byte, i *Index) {
			f[manifestOf] = bytes.Replace(f[manifestOf], []byte(`"id":"r1"`), []byte(`"id":"r2"`), 1)
			f[receiptName] = bytes.Replace(f[receiptName], []byte(`"r1"`), []byte(`"r2"`), 1)
			i.Recording = "r2"
		}},
		{"audio exchanged", audioName, func(f map[string][]byte, _ *Index) { f[audioName] = wavFile(1, 2, 2, samples(16000)[:15996]) }},
		{"audio exchanged, and called the original", audioName, func(f map[string][]byte, i *Index) {
			f[audioName] = bytes.Clone(f[audioName])
			f[audioName][100] ^= 1
			k := slices.IndexFunc(i.Files, func(f File) bool { return f.Name == audioName })
			i.Files[k].Original = sum(f[audioName])
		}},
		{"a track left out", "track-01.wav", func(f map[string][]byte, i *Index) {
			delete(f, "track-01.wav")
			i.Files = slices.DeleteFunc(i.Files, func(f File) bool { return f.Name == "track-01.wav" })
		}},
		{"a track more", "track-02.wav", func(f map[string][]byte, i *Index) {
			f["track-02.wav"] = f["track-01.wav"]
			i.Files = append(i.Files, File{Name: "track-02.wav"})
		}},
		{"receipt edited", receiptName, edit(receiptName, `"complete": true`, `"complete": false`)},
		{"receipt emptied", receiptName, func(f map[string][]byte, _ *Index) { f[receiptName] = []byte(`{"recording":"r1","notices":[]}`) }},
		{"log without the entry", logName, edit(logName, "recording.stored", "recording.stared")},
		{"another log", logName, func(_ map[string][]byte, i *Index) { i.LogKey = "mine" }},
		{"said to be silent", audioName, func(_ map[string][]byte, i *Index) { i.Redactions = []Redaction{{100, 101, Called, "x"}} }},
		{"an index that vouches for itself", indexName, func(_ map[string][]byte, i *Index) { i.Files = append(i.Files, File{Name: indexName}) }},
	} {
		o, rep := verify(t, r.insider(t, pack, c.change), r.trust())
		if c.file == "" && o != nil {
			continue
		}
		if o != nil || !slices.ContainsFunc(rep.Findings, func(f Finding) bool { return f.File == c.file && f.EN != "" && f.JA != "" }) {
			t.Errorf("%s: %v, want %s", c.name, rep.Findings, c.file)
		}
	}
}

// TestOutsider: without the key every change is named by the file that it is in.
func TestOutsider(t *testing.T) {
	r := newRig(t, 1)
	pack, other := r.pack(t, Request{}), newRig(t, 0)
	for _, name := range []string{readmeText, readmePage, indexName, sigName, keyName, manifestOf, receiptName, logName, audioName, "track-01.wav"} {
		list := parts(t, pack)
		k := slices.IndexFunc(list, func(s source) bool { return s.name == name })
		text := bytes.Clone(read(list[k]))
		text[len(text)/2] ^= 1
		list[k] = inMemory(name, text)
		want := name
		if name == sigName {
			want = indexName // the two do not belong together; which was altered nobody can say
		}
		if _, rep := verify(t, join(t, list), r.trust()); rep.OK() || rep.Findings[0].File != want {
			t.Errorf("%s changed: %v", name, rep.Findings)
		}
		list = slices.Delete(parts(t, pack), k, k+1)
		if _, rep := verify(t, join(t, list), r.trust()); rep.OK() || rep.Findings[0].File != name {
			t.Errorf("%s removed: %v", name, rep.Findings)
		}
	}
	foreign := parts(t, other.pack(t, Request{}))
	if _, rep := verify(t, join(t, foreign), r.trust()); rep.OK() || rep.Findings[0].File != keyName {
		t.Errorf("somebody else's pack: %v", rep.Findings)
	}
	list := append(parts(t, pack), inMemory("track-07.wav", samples(10)))
	if _, rep := verify(t, join(t, list), r.trust()); rep.OK() || rep.Findings[0].File != "track-07.wav" {
		t.Errorf("a file more: %v", rep.Findings)
	}
}

// TestContainer: the tricks of ZIP files.
func TestContainer(t *testing.T) {
	r := newRig(t, 0)
	pack := r.pack(t, Request{})
	le := binary.LittleEndian
	end := len(pack) - endSize
	directory := int(le.Uint32(pack[end+16:]))
	set := func(at int, b ...byte) []byte {
		p := bytes.Clone(pack)
		copy(p[at:], b)
		return p
	}
	named := func(name string) []byte { return join(t, append(parts(t, pack), inMemory(name, []byte("x")))) }
	compressed := func() []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for _, s := range parts(t, pack) {
			f, err := w.Create(s.name)
			if err != nil {
				t.Fatal(err)
			}
			f.Write(read(s))
		}
		w.Close()
		return b.Bytes()
	}
	for name, bad := range map[string][]byte{
		"empty": nil, "no ZIP": []byte("hello"), "something before it": append([]byte("#!/bin/sh\n"), pack...), "something behind it": append(bytes.Clone(pack), 0),
		"a second one behind it": append(bytes.Clone(pack), pack...), "cut": pack[:len(pack)-1], "no directory": pack[:directory], "no end": pack[:end],
		"a gap":     slices.Insert(bytes.Clone(pack), directory, make([]byte, 10)...),
		"a comment": set(len(pack)-2, 1, 0), "compressed": compressed(), "method changed": set(8, 8), "encrypted": set(6, 1), "a time": set(10, 1),
		"larger than it is":  set(22, 0xff, 0xff, 0xff, 0x7f),
		"larger than a pack": set(18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
		"another name in the directory": func() []byte {
			p := bytes.Clone(pack)
			p[directory+directorySize] = 'x'
			return p
		}(),
		"twice": named(audioName), "path": named("../../etc/passwd"), "absolute": named("/tmp/x"), "folder": named("a/b.wav"), "drive": named("C:x"), "track 0": named("track-00.wav"),
		"not ASCII": named("track-０１.wav"), "script": named("play.exe"), "long": named(strings.Repeat("a", 200)),
	} {
		if _, rep := verify(t, bad, r.trust()); rep.OK() || rep.Findings[0].JA == "" {
			t.Errorf("%s: %v", name, rep.Findings)
		}
	}
	many := parts(t, pack)
	for i := range maxMembers {
		many = append(many, inMemory(fmt.Sprintf("track-%02d.wav", i%99+1), nil))
	}
	if _, rep := verify(t, join(t, many), r.trust()); rep.OK() {
		t.Error("many files")
	}
}

// TestMutatedPack: ten thousand random changes of a pack, each refused, and not a sample played.
func TestMutatedPack(t *testing.T) {
	r := newRigOf(t, 0, 40*time.Millisecond)
	pack := r.pack(t, Request{Purpose: "x", By: "y", Redactions: []Redaction{{10, 20, Both, "z"}}})
	files := map[string]int{}
	rnd := rand.New(rand.NewPCG(3, 4))
	room := make([]byte, 0, 2*len(pack))
	for i := range mutations {
		bad, kind := mutated(rnd, pack, room)
		o, rep := verify(t, bad, r.trust())
		if o != nil {
			n, _ := io.Copy(io.Discard, o.Audio())
			t.Fatalf("mutation %d (%s) is good, and %d bytes are played", i, kind, n)
		}
		files[rep.Findings[0].File]++
	}
	if len(files) < 8 {
		t.Errorf("named: %v", files)
	}
}

// mutated writes a pack with one change that is a change into the room.
func mutated(rnd *rand.Rand, pack, room []byte) ([]byte, string) {
	for {
		bad, at := append(room[:0], pack...), rnd.IntN(len(pack))
		kind := [...]string{"bit", "byte", "cut", "insert", "delete", "swap", "copy"}[rnd.IntN(7)]
		switch kind {
		case "bit":
			bad[at] ^= 1 << rnd.IntN(8)
		case "byte":
			bad[at] = byte(rnd.Uint32())
		case "cut":
			bad = bad[:at]
		case "insert":
			bad = slices.Insert(bad, at, byte(rnd.Uint32()))
		case "delete":
			bad = slices.Delete(bad, at, min(at+1+rnd.IntN(64), len(bad)))
		case "swap":
			k := rnd.IntN(len(bad))
			bad[at], bad[k] = bad[k], bad[at]
		case "copy":
			copy(bad[at:min(at+32, len(bad))], pack[rnd.IntN(len(pack)):])
		}
		if !bytes.Equal(bad, pack) {
			return bad, kind
		}
	}
}

// TestKeys: what is no key is none.
func TestKeys(t *testing.T) {
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := EncodeKey(public)
	if err != nil {
		t.Fatal(err)
	}
	if key, err := ParseKey(text); err != nil || !key.Equal(public) || len(Fingerprint(key)) != 64 {
		t.Errorf("%v", err)
	}
	for _, no := range []string{"", "x", string(text) + "x", strings.Replace(string(text), "MC", "MD", 1)} {
		if _, err := ParseKey([]byte(no)); err == nil {
			t.Errorf("%q is a key", no)
		}
	}
}

func FuzzZIP(f *testing.F) {
	f.Add([]byte{})
	f.Add(join(f, []source{inMemory(readmeText, []byte("x")), inMemory(audioName, nil)}))
	f.Fuzz(func(t *testing.T, b []byte) {
		members, err := readZIP(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		var list []source
		for _, m := range members {
			s := inMemory(m.name, b[m.at:m.at+m.size])
			s.crc = m.crc
			list = append(list, s)
		}
		if again := join(t, list); !bytes.Equal(again, b) {
			t.Error("two files have the same members")
		}
	})
}

func FuzzWAV(f *testing.F) {
	f.Add(wavFile(1, 2, 2, samples(80)), int64(1), int64(3))
	f.Add(wavFile(7, 1, 1, samples(80)), int64(0), int64(9))
	f.Fuzz(func(t *testing.T, b []byte, from, to int64) {
		w, err := readWAV(bytes.NewReader(b), int64(len(b)))
		if err != nil || from < 0 || to < from || to > 1e9 {
			return
		}
		list := spans(w, []Redaction{{FromMS: from, ToMS: to, Side: Both}}, nil)
		out, err := io.ReadAll(&quiet{r: bytes.NewReader(b), size: int64(len(b)), w: w, list: list})
		if err != nil || len(out) != len(b) || !bytes.Equal(out[:w.data], b[:w.data]) {
			t.Fatalf("%d of %d bytes, %v", len(out), len(b), err)
		}
		if at, err := firstSound(bytes.NewReader(out), w, list); err != nil || at >= 0 {
			t.Errorf("sound at %d ms, %v", at, err)
		}
	})
}
