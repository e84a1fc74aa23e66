package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	auditlog "naisen/provisioning/audit"
	"naisen/provisioning/store"
	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/evidence"
	"naisen/recorder/objstore"
	"naisen/recorder/objstore/dir"
	"naisen/recorder/unseal"
)

// archiveRoom is the audit log, the vault and everything between them, as wire.go joins it, with one recording.
type archiveRoom struct {
	data    string
	log     *store.Store
	vault   *vault
	trail   trail
	builder *evidence.Builder
	row     catalogue.Row
	wav     []byte
	deposit recorder.Deposit
}

func newArchiveRoom(t *testing.T) *archiveRoom {
	t.Helper()
	a := &archiveRoom{data: t.TempDir(), log: openAudit(t)}
	_, a.vault = sealedRecording(t, a.data, "other", time.Now(), 30)
	key, err := auditlog.OpenKey(filepath.Join(a.data, "keys", "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	checkpoints, err := auditlog.NewCheckpointer(t.Context(), a.log, auditlog.Config{Dir: filepath.Join(a.data, "checkpoints"), Key: key, Interval: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	publisher := auditlog.NewPublisher(t.Context(), auditlog.PublisherConfig{Checkpoints: checkpoints, Key: key, Source: a.log,
		Archive: newCheckpointStore(a.vault.store, checkpointPart, time.Now), Interval: time.Hour, Broken: func(err error) { t.Error(err) }})
	t.Cleanup(func() {
		if err := errors.Join(publisher.Close(context.Background()), checkpoints.Close()); err != nil {
			t.Error(err)
		}
	})
	signer, err := evidenceKey(filepath.Join(a.data, "keys", "evidence.key"))
	if err != nil {
		t.Fatal(err)
	}
	a.trail = trail{a.log, checkpoints, publisher, key}
	a.builder = &evidence.Builder{Opener: unseal.New(a.vault.store, a.vault.sealer), Log: a.trail, Check: openLog("", ""), Key: signer, Now: time.Now}
	a.record(t)
	return a
}

// record stores a tenth of a second of sound.
func (a *archiveRoom) record(t *testing.T) {
	t.Helper()
	le := binary.LittleEndian
	a.wav = append([]byte("RIFF"), le.AppendUint32(nil, 36+3200)...)
	a.wav = le.AppendUint32(append(a.wav, "WAVEfmt "...), 16)
	for _, v := range []uint16{1, 2} {
		a.wav = le.AppendUint16(a.wav, v)
	}
	a.wav = le.AppendUint32(le.AppendUint32(a.wav, 8000), 32000)
	a.wav = le.AppendUint16(le.AppendUint16(a.wav, 4), 16)
	a.wav = append(le.AppendUint32(append(a.wav, "data"...), 3200), bytes.Repeat([]byte{1, 2, 3, 4}, 800)...)
	m := recorder.Manifest{Version: 1, Case: recorder.Case{ID: "r1", Domain: keepDomain, Call: "c1", DID: "+81312345678", Started: time.Now().Add(-time.Hour).UTC().Truncate(time.Second)},
		DurationMS: 100, AudioSHA256: hexSum(a.wav), AudioBytes: int64(len(a.wav))}
	m.Ended = m.Started.Add(100 * time.Millisecond)
	object := catalogue.ObjectName(m.Case)
	put := func(name string, plain []byte) []byte {
		var b bytes.Buffer
		w, err := a.vault.sealer.Seal(t.Context(), keepDomain, &b)
		if err == nil {
			_, err = w.Write(plain)
		}
		if err = errors.Join(err, w.Close()); err == nil {
			err = a.vault.store.Put(t.Context(), name, bytes.NewReader(b.Bytes()), int64(b.Len()), objstore.Lock{})
		}
		if err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	sealed := put(object, a.wav)
	m.SealedSHA256, m.SealedBytes = hexSum(sealed), int64(len(sealed))
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	a.deposit = recorder.Deposit{Manifest: m, ManifestSHA256: hexSum(text), SealedManifestSHA256: hexSum(put(catalogue.ManifestName(object), text))}
	if err := a.vault.catalogue.Stored(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if a.row, err = a.vault.catalogue.Get(t.Context(), keepDomain, "r1"); err != nil {
		t.Fatal(err)
	}
}

func hexSum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// pack writes one to a file.
func (a *archiveRoom) pack(t *testing.T, q evidence.Request) string {
	t.Helper()
	p, err := a.builder.Prepare(t.Context(), a.row, q)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	path := filepath.Join(t.TempDir(), "pack.zip")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.WriteTo(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func pbxCommand(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	var b bytes.Buffer
	code = run(t.Context(), args, &b, &b)
	return code, b.String()
}

// TestEvidencePack: from what the pipeline says of a stored recording to an auditor on another machine, by the parts as they are wired.
func TestEvidencePack(t *testing.T) {
	a := newArchiveRoom(t)
	q := evidence.Request{By: "kakari@" + keepDomain, Purpose: "開示請求"}
	if _, err := a.builder.Prepare(t.Context(), a.row, q); !errors.Is(err, evidence.ErrUnlogged) {
		t.Errorf("a recording that nobody wrote down: %v", err)
	}
	for range 2 { // the second as after a crash
		if err := deposit(a.log)(t.Context(), a.deposit); err != nil {
			t.Fatal(err)
		}
	}
	heard := provisioning.AuditEntry{Domain: keepDomain, Subject: "kakari@" + keepDomain, Action: "recording.listen", Object: "r1", Outcome: "allowed"}
	if err := a.log.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error { return w.AddAudit(heard) }); err != nil {
		t.Fatal(err)
	}
	path := a.pack(t, q)
	public := filepath.Join(a.data, "keys", "evidence.pub.pem")
	logKey := filepath.Join(a.data, "keys", "audit.key.pub")
	audio := filepath.Join(t.TempDir(), "audio.wav")
	code, out := pbxCommand(t, "verify", path, "--key", public, "--log-key", logKey, "--audio", audio)
	if code != 0 || !strings.Contains(out, "合格。") || !strings.Contains(out, "GOOD") || !strings.Contains(out, "監査ログ: 2 件") {
		t.Errorf("%d: %s", code, out)
	}
	if got, err := os.ReadFile(audio); err != nil || !bytes.Equal(got, a.wav) {
		t.Errorf("audio: %d bytes, %v", len(got), err)
	}
	fingerprint := evidence.Fingerprint(a.builder.Key.Public().(ed25519.PublicKey))
	if code, out := pbxCommand(t, "verify", path, "--fingerprint", fingerprint, "--lang", "en"); code != 0 || strings.Contains(out, "合格") {
		t.Errorf("%d: %s", code, out)
	}
	for name, args := range map[string][]string{"no key": {}, "another key": {"--fingerprint", strings.Repeat("0", 64)}, "two keys": {"--key", public, "--fingerprint", fingerprint},
		"another log": {"--key", public, "--log-key", public}, "no witness": {"--key", public, "--witness", "x+y"}} {
		if code, out := pbxCommand(t, append([]string{"verify", path}, args...)...); code == 0 {
			t.Errorf("%s: %s", name, out)
		}
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for what, name := range map[string]string{`recording.listen`: "audit.json", "\x01\x02\x03\x04\x01\x02": "audio.wav", `"duration_ms":100`: "manifest.json", "開示請求": "README.txt"} {
		bad := filepath.Join(t.TempDir(), "bad.zip")
		i := bytes.Index(good, []byte(what))
		spoiled := bytes.Clone(good)
		spoiled[i+len(what)-1] ^= 1
		if err := os.WriteFile(bad, spoiled, 0o600); err != nil {
			t.Fatal(err)
		}
		none := filepath.Join(t.TempDir(), "none.wav")
		code, out := pbxCommand(t, "verify", bad, "--key", public, "--audio", none)
		if code != 1 || !strings.Contains(out, "["+name+"]") || !strings.Contains(out, "不合格") {
			t.Errorf("%s: %d %s", name, code, out)
		}
		if _, err := os.Stat(none); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: audio was written: %v", name, err)
		}
	}
	silent := a.pack(t, evidence.Request{By: "x", Purpose: "y", Redactions: []evidence.Redaction{{FromMS: 0, ToMS: 100, Side: evidence.Both, Reason: "第三者"}}})
	if code, out := pbxCommand(t, "verify", silent, "--key", public); code != 0 || !strings.Contains(out, "無音化: 0:00:00.000 から 0:00:00.100、両側、理由 第三者") {
		t.Errorf("%d %s", code, out)
	}
	if b, err := os.ReadFile(silent); err != nil || bytes.Contains(b, a.wav[44:60]) {
		t.Errorf("what was redacted is in the pack: %v", err)
	}
}

// TestFloodedLog: however often somebody looked at a recording, a pack is made, has who heard it and what it is, and says how much is not in it.
func TestFloodedLog(t *testing.T) {
	a := newArchiveRoom(t)
	if err := deposit(a.log)(t.Context(), a.deposit); err != nil {
		t.Fatal(err)
	}
	add := func(n int, action, outcome string) {
		t.Helper()
		err := a.log.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
			for range n {
				if err := w.AddAudit(provisioning.AuditEntry{Domain: keepDomain, Subject: "kakari@" + keepDomain, Action: action, Object: "r1", Outcome: outcome}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	add(1, "recording.hold", "ok")
	add(extractKind+7, "recording.listen", "allowed")
	add(20_001, "recording.list", "allowed")
	add(2, "recording.list.served", "ok")
	add(1, "recording.listen", "denied")
	path := a.pack(t, evidence.Request{By: "kakari@" + keepDomain, Purpose: "開示請求"})
	code, out := pbxCommand(t, "verify", path, "--key", filepath.Join(a.data, "keys", "evidence.pub.pem"))
	if code != 0 || !strings.Contains(out, fmt.Sprintf("監査ログ: %d 件", 1+1+extractKind+1)) {
		t.Errorf("%d: %s", code, out)
	}
	pack, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"20001 of recording.list (allowed)", "2 of recording.list.served (ok)", "7 of recording.listen (allowed)",
		"recording.list（allowed） 20001 件", "recording.listen（allowed） 7 件"} {
		if !strings.Contains(out, want) || !bytes.Contains(pack, []byte(want)) {
			t.Errorf("neither said nor in the pack: %q in %s", want, out)
		}
	}
	if strings.Contains(out, "recording.hold") {
		t.Error(out)
	}
}

// TestDepositIsWrittenOnce: one entry for what is stored, another one when a later render was stored instead.
func TestDepositIsWrittenOnce(t *testing.T) {
	log := openAudit(t)
	d := recorder.Deposit{Manifest: recorder.Manifest{Case: recorder.Case{ID: "r1", Domain: keepDomain, Call: "c1"}, AudioSHA256: "aa", Tracks: []recorder.Track{{Number: 1, AudioSHA256: "bb"}}},
		ManifestSHA256: "cc", SealedManifestSHA256: "dd"}
	again := d
	again.SealedManifestSHA256 = "ee"
	for _, one := range []recorder.Deposit{d, d, again, again} {
		if err := deposit(log)(t.Context(), one); err != nil {
			t.Fatal(err)
		}
	}
	err := log.View(t.Context(), func(r provisioning.Reader) error {
		list, err := r.Audit(keepDomain, provisioning.AuditQuery{Object: "recording/r1"})
		if len(list) != 2 || list[0].Action != "recording.stored" || list[0].Detail["manifest_sha256"] != "cc" || list[0].Detail["audio_sha256"] != "aa" || list[1].Detail["sealed_manifest_sha256"] != "ee" {
			t.Errorf("%+v", list)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestCheckpointsInTheStore: locked for more than a year, put twice without harm, never exchanged, and no recording to the reconciler.
func TestCheckpointsInTheStore(t *testing.T) {
	root := t.TempDir()
	local, err := dir.Open(root, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	key, err := auditlog.OpenKey(filepath.Join(t.TempDir(), "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	sign := func(size int64, root byte, at int64) []byte {
		c := auditlog.Checkpoint{Size: size, Time: time.Unix(at, 0)}
		c.Root[0] = root
		b, err := key.Sign(c)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	s := newCheckpointStore(local, checkpointPart, time.Now)
	if name, _, err := s.Last(t.Context(), ""); err != nil || name != "" {
		t.Errorf("nothing is kept: %q %v", name, err)
	}
	for _, c := range []struct {
		name   string
		signed []byte
		broken bool
	}{{"0000000000000003.checkpoint", sign(3, 1, 9), false}, {"0000000000000003.checkpoint", sign(3, 1, 10), false}, {"0000000000000003.checkpoint", sign(3, 2, 10), true},
		{"0000000000000011.checkpoint", sign(11, 1, 11), false}} {
		if err := s.Put(t.Context(), c.name, c.signed); errors.Is(err, auditlog.ErrBroken) != c.broken || !c.broken && err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	const first = checkpointPart + "/0000000000000003.checkpoint"
	if err := local.Delete(t.Context(), first); !errors.Is(err, objstore.ErrLocked) {
		t.Errorf("deleted: %v", err)
	}
	if lock, err := local.Locked(t.Context(), first); err != nil || time.Until(lock.Until) < 399*24*time.Hour {
		t.Errorf("%+v %v", lock, err)
	}
	name, signed, err := s.Last(t.Context(), "")
	if err != nil || name != "0000000000000011.checkpoint" || !bytes.Equal(signed, sign(11, 1, 11)) {
		t.Errorf("%q %v", name, err)
	}
	if name, signed, err = s.Last(t.Context(), name); err != nil || name != "0000000000000003.checkpoint" || !bytes.Equal(signed, sign(3, 1, 9)) {
		t.Errorf("%q %v", name, err)
	}
	v := &vault{store: local}
	for _, c := range v.comparisons(false, nil, nil) {
		if c.what == "recordings" && !slices.Contains(c.cfg.Ignore, checkpointPart+"/") {
			t.Error("the reconciler takes checkpoints for orphans")
		}
	}
}

// TestAuditCommands: verify names the first bad entry of a database, a copy or an export, without any secret key; export and database agree.
func TestAuditCommands(t *testing.T) {
	a := newArchiveRoom(t)
	for range 5 {
		e := provisioning.AuditEntry{Domain: keepDomain, Action: "recording.listen", Object: "r1", Outcome: "allowed"}
		if err := a.log.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error { return w.AddAudit(e) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.trail.publisher.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	key := filepath.Join(out, "audit.key.pub")
	text, err := os.ReadFile(filepath.Join(a.data, "keys", "audit.key.pub"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, text, 0o600); err != nil {
		t.Fatal(err)
	}
	past, err := filepath.Glob(filepath.Join(a.data, "checkpoints", "*.checkpoint"))
	if err != nil || len(past) == 0 {
		t.Fatal(past, err)
	}
	last := slices.Max(past)
	export := filepath.Join(out, "audit.txt")
	f, err := os.Create(export)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(auditlog.Export(t.Context(), a.log, f), f.Close()); err != nil {
		t.Fatal(err)
	}
	if code, text := pbxCommand(t, "audit", "verify", "--export", export, "--key", key, "--checkpoint", last); code != 0 || !strings.Contains(text, "6 entries good, 1 checkpoints agree, 0 entries since") {
		t.Errorf("%d %s", code, text)
	}
	all, err := os.ReadFile(export)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(all), "\n")
	spoiled := strings.Join(slices.Delete(lines, 4, 5), "")
	if err := os.WriteFile(export, []byte(spoiled), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, text := pbxCommand(t, "audit", "verify", "--export", export, "--key", key, "--checkpoint", last); code != 1 || !strings.Contains(text, "first bad entry is 4:") {
		t.Errorf("%d %s", code, text)
	}
	if code, text := pbxCommand(t, "audit", "verify", "--export", export, "--db", export, "--key", key); code == 0 {
		t.Errorf("two sources: %s", text)
	}
	if code, text := pbxCommand(t, "audit", "verify", "--db", key, "--key", key); code == 0 {
		t.Errorf("no database: %s", text)
	}
}
