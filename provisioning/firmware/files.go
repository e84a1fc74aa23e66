// Package firmware owns the files of telephones' firmware on disk, each under the hash of its content. It does not know who may have one, nor what it is for.
package firmware

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// MaxFolder bounds all files together, in bytes.
const MaxFolder = 8 << 30

// Errors of Put.
var (
	ErrContent = errors.New("firmware: the file has another hash or size")
	ErrFull    = errors.New("firmware: the folder is full")
)

// Files are in one folder. Safe for concurrent use.
type Files struct {
	dir  string
	most int64
	mu   sync.Mutex // one file is written at a time, so that the bound holds
}

// New keeps them in a folder, which is made when it is needed.
func New(dir string) *Files { return &Files{dir: dir, most: MaxFolder} }

// path of a hash, which Validate has seen; what is none leads nowhere.
func (f *Files) path(sum string) (string, bool) {
	if len(sum) != 2*sha256.Size || strings.Trim(sum, "0123456789abcdef") != "" {
		return "", false
	}
	return filepath.Join(f.dir, sum), true
}

// Has says that a file of that hash and size is here.
func (f *Files) Has(sum string, size int64) bool {
	path, ok := f.path(sum)
	if !ok {
		return false
	}
	info, err := os.Stat(path)
	return err == nil && info.Size() == size
}

// Open gives one: fs.ErrNotExist.
func (f *Files) Open(sum string) (*os.File, error) {
	path, ok := f.path(sum)
	if !ok {
		return nil, fs.ErrNotExist
	}
	return os.Open(path)
}

// Put reads a file to its end and keeps it if it has that hash and size: ErrContent, ErrFull.
func (f *Files) Put(ctx context.Context, sum string, size int64, in io.Reader) error {
	path, ok := f.path(sum)
	if !ok || size <= 0 {
		return ErrContent
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.Has(sum, size) {
		return nil
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return err
	}
	used, err := f.used()
	if err != nil {
		return err
	}
	if used+size > f.most {
		return ErrFull
	}
	tmp, err := os.CreateTemp(f.dir, ".upload-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // nothing is there any more once it has its name
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(tmp, h), io.LimitReader(until(ctx, in), size+1))
	if err == nil && (n != size || hex.EncodeToString(h.Sum(nil)) != sum) {
		err = ErrContent
	}
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// readFunc is an io.Reader.
type readFunc func([]byte) (int, error)

func (f readFunc) Read(b []byte) (int, error) { return f(b) }

// until reads as long as a context lasts.
func until(ctx context.Context, in io.Reader) io.Reader {
	return readFunc(func(b []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return in.Read(b)
	})
}

func (f *Files) used() (sum int64, err error) {
	err = f.each(func(_ string, info fs.FileInfo) error { sum += info.Size(); return nil })
	return sum, err
}

func (f *Files) each(do func(path string, info fs.FileInfo) error) error {
	all, err := os.ReadDir(f.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range all {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = do(filepath.Join(f.dir, e.Name()), info)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Sweep removes what nobody needs any more and what uploads that were cut off left, once it is older than an age.
func (f *Files) Sweep(needed func(sum string) bool, older time.Duration, now time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.each(func(path string, info fs.FileInfo) error {
		if info.IsDir() || needed(info.Name()) || now.Sub(info.ModTime()) < older {
			return nil
		}
		return os.Remove(path)
	})
	if err != nil {
		return fmt.Errorf("firmware: sweep: %w", err)
	}
	return nil
}
