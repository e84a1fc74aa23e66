package scenarios

import (
	"testing"
	"time"

	"naisen/loadtest/peer"
)

// TestWatch: a phone watches a colleague's lamp through a call, from full and empty over early, confirmed and terminated to empty.
func TestWatch(t *testing.T) {
	r := newRig(t)
	desk := r.register("2002")
	watcher := r.scenario("watch.xml", "2001", "2002", r.address())
	watcher.Patience = 90 * time.Second
	panel := r.start(watcher)
	r.until("naisen_notifies_sent_total", 1)
	answer := r.scenario("answer.xml", "2002", "", desk)
	answer.Patience = 60 * time.Second
	answer.Pause = 6 * time.Second // it rings: long enough for a slow machine to tell of it
	b := r.start(answer)
	call := r.scenario("call.xml", "2001", "2002", r.address())
	call.Patience = 60 * time.Second
	call.Pause = 6 * time.Second // they talk
	a := r.start(call)
	r.finish(a, b, panel)
	r.until(`naisen_subscriptions{package="dialog"}`, 0)
	r.nothingLeft()
}

// until waits for a metric.
func (r *rig) until(name string, want float64) {
	r.Helper()
	got := 0.0
	if err := peer.Until(10*time.Second, func() bool {
		var err error
		got, err = r.pbx.Metric(r.Context(), name)
		return err == nil && got == want
	}); err != nil {
		r.Fatalf("%s is %v, want %v", name, got, want)
	}
}
