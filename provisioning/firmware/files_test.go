package firmware

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func sumOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// TestFiles: what is kept has the hash and size that it was said to have, and everything else leaves nothing.
func TestFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "firmware")
	f := New(dir)
	f.most = 30
	put := func(text, sum string, size int64) error {
		return f.Put(t.Context(), sum, size, strings.NewReader(text))
	}
	good := sumOf("rom of ten")
	if f.Has(good, 10) {
		t.Error("it is there before")
	}
	if _, err := f.Open(good); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range map[string]error{"another hash": put("rom of TEN", good, 10), "shorter": put("rom of", good, 10), "longer": put("rom of ten!", good, 10), "no hash": put("rom of ten", "../../etc/passwd", 10),
		"no size": put("", sumOf(""), 0)} {
		if !errors.Is(err, ErrContent) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := f.Put(ended, good, 10, strings.NewReader("rom of ten")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left: %v %v", left, err)
	}
	if err := put("rom of ten", good, 10); err != nil {
		t.Fatal(err)
	}
	in, err := f.Open(good)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(in)
	if in.Close(); err != nil || string(text) != "rom of ten" || !f.Has(good, 10) || f.Has(good, 11) {
		t.Errorf("%s %v", text, err)
	}
	if err := put(strings.Repeat("x", 21), sumOf(strings.Repeat("x", 21)), 21); !errors.Is(err, ErrFull) {
		t.Errorf("over the bound: %v", err)
	}
	now := time.Now()
	if err := f.Sweep(func(string) bool { return false }, time.Hour, now); err != nil || !f.Has(good, 10) {
		t.Error("a young file is swept", err)
	}
	if err := f.Sweep(func(sum string) bool { return sum == good }, time.Hour, now.Add(2*time.Hour)); err != nil || !f.Has(good, 10) {
		t.Error("a needed file is swept", err)
	}
	if err := f.Sweep(func(string) bool { return false }, time.Hour, now.Add(2*time.Hour)); err != nil || f.Has(good, 10) {
		t.Error("nobody needs it, and it stays", err)
	}
}
