package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/media/codec/g711"
	"naisen/provisioning"
	"naisen/provisioning/policy"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
	"naisen/recorder/seal"
	"naisen/recorder/watermark"
)

// traced is a data directory with keys and a log of listenings, as a switch leaves them.
type traced struct {
	data, config string
	key          *watermark.Key
	plain        []byte // a recording: 16 kHz, one channel
}

func newTraced(t *testing.T) *traced {
	t.Helper()
	v := &traced{data: t.TempDir()}
	v.config = filepath.Join(v.data, "pbx.yaml")
	if err := os.WriteFile(v.config, []byte("data: "+v.data+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	files, err := seal.OpenFiles(filepath.Join(v.data, "keys", "vault"), nil)
	if err != nil {
		t.Fatal(err)
	}
	keeper, marks := seal.New(files), Config{Data: v.data}.marksPath()
	sealed, err := keeper.SealSpool(t.Context(), bytes.Repeat([]byte{7}, 32)) // one key for all runs: how many of all keys find what is in recorder/watermark
	if err == nil {
		err = os.WriteFile(marks, sealed, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if v.key, err = watermark.NewHolder(marks, keeper).Key(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"notice/recording", "greeting/closed", "voicemail/main", "queue/callback-confirm", "queue/full", "greeting/disaster", "voicemail/keys",
		"voicemail/greeting-night", "call/unallocated"} { // a minute and a half of one voice: half a minute is not enough for every key
		b, err := os.ReadFile(filepath.Join("..", "..", "prompts", "builtin", "ja", name+".wav"))
		if err != nil {
			t.Fatal(err)
		}
		if v.plain == nil {
			v.plain = b[:44:44]
		}
		v.plain = append(v.plain, b[44:]...)
	}
	n := uint32(len(v.plain) - 44)
	copy(v.plain[40:], []byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)})
	return v
}

// copyOf is what a listening hears.
func (v *traced) copyOf(t *testing.T, l watermark.Listening) []byte {
	t.Helper()
	r, err := v.key.Copy(bytes.NewReader(v.plain), int64(len(v.plain)), v.key.ID(l))
	if err != nil {
		t.Fatal(err)
	}
	out := make([]byte, len(v.plain))
	if _, err := r.ReadAt(out, 0); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	return out
}

// telephone plays a file of 16 kHz into a telephone: µ-law of every other sample, behind the low-pass that any gateway has, without a head.
func telephone(wav []byte) []byte {
	in := make([]int, (len(wav)-44)/2)
	for i := range in {
		in[i] = int(int16(uint16(wav[44+2*i]) | uint16(wav[45+2*i])<<8))
	}
	taps := [...]int{-1, 0, 9, 16, 9, 0, -1} // a half-band filter, in 32nds
	var pcm []int16
	for i := 3; i+3 < len(in); i += 2 {
		sum := 0
		for k, tap := range taps {
			sum += tap * in[i-3+k]
		}
		pcm = append(pcm, int16(max(-32768, min(32767, sum/32))))
	}
	return g711.EncodeU(nil, pcm)
}

// audited writes the entries of listenings.
func (v *traced) audited(t *testing.T, listened ...watermark.Listening) (exported []byte) {
	t.Helper()
	keys, err := secret.OpenKeyring(filepath.Join(v.data, "keys", "secrets.key"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(v.data, "pbx.db"), Sealer: keys})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, l := range listened {
		e := provisioning.AuditEntry{Domain: l.Domain, Subject: l.Listener, Action: string(policy.RecordingListen), Object: l.Recording, Outcome: "allowed", Time: l.Began,
			Detail: map[string]any{"recording": l.Recording, "watermark": v.key.ID(l).String()}}
		err := s.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
			if _, err := w.Put(l.Domain, provisioning.Domain{Name: l.Domain, Language: "ja"}, ""); err != nil {
				return err
			}
			return w.AddAudit(e)
		})
		if err != nil {
			t.Fatal(err)
		}
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		exported = append(append(exported, line...), '\n')
	}
	return exported
}

func (v *traced) trace(t *testing.T, file []byte, args ...string) (int, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "found")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	code := run(t.Context(), append([]string{"recording", "trace", path, "--config", v.config}, args...), &out, io.Discard)
	return code, out.String()
}

// A copy that turns up names who heard it, when, and what; the switch's own log says so, or an exported one.
func TestTrace(t *testing.T) {
	v := newTraced(t)
	at := time.Date(2026, 4, 1, 0, 30, 15, 0, time.UTC)
	suzuki := watermark.Listening{Listener: "suzuki@a.example", Domain: "a.example", Recording: "r1", Began: at}
	sato := watermark.Listening{Listener: "sato@b.example", Domain: "b.example", Recording: "r2", Began: at.Add(time.Hour)}
	exported := v.audited(t, suzuki, sato)
	code, out := v.trace(t, telephone(v.copyOf(t, suzuki)), "--raw", "ulaw")
	for _, want := range []string{"suzuki@a.example", "a.example r1", v.key.ID(suzuki).String(), "聴取者 / listener", at.Local().Format(time.RFC3339)} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in:\n%s", want, out)
		}
	}
	if code != 0 || strings.Contains(out, "sato") {
		t.Errorf("%d\n%s", code, out)
	}
	if code, out := v.trace(t, v.plain); code != exitNoMark || !strings.Contains(out, "透かしは見つかりません") || !strings.Contains(out, "No mark") {
		t.Errorf("unmarked: %d\n%s", code, out)
	}
	log := filepath.Join(t.TempDir(), "audit.jsonl")
	if err := os.WriteFile(log, exported, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := v.trace(t, v.copyOf(t, sato), "--audit", log); code != 0 || !strings.Contains(out, "sato@b.example") {
		t.Errorf("exported log: %d\n%s", code, out)
	}
	whole := filepath.Join(t.TempDir(), "audit.txt")
	if code := run(t.Context(), []string{"audit", "export", "--config", v.config, "--out", whole}, io.Discard, io.Discard); code != 0 {
		t.Fatal(code)
	}
	if code, out := v.trace(t, v.copyOf(t, sato), "--audit", whole); code != 0 || !strings.Contains(out, "sato@b.example") {
		t.Errorf("whole log: %d\n%s", code, out)
	}
	text, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(whole, bytes.Replace(text, []byte("sato@b.example"), []byte("kato@b.example"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _ := v.trace(t, v.copyOf(t, sato), "--audit", whole); code != 1 {
		t.Errorf("altered whole log: %d", code)
	}
	forged := bytes.Replace(exported, []byte("sato@b.example"), []byte("kato@b.example"), 1)
	if err := os.WriteFile(log, forged, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := v.trace(t, v.copyOf(t, sato), "--audit", log); code != exitUnknown || !strings.Contains(out, "altered") {
		t.Errorf("forged log: %d\n%s", code, out)
	}
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := v.trace(t, v.copyOf(t, sato), "--audit", log); code != exitUnknown || !strings.Contains(out, sato.Began.Format(time.RFC3339)) {
		t.Errorf("empty log: %d\n%s", code, out)
	}
	if code, _ := v.trace(t, []byte("no audio")); code != 1 {
		t.Errorf("no audio: %d", code)
	}
	empty := filepath.Join(t.TempDir(), "pbx.yaml")
	if err := os.WriteFile(empty, []byte("data: "+filepath.Dir(empty)+"/var\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	v.config = empty
	if code, _ := v.trace(t, v.plain); code != 1 {
		t.Errorf("without a switch: %d", code)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(empty), "var")); err == nil {
		t.Error("where there is no switch it made something")
	}
}

// Of two who averaged their copies both are named, whether or not one of them can still be read, and nobody else.
func TestTraceOfMixedCopies(t *testing.T) {
	v := newTraced(t)
	suzuki := watermark.Listening{Listener: "suzuki@a.example", Domain: "a.example", Recording: "r1", Began: time.Date(2026, 4, 1, 0, 30, 15, 0, time.UTC)}
	sato, kato := suzuki, suzuki
	sato.Listener, sato.Began = "sato@a.example", suzuki.Began.Add(time.Hour)
	kato.Listener, kato.Began = "kato@a.example", suzuki.Began.Add(2*time.Hour)
	v.audited(t, suzuki, sato, kato)
	one, two := v.copyOf(t, suzuki), v.copyOf(t, sato)
	mixed := bytes.Clone(one)
	for i := 44; i+1 < len(mixed); i += 2 {
		at := func(b []byte) int { return int(int16(uint16(b[i]) | uint16(b[i+1])<<8)) }
		s := (at(one) + at(two)) / 2
		mixed[i], mixed[i+1] = byte(s), byte(s>>8)
	}
	if code, out := v.trace(t, mixed); code != 0 || !strings.Contains(out, "suzuki@") || !strings.Contains(out, "sato@") || strings.Contains(out, "kato@") {
		t.Errorf("%d\n%s", code, out)
	}
}

// A domain that is gone took its rows with it, not what the log has of it: its keys say that there was one.
func TestTraceOfADomainThatIsGone(t *testing.T) {
	v := newTraced(t)
	suzuki := watermark.Listening{Listener: "suzuki@a.example", Domain: "a.example", Recording: "r1", Began: time.Date(2026, 4, 1, 0, 30, 15, 0, time.UTC)}
	v.audited(t, suzuki)
	files, err := seal.OpenFiles(filepath.Join(v.data, "keys", "vault"), nil)
	if err == nil {
		_, err = files.Rotate("a.example")
	}
	if err != nil {
		t.Fatal(err)
	}
	keys, err := secret.OpenKeyring(filepath.Join(v.data, "keys", "secrets.key"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(v.data, "pbx.db"), Sealer: keys})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		return w.Delete("a.example", provisioning.KindDomain, "a.example", "")
	})
	if err = errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	if code, out := v.trace(t, v.copyOf(t, suzuki)); code != 0 || !strings.Contains(out, "suzuki@a.example") {
		t.Errorf("%d\n%s", code, out)
	}
}

// What REST answers about the log is taken as well as lines and lists.
func TestExportedLog(t *testing.T) {
	entry := `{"seq":1,"subject":"suzuki@a.example","detail":{"watermark":"0123456789ab"}}`
	for _, c := range []struct {
		text string
		want int
	}{{entry, 1}, {entry + "\n" + entry, 2}, {"[" + entry + "," + entry + "]", 2}, {`{"items":[` + entry + `]}`, 1}, {`{"seq":1,"detail":{"watermark":"x"}}`, 0},
		{`{"seq":1,"detail":{"watermark":12}}`, 0}, {"", 0}} {
		log := heardLog{}
		if err := log.read(strings.NewReader(c.text)); err != nil || len(log[0x0123456789ab]) != c.want {
			t.Errorf("%s: %v %v", c.text, log, err)
		}
	}
	for _, bad := range []string{"{", "12", `"text"`, `{"seq":"x"}`} {
		if err := (heardLog{}).read(strings.NewReader(bad)); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}
