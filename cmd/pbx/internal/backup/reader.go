package backup

import (
	"bufio"
	"compress/gzip"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
)

// Visitor takes what a backup holds, in its order, before anybody knows whether the whole is genuine: it must not use it before Read returned nil.
// What Row and Data were given is the reader's again when they return.
type Visitor interface {
	Manifest(Manifest) error
	Table(name string, columns []string) error
	Row(values []any) error
	File(name string, size int64) error
	Data(piece []byte) error
}

// Read reads a whole backup and checks it: form, order, counts, and the signature by a key that the caller trusts. Errors: ErrNotBackup, ErrNewer, ErrCut,
// ErrAltered, ErrSignature; those of from and of the visitor as they are.
func Read(from io.Reader, key ed25519.PublicKey, to Visitor) (Manifest, Count, error) {
	watched := &watched{r: from}
	src := bufio.NewReader(watched)
	zip, err := gzip.NewReader(src)
	if err != nil {
		return Manifest{}, Count{}, watched.verdict(fmt.Errorf("%w: %w", ErrNotBackup, cut(err)))
	}
	zip.Multistream(false)
	r := &reader{in: bufio.NewReaderSize(zip, maxData), sum: sha256.New(), to: to, count: Count{Rows: map[string]int64{}}}
	err = r.read(key)
	if err == nil {
		err = r.nothingMore(zip, src)
	}
	if r.theirs != nil {
		err = r.theirs
	}
	return r.manifest, r.count, watched.verdict(err)
}

// watched remembers an error of the source, which is not a fault of the backup.
type watched struct {
	r      io.Reader
	failed error
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err != nil && err != io.EOF {
		w.failed = err
	}
	return n, err
}

func (w *watched) verdict(err error) error {
	if w.failed != nil {
		return w.failed
	}
	return err
}

// reader is the state of one Read.
type reader struct {
	in       *bufio.Reader
	sum      hash.Hash
	to       Visitor
	theirs   error // of the visitor
	manifest Manifest
	count    Count
	open     string // table
	values   []any
	left     int64 // bytes of the file that are still to come
	room     []byte
}

// cut says that what ends is not whole.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrCut
	}
	return fmt.Errorf("%w: %w", ErrAltered, err)
}

func (r *reader) read(key ed25519.PublicKey) error {
	head := make([]byte, len(magic))
	if _, err := io.ReadFull(r.in, head); err != nil {
		return cut(err)
	}
	if string(head) != magic {
		return ErrNotBackup
	}
	r.sum.Write(head)
	if err := r.begin(); err != nil {
		return err
	}
	for {
		kind, body, err := r.record()
		if err != nil {
			return err
		}
		if kind == recEnd {
			return r.end(key, body)
		}
		if err := r.take(kind, body); err != nil {
			return err
		}
	}
}

// begin reads the manifest.
func (r *reader) begin() error {
	kind, body, err := r.record()
	if err != nil {
		return err
	}
	if kind != recManifest {
		return fmt.Errorf("%w: it does not begin with what it is", ErrAltered)
	}
	if err := decode(body, &r.manifest); err != nil {
		var loose struct{ Form int }
		if json.Unmarshal(body, &loose) == nil && loose.Form > form {
			return fmt.Errorf("%w: form %d, this one knows %d", ErrNewer, loose.Form, form)
		}
		return err
	}
	if r.manifest.Form > form {
		return fmt.Errorf("%w: form %d, this one knows %d", ErrNewer, r.manifest.Form, form)
	}
	if r.manifest.Form != form || r.manifest.Kind != KindBackup && r.manifest.Kind != KindKeys {
		return fmt.Errorf("%w: form %d of %.20q", ErrAltered, r.manifest.Form, r.manifest.Kind)
	}
	return r.told(r.to.Manifest(r.manifest))
}

// told keeps apart what the visitor says and what the backup is.
func (r *reader) told(err error) error {
	if err != nil {
		r.theirs = err
	}
	return err
}

func (r *reader) take(kind byte, body []byte) error {
	if r.left > 0 && kind != recData {
		return fmt.Errorf("%w: a file of it is not whole", ErrAltered)
	}
	switch kind {
	case recTable:
		return r.takeTable(body)
	case recRow:
		if r.open == "" {
			return fmt.Errorf("%w: a row of no table", ErrAltered)
		}
		if err := parseRow(body, r.values); err != nil {
			return err
		}
		r.count.Rows[r.open]++
		return r.told(r.to.Row(r.values))
	case recFile:
		var f file
		if err := decode(body, &f); err != nil {
			return err
		}
		if err := checkName(f.Name); err != nil {
			return err
		}
		if f.Size < 0 {
			return fmt.Errorf("%w: a file of %d bytes", ErrAltered, f.Size)
		}
		r.open, r.left = "", f.Size
		r.count.Files++
		return r.told(r.to.File(f.Name, f.Size))
	case recData:
		if int64(len(body)) > r.left || len(body) == 0 {
			return fmt.Errorf("%w: data of no file", ErrAltered)
		}
		r.left -= int64(len(body))
		return r.told(r.to.Data(body))
	}
	return fmt.Errorf("%w: a record of kind %q", ErrAltered, kind)
}

func (r *reader) takeTable(body []byte) error {
	var t table
	if err := decode(body, &t); err != nil {
		return err
	}
	if err := t.check(); err != nil {
		return err
	}
	if _, had := r.count.Rows[t.Name]; had || len(r.count.Rows) >= maxTables {
		return fmt.Errorf("%w: table %s comes twice", ErrAltered, t.Name)
	}
	r.open, r.values, r.count.Rows[t.Name] = t.Name, make([]any, len(t.Columns)), 0
	return r.told(r.to.Table(t.Name, t.Columns))
}

// end checks what was counted, and the signature, after which nothing comes.
func (r *reader) end(key ed25519.PublicKey, body []byte) error {
	var said Count
	if err := decode(body, &said); err != nil {
		return err
	}
	if r.left > 0 || said.Files != r.count.Files || said.Bytes != r.count.Bytes || !maps.Equal(said.Rows, r.count.Rows) {
		return fmt.Errorf("%w: it does not hold what it says", ErrAltered)
	}
	sum := r.sum.Sum(nil)
	kind, signature, err := r.record()
	if err != nil {
		return err
	}
	if kind != recSignature || len(signature) != ed25519.SignatureSize {
		return fmt.Errorf("%w: it has no signature", ErrAltered)
	}
	return verify(key, sum, signature)
}

// nothingMore wants both streams to end: gzip checks its own sum there.
func (r *reader) nothingMore(zip *gzip.Reader, src *bufio.Reader) error {
	for _, in := range []*bufio.Reader{r.in, src} {
		if _, err := in.ReadByte(); err == nil {
			return fmt.Errorf("%w: something follows its end", ErrAltered)
		} else if err != io.EOF {
			return cut(err)
		}
	}
	if err := zip.Close(); err != nil {
		return cut(err)
	}
	return nil
}

// record reads one. Its body is used again by the next.
func (r *reader) record() (byte, []byte, error) {
	kind, err := r.in.ReadByte()
	if err != nil {
		return 0, nil, cut(err)
	}
	n, err := binary.ReadUvarint(r.in)
	if err != nil {
		return 0, nil, cut(err)
	}
	if n > bound(kind) {
		return 0, nil, fmt.Errorf("%w: a record of %d bytes", ErrAltered, n)
	}
	body, err := r.body(int(n))
	if err != nil {
		return 0, nil, cut(err)
	}
	head := binary.AppendUvarint([]byte{kind}, n)
	r.sum.Write(head)
	r.sum.Write(body)
	if kind != recEnd && kind != recSignature {
		r.count.Bytes += int64(len(head) + len(body))
	}
	return kind, body, nil
}

// body takes memory as octets come, not as a length promises.
func (r *reader) body(n int) ([]byte, error) {
	r.room = r.room[:0]
	for len(r.room) < n {
		had := len(r.room)
		more := min(n-had, maxData)
		if cap(r.room) < had+more {
			r.room = append(make([]byte, 0, max(2*cap(r.room), had+more)), r.room...)
		}
		r.room = r.room[:had+more]
		if _, err := io.ReadFull(r.in, r.room[had:]); err != nil {
			return nil, err
		}
	}
	return r.room, nil
}

func bound(kind byte) uint64 {
	switch kind {
	case recRow:
		return maxRecord
	case recData:
		return maxData
	}
	return maxSmall
}
