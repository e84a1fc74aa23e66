// Package backup owns what a backup is inside its seal: one stream of records that says what it is of, holds tables and files, and ends with a signature over all
// of it. It is written and read in one pass, in the memory of one record. It never seals, never opens a database, and does not know what is in a table.
//
//	stream   = gzip of: magic, manifest, { table, rows | file, its data }, end, signature
//	record   = kind (1 octet), length (unsigned varint), body
//
// The same form holds keys, as files alone: then it is an escrow.
package backup

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// Errors of a reader; callers use errors.Is.
var (
	ErrNotBackup = errors.New("backup: this is no backup")
	ErrNewer     = errors.New("backup: made by a newer program, in a form that this one does not know")
	ErrCut       = errors.New("backup: it is cut off before its end")
	ErrAltered   = errors.New("backup: it was altered, or damaged")
	ErrSignature = errors.New("backup: not signed by the key that was expected")
)

// Kinds of what is in the form.
const (
	KindBackup = "backup"
	KindKeys   = "keys"
)

// form is the version of the stream.
const form = 1

const magic = "naisen backup\n"

// Manifest says what a backup is of. It holds no secret and no content.
type Manifest struct {
	Form    int       `json:"form"`
	Kind    string    `json:"kind"`
	Made    time.Time `json:"made"`
	Program string    `json:"program"`          // that made it
	Domain  string    `json:"domain"`           // first domain of the switch
	Engine  string    `json:"engine,omitempty"` // of the database; what is here fits any
	Schema  int64     `json:"schema,omitempty"`
	Version int64     `json:"version,omitempty"` // of the configuration
	Entries int64     `json:"entries,omitempty"` // of the audit log
	Root    string    `json:"root,omitempty"`    // of its tree over them
	Log     string    `json:"log,omitempty"`     // public key of the audit log
	Signer  string    `json:"signer"`            // fingerprint of the key that signs this
	Keys    []Key     `json:"keys,omitempty"`    // that were there; none of them is here
}

// Key is a key file of the switch, by name and fingerprint.
type Key struct {
	Name        string `json:"name"`
	Fingerprint string `json:"fingerprint"`
}

// Count says how much is in a backup.
type Count struct {
	Rows  map[string]int64 `json:"rows"`  // by table
	Files int64            `json:"files"` //
	Bytes int64            `json:"bytes"` // of all records, as they are before they are compressed
}

// Kinds of records.
const (
	recManifest  = 'M'
	recTable     = 'T'
	recRow       = 'R'
	recFile      = 'F'
	recData      = 'D'
	recEnd       = 'E'
	recSignature = 'S'
)

const (
	maxRecord  = 32 << 20 // bytes of a row: an entity is far smaller
	maxSmall   = 1 << 20  // of any other record
	maxData    = 64 << 10 // of one piece of a file
	maxColumns = 64
	maxName    = 512
	maxTables  = 1000
)

// table begins rows.
type table struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
}

// file begins data.
type file struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
}

// signedHead comes before the hash that is signed, so that this signature is good for nothing else that the key signs.
const signedHead = "naisen backup 1\n"

// checkName wants a relative path that stays below where it is put, of no hidden part.
func checkName(name string) error {
	ok := fs.ValidPath(name) && name != "." && len(name) <= maxName && !strings.ContainsAny(name, "\\\x00\n")
	for part := range strings.SplitSeq(name, "/") {
		ok = ok && !strings.HasPrefix(part, ".")
	}
	if !ok {
		return fmt.Errorf("%w: the file name %.80q", ErrAltered, name)
	}
	return nil
}

// checkWord wants the name of a table or a column.
func checkWord(word string) error {
	ok := word != "" && len(word) <= 64
	for i := range len(word) {
		c := word[i]
		ok = ok && (c >= 'a' && c <= 'z' || c == '_' || c >= '0' && c <= '9' && i > 0)
	}
	if !ok {
		return fmt.Errorf("%w: %.80q names no table or column", ErrAltered, word)
	}
	return nil
}

func (t table) check() error {
	if len(t.Columns) == 0 || len(t.Columns) > maxColumns {
		return fmt.Errorf("%w: a table of %d columns", ErrAltered, len(t.Columns))
	}
	err := checkWord(t.Name)
	for _, c := range t.Columns {
		err = errors.Join(err, checkWord(c))
	}
	return err
}

// decode reads JSON strictly: one value, no unknown member.
func decode(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil || d.More() {
		return fmt.Errorf("%w: a record cannot be read", ErrAltered)
	}
	return nil
}

// verify checks what Close of a Writer signed.
func verify(key ed25519.PublicKey, sum, signature []byte) error {
	if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, append([]byte(signedHead), sum...), signature) {
		return ErrSignature
	}
	return nil
}
