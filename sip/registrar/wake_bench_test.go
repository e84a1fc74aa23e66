package registrar

import (
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"testing"
	"time"

	"naisen/sip/push"
)

// BenchmarkWake: a thousand INVITEs are held for a thousand devices, which wake one after the other. It reports the 99th percentile of what the
// registrar adds between the arrival of the REGISTER and the INVITE's release.
func BenchmarkWake(b *testing.B) {
	const many = 1000
	r := New(Config{Push: Push{Service: &services{}}}, nil, slog.New(slog.DiscardHandler))
	bench := &bench{r: r}
	one := func(i int) (Right, string, push.Device) {
		prid := fmt.Sprint("token-", i)
		return Right{AOR: fmt.Sprint(i, "@example.test"), Domain: "example.test"}, "Contact: <sip:a@192.0.2.1;pn-provider=acme;pn-param=app;pn-prid=" + prid + ">",
			push.Device{Provider: "acme", Param: "app", PRID: prid}
	}
	var took []time.Duration
	for b.Loop() {
		woken := 0
		for i := range many {
			right, _, d := one(i)
			if _, ok := r.Await(right.AOR, d, func(Binding) { woken++ }); !ok {
				b.Fatal("refused")
			}
		}
		for i := range many {
			right, contact, _ := one(i)
			bench.n++
			req := message(b, bench.n, contact)
			began := time.Now()
			r.register(req, udp, right)
			r.woken(right.AOR)
			took = append(took, time.Since(began))
		}
		if woken != many {
			b.Fatalf("%d woke", woken)
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs/wake")
}

// TestSleepersCostTheirBindings: five hundred devices that sleep cost what their bindings do: no timer, no goroutine and no keep-alive for any of them.
func TestSleepersCostTheirBindings(t *testing.T) {
	const many = 500
	fill := func(pn string) (each uint64, r *Registrar) {
		r = New(Config{Push: Push{Service: &services{}}}, nil, slog.New(slog.DiscardHandler))
		var before, after runtime.MemStats
		reqs := make([]Right, many)
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range reqs {
			right := Right{AOR: fmt.Sprint(i, "@example.test"), Domain: "example.test"}
			if resp := r.register(message(t, 1, fmt.Sprintf("Contact: <sip:a@10.0.0.%d;%s=%032d>", i%250, pn, i)), udp, right); resp.Status != 200 {
				t.Fatal(resp.Status)
			}
		}
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&after)
		return (after.HeapAlloc - before.HeapAlloc) / many, r
	}
	goroutines := runtime.NumGoroutine()
	fill("pn-provider=acme;pn-param=app;pn-prid") // what is made once
	plain, one := fill("xn-provider=acme;xn-param=app;xn-prid")
	sleeping, two := fill("pn-provider=acme;pn-param=app;pn-prid")
	t.Logf("%d bytes per binding that sleeps, %d per other", sleeping, plain)
	if sleeping > plain+64 {
		t.Errorf("%d bytes per binding that sleeps, %d per other", sleeping, plain)
	}
	pinged := 0
	for _, slot := range two.pings {
		pinged += len(slot)
	}
	if n := runtime.NumGoroutine(); pinged != 0 || n > goroutines || two.Count() != many {
		t.Errorf("%d are pinged, %d goroutines more, %d bindings", pinged, n-goroutines, two.Count())
	}
	runtime.KeepAlive(one)
}
