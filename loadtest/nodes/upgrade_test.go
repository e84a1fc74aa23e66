package nodes

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"naisen/loadtest/callgen/ua"
	"naisen/loadtest/peer"
)

// still is the description of both sides of a call that says nothing for so long that nobody asks whether it is there.
const still = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=inactive\r\n"

func stays([]byte) ([]byte, error) { return []byte(still), nil }

// many is a telephone that has many calls, registered at a switch.
func (r *rig) many(p *peer.PBX, number string) *ua.Phone {
	r.t.Helper()
	x, err := ua.New(ua.Config{Local: netip.MustParseAddr("127.0.0.1"), Switch: netip.MustParseAddrPort(p.UDP), Transport: "udp", Domain: p.Domain, User: number,
		Password: r.a.Passwords[number], Incoming: func() ua.Answerer { return stays }})
	must(r.t, err)
	r.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = x.Close(ctx) // its calls may be those of a switch that has ended
	})
	must(r.t, x.Register(r.t.Context(), time.Hour))
	return x
}

// ring places a call from one of them, until it is answered.
func (r *rig) ring(from *ua.Phone, to string) (*ua.Call, error) {
	ctx, cancel := context.WithTimeout(r.t.Context(), 10*time.Second)
	defer cancel()
	return from.Call(ctx, to, []byte(still), func([]byte) {}, stays)
}

// fill has so many calls answered, some at once.
func (r *rig) fill(n int, from *ua.Phone, to string) (all []*ua.Call) {
	r.t.Helper()
	var mu sync.Mutex
	var work sync.WaitGroup
	turns := make(chan struct{}, 5)
	for range n {
		turns <- struct{}{}
		work.Go(func() {
			defer func() { <-turns }()
			c, err := r.ring(from, to)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				r.t.Errorf("to %s: %v", to, err)
				return
			}
			all = append(all, c)
		})
	}
	work.Wait()
	r.placed += n
	return all
}

// end hangs all of them up, which must have lived until now.
func (r *rig) end(all []*ua.Call) {
	r.t.Helper()
	for _, c := range all {
		select {
		case <-c.Ended():
			r.t.Error("a call was dropped")
		default:
			c.Hangup()
		}
	}
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	for i, c := range all {
		select {
		case <-c.Ended():
		case <-limit.C:
			r.t.Fatalf("%d of %d calls do not end", len(all)-i, len(all))
		}
	}
}

// drains tells a switch to end, and gives what waits for its last call.
func (r *rig) drains(p *peer.PBX) (over func()) {
	r.t.Helper()
	must(r.t, p.Signal(syscall.SIGTERM))
	must(r.t, peer.Until(5*time.Second, func() bool { return strings.Contains(p.Output(), "pbx: draining") }))
	return func() {
		r.t.Helper()
		ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
		defer cancel()
		if err := p.Wait(ctx); err != nil {
			r.t.Errorf("it does not end with its last call: %v\n%s", err, p.Output())
		}
	}
}

// TestRollingUpgrade: under 100 calls, each by way of both switches, one switch after the other is told to end, and started again. No call is dropped: a switch
// waits for its own and ends with the last one. Meanwhile new calls and registrations are the other one's.
func TestRollingUpgrade(t *testing.T) {
	r := newRig(t, time.Minute)
	one, two := r.many(r.a, "2001"), r.many(r.b, "2002")
	try := func(from *ua.Phone, to string) func() bool {
		return func() bool {
			c, err := r.ring(from, to)
			if err == nil {
				r.end([]*ua.Call{c})
			}
			if err == nil || !strings.Contains(err.Error(), "503") { // who was refused so has no record
				r.placed++
			}
			return err == nil
		}
	}
	must(t, peer.Until(10*time.Second, try(one, "2002")))
	must(t, peer.Until(10*time.Second, try(two, "2001")))
	all := slices.Concat(r.fill(50, one, "2002"), r.fill(50, two, "2001")) // who talks by way of a has the next call there too

	over := r.drains(r.a)
	if err := one.Register(t.Context(), time.Hour); !errors.Is(err, ua.ErrRefused) {
		t.Errorf("a registration at a switch that ends: %v", err)
	}
	elsewhere := r.many(r.b, "2001") // as a telephone does that knows both
	if !try(elsewhere, "2002")() {
		t.Error("a new call does not flow at the other switch")
	}
	must(t, elsewhere.Register(t.Context(), 0))
	var refused error
	must(t, peer.Until(10*time.Second, func() bool { // it says so to the other one first
		var c *ua.Call
		if c, refused = r.ring(one, "2002"); refused == nil {
			r.placed++
			r.end([]*ua.Call{c})
		}
		return refused != nil
	}))
	if !strings.Contains(refused.Error(), "503") {
		t.Errorf("a new call at a switch that ends: %v", refused)
	}
	r.end(all)
	over()
	must(t, r.a.Run(t.Context()))
	r.seen(r.a, "b", true, 0)

	must(t, peer.Until(10*time.Second, try(two, "2001")))
	all = r.fill(20, two, "2001")
	over = r.drains(r.b)
	must(t, one.Register(t.Context(), time.Hour))
	r.end(all)
	over()
	must(t, peer.Until(5*time.Second, func() bool { return one.Live() == 0 && two.Live() == 0 }))
	r.counted()
}
