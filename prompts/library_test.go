package prompts

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"naisen/media"
	"naisen/media/codec"
	"naisen/media/mediatest"
)

const domain = "ward.example.jp"

func library(t testing.TB, c Config) *Library {
	t.Helper()
	if c.Dir == "" {
		c.Dir = filepath.Join(t.TempDir(), "prompts")
	}
	l, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func put(t testing.TB, l *Library, dom, name, lang string, hz float64) Info {
	t.Helper()
	file := wav(1, 1, 16, 44100, bytes16(mediatest.Sine(44100, hz, 12000, 500)))
	info, err := l.Put(context.Background(), dom, name, lang, "text", bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func hear(t testing.TB, l *Library, dom, name, lang string, c media.Codec) ([]int16, int, Info) {
	t.Helper()
	s, info, err := l.Open(dom, name, lang, c)
	if err != nil {
		t.Fatal(err)
	}
	d, err := codec.NewDecoder(c)
	if err != nil {
		t.Fatal(err)
	}
	var pcm []int16
	for range 100 * 60 * 5 {
		p, ok := s.Next()
		if !ok {
			break
		}
		if len(p) != codec.FrameBytes {
			t.Fatalf("frame of %d octets", len(p))
		}
		pcm = d.Decode(pcm, p)
	}
	return pcm, d.Rate(), info
}

// spoken counts the texts of the manifest: each has its recording.
func spoken(t *testing.T) (n int) {
	t.Helper()
	texts, err := manifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		if text != "" {
			n++
		}
	}
	return n
}

func TestBuiltin(t *testing.T) {
	l := library(t, Config{})
	list := l.List(domain)
	if len(list) != spoken(t)+1 {
		t.Errorf("%d built-in announcements, want %d and the music", len(list), spoken(t))
	}
	for _, i := range list {
		if !i.Builtin || i.Millis < 200 || len(i.SHA256) != 64 || i.Text == "" && i.Language != "" {
			t.Errorf("%+v", i)
		}
	}
	for _, c := range []media.Codec{media.PCMU, media.PCMA, media.G722} {
		pcm, rate, info := hear(t, l, domain, "notice/recording", "ja", c)
		if info.Language != "ja" || !strings.Contains(info.Text, "録音") || info.Millis != 12488 {
			t.Errorf("%+v", info)
		}
		if got := len(pcm) * 1000 / rate; got < 12488 || got > 12600 || mediatest.Power(pcm) < 1e5 {
			t.Errorf("%s: %d ms of power %.0f", c, got, mediatest.Power(pcm))
		}
	}
	if _, _, err := l.Open(domain, "notice/none", "ja", media.PCMU); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if _, _, err := l.Open(domain, "notice/recording", "ja", media.G729); !errors.Is(err, codec.ErrUnknown) {
		t.Error(err)
	}
	for _, file := range []string{"builtin/README.md", "builtin/voice/LICENSE"} {
		if raw, err := builtin.ReadFile(file); err != nil || !bytes.Contains(raw, []byte("Nagoya Institute of Technology")) {
			t.Errorf("attribution is not shipped: %s %v", file, err)
		}
	}
}

func TestLanguages(t *testing.T) {
	l := library(t, Config{Language: func(d string) string {
		if d == "en.example" {
			return "en"
		}
		return ""
	}})
	put(t, l, domain, "own/german", "de", 500)
	for _, c := range []struct{ domain, name, lang, want string }{
		{domain, "call/busy", "en", "en"},
		{domain, "call/busy", "fr", "ja"},
		{"en.example", "call/busy", "fr", "en"},
		{domain, "own/german", "ja", "de"},
		{domain, "music/hold", "ja", ""},
	} {
		if _, info, err := l.Open(c.domain, c.name, c.lang, media.PCMU); err != nil || info.Language != c.want {
			t.Errorf("%+v: %q %v", c, info.Language, err)
		}
	}
	if _, _, err := l.Open("other.example", "own/german", "de", media.PCMU); !errors.Is(err, ErrNotFound) {
		t.Errorf("another domain's upload is heard: %v", err)
	}
}

func TestUploadReplaceDelete(t *testing.T) {
	l := library(t, Config{})
	builtinInfo, r, err := l.Get(domain, "notice/recording", "ja")
	if err != nil || !builtinInfo.Builtin {
		t.Fatal(err)
	}
	r.Close()
	playing, _, err := l.Open(domain, "notice/recording", "ja", media.PCMU)
	if err != nil {
		t.Fatal(err)
	}
	info := put(t, l, domain, "notice/recording", "ja", 500)
	if info.Builtin || info.Millis != 500 || info.Text != "text" || info.Language != "ja" {
		t.Errorf("%+v", info)
	}
	if _, ok := playing.Next(); !ok {
		t.Error("the upload stopped a call that plays the old one")
	}
	if pcm, rate, got := hear(t, l, domain, "notice/recording", "ja", media.PCMA); got != info || !mediatest.HasTone(pcm, rate, 500) {
		t.Errorf("the upload is not heard: %+v", got)
	}
	if _, _, got := hear(t, l, "other.example", "notice/recording", "ja", media.PCMA); !got.Builtin {
		t.Error("another domain hears the upload")
	}
	if n := len(l.List(domain)); n != spoken(t)+1 {
		t.Errorf("the list has %d entries: the upload must cover the built-in one", n)
	}
	second := put(t, l, domain, "notice/recording", "ja", 900)
	if pcm, rate, _ := hear(t, l, domain, "notice/recording", "ja", media.PCMA); !mediatest.HasTone(pcm, rate, 900) {
		t.Error("the replacement is not heard")
	}
	if files, _ := os.ReadDir(filepath.Join(l.cfg.Dir, "audio")); len(files) != 1 || files[0].Name() != second.SHA256+".wav" {
		t.Errorf("audio left behind: %v", files)
	}
	ctx := context.Background()
	if err := l.Delete(ctx, domain, "notice/recording", "ja"); err != nil {
		t.Fatal(err)
	}
	if _, _, got := hear(t, l, domain, "notice/recording", "ja", media.PCMA); !got.Builtin {
		t.Error("the built-in one is not back")
	}
	for _, c := range []struct {
		domain, name string
		err          error
	}{{domain, "notice/recording", ErrBuiltin}, {"", "notice/recording", ErrBuiltin}, {domain, "../../etc", ErrNotFound}, {domain, "none", ErrNotFound}} {
		if err := l.Delete(ctx, c.domain, c.name, "ja"); !errors.Is(err, c.err) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestUploadsSurviveRestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	l := library(t, Config{Dir: dir})
	one := put(t, l, domain, "own/one", "ja", 500)
	put(t, l, domain, "own/two", "en", 600)
	put(t, l, "other.example", "own/one", "ja", 500) // the same audio: kept once
	before := l.List(domain)
	for _, junk := range []string{"audio/" + strings.Repeat("0", 64) + ".wav", "audio/123.tmp", "meta/" + domain + "/ja/x.tmp"} {
		if err := os.WriteFile(filepath.Join(dir, junk), []byte("cut short"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"broken": "{", "moved": `{"domain":"` + domain + `","name":"own/three","language":"ja","sha256":"` + one.SHA256 + `"}`, "big": strings.Repeat(" ", maxMeta+1),
	} {
		if err := os.WriteFile(filepath.Join(dir, "meta", domain, "ja", name+".json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again := library(t, Config{Dir: dir})
	if !reflect.DeepEqual(before, again.List(domain)) {
		t.Error("the list changed over a restart")
	}
	if pcm, rate, _ := hear(t, again, domain, "own/two", "en", media.G722); !mediatest.HasTone(pcm[rate/10:], rate, 600) {
		t.Error("upload not heard after a restart")
	}
	if files, _ := os.ReadDir(filepath.Join(dir, "audio")); len(files) != 2 {
		t.Errorf("audio not swept: %v", files)
	}
	if err := again.Delete(context.Background(), domain, "own/one", "ja"); err != nil {
		t.Fatal(err)
	}
	hear(t, again, "other.example", "own/one", "ja", media.PCMU) // its audio must still be there
}

// A stored file that somebody changed is not played.
func TestDamagedAudio(t *testing.T) {
	l := library(t, Config{})
	info := put(t, l, domain, "own/one", "ja", 500)
	file := l.audioFile(info.SHA256)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	raw[2000] ^= 1
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.Open(domain, "own/one", "ja", media.PCMU); !errors.Is(err, ErrBadAudio) {
		t.Errorf("damaged audio: %v", err)
	}
	raw[2000] ^= 1
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	hear(t, l, domain, "own/one", "ja", media.PCMU) // a failure is not remembered
}

func TestRefusedUploads(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	l := library(t, Config{Dir: dir, MaxPerDomain: 2})
	good := wav(1, 1, 16, 16000, tone16(16000, 500))
	for _, c := range []struct{ domain, name, lang, text string }{
		{"", "a", "ja", ""}, {"..", "a", "ja", ""}, {"a..b", "a", "ja", ""}, {"A.example", "a", "ja", ""}, {"a/b", "a", "ja", ""},
		{strings.Repeat("a", 300), "a", "ja", ""}, {domain, "", "ja", ""}, {domain, "../x", "ja", ""}, {domain, "/x", "ja", ""},
		{domain, "x/", "ja", ""}, {domain, "a//b", "ja", ""}, {domain, "a\\b", "ja", ""}, {domain, "a.b", "ja", ""}, {domain, "a\x00", "ja", ""},
		{domain, "-a", "ja", ""}, {domain, "a/b/c/d/e", "ja", ""}, {domain, strings.Repeat("a", 81), "ja", ""}, {domain, "あ", "ja", ""},
		{domain, "a", "", ""}, {domain, "a", "JA", ""}, {domain, "a", "../", ""}, {domain, "a", "ja", "a\x00"}, {domain, "a", "ja", "\xff"},
		{domain, "a", "ja", strings.Repeat("x", 5000)},
	} {
		if _, err := l.Put(context.Background(), c.domain, c.name, c.lang, c.text, bytes.NewReader(good)); !errors.Is(err, ErrBadName) {
			t.Errorf("%q: %v", c, err)
		}
	}
	if _, err := l.Put(context.Background(), domain, "a", "ja", "", strings.NewReader("#EXTM3U")); !errors.Is(err, ErrBadAudio) {
		t.Error(err)
	}
	put(t, l, domain, "one", "ja", 500)
	put(t, l, domain, "two", "ja", 600)
	if _, err := l.Put(context.Background(), domain, "three", "ja", "", bytes.NewReader(good)); !errors.Is(err, ErrFull) {
		t.Errorf("third of two: %v", err)
	}
	put(t, l, domain, "two", "ja", 700) // a replacement fits
	put(t, l, "other.example", "one", "ja", 500)
	left := 0
	if err := filepath.WalkDir(dir, func(file string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			left++
		}
		return err
	}); err != nil || left != 5 { // three entries, two different audio files
		t.Errorf("%d files, %v", left, err)
	}
	if _, err := New(Config{}); !errors.Is(err, ErrBadName) {
		t.Errorf("no directory: %v", err)
	}
}

func TestLoopNeverEnds(t *testing.T) {
	l := library(t, Config{})
	s, info, err := l.Loop(domain, "music/hold", "ja", media.PCMU)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2*int(info.Millis)/20 + 10 {
		if _, ok := s.Next(); !ok {
			t.Fatalf("hold music ended after %d frames", i)
		}
	}
	if _, _, err := l.Loop(domain, "none", "ja", media.PCMU); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

func TestGetGivesCanonicalWAV(t *testing.T) {
	l := library(t, Config{})
	info := put(t, l, domain, "own/one", "ja", 500)
	got, r, err := l.Get(domain, "own/one", "ja")
	if err != nil || got != info {
		t.Fatalf("%v %+v", err, got)
	}
	defer r.Close()
	raw, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	pcm, err := decodeWAV(context.Background(), bytes.NewReader(raw))
	sum := sha256.Sum256(raw[headerSize:])
	if err != nil || len(pcm) != Rate/2 || hex.EncodeToString(sum[:]) != info.SHA256 {
		t.Errorf("%v, %d samples", err, len(pcm))
	}
	if _, _, err := l.Get(domain, "own/one", "en"); !errors.Is(err, ErrNotFound) {
		t.Errorf("another language: %v", err)
	}
}

func TestCacheIsBounded(t *testing.T) {
	l := library(t, Config{CacheBytes: 300_000})
	for _, i := range l.List(domain)[:12] {
		for _, c := range []media.Codec{media.PCMU, media.PCMA} {
			if _, _, err := l.Open(domain, i.Name, i.Language, c); err != nil {
				t.Fatal(err)
			}
			if l.cache.bytes > 300_000 && l.cache.order.Len() > 1 {
				t.Fatalf("%d bytes in %d entries", l.cache.bytes, l.cache.order.Len())
			}
		}
	}
	sum := 0
	for e := l.cache.order.Front(); e != nil; e = e.Next() {
		sum += e.Value.(*cached).bytes
	}
	if sum != l.cache.bytes || len(l.cache.byKey) != l.cache.order.Len() {
		t.Errorf("counted %d, holds %d", l.cache.bytes, sum)
	}
}

// Calls that come while announcements are replaced and deleted all hear one or the other.
func TestConcurrent(t *testing.T) {
	l := library(t, Config{CacheBytes: 20_000})
	put(t, l, domain, "own/x", "ja", 500)
	stop := make(chan struct{})
	var readers, writers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, _, err := l.Open(domain, "own/x", "ja", media.PCMU); err != nil && !errors.Is(err, ErrNotFound) {
					t.Errorf("open: %v", err)
					return
				}
				l.List(domain)
			}
		})
	}
	for n := range 2 {
		writers.Go(func() {
			for i := range 10 {
				file := wav(1, 1, 16, 8000, bytes16(mediatest.Sine(8000, float64(300+10*i+100*n), 9000, 120)))
				if _, err := l.Put(context.Background(), domain, "own/x", "ja", "", bytes.NewReader(file)); err != nil {
					t.Errorf("put: %v", err)
				}
				if i%4 == 3 {
					if err := l.Delete(context.Background(), domain, "own/x", "ja"); err != nil && !errors.Is(err, ErrNotFound) {
						t.Errorf("delete: %v", err)
					}
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
}

func BenchmarkFirstOpen(b *testing.B) {
	for _, c := range []media.Codec{media.PCMU, media.G722} {
		b.Run(string(c), func(b *testing.B) {
			l := library(b, Config{CacheBytes: 1})
			for i := 0; b.Loop(); i++ {
				l.cache = newCache(1)
				if _, _, err := l.Open(domain, "notice/recording", "ja", c); err != nil { // 12.5 s
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	l := library(b, Config{})
	for b.Loop() {
		if _, _, err := l.Open(domain, "notice/recording", "ja", media.PCMU); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		library(b, Config{Dir: dir})
	}
}
