package limit

import (
	"testing"
	"time"
)

// server is a queue in virtual time: it serves so many requests per second, one after the other, and what is shed costs it a tenth.
type server struct {
	*clock
	*Shedder
	capacity float64 // per second
	free     time.Time
}

func newServer(capacity float64) *server {
	c := newClock()
	return &server{clock: c, Shedder: NewShedder(c.Now), capacity: capacity, free: c.now}
}

// second offers rate requests, evenly or in one burst, and tells how many were served and the longest delay met.
func (s *server) second(rate int, burst bool) (served int, worst time.Duration, retries map[time.Duration]int) {
	retries = map[time.Duration]int{}
	work := time.Duration(float64(time.Second) / s.capacity)
	for i := range rate {
		at := s.now.Add(time.Duration(i) * time.Second / time.Duration(rate))
		if burst {
			at = s.now
		}
		begin := at
		if s.free.After(at) {
			begin = s.free
		}
		delay := begin.Sub(at)
		worst = max(worst, delay)
		old := s.now
		s.now = begin // the shedder is asked when the request is taken from the queue
		retry, ok := s.Ask(New, delay)
		s.now = old
		if ok {
			served++
			s.free = begin.Add(work)
			continue
		}
		retries[retry]++
		s.free = begin.Add(work / 10)
	}
	s.pass(time.Second)
	return served, worst, retries
}

// TestShedding at up to ten times the capacity: it keeps the server busy, the delay short, swings little, and is over when the load is.
func TestShedding(t *testing.T) {
	const capacity = 400
	for _, c := range []struct {
		times        float64
		least        int // served per second when it has settled; what is shed costs too
		settle, rest int // seconds
	}{{1.2, 350, 40, 30}, {2, 350, 15, 30}, {5, 200, 15, 40}, {8, 85, 25, 40}} {
		s := newServer(capacity)
		for range 20 {
			if served, _, _ := s.second(capacity/2, false); served != capacity/2 {
				t.Fatalf("half load: %d served", served)
			}
		}
		low, high := 1.0, 0.0
		for i := range 120 {
			served, worst, _ := s.second(int(c.times*capacity), false)
			if i < c.settle {
				continue
			}
			low, high = min(low, s.State().Share), max(high, s.State().Share)
			if served < c.least || worst > 3*ShedTarget {
				t.Errorf("%.1f times, second %d: %d served of a capacity of %d, delay %v", c.times, i, served, capacity, worst)
			}
		}
		if high-low > 0.15 || low == 0 {
			t.Errorf("%.1f times: the share swings between %.2f and %.2f", c.times, low, high)
		}
		for i := range 60 {
			if served, _, _ := s.second(capacity/2, false); i > c.rest && served != capacity/2 {
				t.Errorf("%.1f times, %d s after the load: %d of %d served", c.times, i, served, capacity/2)
			}
		}
		if st := s.State(); st.Share != 0 || st.New == 0 || st.AskedNew < st.New {
			t.Errorf("%+v", st)
		}
	}
}

// TestShortBurstIsServed: a delay that does not stand is none (RFC 8289).
func TestShortBurstIsServed(t *testing.T) {
	s := newServer(400)
	for range 30 {
		if served, _, _ := s.second(120, true); served != 120 { // 300 ms of queue, once a second
			t.Fatalf("%d of 120 served, share %.2f", served, s.State().Share)
		}
	}
}

// TestRetryIsSpread: who is sent away together does not come back together.
func TestRetryIsSpread(t *testing.T) {
	s := newServer(100)
	all := map[time.Duration]int{}
	for range 60 {
		_, _, retries := s.second(1000, false)
		for d, n := range retries {
			if all[d] += n; d < retryLeast*time.Second || d > (retryLeast+retrySpread)*time.Second {
				t.Fatalf("retry after %v", d)
			}
		}
	}
	if len(all) < 15 {
		t.Errorf("only %d different times", len(all))
	}
}

// TestStandingIsShedLast, and a long silence is no reason to shed.
func TestStandingIsShedLast(t *testing.T) {
	c := newClock()
	s := NewShedder(c.Now)
	ask := func(n int, p Priority, delay time.Duration) (shed int) {
		for range n {
			c.pass(10 * time.Millisecond)
			if _, ok := s.Ask(p, delay); !ok {
				shed++
			}
		}
		return shed
	}
	ask(100, New, 400*time.Millisecond)
	if st := s.State(); st.Share < 0.1 || st.Share > 0.5 {
		t.Fatalf("share %.2f is not what this test needs", st.Share)
	}
	if n := ask(20, Standing, 400*time.Millisecond); n != 0 {
		t.Errorf("%d of who stands were shed below half", n)
	}
	ask(6000, New, 600*time.Millisecond)
	if n := ask(100, Standing, 600*time.Millisecond); n < 50 {
		t.Errorf("%d of 100 at the worst", n)
	}
	if n := ask(100, New, 600*time.Millisecond); n == 100 {
		t.Error("nobody is let through to see whether it is over")
	}
	c.pass(time.Hour)
	if st := s.State(); st.Share != 0 {
		t.Errorf("share %.2f after an hour of silence", st.Share)
	}
	if _, ok := s.Ask(New, 0); !ok {
		t.Error("the first after an hour was shed")
	}
}
