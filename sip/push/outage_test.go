package push_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"naisen/sip/push"
)

// TestOutageOfOneHost: who registers a host that does not answer shuts out nobody else, and the hosts that fail are remembered within bounds.
func TestOutageOfOneHost(t *testing.T) {
	s := push.New(push.Config{Workers: 1, Failures: 3, Pause: time.Hour, Providers: []push.Provider{fake{func(_ context.Context, m push.Message) error {
		if m.Device.Param != "" {
			return push.ErrUnavailable
		}
		return nil
	}}}}, slog.New(slog.DiscardHandler))
	defer s.Close()
	send := func(peer string) error {
		d, done := fakeDevice, make(chan error, 1)
		d.Param = peer
		s.Push(push.Message{Device: d, Until: soon()}, func(err error) { done <- err })
		return <-done
	}
	for i := range 1000 {
		if err := send(fmt.Sprint("nothing-", i/5)); !errors.Is(err, push.ErrUnavailable) {
			t.Fatal(err)
		}
		if i%5 < 4 {
			continue
		}
		if err := send(""); err != nil {
			t.Fatalf("after %d failures elsewhere: %v", i+1, err)
		}
	}
	if st := s.Stats()[0]; !st.Down || st.Sent != 200 || st.Unavailable != 1000 {
		t.Errorf("%+v", st)
	}
}

// TestOutage: a service that is down fails its messages at once, without being asked, until a trial finds it up again.
func TestOutage(t *testing.T) {
	var mu sync.Mutex
	asked, up := 0, false
	s := push.New(push.Config{Workers: 1, Failures: 3, Pause: time.Nanosecond, Providers: []push.Provider{fake{func(context.Context, push.Message) error {
		mu.Lock()
		defer mu.Unlock()
		if asked++; up {
			return nil
		}
		return push.ErrUnavailable
	}}}}, slog.New(slog.DiscardHandler))
	defer s.Close()
	send := func(s *push.Service) error {
		done := make(chan error, 1)
		s.Push(push.Message{Device: fakeDevice, Until: soon()}, func(err error) { done <- err })
		return <-done
	}
	for range 3 {
		if err := send(s); !errors.Is(err, push.ErrUnavailable) {
			t.Fatal(err)
		}
	}
	if !s.Stats()[0].Down {
		t.Fatal("not down after three failures")
	}
	mu.Lock()
	up = true
	mu.Unlock()
	if err := send(s); err != nil || s.Stats()[0].Down { // the pause is over at once here: this is the trial
		t.Fatalf("trial: %v, %+v", err, s.Stats()[0])
	}
	asked, up = 0, false
	long := push.New(push.Config{Workers: 1, Failures: 3, Pause: time.Hour, Providers: []push.Provider{fake{func(context.Context, push.Message) error {
		asked++
		return push.ErrUnavailable
	}}}}, slog.New(slog.DiscardHandler))
	for range 10 {
		if err := send(long); !errors.Is(err, push.ErrUnavailable) {
			t.Fatal(err)
		}
	}
	long.Close()
	if st := long.Stats()[0]; asked != 3 || st.Unavailable != 10 {
		t.Errorf("asked %d times while down, %+v", asked, st)
	}
}
