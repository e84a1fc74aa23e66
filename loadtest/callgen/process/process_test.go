package process

import (
	"errors"
	"os"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	u, s, err := parseStat([]byte("1234 (a) b) c) S 1 2 3 4 5 6 7 8 9 10 150 25 0 0 20 0 9 0 100"))
	if err != nil || u != 1500*time.Millisecond || s != 250*time.Millisecond {
		t.Errorf("%v %v %v", u, s, err)
	}
	for _, bad := range []string{"", "1 (x", "1 (x) S 1 2", "1 (x) S 1 2 3 4 5 6 7 8 9 10 a b"} {
		if _, _, err := parseStat([]byte(bad)); !errors.Is(err, ErrFormat) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestParseStatus(t *testing.T) {
	n, err := parseStatus([]byte("Name:\tx\nVmRSS:\t   2048 kB\nThreads: 1\n"))
	if err != nil || n != 2<<20 {
		t.Errorf("%d %v", n, err)
	}
	for _, bad := range []string{"", "\nVmRSS: x kB\n", "\nVmRSS: 1 MB\n"} {
		if _, err := parseStatus([]byte(bad)); !errors.Is(err, ErrFormat) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestSelf(t *testing.T) {
	if _, _, err := CPU(os.Getpid()); err != nil {
		t.Error(err)
	}
	if n, err := RSS(os.Getpid()); err != nil || n < 1<<20 {
		t.Errorf("%d %v", n, err)
	}
	if _, err := RSS(-1); err == nil {
		t.Error("no such process")
	}
}
