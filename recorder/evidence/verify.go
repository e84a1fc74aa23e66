package evidence

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"naisen/recorder"
)

// Trust is what the verifier believes before it looks.
type Trust struct {
	Fingerprint string // of the key that may sign packs; empty: nobody's
	Log         OpenLog
}

// Opened is a pack in which nothing was found. Only such a pack gives its audio.
type Opened struct {
	file    io.ReaderAt
	members []member
	index   Index
}

// Verify looks at everything in a pack: container, signature, every file, manifest, receipt, audit log, silence. It reads the audio once and keeps none
// of it. The error is the file's, where it cannot be read; what is wrong in the pack is in the Report, and only a pack without findings
// comes back opened.
func Verify(file io.ReaderAt, size int64, trust Trust) (*Opened, Report, error) {
	v := &verifier{file: file, trust: trust, texts: map[string][]byte{}}
	if err := v.run(size); err != nil {
		return nil, v.report, err
	}
	if !v.report.OK() {
		return nil, v.report, nil
	}
	return &Opened{file, v.members, v.report.Index}, v.report, nil
}

// Audio gives the stereo copy: WAV.
func (o *Opened) Audio() *io.SectionReader {
	for _, m := range o.members {
		if m.name == audioName {
			return io.NewSectionReader(o.file, m.at, m.size)
		}
	}
	return io.NewSectionReader(o.file, 0, 0)
}

// AudioSHA256 is what Audio hashes to, should somebody change the file after it was verified.
func (o *Opened) AudioSHA256() string {
	f, _ := fileOf(o.index, audioName)
	return f.SHA256
}

type verifier struct {
	file    io.ReaderAt
	trust   Trust
	members []member
	texts   map[string][]byte // of everything but audio
	report  Report
}

func (v *verifier) run(size int64) error {
	members, err := readZIP(v.file, size)
	var fault *broken
	if errors.As(err, &fault) {
		v.report.found(fault.file, fault.en, fault.ja)
		return nil
	}
	if err != nil {
		return err
	}
	v.members = members
	if err := v.read(); err != nil {
		return err
	}
	if !v.signature() {
		return nil // nothing in the index may be believed
	}
	if err := v.files(); err != nil || !v.report.OK() {
		return err // what is in an altered file says nothing
	}
	m, ok := v.manifest()
	if !ok {
		return nil
	}
	v.receipt(m)
	v.log(m)
	return v.silence(m)
}

// read takes in everything but audio.
func (v *verifier) read() error {
	for _, m := range v.members {
		if strings.HasSuffix(m.name, ".wav") {
			continue
		}
		text := make([]byte, m.size)
		if _, err := v.file.ReadAt(text, m.at); err != nil && err != io.EOF {
			return err
		}
		v.texts[m.name] = text
	}
	return nil
}

// signature: the key is the trusted one, the index is what it signed, and this program knows its form.
func (v *verifier) signature() bool {
	for _, name := range []string{indexName, sigName, keyName} {
		if _, ok := v.texts[name]; !ok {
			v.report.found(name, "is missing", "ありません")
			return false
		}
	}
	key, err := ParseKey(v.texts[keyName])
	if err != nil {
		v.report.found(keyName, "is no public key", "公開鍵として読めません")
		return false
	}
	if again, err := EncodeKey(key); err != nil || !bytes.Equal(again, v.texts[keyName]) {
		v.report.found(keyName, "is written in another way than packs have it", "公開鍵の書き方が証拠パックのものではありません")
		return false
	}
	v.report.Fingerprint = Fingerprint(key)
	if trusted := strings.ToLower(strings.ReplaceAll(v.trust.Fingerprint, ":", "")); trusted != v.report.Fingerprint {
		v.report.found(keyName, fmt.Sprintf("is not the key that you trust: its fingerprint is %s", v.report.Fingerprint),
			fmt.Sprintf("信頼する鍵ではありません（このパックの鍵の指紋は %s）", v.report.Fingerprint))
		return false
	}
	if !ed25519.Verify(key, v.texts[indexName], v.texts[sigName]) {
		v.report.found(indexName, "is not what was signed, or its signature was altered", "署名された内容と一致しません（目録または署名が書き換えられています）")
		return false
	}
	var i Index
	d := json.NewDecoder(bytes.NewReader(v.texts[indexName]))
	d.DisallowUnknownFields()
	if err := d.Decode(&i); err != nil || i.Format != Format {
		v.report.found(indexName, "is of a form that this program does not know", "このプログラムが知らない形式です")
		return false
	}
	v.report.Index = i
	return true
}

func fileOf(i Index, name string) (File, bool) {
	at := slices.IndexFunc(i.Files, func(f File) bool { return f.Name == name })
	if at < 0 {
		return File{}, false
	}
	return i.Files[at], true
}

// files: those that are there are those that the index names, to the octet.
func (v *verifier) files() error {
	for _, f := range v.report.Index.Files {
		if !slices.ContainsFunc(v.members, func(m member) bool { return m.name == f.Name }) {
			v.report.found(f.Name, "is missing", "ありません")
		}
	}
	for _, m := range v.members {
		f, listed := fileOf(v.report.Index, m.name)
		h, c := sha256.New(), &crcWriter{}
		if _, err := io.Copy(io.MultiWriter(h, c), io.NewSectionReader(v.file, m.at, m.size)); err != nil {
			return err
		}
		own := m.name == indexName || m.name == sigName || m.name == keyName
		switch {
		case !listed && !own:
			v.report.found(m.name, "is not in the signed index: it was added", "署名された目録にありません（後から追加されたものです）")
		case listed && own:
			v.report.found(m.name, "cannot be in the index", "目録に載るはずのないファイルです")
		case listed && (f.Bytes != m.size || f.SHA256 != hex.EncodeToString(h.Sum(nil))):
			v.report.found(m.name, "was altered: its hash is not the one in the signed index", "書き換えられています（ハッシュ値が署名された目録と一致しません）")
		case c.crc != m.crc:
			v.report.found(m.name, "has another checksum than the ZIP file says", "ZIPのチェックサムと一致しません")
		}
	}
	return nil
}

// manifest: it is of this recording, and names the very audio.
func (v *verifier) manifest() (m recorder.Manifest, ok bool) {
	text, there := v.texts[manifestOf]
	if !there {
		v.report.found(manifestOf, "is missing", "ありません")
		return m, false
	}
	i := v.report.Index
	if err := json.Unmarshal(text, &m); err != nil {
		v.report.found(manifestOf, "is not readable", "読めません")
		return m, false
	}
	if m.ID != i.Recording || m.Domain != i.Domain || m.Call != i.Call {
		v.report.found(manifestOf, fmt.Sprintf("is of another recording: %.60q", m.ID), fmt.Sprintf("別の録音の記録票です: %.60q", m.ID))
		return m, false
	}
	v.report.Started, v.report.Ended = m.Started, m.Ended
	cut := len(i.Redactions) > 0
	v.original(audioName, m.AudioSHA256, m.AudioBytes, cut)
	for _, t := range m.Tracks {
		v.original(trackName(t.Number), t.AudioSHA256, t.AudioBytes, cut)
	}
	for _, f := range i.Files {
		if strings.HasPrefix(f.Name, "track-") && !slices.ContainsFunc(m.Tracks, func(t recorder.Track) bool { return trackName(t.Number) == f.Name }) {
			v.report.found(f.Name, "is not in the manifest", "記録票にないトラックです")
		}
	}
	return m, true
}

// original: what the manifest names is what the index calls the original; and is the file itself, unless something was silenced.
func (v *verifier) original(name, sha string, size int64, cut bool) {
	f, ok := fileOf(v.report.Index, name)
	switch {
	case !ok:
		v.report.found(name, "is named by the manifest and missing", "記録票にありますが、パックにありません")
	case f.Original != sha || f.Bytes != size || !cut && f.SHA256 != sha:
		v.report.found(name, "is not the audio that the manifest names", "記録票に記された音声ではありません")
	}
}

// receipt: it says what the manifest says. Both are read by the same program, so that neither has to be written as this one would write it today.
func (v *verifier) receipt(m recorder.Manifest) {
	var r receipt
	if err := json.Unmarshal(v.texts[receiptName], &r); err != nil || !reflect.DeepEqual(r, receiptOf(m)) {
		v.report.found(receiptName, "says something else than the manifest", "記録票の告知記録と一致しません")
	}
}

// log: the extract proves itself, and one of its entries names this manifest.
func (v *verifier) log(m recorder.Manifest) {
	if v.trust.Log == nil {
		v.report.found(logName, "cannot be checked here", "ここでは確認できません")
		return
	}
	got, err := v.trust.Log(v.texts[logName], v.report.Index.LogKey)
	if err != nil {
		v.report.found(logName, err.Error(), "監査ログの記録が改変されているか、証明が成り立ちません: "+err.Error())
		return
	}
	v.report.Entries, v.report.LogSize, v.report.LogTime, v.report.Witnessed = len(got.Entries), got.Size, got.Time, got.Witnessed
	all := storedEntries(got.Entries, m.Domain, m.ID)
	if len(all) == 0 {
		v.report.found(logName, "has no entry of this recording's storing", "この録音の保管を記した記録がありません")
		return
	}
	if !sameSound(all) {
		v.report.found(logName, fmt.Sprintf("says more than once that this recording was stored, each time with other hashes (%s): which of them is the call cannot be told from it", placesEN(all)),
			fmt.Sprintf("この録音の保管が、異なるハッシュ値で複数回記録されています（%s）。どれが本当の通話かは判断できません", placesJA(all)))
		return
	}
	stored := all[len(all)-1]
	v.report.Stored, v.report.Again = stored.Time, all[:len(all)-1]
	if stored.Detail["manifest_sha256"] != sum(v.texts[manifestOf]) {
		v.report.found(manifestOf, fmt.Sprintf("is not the manifest whose hash the audit log has since %s (entry %d)", stored.Time.UTC().Format("2006-01-02T15:04:05Z"), stored.Seq),
			fmt.Sprintf("監査ログ（%d番、%s）に記されたハッシュ値の記録票ではありません", stored.Seq, stored.Time.UTC().Format("2006-01-02T15:04:05Z")))
	}
}

// silence: what is called redacted is silent in every file that it is about.
func (v *verifier) silence(m recorder.Manifest) error {
	cut := v.report.Index.Redactions
	if len(cut) == 0 || !v.report.OK() {
		return nil
	}
	if err := v.silent(audioName, cut, m.Parties); err != nil {
		return err
	}
	for _, t := range m.Tracks {
		if err := v.silent(trackName(t.Number), cut, t.Parties); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) silent(name string, cut []Redaction, parties []recorder.Party) error {
	at := slices.IndexFunc(v.members, func(m member) bool { return m.name == name })
	file := io.NewSectionReader(v.file, v.members[at].at, v.members[at].size)
	w, err := readWAV(file, file.Size())
	if err != nil {
		v.report.found(name, "is no WAV file as recordings are", "録音のWAVファイルではありません")
		return nil
	}
	ms, err := firstSound(file, w, spans(w, cut, parties))
	if err != nil {
		return err
	}
	if ms >= 0 {
		v.report.found(name, fmt.Sprintf("is not silent at %s, where it is said to be", clock(ms)), fmt.Sprintf("無音とされた %s に音声があります", clock(ms)))
	}
	return nil
}
