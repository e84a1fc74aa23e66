package rest

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/live"
	"naisen/provisioning/policy"
)

// fakeLive has one call of alice's, one of nobody's, and one in the other domain.
type fakeLive struct{ over atomic.Bool }

func (f *fakeLive) List(domain string) []live.State {
	if domain != here {
		return []live.State{{Key: "c9", Value: "theirs"}}
	}
	a, _ := f.Get(domain, "c1")
	b, _ := f.Get(domain, "c2")
	return []live.State{a, b}
}

func (f *fakeLive) Get(_, key string) (live.State, bool) {
	s := live.State{Key: key, Value: map[string]string{"id": key}}
	if key == "c1" {
		s.Owner = "alice"
	}
	return s, !f.over.Load()
}

func newLive(src live.Source) *live.Hub {
	h := live.New()
	h.Add(live.Topic{Name: "call", Action: policy.CallRead, Kind: policy.KindCall, Source: src})
	h.Add(live.Topic{Name: "audit", Action: policy.AuditRead, Kind: policy.KindAudit, Source: src})
	return h
}

// closedLive tells what there is and ends: for tests that read answers to their end.
func closedLive() *live.Hub {
	h := newLive(&fakeLive{})
	h.Close()
	return h
}

// revocable refuses the tokens of whoever was revoked, or takes a role away.
type revocable struct {
	tokens
	revoked, demoted atomic.Bool
}

func (v *revocable) Request(r *http.Request) (provisioning.Subject, error) {
	s, err := v.tokens.Request(r)
	if v.revoked.Load() {
		return provisioning.Subject{}, provisioning.ErrNotFound
	}
	if v.demoted.Load() {
		s.Roles = nil
	}
	return s, err
}

// watcher reads a stream of events.
type watcher struct {
	t    *testing.T
	body *bufio.Reader
}

func watch(t *testing.T, r *rig, token, query string) *watcher {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL+base+"/events"+query, nil)
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := r.client.Do(req)
	must(t, err)
	t.Cleanup(func() { cancel(); resp.Body.Close() })
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	return &watcher{t, bufio.NewReader(resp.Body)}
}

// next gives the next event as "name data"; heartbeats are passed over.
func (w *watcher) next() string {
	w.t.Helper()
	name, data := "", ""
	for {
		line, err := w.body.ReadString('\n')
		must(w.t, err)
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "event: "):
			name = line[7:]
		case strings.HasPrefix(line, "data: "):
			data = line[6:]
		case line == "" && name != "":
			return name + " " + data
		}
	}
}

func (w *watcher) want(events ...string) {
	w.t.Helper()
	for _, want := range events {
		if got := w.next(); got != want {
			w.t.Errorf("event %s, want %s", got, want)
		}
	}
}

func TestLiveEvents(t *testing.T) {
	src, v := &fakeLive{}, &revocable{}
	hub := newLive(src)
	r := newRig(t, func(c *Config) { c.Live, c.Verifier, c.LiveCheck = hub, v, 20*time.Millisecond })
	t.Cleanup(hub.Close)
	w := watch(t, r, "tess+telephony", "?topics=call,audit") // telephony may not see the audit topic
	w.want("all {}", `call {"key":"c1","state":{"id":"c1"}}`, `call {"key":"c2","state":{"id":"c2"}}`)
	other := watch(t, r, "root+admin", "?topics=audit")
	other.want("all {}", `audit {"key":"c1","state":{"id":"c1"}}`, `audit {"key":"c2","state":{"id":"c2"}}`)
	hub.Changed("audit", here, "c1")
	hub.Changed("call", there, "c9")
	src.over.Store(true)
	hub.Changed("call", here, "c2")
	w.want(`call {"key":"c2"}`)
	v.demoted.Store(true) // the role goes while the stream is open
	w.want(`end {"reason":"rights"}`)
	v.demoted.Store(false)
	for _, end := range []string{"token", "shutting down"} {
		w := watch(t, r, admin, "?topics=call")
		w.want("all {}", `call {"key":"c1","state":{"id":"c1"}}`, `call {"key":"c2","state":{"id":"c2"}}`)
		if end == "token" {
			v.revoked.Store(true)
		} else {
			hub.Close()
		}
		w.want(`end {"reason":"` + end + `"}`)
		v.revoked.Store(false)
	}
	if n := hub.Stats().Consumers; n > 2 { // those whose handler has not returned yet
		t.Errorf("%d consumers are left", n)
	}
	if p := r.do(t, admin, "GET", base+"/events", ""); p.status != 503 {
		t.Errorf("after the end: %d", p.status)
	}
}

func TestLiveRefuses(t *testing.T) {
	hub := newLive(&fakeLive{})
	r := newRig(t, func(c *Config) { c.Live = hub })
	t.Cleanup(hub.Close)
	if p := r.do(t, admin, "GET", base+"/events?topics=call,secrets", ""); p.status != 422 || p.location(t) != "query.topics" {
		t.Errorf("%d %s", p.status, p.body)
	}
	for token, status := range map[string]int{"": 401, "alice+staff": 403, "lis+listener": 403, "root@" + there + "+admin": 404} {
		if p := r.do(t, token, "GET", base+"/events", ""); p.status != status {
			t.Errorf("%s: %d, want %d", token, p.status, status)
		}
	}
}
