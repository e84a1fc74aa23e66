package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
	"naisen/recorder/objstore/dir"
	"naisen/recorder/seal"
	"naisen/recorder/unseal"
)

// keyHouse is a data directory with one sealed recording and one sealed message, and its vault.
func keyHouse(t *testing.T, cfg seal.Config) (*vault, string) {
	t.Helper()
	data := t.TempDir()
	cfg.Dir = filepath.Join(data, "keys", "vault")
	v := &vault{}
	var err error
	if v.files, err = seal.Open(cfg); err != nil {
		t.Fatal(err)
	}
	v.sealer = seal.New(v.files)
	local, err := dir.Open(filepath.Join(data, "objects"), nil)
	if err != nil {
		t.Fatal(err)
	}
	v.store = local
	for name, c := range map[string]**catalogue.Catalogue{"catalogue.db": &v.catalogue, "messages.db": &v.messages} {
		if *c, err = catalogue.Open(t.Context(), filepath.Join(data, name), nil); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { v.catalogue.Close(); v.messages.Close(); local.Close() })
	v.sealWhole(t, v.store, v.catalogue, "r1")
	v.sealWhole(t, objstore.Under(v.store, messagesPart), v.messages, "m1")
	return v, data
}

// sealWhole stores a recording with sealed audio and manifest.
func (v *vault) sealWhole(t *testing.T, into objstore.Store, cat *catalogue.Catalogue, id string) {
	t.Helper()
	m := recorder.Manifest{Version: 1, Case: recorder.Case{ID: id, Domain: keepDomain, Started: time.Now().UTC().Truncate(time.Millisecond), RetentionDays: 30}}
	m.Ended = m.Started
	object := catalogue.ObjectName(m.Case)
	put := func(name string, plain []byte) (string, int64) {
		var b bytes.Buffer
		w, err := v.sealer.Seal(t.Context(), keepDomain, &b)
		if err == nil {
			_, err = w.Write(plain)
			err = errors.Join(err, w.Close(), into.Put(t.Context(), name, bytes.NewReader(b.Bytes()), int64(b.Len()), objstore.Lock{}))
		}
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b.Bytes())
		return hex.EncodeToString(sum[:]), int64(b.Len())
	}
	var err error
	if m.Epoch, err = v.sealer.Epoch(t.Context(), keepDomain); err != nil {
		t.Fatal(err)
	}
	m.SealedSHA256, m.SealedBytes = put(object, []byte("audio of "+id))
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	put(catalogue.ManifestName(object), text)
	if err := cat.Stored(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

// heard opens the recording and the message as a listener does.
func (v *vault) heard(t *testing.T) {
	t.Helper()
	for _, c := range []struct {
		id    string
		store objstore.Store
		cat   *catalogue.Catalogue
	}{{"r1", v.store, v.catalogue}, {"m1", objstore.Under(v.store, messagesPart), v.messages}} {
		row, err := c.cat.Get(t.Context(), keepDomain, c.id)
		if err != nil {
			t.Fatal(err)
		}
		r, size, closer, err := unseal.New(c.store, v.sealer).Open(t.Context(), row)
		if err != nil {
			t.Fatalf("%s: %v", c.id, err)
		}
		if text, err := io.ReadAll(io.NewSectionReader(r, 0, size)); err != nil || string(text) != "audio of "+c.id {
			t.Errorf("%q %v", text, err)
		}
		closer.Close()
	}
}

// The life of a key by commands: made, counted, replaced, and gone when nothing needs it; a switch that runs beside sees each step.
func TestKeysCommands(t *testing.T) {
	running, data := keyHouse(t, seal.Config{})
	config := filepath.Join(data, "pbx.yaml")
	if err := os.WriteFile(config, []byte("data: "+data+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	do := func(want int, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if code := run(t.Context(), append([]string{"recording"}, args...), &out, &errs); code != want {
			t.Errorf("%q: %d, want %d\n%s%s", args, code, want, &out, &errs)
		}
		return out.String() + errs.String()
	}
	has := func(text string, want ...string) {
		t.Helper()
		squeezed := strings.Join(strings.Fields(text), " ")
		for _, w := range want {
			if !strings.Contains(squeezed, w) {
				t.Errorf("no %q in %s", w, text)
			}
		}
	}
	has(do(0, "keys", "--config", config), keepDomain+" 1 ", " 2 current")
	has(do(1, "rotate", "--config", config, "--domain", "nobody.example"), "nothing was ever recorded")
	has(do(0, "rotate", "--config", config), "key 2 is used from now on")
	if epoch, err := running.sealer.Epoch(t.Context(), keepDomain); err != nil || epoch != 2 {
		t.Errorf("the running switch seals to key %d: %v", epoch, err)
	}
	has(do(0, "keys", "--config", config), " 2 being replaced", " 0 current")
	retire := []string{"retire", "--config", config, "--domain", keepDomain, "--epoch"}
	has(do(1, append(retire, "1")...), "still sealed to this key")
	has(do(0, "rewrap", "--config", config), "2 brought to the newest keys, 0 not")
	has(do(0, "keys", "--config", config), " 0 may be retired", " 2 current")
	has(do(1, append(retire, "1")...), "younger than")
	has(do(1, append(retire, "2")...), "sealed to now")
	has(do(1, append(retire, "3")...), "no key 3")
	has(do(1, append(retire, "0")...), "no key 0")
	later := time.Now().Add(2 * retireAfter)
	refused := func(what string, v *vault) {
		t.Helper()
		if err := v.retire(t.Context(), keepDomain, 1, later); !errors.Is(err, errNeeded) {
			t.Errorf("%s: retired: %v", what, err)
		}
	}
	beside := func() *vault {
		t.Helper()
		v, done, err := configFlag{config}.beside(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(done)
		return v
	}
	waiting := filepath.Join(data, "mailbox", "spool", "m2.age")
	if err := errors.Join(os.MkdirAll(filepath.Dir(waiting), 0o700), os.WriteFile(waiting, []byte("sealed"), 0o600)); err != nil {
		t.Fatal(err)
	}
	refused("a message waits for the store", beside())
	if err := os.Remove(waiting); err != nil {
		t.Fatal(err)
	}
	if err := beside().retire(t.Context(), keepDomain, 1, later); err != nil {
		t.Fatal(err)
	}
	has(do(0, "keys", "--config", config), "retired ")
	running.heard(t)
	has(do(1, "protect", "--config", config), "no safe")
	away := filepath.Join(t.TempDir(), "recovery")
	has(do(0, "recovery-key", away), "opens every recording")
	do(1, "recovery-key", away)
	if info, err := os.Stat(away); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if err := os.Remove(filepath.Join(data, "keys", "vault", "recovery.agekey")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte("data: "+data+"\nkeys: {recovery: "+away+".recipient}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	has(do(0, "rotate", "--config", config), "key 3 is used from now on")
}

// A catalogue that was lost says that no key is needed. What the store holds says otherwise, of recordings and of messages.
func TestRetireAsksTheStore(t *testing.T) {
	v, data := keyHouse(t, seal.Config{})
	if _, err := v.files.Rotate(keepDomain); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(2 * retireAfter)
	whole := map[string]**catalogue.Catalogue{"recordings": &v.catalogue, "messages": &v.messages}
	for name, lost := range whole {
		kept := *lost
		var err error
		if *lost, err = catalogue.Open(t.Context(), filepath.Join(data, name+".lost.db"), nil); err != nil {
			t.Fatal(err)
		}
		for other, cat := range whole { // of the other one everything has the newest key
			if other != name {
				for _, id := range []string{"r1", "m1"} {
					if err := (*cat).Rewrapped(t.Context(), keepDomain, id, 2); err != nil && !errors.Is(err, recorder.ErrNotFound) {
						t.Fatal(err)
					}
				}
			}
		}
		if all, err := v.keyStates(t.Context()); err != nil || all[0].Needed != 0 {
			t.Errorf("%s: %+v %v", name, all, err)
		}
		if err := v.retire(t.Context(), keepDomain, 1, later); !errors.Is(err, errNeeded) {
			t.Errorf("%s: a key went that the store needs: %v", name, err)
		}
		(*lost).Close()
		*lost = kept
	}
	v.heard(t)
}

// sleepySafe keeps keys, and does not answer when it is told so.
type sleepySafe struct{ err error }

func (*sleepySafe) Kind() string                                     { return "sleepy" }
func (*sleepySafe) Wrap(_ context.Context, b []byte) ([]byte, error) { return bytes.Clone(b), nil }
func (s *sleepySafe) Unwrap(_ context.Context, b []byte) ([]byte, error) {
	return bytes.Clone(b), s.err
}

// What the switch does by itself: a rotation by hand is entered into the audit log, one that is due is made; what is stored is brought to the newest key;
// a safe that does not answer is told, and costs a recording nothing.
func TestKeyWatch(t *testing.T) {
	safe := &sleepySafe{}
	v, _ := keyHouse(t, seal.Config{Safe: safe, Hold: time.Nanosecond})
	book := keyEntries{openAudit(t)}
	w := &keyWatch{vault: v, rotate: 48 * time.Hour, log: slog.New(slog.DiscardHandler), book: book}
	round := func(at time.Time, wantErr error, old, done int64, entries int) {
		t.Helper()
		if err := w.round(t.Context(), at); !errors.Is(err, wantErr) || wantErr == nil && err != nil {
			t.Error(err)
		}
		if audit := keyEntriesOf(t, book); w.old.Load() != old || w.done.Load() != done || len(audit) != entries || w.failed.Load() != 0 {
			t.Errorf("old %d, done %d, failed %d, audit %q", w.old.Load(), w.done.Load(), w.failed.Load(), audit)
		}
	}
	now := time.Now()
	round(now, nil, 0, 0, 0)
	if epoch, err := (recordingKeys{&keyWatch{vault: v}}).Rotate(t.Context(), keepDomain); err != nil || epoch != 2 {
		t.Fatalf("%d %v", epoch, err)
	}
	safe.err = seal.ErrUnavailable
	round(now, seal.ErrUnavailable, 2, 0, 1)
	if !w.away.Load() || w.refused.Load() {
		t.Error("nobody says that the safe is away")
	}
	safe.err = seal.ErrRefused
	round(now, seal.ErrRefused, 2, 0, 1)
	if w.away.Load() || !w.refused.Load() {
		t.Error("nobody says that the safe refuses")
	}
	safe.err = nil
	round(now, nil, 0, 2, 1)
	round(now.Add(47*time.Hour), nil, 0, 2, 1)
	round(now.Add(49*time.Hour), nil, 0, 4, 2)
	if audit := keyEntriesOf(t, book); audit[0] != keyRotated+" 2 by hand" || audit[1] != keyRotated+" 3 by its age" {
		t.Errorf("%q", audit)
	}
	keys, err := recordingKeys{w}.RecordingKeys(t.Context(), keepDomain)
	if err != nil || len(keys) != 3 || !keys[2].Current || keys[2].Needed != 2 || keys[0].Needed != 0 {
		t.Errorf("%+v %v", keys, err)
	}
	v.heard(t)
}

// keyEntriesOf is what the audit log says of the keys.
func keyEntriesOf(t *testing.T, book keyEntries) (all []string) {
	t.Helper()
	err := book.store.View(t.Context(), func(r provisioning.Reader) error {
		list, err := r.Audit(keepDomain, provisioning.AuditQuery{Object: keysObject})
		for _, e := range list {
			all = append(all, fmt.Sprint(e.Action, " ", e.Detail["epoch"], " ", e.Detail["how"]))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// What commands did to keys while the switch was stopped is in the audit log after its next look, once, whatever it had entered before.
func TestKeysBesideAStoppedSwitch(t *testing.T) {
	v, _ := keyHouse(t, seal.Config{})
	book := keyEntries{openAudit(t)}
	look := func(want ...string) {
		t.Helper()
		w := &keyWatch{vault: v, log: slog.New(slog.DiscardHandler), book: book} // a switch that was started just now
		for range 2 {
			if err := w.round(t.Context(), time.Now()); err != nil {
				t.Fatal(err)
			}
			if got := keyEntriesOf(t, book); !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		}
	}
	rotate := func() {
		t.Helper()
		if _, err := v.files.Rotate(keepDomain); err != nil {
			t.Fatal(err)
		}
	}
	look()
	rotate()
	rotate()
	two, three := keyRotated+" 2 by hand", keyRotated+" 3 by hand"
	look(two, three)
	for epoch := range 2 {
		if err := v.retire(t.Context(), keepDomain, epoch+1, time.Now().Add(2*retireAfter)); err != nil {
			t.Fatal(err)
		}
	}
	rotate()
	look(two, three, keyRetired+" 1 by hand", keyRetired+" 2 by hand", keyRotated+" 4 by hand")
}

// A machine with public keys only leaves older keys to the one with the vault's: nothing fails, nothing is told each minute, and what waits is counted.
func TestKeyWatchWithoutPrivateKeys(t *testing.T) {
	v, data := keyHouse(t, seal.Config{})
	if _, err := v.files.Rotate(keepDomain); err != nil {
		t.Fatal(err)
	}
	here, away := v.files.VaultPath(), filepath.Join(data, "vault.away")
	open := func() {
		t.Helper()
		var err error
		if v.files, err = seal.Open(seal.Config{Dir: filepath.Join(data, "keys", "vault")}); err != nil {
			t.Fatal(err)
		}
		v.sealer = seal.New(v.files)
	}
	var log bytes.Buffer
	w := &keyWatch{vault: v, log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})), book: keyEntries{openAudit(t)}}
	w.failed.Store(7) // by rounds that had the key
	for _, c := range []struct {
		from, to  string
		old, done int64
	}{{here, away, 2, 0}, {away, here, 0, 2}} {
		if err := os.Rename(c.from, c.to); err != nil {
			t.Fatal(err)
		}
		open()
		if err := w.round(t.Context(), time.Now()); err != nil {
			t.Error(err)
		}
		if w.old.Load() != c.old || w.done.Load() != c.done || w.failed.Load() != 0 || w.away.Load() || w.refused.Load() || log.Len() > 0 {
			t.Errorf("old %d, done %d, failed %d: %s", w.old.Load(), w.done.Load(), w.failed.Load(), &log)
		}
	}
	v.heard(t)
}

// Where the vault's key is kept is checked before anything starts.
func TestKeysConfig(t *testing.T) {
	for text, want := range map[string]string{
		"keys: {safe: cellar}":                           "keys.safe",
		"keys: {safe: passphrase}":                       "keys.passphrase",
		"keys: {safe: passphrase, passphrase: hunter22}": "never in the configuration",
		"keys: {safe: transit, transit: {url: x}}":       "keys.transit",
		"keys: {safe: pkcs11}":                           "keys.pkcs11",
		"keys: {rotate: 1h}":                             "keys.rotate",
		"keys: {hold: 48h}":                              "keys.hold",
		"keys: {rotate: 8760h, hold: 5m, safe: file}":    "",
	} {
		path := filepath.Join(t.TempDir(), "pbx.yaml")
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := loadConfig(path)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
