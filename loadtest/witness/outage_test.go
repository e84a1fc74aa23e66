package witness

import (
	"sync"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

// callLength is how long people talk while the store is away.
const callLength = 2 * time.Second

// TestOutage: the object store is away while calls are recorded. No call notices; an alarm says so; when the store is there everything arrives by
// itself, once and whole, and the alarm ends.
func TestOutage(t *testing.T) {
	t.Parallel()
	s3, yaml, err := peer.AbsentS3(t.TempDir())
	must(t, err)
	p := newPBX(t, yaml)
	c := newChoir()
	t.Cleanup(c.close)
	people := staff(t, p, c, 1, 12, "all")
	began := time.Now()
	said := callsMeanwhile(t, people)
	alarm := func(want float64) {
		t.Helper()
		var got float64
		if err := peer.Until(90*time.Second, func() (ok bool) {
			got, err = p.Metric(t.Context(), `naisen_alarm{name="store-down"}`)
			return err == nil && got == want
		}); err != nil {
			t.Errorf("the alarm is %v, want %v", got, want)
		}
	}
	alarm(1)
	waiting, err := recordings(t.Context(), p, time.Time{})
	must(t, err)
	for _, r := range waiting {
		if r.State == "stored" || r.State == "failed" {
			t.Errorf("%s is %q without a store", r.ID, r.State)
		}
	}
	t.Logf("%d recordings wait after %v", len(waiting), time.Since(began).Round(time.Second))
	must(t, peer.StartS3(t.Context(), s3))
	t.Cleanup(s3.Stop)
	there := time.Now()
	fresh := allStored(t, p, time.Time{}, nil)
	t.Logf("all stored %v after the store was there", time.Since(there).Round(time.Millisecond))
	alarm(0)
	if len(fresh) != *absences || len(waiting) != *absences {
		t.Errorf("%d calls, %d recordings waited, %d were stored", *absences, len(waiting), len(fresh))
	}
	heard, lost := map[int]int{}, 0
	for _, rec := range fresh {
		full, pcm, err := channels(t.Context(), p, rec.ID)
		must(t, err)
		lost += full.Lost
		for _, channel := range pcm {
			runs := Runs(channel)
			for voice := 1; voice <= len(people); voice++ {
				h := Of(runs, voice)
				if heard[voice] += h.Packets; h.Missing > full.Lost {
					t.Errorf("%s: voice %d: %+v", rec.ID, voice, h)
				}
			}
		}
	}
	missing := 0
	for voice, n := range said {
		if missing += n - heard[voice]; heard[voice] > n {
			t.Errorf("voice %d said %d packets, %d are recorded", voice, n, heard[voice])
		}
	}
	if missing > lost {
		t.Errorf("%d packets are missing, of which %d never came to the switch: said %v, recorded %v", missing, lost, said, heard)
	}
	reconciled(t, p)
}

// callsMeanwhile has people call each other in pairs, spread over the outage, and tells what each voice said.
func callsMeanwhile(t *testing.T, people []*phone) map[int]int {
	t.Helper()
	var mu sync.Mutex
	said := map[int]int{}
	for _, ph := range people {
		ph.shy = true
	}
	var pairs sync.WaitGroup
	n := len(people) / 2
	begin := time.Now()
	for i := range n {
		pairs.Go(func() {
			for k := i; k < *absences; k += n {
				pass(t, time.Until(begin.Add(*outage*time.Duration(k)/time.Duration(*absences))))
				a, b := people[2*i], people[2*i+1]
				call, err := a.dial(t.Context(), b.number)
				if err != nil {
					t.Errorf("without a store: %v", err)
					return
				}
				pass(t, 200*time.Millisecond)
				other := b.newest()
				call.leg.goOn()
				other.goOn()
				pass(t, callLength)
				x, y := call.leg.silence(), other.silence()
				pass(t, 80*time.Millisecond)
				call.Hangup()
				mu.Lock()
				said[a.voice], said[b.voice] = said[a.voice]+x, said[b.voice]+y
				mu.Unlock()
				a.choir.leave(call.leg)
				b.drop()
			}
		})
	}
	pairs.Wait()
	pass(t, time.Until(begin.Add(*outage)))
	return said
}
