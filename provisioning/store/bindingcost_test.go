package store_test

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"naisen/provisioning"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
)

// BenchmarkSaveBindings is what the write-behind of one registration costs, in batches as a storm and as a quiet second make them.
func BenchmarkSaveBindings(b *testing.B) {
	for _, size := range []int{1, 25, 500} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			keys, err := secret.OpenKeyring(filepath.Join(b.TempDir(), "key"))
			if err != nil {
				b.Fatal(err)
			}
			s, err := store.Open(b.Context(), store.Config{Path: filepath.Join(b.TempDir(), "pbx.db"), Sealer: keys, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			rows := make([]provisioning.BindingRow, 5000)
			for i := range rows {
				rows[i] = provisioning.BindingRow{AOR: fmt.Sprintf("%d@pbx.internal", i), Key: "sip:phone@192.0.2.1", Body: make([]byte, 500), Expires: time.Now().Add(time.Hour)}
			}
			for at := 0; at < len(rows); at += 500 {
				if err := s.SaveBindings(b.Context(), rows[at:at+500]); err != nil {
					b.Fatal(err)
				}
			}
			at, began := 0, cpu(b)
			for b.Loop() {
				if at+size > len(rows) {
					at = 0
				}
				if err := s.SaveBindings(b.Context(), rows[at:at+size]); err != nil {
					b.Fatal(err)
				}
				at += size
			}
			b.ReportMetric(float64((cpu(b)-began).Microseconds())/float64(b.N*size), "cpu-µs/row")
		})
	}
}

// cpu is what this process has used, user and system.
func cpu(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
