package backup

import (
	"bytes"
	"compress/gzip"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// heard writes down what a backup holds.
type heard struct {
	text strings.Builder
	fail error // of Row
}

func (h *heard) Manifest(m Manifest) error {
	fmt.Fprintf(&h.text, "%s of %s, %d entries\n", m.Kind, m.Domain, m.Entries)
	return nil
}
func (h *heard) Table(name string, columns []string) error {
	fmt.Fprintln(&h.text, "table", name, columns)
	return nil
}
func (h *heard) Row(values []any) error {
	fmt.Fprintf(&h.text, "row %#v\n", values)
	return h.fail
}
func (h *heard) File(name string, size int64) error {
	fmt.Fprintln(&h.text, "file", name, size)
	return nil
}
func (h *heard) Data(piece []byte) error {
	fmt.Fprintf(&h.text, "data %d\n", len(piece))
	return nil
}

func testKey() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
}

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

// sample is a small backup with a value of each kind.
func sample(t testing.TB) []byte { return sampleOf(t, 300) }

// sampleOf has a file of so many bytes.
func sampleOf(t testing.TB, size int64) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, testKey(), Manifest{Kind: KindBackup, Made: time.Unix(1, 0).UTC(), Domain: "a.example", Entries: 3})
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(w.Table("head", []string{"id", "version"}), w.Row([]any{int64(1), int64(math.MinInt64)}),
		w.Table("entity", []string{"domain", "body", "gone", "here", "nothing"}), w.Row([]any{"a.例", []byte{0, 1, 255}, false, true, nil}), w.Row([]any{"", []byte{}, true, false, nil}),
		w.File("prompts/audio/x.wav", size, io.LimitReader(zeros{}, size)), w.File("empty", 0, nil), w.Close())
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestRoundTrip(t *testing.T) {
	var h heard
	m, n, err := Read(iotest.OneByteReader(bytes.NewReader(sampleOf(t, 70_000))), public(testKey()), &h)
	want := `backup of a.example, 3 entries
table head [id version]
row []interface {}{1, -9223372036854775808}
table entity [domain body gone here nothing]
row []interface {}{"a.例", []uint8{0x0, 0x1, 0xff}, false, true, interface {}(nil)}
row []interface {}{"", []uint8{}, true, false, interface {}(nil)}
file prompts/audio/x.wav 70000
data 65536
data 4464
file empty 0
`
	if err != nil || h.text.String() != want || m.Form != 1 || n.Files != 2 || n.Rows["entity"] != 2 {
		t.Errorf("%+v %+v %v\n%s", m, n, err, &h.text)
	}
}

// TestEveryOctetCounts: a backup in which any bit of any octet is another one, or that ends anywhere before its end, or goes on behind it, is not taken.
func TestEveryOctetCounts(t *testing.T) {
	whole := sample(t)
	plain := unzipped(t, whole)
	taken := func(b []byte) error {
		_, _, err := Read(bytes.NewReader(b), public(testKey()), &heard{})
		return err
	}
	for i := range plain {
		b := bytes.Clone(plain)
		b[i] ^= 1 << (i % 8)
		if err := taken(zipped(t, b)); !errors.Is(err, ErrAltered) && !errors.Is(err, ErrSignature) && !errors.Is(err, ErrNotBackup) && !errors.Is(err, ErrCut) && !errors.Is(err, ErrNewer) {
			t.Fatalf("octet %d of %d altered: %v", i, len(plain), err)
		}
		if i%7 == 0 || i > len(plain)-80 {
			if err := taken(zipped(t, plain[:i])); !errors.Is(err, ErrCut) {
				t.Fatalf("cut at %d of %d: %v", i, len(plain), err)
			}
		}
	}
	for i := range whole {
		if err := taken(whole[:i]); !errors.Is(err, ErrCut) {
			t.Fatalf("file cut at %d of %d: %v", i, len(whole), err)
		}
	}
	for name, b := range map[string][]byte{"a record behind the end": zipped(t, append(bytes.Clone(plain), plain[14:]...)), "octets behind": append(bytes.Clone(whole), 0), "another one behind": append(bytes.Clone(whole), whole...)} {
		if err := taken(b); !errors.Is(err, ErrAltered) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func unzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func zipped(t testing.TB, plain []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.NoCompression)
	if _, err := z.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestReaderNames what is wrong.
func TestReaderNames(t *testing.T) {
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, ed25519.SeedSize))
	whole := sample(t)
	newer := bytes.Replace(unzipped(t, whole), []byte(`{"form":1,"kind":"backup"`), []byte(`{"form":2,"kind":"backup"`), 1)
	ours := errors.New("disk full")
	for name, c := range map[string]struct {
		in   io.Reader
		key  ed25519.PublicKey
		to   *heard
		want error
	}{
		"text":          {strings.NewReader("naisen"), public(testKey()), &heard{}, ErrNotBackup},
		"nothing":       {strings.NewReader(""), public(testKey()), &heard{}, ErrCut},
		"another gzip":  {bytes.NewReader(zipped(t, []byte("something else that was zipped"))), public(testKey()), &heard{}, ErrNotBackup},
		"another key":   {bytes.NewReader(whole), public(other), &heard{}, ErrSignature},
		"no key":        {bytes.NewReader(whole), nil, &heard{}, ErrSignature},
		"a newer form":  {bytes.NewReader(zipped(t, newer)), public(testKey()), &heard{}, ErrNewer},
		"visitor fails": {bytes.NewReader(whole), public(testKey()), &heard{fail: ours}, ours},
		"source fails":  {io.MultiReader(bytes.NewReader(whole[:50]), iotest.ErrReader(ours)), public(testKey()), &heard{}, ours},
	} {
		if _, _, err := Read(c.in, c.key, c.to); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWriterRefuses what a reader would refuse, so that nobody learns of it on the day that it is needed.
func TestWriterRefuses(t *testing.T) {
	for name, write := range map[string]func(w *Writer) error{
		"a path upwards":      func(w *Writer) error { return w.File("../x", 0, nil) },
		"an absolute one":     func(w *Writer) error { return w.File("/etc/passwd", 0, nil) },
		"a hidden file":       func(w *Writer) error { return w.File("a/.ssh", 0, nil) },
		"a file that shrinks": func(w *Writer) error { return w.File("a", 10, strings.NewReader("short")) },
		"a row of nothing":    func(w *Writer) error { return w.Row([]any{int64(1)}) },
		"too few values":      func(w *Writer) error { return errors.Join(w.Table("t", []string{"a", "b"}), w.Row([]any{int64(1)})) },
		"a value of nobody":   func(w *Writer) error { return errors.Join(w.Table("t", []string{"a"}), w.Row([]any{1.5})) },
		"a name for SQL":      func(w *Writer) error { return w.Table("t; DROP TABLE head", []string{"a"}) },
		"a table twice":       func(w *Writer) error { return errors.Join(w.Table("t", []string{"a"}), w.Table("t", []string{"a"})) },
	} {
		var out bytes.Buffer
		w, err := NewWriter(&out, testKey(), Manifest{Kind: KindBackup})
		if err != nil {
			t.Fatal(err)
		}
		if err := write(w); err == nil {
			t.Errorf("%s: taken", name)
		}
		if err := w.Close(); err == nil {
			t.Errorf("%s: and ended as if nothing had been", name)
		}
		if _, _, err := Read(&out, public(testKey()), &heard{}); err == nil {
			t.Errorf("%s: whole", name)
		}
	}
}

// TestFilesOfTraps: signed or not, no name leads out of where it is put, and no size is believed.
func TestFilesOfTraps(t *testing.T) {
	for name, body := range map[string]string{"upwards": `{"name":"a/../../b","size":0}`, "absolute": `{"name":"/b","size":0}`, "backslash": `{"name":"a\\..\\b","size":0}`,
		"negative": `{"name":"b","size":-1}`, "not whole": `{"name":"b","size":5}`} {
		var out bytes.Buffer
		w, err := NewWriter(&out, testKey(), Manifest{Kind: KindBackup})
		if err != nil {
			t.Fatal(err)
		}
		w.count.Files++
		if err := errors.Join(w.record(recFile, []byte(body)), w.Close()); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Read(&out, public(testKey()), &heard{}); !errors.Is(err, ErrAltered) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzRead: whatever is read ends, in bounded memory, and is whole only where it was signed.
func FuzzRead(f *testing.F) {
	f.Add(unzipped(f, sample(f)))
	f.Add([]byte(magic + "M\x02{}"))
	f.Add([]byte(magic + "R\xff\xff\xff\xff\x0f"))
	f.Fuzz(func(t *testing.T, plain []byte) {
		var h heard
		_, _, err := Read(bytes.NewReader(zipped(t, plain)), public(testKey()), &h)
		if err == nil && !bytes.Equal(plain, unzipped(t, sample(t))) {
			t.Errorf("taken: %q", plain)
		}
		_, _, _ = Read(bytes.NewReader(plain), public(testKey()), &h)
	})
}
