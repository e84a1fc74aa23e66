// Package approval owns the key with which a store vouches for rows that others must agree to, and how far each of its lists has counted. Both lie outside
// of the database, so that whoever reaches only that can neither make such a row nor put an old one back unseen. It never reads or writes a row.
package approval

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"sync"

	"naisen/provisioning/durable"
)

const (
	keyFile   = "approval.key"
	marksFile = "approval.marks"
	keyHead   = "naisen-approval-key-1\n"
	keySize   = 32
)

// ErrKeyFile says that the key's file cannot be used.
var ErrKeyFile = errors.New("approval: key file cannot be used")

// Keeper vouches (HMAC-SHA256). Safe for concurrent use.
type Keeper struct {
	dir string
	key []byte

	mu    sync.Mutex // guards marks
	marks map[string]int64
	begun bool
}

// Open reads the key in a directory, or makes one (mode 0600), and the marks. It belongs in the backup, apart from the database.
func Open(dir string) (*Keeper, error) {
	k := &Keeper{dir: dir}
	path := filepath.Join(dir, keyFile)
	fresh := make([]byte, keySize)
	_, _ = rand.Read(fresh) // never fails (crypto/rand)
	err := durable.Create(path, append([]byte(keyHead), fresh...), 0o600)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("approval: create %s: %w", path, err)
	}
	content, err := durable.ReadPrivate(path)
	if err != nil {
		return nil, fmt.Errorf("approval: %s: %w: %w", path, ErrKeyFile, err)
	}
	if len(content) != len(keyHead)+keySize || string(content[:len(keyHead)]) != keyHead {
		return nil, fmt.Errorf("approval: %s: %w", path, ErrKeyFile)
	}
	k.key = content[len(keyHead):]
	k.marks, k.begun, err = k.read()
	return k, err
}

func (k *Keeper) read() (map[string]int64, bool, error) {
	content, err := durable.ReadPrivate(filepath.Join(k.dir, marksFile))
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]int64{}, false, nil
	}
	marks := map[string]int64{}
	if err == nil {
		err = json.Unmarshal(content, &marks)
	}
	if err == nil && marks == nil {
		err = errors.New("null") // which JSON takes for a map
	}
	if err != nil {
		return nil, false, fmt.Errorf("approval: marks: %w", err)
	}
	return marks, true, nil
}

// Sign vouches for a text.
func (k *Keeper) Sign(text []byte) []byte {
	h := hmac.New(sha256.New, k.key)
	h.Write(text)
	return h.Sum(nil)
}

// Verify says that Sign vouched for a text, in constant time.
func (k *Keeper) Verify(text, mac []byte) bool { return hmac.Equal(k.Sign(text), mac) }

// Begun says that rows are vouched for already: a row without a signature is then one that nobody agreed to.
func (k *Keeper) Begun() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.begun
}

// Marks is how far each list has counted at least. It is not changed afterwards, and must not be.
func (k *Keeper) Marks() map[string]int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.marks
}

// Mark keeps how far lists have counted. Marks go up only; with none it only says that rows are vouched for from now on.
func (k *Keeper) Mark(counted map[string]int64) error {
	return k.write(func(marks map[string]int64) {
		for list, n := range counted {
			marks[list] = max(marks[list], n)
		}
	})
}

// Accept takes what lists have counted for what is right, also where that is less: an operator has put back a backup.
func (k *Keeper) Accept(counted map[string]int64) error {
	return k.write(func(marks map[string]int64) {
		clear(marks)
		maps.Copy(marks, counted)
	})
}

// write brings another process's marks together with ours: between reading and writing nobody else writes, a command beside the switch neither.
func (k *Keeper) write(change func(map[string]int64)) error {
	release, err := durable.Alone(k.dir)
	if err != nil {
		return fmt.Errorf("approval: marks: %w", err)
	}
	defer release()
	k.mu.Lock()
	defer k.mu.Unlock()
	marks, _, err := k.read()
	if err != nil {
		return err
	}
	change(marks)
	content, err := json.Marshal(marks)
	if err != nil {
		return err
	}
	if err := durable.Replace(filepath.Join(k.dir, marksFile), content, 0o600); err != nil {
		return fmt.Errorf("approval: marks: %w", err)
	}
	k.marks, k.begun = marks, true
	return nil
}
