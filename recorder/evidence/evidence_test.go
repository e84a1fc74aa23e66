package evidence

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"errors"
	"io"
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
