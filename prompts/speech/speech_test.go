package speech

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"naisen/prompts"
)

// The real programs say Japanese and English: of each sentence more, in the canonical form, as loud as the built-in announcements.
func TestRealVoices(t *testing.T) {
	for _, program := range []string{"open_jtalk", "flite"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%s is not installed: run loadtest/install.sh", program)
		}
	}
	s := New(Config{Timeout: time.Minute})
	for _, c := range []struct{ lang, short, long, voice string }{
		{"ja", "この通話は録音されます。", "この通話は録音されます。録音を希望されない場合は、９を押してください。", VoiceJapanese},
		{"en", "This call is recorded.", "This call is recorded. To refuse, press nine.\nThank you.", VoiceEnglish},
	} {
		var last time.Duration
		for _, text := range []string{c.short, c.long} {
			got, err := s.Speak(t.Context(), c.lang, text)
			if err != nil {
				t.Fatalf("%s: %v", c.lang, err)
			}
			pcm, err := prompts.Decode(t.Context(), bytes.NewReader(got.WAV))
			if err != nil {
				t.Fatal(err)
			}
			peak := 0
			for _, v := range pcm {
				peak = max(peak, int(v), -int(v))
			}
			length := time.Duration(len(pcm)) * time.Second / prompts.Rate
			if got.Voice != c.voice || length < last+500*time.Millisecond || length > 15*time.Second || peak < 16000 || peak > 16384 {
				t.Errorf("%s: voice %s, %v after %v, peak %d", c.lang, got.Voice, length, last, peak)
			}
			last = length
		}
	}
	nothingLeft(t)
}

// nothingLeft: the children's directories are gone.
func nothingLeft(t *testing.T) {
	t.Helper()
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "naisen-speech-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// fake is a Speaker whose programs are a shell script.
func fake(t *testing.T, script string, timeout time.Duration) *Speaker {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	program := filepath.Join(dir, "speaks")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return New(Config{Japanese: program, English: program, Dictionary: dir, Timeout: timeout})
}

// tone writes a second of sound.
func tone(t *testing.T) string {
	t.Helper()
	pcm := make([]int16, prompts.Rate)
	for i := range pcm {
		pcm[i] = int16(8000 * (1 - 2*(i/20%2)))
	}
	return "base64 -d > out.wav <<'E'\n" + base64.StdEncoding.EncodeToString(prompts.Encode(pcm)) + "\nE"
}

// What is said goes in by stdin alone, whatever it looks like: no text is an option, a file or a command. The child knows nothing of ours.
func TestTextIsNeverMoreThanText(t *testing.T) {
	said := filepath.Join(t.TempDir(), "said")
	t.Setenv("NAISEN_SECRET", "s3cret")
	s := fake(t, "echo args:$# \"$@\" >>"+said+"\ncat >>"+said+"\nenv >>"+said+"\nls -a >>"+said+"\n"+tone(t), 10*time.Second)
	for _, text := range []string{"-ow /etc/passwd", "--help", "$(touch pwned) `id` ; rm -rf / | sh", "../../etc/passwd", "%s%n <speak>{a}</speak> \\ 'q\" "} {
		for _, lang := range []string{"ja", "en"} {
			if err := os.WriteFile(said, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Speak(t.Context(), lang, text); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			raw, _ := os.ReadFile(said)
			args, rest, _ := strings.Cut(string(raw), "\n")
			if want := map[string]string{"ja": "args:8 -x ", "en": "args:6 -voice slt -f /dev/stdin -o out.wav"}[lang]; !strings.HasPrefix(args, want) || strings.Contains(args, text) {
				t.Errorf("%q: %s", text, args)
			}
			if !strings.HasPrefix(rest, strings.TrimSpace(text)) {
				t.Errorf("%q: stdin %q", text, rest)
			}
			if strings.Contains(rest, "s3cret") || strings.Contains(rest, "pwned\n") {
				t.Errorf("%q: %s", text, rest)
			}
		}
	}
	nothingLeft(t)
}

func TestRefusedTexts(t *testing.T) {
	s := fake(t, "echo started >&2; exit 0", 10*time.Second)
	for name, text := range map[string]string{
		"nothing": "", "blanks": " \n ", "signs alone": "。。!?-", "NUL": "a\x00b", "escape": "a\x1b[2Jb", "carriage return": "a\rb", "bell": "a\ab",
		"not UTF-8": "a\xff", "turned": "abc\u202ecba", "no width": "a\u200bb", "line separator": "a\u2028b", "private": "a\ue000",
		"1 MB": strings.Repeat("あ", 1<<20/3), "1,001": strings.Repeat("a", MaxText+1), "one endless sentence": strings.Repeat("あ", 400), "70 sentences": strings.Repeat("a!", 70),
	} {
		if _, err := s.Speak(t.Context(), "ja", text); !errors.Is(err, ErrText) || len(err.Error()) > 200 {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, lang := range []string{"", "fr", "../ja", "-x"} {
		if _, err := s.Speak(t.Context(), lang, "hello"); !errors.Is(err, ErrText) {
			t.Errorf("%q: %v", lang, err)
		}
	}
}

func TestMissingProgram(t *testing.T) {
	s := New(Config{Japanese: "no-such-program", English: "/nowhere/flite", Dictionary: t.TempDir()})
	for lang, text := range map[string]string{"ja": "録音", "en": "hello"} {
		if _, err := s.Speak(t.Context(), lang, text); !errors.Is(err, ErrMissing) {
			t.Errorf("%s: %v", lang, err)
		}
	}
	if _, err := New(Config{Japanese: "sh", Dictionary: "/nowhere"}).Speak(t.Context(), "ja", "録音"); !errors.Is(err, ErrMissing) {
		t.Errorf("no dictionary: %v", err)
	}
}

// A program that fails, hangs, floods, or writes what is no sound: an error without the text in it, in time, and nothing is left.
func TestBadPrograms(t *testing.T) {
	for name, script := range map[string]string{
		"fails and tells":      "cat >&2; exit 3",
		"writes nothing":       "exit 0",
		"no sound":             "echo hello >out.wav",
		"silence":              "head -c 100000 /dev/zero >out.wav",
		"floods its output":    "yes | head -c 10000000; exit 1",
		"writes without end":   "read line; cat /dev/zero >out.wav",
		"a link to elsewhere":  "ln -s /etc/passwd out.wav",
		"a pipe":               "mkfifo out.wav",
		"hangs":                "exec sleep 100",
		"hangs with its child": "sleep 100 & wait",
		"ignores its input":    "exec <&-; exit 0",
		"sound, then dies":     tone(t) + "\nkill -9 $$",
	} {
		t.Run(name, func(t *testing.T) {
			limit := 10 * time.Second
			if strings.HasPrefix(name, "hangs") {
				limit = 300 * time.Millisecond
			}
			_, err := fake(t, script, limit).Speak(t.Context(), "en", "my own words")
			if !errors.Is(err, ErrFailed) || strings.Contains(fmt.Sprint(err), "own words") {
				t.Errorf("%v", err)
			}
			nothingLeft(t)
		})
	}
}

// Whoever goes away stops the program; more than a few at once are refused.
func TestBusy(t *testing.T) {
	s := fake(t, "exec sleep 100", time.Minute)
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	errs := make(chan error, 3*(atOnce+maxWaiting))
	for range cap(errs) {
		all.Go(func() {
			_, err := s.Speak(ctx, "en", "hello")
			errs <- err
		})
	}
	for range cap(errs) - atOnce - maxWaiting {
		if err := <-errs; !errors.Is(err, ErrBusy) {
			t.Errorf("%v", err)
		}
	}
	stop()
	all.Wait()
	close(errs)
	for err := range errs {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	}
	if n := s.waiting.Load(); n != 0 || len(s.slots) != 0 {
		t.Errorf("%d wait, %d speak", n, len(s.slots))
	}
	nothingLeft(t)
}

// FuzzSentences: whatever is spoken is short enough for a program, has something to say, and was in the text.
func FuzzSentences(f *testing.F) {
	for _, s := range []string{"録音します。よろしいですか？", "One. Two.\nThree", "-x\n--\n", "3.5 yen.", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parts, err := sentences("ja", text)
		if err != nil {
			if !errors.Is(err, ErrText) || parts != nil {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if len(parts) == 0 || len(parts) > maxSentences {
			t.Fatalf("%d sentences", len(parts))
		}
		for _, p := range parts {
			if p == "" || len(p) > maxSentence || strings.ContainsAny(p, "\n\x00\r") || !strings.Contains(text, p) {
				t.Fatalf("%q of %q", p, text)
			}
		}
	})
}
