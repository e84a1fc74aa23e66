package evidence

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
)

// Opener opens stored recordings, as unseal.Opener does.
type Opener interface {
	ManifestText(ctx context.Context, row catalogue.Row) ([]byte, recorder.Manifest, error)
	Open(ctx context.Context, row catalogue.Row) (io.ReaderAt, int64, io.Closer, error)
	Track(ctx context.Context, row catalogue.Row, number int) (io.ReaderAt, int64, io.Closer, error)
}

// Builder makes packs. All fields are required.
type Builder struct {
	Opener Opener
	Log    Log
	Check  OpenLog // what the verifier does: a pack that it would refuse is not made
	Key    ed25519.PrivateKey
	Now    func() time.Time
}

// Pack is one that is ready to be written: everything in it was read, hashed and signed. The audio is read again when it is written, so that none of it
// waits anywhere in the clear.
type Pack struct {
	Index Index

	size    int64
	members []member
	content []source // of each member
	closers []io.Closer
}

// source is what a member is made of.
type source struct {
	name  string
	parts func() io.Reader
	size  int64
	crc   uint32
	sha   string
	whole string // audio: the hash that the manifest names
}

// Prepare reads the recording once, from manifest to last track, holds it against manifest and audit log, and signs. The order matters to the caller: what
// the log is to say of this export must be in it before. The pack reads from the store until it is closed, and as long as ctx lives.
// Errors: *Invalid; recorder.ErrIntegrity, ErrUnlogged; those of unseal.Opener and Log.
func (b *Builder) Prepare(ctx context.Context, row catalogue.Row, q Request) (_ *Pack, err error) {
	text, m, err := b.Opener.ManifestText(ctx, row)
	if err != nil {
		return nil, err
	}
	if err := q.Check(time.Duration(m.DurationMS) * time.Millisecond); err != nil {
		return nil, err
	}
	p := &Pack{}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	if err := b.audio(ctx, p, row, m, q.Redactions); err != nil {
		return nil, err
	}
	extract, err := b.Log.Extract(ctx, row.Domain, row.ID)
	if err != nil {
		return nil, err
	}
	if err := b.logged(m, text, extract); err != nil {
		return nil, err
	}
	told, err := json.MarshalIndent(receiptOf(m), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	p.Index = Index{Format: Format, Domain: m.Domain, Recording: m.ID, Call: m.Call, Made: b.Now().UTC().Truncate(time.Second), By: q.By, Purpose: q.Purpose,
		LogKey: extract.Key, Redactions: q.Redactions, LogLeftOut: extract.LeftOut}
	if p.Index.Redactions == nil {
		p.Index.Redactions = []Redaction{}
	}
	audio := p.content
	plain := []source{inMemory(manifestOf, text), inMemory(receiptName, told), inMemory(logName, extract.Text)}
	page := pageOf(p.Index, m, Fingerprint(b.Key.Public().(ed25519.PublicKey)))
	readme := []source{inMemory(readmeText, page.text()), inMemory(readmePage, page.html())}
	for _, s := range append(append(readme, plain...), audio...) {
		p.Index.Files = append(p.Index.Files, File{s.name, s.size, s.sha, s.whole})
	}
	signed, err := b.sign(p.Index)
	if err != nil {
		return nil, err
	}
	p.content = append(append(append(readme, signed...), plain...), audio...)
	return p, p.lay()
}

// logged makes sure that the log has the recording as it is.
func (b *Builder) logged(m recorder.Manifest, text []byte, extract Extract) error {
	proved, err := b.Check(extract.Text, extract.Key)
	if err != nil {
		return err
	}
	all := storedEntries(proved.Entries, m.Domain, m.ID)
	switch {
	case len(all) == 0 || all[len(all)-1].Detail["manifest_sha256"] != sum(text):
		return ErrUnlogged
	case !sameSound(all):
		return fmt.Errorf("%w: it has several, of different audio (%s)", ErrUnlogged, placesEN(all))
	}
	return nil
}

// sign gives the index, its signature and the key that made it.
func (b *Builder) sign(i Index) ([]source, error) {
	text, err := json.MarshalIndent(i, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	key, err := EncodeKey(b.Key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	return []source{inMemory(indexName, text), inMemory(sigName, ed25519.Sign(b.Key, text)), inMemory(keyName, key)}, nil
}

func (p *Pack) lay() (err error) {
	for _, s := range p.content {
		p.members = append(p.members, member{name: s.name, size: s.size, crc: s.crc})
	}
	p.size, err = lay(p.members)
	return err
}

// audio reads stereo copy and tracks, holds them against the manifest, and notes what they are with silence in them.
func (b *Builder) audio(ctx context.Context, p *Pack, row catalogue.Row, m recorder.Manifest, cut []Redaction) error {
	plain, size, closer, err := b.Opener.Open(ctx, row)
	if err != nil {
		return err
	}
	p.closers = append(p.closers, closer)
	if err := p.add(audioName, plain, size, m.AudioSHA256, m.AudioBytes, cut, m.Parties); err != nil {
		return err
	}
	for _, t := range m.Tracks {
		plain, size, closer, err := b.Opener.Track(ctx, row, t.Number)
		if err != nil {
			return err
		}
		p.closers = append(p.closers, closer)
		if err := p.add(trackName(t.Number), plain, size, t.AudioSHA256, t.AudioBytes, cut, t.Parties); err != nil {
			return err
		}
	}
	return nil
}

func (p *Pack) add(name string, plain io.ReaderAt, size int64, sha string, bytes int64, cut []Redaction, parties []recorder.Party) error {
	w, err := readWAV(plain, size)
	if err != nil {
		return err
	}
	original, err := digest(source{parts: func() io.Reader { return io.NewSectionReader(plain, 0, size) }})
	if err != nil {
		return err
	}
	if original.sha != sha || original.size != bytes {
		return fmt.Errorf("evidence: %s is not what the manifest names: %w", name, recorder.ErrIntegrity)
	}
	s := source{name: name, whole: sha, parts: func() io.Reader { return &quiet{r: plain, size: size, w: w, list: spans(w, cut, parties)} }}
	if s, err = digest(s); err != nil {
		return err
	}
	p.content = append(p.content, s)
	return nil
}

// digest reads a source to its end.
func digest(s source) (source, error) {
	h, c := sha256.New(), &crcWriter{}
	if _, err := io.Copy(io.MultiWriter(h, c), s.parts()); err != nil {
		return s, err
	}
	s.size, s.crc, s.sha = c.n, c.crc, hex.EncodeToString(h.Sum(nil))
	return s, nil
}

func inMemory(name string, text []byte) source {
	return source{name: name, parts: func() io.Reader { return bytes.NewReader(text) }, size: int64(len(text)), crc: crc32.ChecksumIEEE(text), sha: sum(text)}
}

// Size of the pack in octets.
func (p *Pack) Size() int64 { return p.size }

// WriteTo implements io.WriterTo. recorder.ErrIntegrity: the store gave something else this time; what was written is then no pack.
func (p *Pack) WriteTo(w io.Writer) (n int64, err error) {
	for i, s := range p.content {
		k, err := w.Write(p.members[i].local())
		if n += int64(k); err != nil {
			return n, err
		}
		h, c := sha256.New(), &crcWriter{}
		_, err = io.Copy(io.MultiWriter(w, h, c), s.parts())
		if n += c.n; err != nil {
			return n, err
		}
		if c.n != s.size || hex.EncodeToString(h.Sum(nil)) != s.sha {
			return n, fmt.Errorf("evidence: %s changed while it was written: %w", s.name, recorder.ErrIntegrity)
		}
	}
	k, err := w.Write(tail(p.members))
	return n + int64(k), err
}

// Close lets go of what the store has open.
func (p *Pack) Close() error {
	var errs []error
	for _, c := range p.closers {
		errs = append(errs, c.Close())
	}
	p.closers = nil
	return errors.Join(errs...)
}
