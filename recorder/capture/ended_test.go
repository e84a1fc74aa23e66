package capture

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"naisen/recorder"
)

// Who is told that a recording ended may touch its journal: it is not live any more then. Otherwise the render of a call that ended would be
// put off until the next sweep, now and then, and at a shutdown until the next start.
func TestEndedIsNotLive(t *testing.T) {
	const calls = 400
	var r *bench
	opened := make(chan struct{})
	ended := make(chan bool, calls)
	r = newBench(t, func(c *Config) {
		c.Drain = time.Millisecond
		c.Ended = func(m recorder.Manifest) {
			<-opened
			ended <- r.Live(m.ID)
		}
		c.Began = func(recorder.Case) {}
	})
	close(opened)
	stop := make(chan struct{})
	var askers sync.WaitGroup
	for range 4 {
		askers.Go(func() { // others ask all the time
			for {
				select {
				case <-stop:
					return
				default:
					r.Live("x")
				}
			}
		})
	}
	var recs []recorder.Recording
	for i := range calls {
		rec, err := r.Start(twoParties(fmt.Sprintf("r%d", i)))
		if err != nil {
			t.Fatal(err)
		}
		recs = append(recs, rec)
	}
	for _, rec := range recs {
		rec.Tap().Tap(rtp("A", 1))
		rec.Stop(time.Now(), "bye")
	}
	live := 0
	for range calls {
		if <-ended {
			live++
		}
	}
	close(stop)
	askers.Wait()
	r.Close()
	if live > 0 {
		t.Errorf("%d of %d recordings were live when their end was told", live, calls)
	}
	if s := r.Stats(); s.Live != 0 || s.Finished != calls {
		t.Errorf("%+v", s)
	}
	if free := len(r.slots.free); free != r.slots.used || free == 0 {
		t.Errorf("%d of %d buffers came back", free, r.slots.used)
	}
}
