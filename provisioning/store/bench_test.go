package store_test

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"naisen/provisioning"
	"naisen/provisioning/audit"
	"naisen/provisioning/store"
)

func benchStore(b *testing.B) *store.Store {
	b.Helper()
	s := openWith(b, b.TempDir(), store.Config{})
	b.Cleanup(func() { _ = s.Close() })
	err := s.Update(b.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		_, err := w.Put("a.example", provisioning.Domain{Name: "a.example"}, "")
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkAuditedWrite: one Update with one Put, durable (fsync). Target: 300 a second.
func BenchmarkAuditedWrite(b *testing.B) {
	s := benchStore(b)
	for i := 0; b.Loop(); i++ {
		err := s.Update(b.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
			_, err := w.Put("a.example", provisioning.Extension{Number: fmt.Sprint(1000 + i%5000), Display: fmt.Sprint(i)}, "")
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
}

// BenchmarkImport: 1,000 extensions per Update.
func BenchmarkImport(b *testing.B) {
	s := benchStore(b)
	for n := 0; b.Loop(); n++ {
		err := s.Update(b.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
			for i := range 1000 {
				if _, err := w.Put("a.example", provisioning.Extension{Number: fmt.Sprint(1000 + i), Display: fmt.Sprint(n)}, ""); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "puts/s")
}

// BenchmarkView reads one entity.
func BenchmarkView(b *testing.B) {
	s := benchStore(b)
	for b.Loop() {
		err := s.View(b.Context(), func(r provisioning.Reader) error {
			_, _, err := provisioning.Get[provisioning.Domain](r, "a.example", "a.example")
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerify checks 200,000 entries per turn. Target: ten million in less than a minute, 170,000 a second on a whole machine: 12 µs of processor time each on two cores.
func BenchmarkVerify(b *testing.B) {
	const entries = 200_000
	s, path := simple(b, b.TempDir())
	for range entries / 10_000 {
		err := s.Update(b.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
			for i := range 10_000 {
				if err := w.AddAudit(provisioning.AuditEntry{Domain: "a.example", Subject: "yamada@a.example", Action: "recording.listen", Object: fmt.Sprintf("cABCDEFGHIJKLMNOPQRSTU%05d", i), Outcome: "allowed",
					Detail: map[string]any{"part": "audio", "range": "bytes=0-", "method": "GET", "client": "192.0.2.17"}}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	log, err := store.OpenLog(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	before := processorTime(b)
	for b.Loop() {
		if r, err := audit.Verify(b.Context(), log); err != nil || r.Size < entries {
			b.Fatal(r, err)
		}
	}
	b.ReportMetric(float64(b.N)*entries/b.Elapsed().Seconds(), "entries/s")
	b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/float64(b.N*entries), "cpu-ns/entry")
}

// processorTime of this process so far: what a figure of a shared machine can be trusted in.
func processorTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
