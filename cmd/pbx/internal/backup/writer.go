package backup

import (
	"compress/gzip"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
)

// Writer writes a backup. It is whole when Close returned nil, and until then no reader takes it for one.
type Writer struct {
	key   ed25519.PrivateKey
	zip   *gzip.Writer
	sum   hash.Hash
	count Count
	open  string // table that rows belong to; empty: none
	width int    // its columns
	room  []byte
	err   error // of before: nothing follows it
}

// NewWriter begins a backup. It does not close w.
func NewWriter(w io.Writer, key ed25519.PrivateKey, m Manifest) (*Writer, error) {
	zip, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	b := &Writer{key: key, zip: zip, sum: sha256.New(), count: Count{Rows: map[string]int64{}}}
	m.Form = form
	if _, err := io.WriteString(io.MultiWriter(zip, b.sum), magic); err != nil {
		return nil, err
	}
	return b, b.small(recManifest, m)
}

// Table begins a table.
func (b *Writer) Table(name string, columns []string) error {
	t := table{name, columns}
	if err := t.check(); err != nil {
		return b.fail(err)
	}
	if _, had := b.count.Rows[name]; had {
		return b.fail(fmt.Errorf("backup: table %s comes twice", name))
	}
	b.open, b.width, b.count.Rows[name] = name, len(columns), 0
	return b.small(recTable, t)
}

// Row writes a row of the table.
func (b *Writer) Row(values []any) error {
	if b.open == "" || len(values) != b.width {
		return b.fail(errors.New("backup: a row of no table"))
	}
	body, err := appendRow(b.room[:0], values)
	if err != nil {
		return b.fail(err)
	}
	if len(body) > maxRecord {
		return b.fail(fmt.Errorf("backup: a row of %s has %d bytes", b.open, len(body)))
	}
	b.room = body
	b.count.Rows[b.open]++
	return b.record(recRow, body)
}

// File writes a file of size bytes.
func (b *Writer) File(name string, size int64, from io.Reader) error {
	if err := checkName(name); err != nil {
		return b.fail(err)
	}
	b.open = ""
	b.count.Files++
	if err := b.small(recFile, file{name, size}); err != nil {
		return err
	}
	piece := make([]byte, maxData)
	for left := size; left > 0; {
		n, err := io.ReadFull(from, piece[:min(left, maxData)])
		if err != nil {
			return b.fail(fmt.Errorf("backup: %s became shorter while it was read: %w", name, err))
		}
		if err := b.record(recData, piece[:n]); err != nil {
			return err
		}
		left -= int64(n)
	}
	return nil
}

// Close ends and signs it.
func (b *Writer) Close() error {
	if err := b.small(recEnd, b.count); err != nil {
		return err
	}
	if err := b.record(recSignature, ed25519.Sign(b.key, append([]byte(signedHead), b.sum.Sum(nil)...))); err != nil {
		return err
	}
	return b.fail(b.zip.Close())
}

// Count is what was written so far.
func (b *Writer) Count() Count { return b.count }

func (b *Writer) fail(err error) error {
	if b.err == nil {
		b.err = err
	}
	return err
}

func (b *Writer) small(kind byte, v any) error {
	body, err := json.Marshal(v)
	if err == nil && len(body) > maxSmall {
		err = fmt.Errorf("backup: a record of %d bytes", len(body))
	}
	if err != nil {
		return b.fail(err)
	}
	return b.record(kind, body)
}

func (b *Writer) record(kind byte, body []byte) error {
	if b.err != nil {
		return b.err
	}
	head := binary.AppendUvarint([]byte{kind}, uint64(len(body)))
	for _, part := range [][]byte{head, body} {
		b.sum.Write(part)
		if _, err := b.zip.Write(part); err != nil {
			return b.fail(err)
		}
	}
	if kind != recEnd && kind != recSignature {
		b.count.Bytes += int64(len(head) + len(body))
	}
	return nil
}
