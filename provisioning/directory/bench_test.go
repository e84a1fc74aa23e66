package directory

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/policy"
	"naisen/provisioning/secret"
)

func fill(b *testing.B, users int) (provisioning.Store, *Directory) {
	b.Helper()
	s := openStore(b, 0)
	start := time.Now()
	for from := 0; from < users; from += 1000 {
		update(b, s, func(w provisioning.Writer) error {
			for i := from; i < min(from+1000, users); i++ {
				name, number := fmt.Sprint("user", i), fmt.Sprint(100000+i)
				err := puts(w, domA, provisioning.User{Name: name, Display: "山田 太郎", Roles: []provisioning.Role{provisioning.RoleStaff}},
					provisioning.Extension{Number: number, Display: "山田 太郎", User: name})
				if err != nil {
					return err
				}
				if err := w.PutSecret(domA, provisioning.SecretSIP, number, secret.SIPCredential(number, domA, secret.New("x")).Encode()); err != nil {
					return err
				}
			}
			return nil
		})
	}
	b.ReportMetric(float64(time.Since(start).Milliseconds()), "import-ms")
	return s, follow(b, s)
}

// BenchmarkLive: from the call of Update to the snapshot that shows it, with 5,000 extensions. Target: p99 under 200 ms.
func BenchmarkLive(b *testing.B) {
	s, d := fill(b, 5000)
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		start := time.Now()
		v := update(b, s, func(w provisioning.Writer) error {
			return puts(w, domA, provisioning.Extension{Number: "100042", Display: fmt.Sprint(i)})
		})
		wait(b, d, v)
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
}

// BenchmarkWhole: reading everything with 10,000 users and as many extensions. Target: 1 s and 50 MB.
func BenchmarkWhole(b *testing.B) {
	s, d := fill(b, 10000)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var keep *Snapshot
	for b.Loop() {
		if err := d.reload(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.View(b.Context(), func(r provisioning.Reader) (err error) { keep, err = whole(r, policy.New()); return err }); err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MB")
	runtime.KeepAlive(keep)
}

func BenchmarkLookup(b *testing.B) {
	_, d := fill(b, 1000)
	b.ReportAllocs()
	for b.Loop() {
		d.Snapshot().Credential(domA, "100042")
	}
}
