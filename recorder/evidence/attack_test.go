package evidence

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

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
