package main

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"naisen/cmd/pbx/internal/backup"
	"naisen/recorder"
	"naisen/recorder/evidence"
	"naisen/recorder/objstore"
	"naisen/recorder/seal"
)

// What can be wrong with a copy, each by its name. What else an error says follows.
var (
	errCopyMissing = errors.New("there is no such backup")
	errCopyCut     = errors.New("the backup is cut off: it ends before its end")
	errCopyTail    = errors.New("the backup is cut off, or altered in its last part")
	errCopyAltered = errors.New("the backup was altered or damaged")
	errCopyOthers  = errors.New("the backup is not sealed to this identity (or its first octets were altered, which looks the same)")
	errCopySigner  = errors.New("the backup is not signed by this switch's key")
	errCopyNewer   = errors.New("the backup was made by a newer program")
	errCopyNone    = errors.New("this is no backup")
)

// sealedBegin begins every file of age.
const sealedBegin = "age-encryption.org/v1\n"

// sealedCopy is a copy that can be read from its start again and again.
type sealedCopy struct {
	name string
	id   seal.Identity
	open func(ctx context.Context) (io.ReadCloser, error)
}

// openCopy finds a copy: a file of that name, or what the shelf has.
func openCopy(ctx context.Context, c Config, f fromFlags) (sealedCopy, error) {
	s := sealedCopy{name: f.From}
	var err error
	if s.id, err = seal.ReadIdentity(f.Identity); err != nil {
		return s, err
	}
	if exists(f.From) {
		s.open = func(context.Context) (io.ReadCloser, error) { return os.Open(f.From) }
		return s, nil
	}
	if c.Backup.To == "" || objstore.CheckName(f.From) != nil {
		return s, fmt.Errorf("%w: %s", errCopyMissing, f.From)
	}
	shelf, err := besideShelf(c)
	if errors.Is(err, fs.ErrNotExist) {
		return s, fmt.Errorf("%w: %s", errCopyMissing, f.From)
	}
	if err != nil {
		return s, err
	}
	if _, err := shelf.Stat(ctx, f.From); errors.Is(err, objstore.ErrNotFound) {
		return s, fmt.Errorf("%w: %s", errCopyMissing, f.From)
	} else if err != nil {
		return s, err
	}
	s.open = func(ctx context.Context) (io.ReadCloser, error) { return shelf.Get(ctx, f.From, 0, -1) }
	return s, nil
}

// read opens the seal and reads all of it. An error names what is wrong.
func (s sealedCopy) read(ctx context.Context, key ed25519.PublicKey, to backup.Visitor) (m backup.Manifest, n backup.Count, err error) {
	in, err := s.open(ctx)
	if err != nil {
		return m, n, err
	}
	defer in.Close()
	src := &toItsEnd{in: in}
	begun := bufio.NewReader(src)
	if head, err := begun.Peek(len(sealedBegin)); string(head) != sealedBegin {
		switch {
		case errors.Is(err, io.EOF) && strings.HasPrefix(sealedBegin, string(head)):
			return m, n, fmt.Errorf("%s: %w", s.name, errCopyCut)
		case err == nil || errors.Is(err, io.EOF):
			return m, n, fmt.Errorf("%s: %w", s.name, errCopyNone)
		}
		return m, n, fmt.Errorf("%s: %w", s.name, err)
	}
	plain, err := s.id.Open(begun)
	if err == nil {
		m, n, err = backup.Read(plain, key, to)
	}
	if errors.Is(err, recorder.ErrIntegrity) && src.ended && !errors.Is(err, seal.ErrCut) && !errors.Is(err, seal.ErrNoKey) { // what is left of a chunk opens as little as an altered one
		return m, n, fmt.Errorf("%s: %w", s.name, errCopyTail)
	}
	return m, n, s.named(err)
}

// toItsEnd remembers that the end of the file was reached.
type toItsEnd struct {
	in    io.Reader
	ended bool
}

// Read implements io.Reader.
func (t *toItsEnd) Read(p []byte) (int, error) {
	n, err := t.in.Read(p)
	t.ended = t.ended || errors.Is(err, io.EOF)
	return n, err
}

// named says what an error is, for people.
func (s sealedCopy) named(err error) error {
	if err == nil {
		return nil
	}
	for _, n := range []struct{ is, name error }{{seal.ErrNoKey, errCopyOthers}, {seal.ErrCut, errCopyCut}, {backup.ErrCut, errCopyCut}, {backup.ErrNewer, errCopyNewer},
		{backup.ErrNotBackup, errCopyNone}, {backup.ErrSignature, errCopySigner}, {backup.ErrAltered, errCopyAltered}, {recorder.ErrIntegrity, errCopyAltered}} {
		if !errors.Is(err, n.is) {
			continue
		}
		if errors.Is(n.name, errCopyOthers) {
			return fmt.Errorf("%s: %w: its recipient is %s", s.name, n.name, s.id.Fingerprint())
		}
		if errors.Is(err, recorder.ErrIntegrity) { // which speaks of a recording
			return fmt.Errorf("%s: %w", s.name, n.name)
		}
		return fmt.Errorf("%s: %w: %w", s.name, n.name, err)
	}
	return fmt.Errorf("%s: %w", s.name, err)
}

// signerKey is the public key that a copy must be signed by: one that was given, or the switch's own.
func signerKey(c Config, path string) (ed25519.PublicKey, error) {
	if path == "" {
		path = c.path(keysName, "evidence.pub.pem")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the key that signed the backup: %w", err)
	}
	return evidence.ParseKey(text)
}
