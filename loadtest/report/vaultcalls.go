package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"naisen/loadtest/bulk"
	"naisen/loadtest/callgen/process"
	"naisen/loadtest/callgen/traffic"
	"naisen/loadtest/callgen/ua"
	"naisen/media"
)

// Calls of the measurement: so many begin, and end, in a second; each talks so long. A caller makes one in eight seconds and so has one at a time: the
// recording of each is known by its caller and its time.
const (
	vaultRate    = 50
	vaultCallers = 8 * vaultRate
	vaultTalk    = 4 * time.Second
	vaultLook    = 250 * time.Millisecond // between two searches: no time is known better
	vaultPatient = 2 * time.Minute
)

// hungUp is a call, and when its recording was found: at all, as one that is over, and as one that can be played.
type hungUp struct {
	caller                    string
	dialled, answered         time.Time
	ended                     time.Time // zero: it goes on
	id                        string    // of its recording
	found, foundOver, foundIn time.Time
}

// hangUps are the calls of one run.
type hangUps struct {
	s       *site
	g       *traffic.Generator
	callee  *ua.Phone
	callers []*ua.Phone
	names   []string

	mu    sync.Mutex
	calls []*hungUp // in the order of their answers
	rest  int       // of those from which on there may be some that are not found as playable
}

// measureHangUps lets recorded calls end at 50 a second, on all processors of the machine, and looks for their recordings by the API.
func measureHangUps(ctx context.Context, l *lab, t *table) error {
	for range l.runs {
		s, err := l.startFree(ctx)
		if err != nil {
			return err
		}
		h := &hangUps{s: s}
		err = h.open(ctx)
		if err == nil {
			err = h.run(ctx, t)
		}
		h.close()
		s.stop()
		if err != nil {
			return err
		}
	}
	return nil
}

// open makes telephones; all calls of the callers are recorded.
func (h *hangUps) open(ctx context.Context) (err error) {
	s := h.s
	if err := s.RecordUntold(ctx, "all"); err != nil {
		return err
	}
	if h.g, err = traffic.NewGenerator(time.Now); err != nil {
		return err
	}
	if h.callee, err = h.phone(s.account("2002"), h.answer); err != nil {
		return err
	}
	if err := h.callee.Register(ctx, time.Hour); err != nil {
		return err
	}
	for i := range vaultCallers {
		number := fmt.Sprint(5000 + i)
		answer, err := s.put(ctx, "extensions/"+number, map[string]any{"display": "load " + number, "media": "srtp-preferred", "record": "all"})
		if err != nil {
			return err
		}
		var made struct{ Secret string }
		if err := json.Unmarshal(answer, &made); err != nil || made.Secret == "" {
			return errors.Join(fmt.Errorf("report: no password for %s", number), err)
		}
		p, err := h.phone(bulk.Account{User: number, Password: made.Secret}, nil)
		if err != nil {
			return err
		}
		h.callers, h.names = append(h.callers, p), append(h.names, number)
	}
	return nil
}

func (h *hangUps) phone(a bulk.Account, incoming func() ua.Answerer) (*ua.Phone, error) {
	return ua.New(ua.Config{Local: loopback, Switch: h.s.udp(), Transport: "udp", Domain: h.s.Domain, User: a.User, Password: a.Password, Incoming: incoming})
}

func (h *hangUps) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var closing sync.WaitGroup
	for _, p := range append(h.callers, h.callee) {
		if p != nil {
			closing.Go(func() { _ = p.Close(ctx) })
		}
	}
	closing.Wait()
	if h.g != nil {
		h.g.Close()
	}
}

// leg opens one end's media.
func (h *hangUps) leg() (*traffic.Leg, error) {
	return traffic.NewLeg(netip.AddrFrom4([4]byte{127, 0, 0, 1}), traffic.Plain)
}

// answer takes a call for the callee, who says nothing any more when it is over.
func (h *hangUps) answer() ua.Answerer {
	l, err := h.leg()
	if err != nil {
		return nil
	}
	added := false
	return func(offer []byte) ([]byte, error) {
		answer, err := l.Answer(media.SDP(offer))
		if err == nil && !added {
			added = true
			time.AfterFunc(vaultTalk, func() { h.g.Drop(l) })
			err = h.g.Add(l)
		}
		return answer, err
	}
}

// call is one call of the i-th caller in turn, from the INVITE to the hang-up.
func (h *hangUps) call(ctx context.Context, i int) (setup, total time.Duration, err error) {
	i %= len(h.callers)
	l, err := h.leg()
	if err != nil {
		return 0, 0, err
	}
	offer, err := l.Offer()
	if err != nil {
		l.Close()
		return 0, 0, err
	}
	c := &hungUp{caller: h.names[i], dialled: time.Now()}
	dialling, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	call, err := h.callers[i].Call(dialling, "2002", offer, func([]byte) {}, func(offer []byte) ([]byte, error) { return l.Answer(media.SDP(offer)) })
	if err == nil {
		err = errors.Join(l.Accept(call.Answer), h.g.Add(l))
	}
	if err != nil {
		l.Close()
		return 0, 0, err
	}
	h.mu.Lock()
	c.answered = time.Now()
	h.calls = append(h.calls, c)
	h.mu.Unlock()
	err = pause(ctx, vaultTalk)
	h.mu.Lock()
	c.ended = time.Now()
	h.mu.Unlock()
	call.Hangup()
	h.g.Drop(l)
	return call.Setup, 0, err
}

// run is the calls, and the search for their recordings beside them.
func (h *hangUps) run(ctx context.Context, t *table) error {
	talking, quiet := context.WithCancel(ctx)
	var others sync.WaitGroup
	defer others.Wait()
	defer quiet()
	others.Go(func() { _ = h.g.Run(talking, time.Hour, false) })
	u1, k1, err := process.CPU(h.s.PID())
	if err != nil {
		return err
	}
	n := vaultRate * scale(h.s.lab, 40, 6)
	made := make(chan bulk.Result, 1)
	others.Go(func() { made <- bulk.Paced(talking, n, vaultRate, h.call) })
	var r bulk.Result
	busy, late := 0.0, time.Time{}
	for {
		select {
		case r = <-made:
			u2, k2, err := process.CPU(h.s.PID())
			if err != nil {
				return err
			}
			busy, late = float64(u2-u1+k2-k1)/float64(r.Took), time.Now().Add(vaultPatient)
		default:
		}
		if err := errors.Join(h.look(ctx), pause(ctx, vaultLook)); err != nil {
			return err
		}
		if !late.IsZero() && (h.allIn() || time.Now().After(late)) {
			break
		}
	}
	return h.tell(ctx, t, n, r, busy)
}

// found is what the API says of a recording.
type found struct {
	ID, State string
	Started   time.Time
	Ended     *time.Time
	Parties   []struct{ Number string }
}

// look searches, as somebody does who may: everything from the oldest call on that is not known to be playable.
func (h *hangUps) look(ctx context.Context) error {
	if err := h.s.StaySignedIn(ctx); err != nil {
		return err
	}
	h.mu.Lock()
	for h.rest < len(h.calls) && !h.calls[h.rest].foundIn.IsZero() {
		h.rest++
	}
	from := time.Now()
	if h.rest < len(h.calls) {
		from = h.calls[h.rest].dialled
	}
	h.mu.Unlock()
	first := "recordings?limit=200&from=" + from.Add(-2*time.Second).UTC().Format(time.RFC3339)
	for path := first; ; {
		status, answer, err := h.s.Do(ctx, http.MethodGet, path, nil)
		at := time.Now()
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("report: search: %d %s", status, answer)
		}
		var page struct {
			Recordings []found
			Next       string
		}
		if err == nil {
			err = json.Unmarshal(answer, &page)
		}
		if err != nil {
			return err
		}
		for _, f := range page.Recordings {
			h.note(f, at)
		}
		if page.Next == "" {
			return nil
		}
		path = first + "&cursor=" + page.Next
	}
}

// note says of a call that its recording was found.
func (h *hangUps) note(f found, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.calls[h.rest:] {
		if c.id != f.ID && (c.id != "" || !c.is(f)) {
			continue
		}
		c.id = f.ID
		for _, m := range []struct {
			moment *time.Time
			true   bool
		}{{&c.found, true}, {&c.foundOver, f.Ended != nil}, {&c.foundIn, f.State == "stored"}} {
			if m.true && m.moment.IsZero() {
				*m.moment = at
			}
		}
		return
	}
}

// is says that a recording is of the call.
func (c *hungUp) is(f found) bool {
	if f.Started.Before(c.dialled.Add(-5*time.Millisecond)) || f.Started.After(c.answered.Add(300*time.Millisecond)) {
		return false
	}
	for _, p := range f.Parties {
		if p.Number == c.caller {
			return true
		}
	}
	return false
}

// allIn: each recording can be played.
func (h *hangUps) allIn() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.calls[h.rest:] {
		if c.foundIn.IsZero() {
			return false
		}
	}
	return true
}

// tell adds the figures of a run.
func (h *hangUps) tell(ctx context.Context, t *table, n int, r bulk.Result, busy float64) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	const never = vaultPatient
	for _, k := range []struct {
		name, target string
		moment       func(*hungUp) time.Time
	}{
		{"found", "≤ 5,000", func(c *hungUp) time.Time { return c.found }},
		{"found as one that is over", "≤ 5,000", func(c *hungUp) time.Time { return c.foundOver }},
		{"found as one that can be played", "", func(c *hungUp) time.Time { return c.foundIn }},
	} {
		var times []time.Duration
		lost := 0
		for _, c := range h.calls {
			if k.moment(c).IsZero() {
				times, lost = append(times, never), lost+1
				continue
			}
			times = append(times, max(k.moment(c).Sub(c.ended), 0))
		}
		t.add("hang-ups: "+k.name+", p50", "ms", "", milliseconds(times, 0.5))
		t.add("hang-ups: "+k.name+", p99", "ms", k.target, milliseconds(times, 0.99)).note = fmt.Sprintf("%d calls, %d not within %v", len(times), lost, never)
		t.add("hang-ups: "+k.name+", the last one", "ms", k.target, milliseconds(times, 1))
	}
	dropped, err := h.s.Metric(ctx, "naisen_recorder_frames_dropped_total")
	t.add("hang-ups: calls that failed", "", "0", float64(r.Failed)).note = errText(r.First)
	t.add("hang-ups: packets of recorded calls that were dropped", "", "0", dropped)
	t.add("hang-ups: processors that the switch had", "", "", busy).note = fmt.Sprintf("%d calls in %v, media included", n, r.Took.Round(time.Second))
	return err
}
