package rest

import (
	"bufio"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// fakeTraces has the call c1 of this domain, with one message.
type fakeTraces struct {
	mu       sync.Mutex
	call     provisioning.CallTrace
	rings    chan struct{}
	follow   int
	followed chan struct{} // who follows goes
}

func newFakeTraces() *fakeTraces {
	return &fakeTraces{rings: make(chan struct{}, 1), followed: make(chan struct{}, 9), call: provisioning.CallTrace{ID: "c1", Over: true, Legs: []provisioning.TraceLeg{{CallID: "x", Inbound: true}},
		Messages: []provisioning.TraceMessage{{N: 1, Label: "INVITE", Text: "INVITE"}}}}
}

func (f *fakeTraces) Trace(domain, id string, after int64) (provisioning.CallTrace, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if domain != here || id != "c1" {
		return provisioning.CallTrace{}, provisioning.ErrNotFound
	}
	c := f.call
	c.Messages = slices.DeleteFunc(slices.Clone(c.Messages), func(m provisioning.TraceMessage) bool { return m.N <= after })
	return c, nil
}

func (f *fakeTraces) Follow(domain, id string) (<-chan struct{}, func(), error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case domain != here || id != "c1":
		return nil, nil, provisioning.ErrNotFound
	case f.follow > 0:
		return nil, nil, provisioning.ErrInUse
	}
	f.follow++
	return f.rings, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.follow--
		f.followed <- struct{}{}
	}, nil
}

// say adds a message.
func (f *fakeTraces) say(label string, over bool) {
	f.mu.Lock()
	f.call.Messages = append(f.call.Messages, provisioning.TraceMessage{N: int64(len(f.call.Messages) + 1), Label: label})
	f.call.Over = over
	f.mu.Unlock()
	f.rings <- struct{}{}
}

// TestTraceOfACall: those who care for telephones see the messages of a call, each look is written down, and another domain's call is not there.
func TestTraceOfACall(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		who, path string
		status    int
		says      string
	}{
		{"tel+telephony", "/traces/c1", 200, `"label":"INVITE"`},
		{"tel+telephony", "/traces/c1?after=1", 200, `"messages":[]`},
		{"tel+telephony", "/traces/c1?after=-1", 422, "query.after"},
		{"tel+telephony", "/traces/c7", 404, ""},
		{"tel+telephony", "/traces/c7/events", 404, ""},
		{"tel+telephony", "/traces/c1/events", 200, "event: trace\ndata: {\"id\":\"c1\""},
		{"alice+staff", "/traces/c1", 403, ""}, // also of one's own: it shows the other side's addresses
		{"aud+auditor", "/traces/c1/events", 403, ""},
	} {
		if p := r.do(t, c.who, "GET", base+c.path, ""); p.status != c.status || !strings.Contains(p.body, c.says) {
			t.Errorf("%s %s: %d %s, want %d with %s", c.who, c.path, p.status, p.body, c.status, c.says)
		}
	}
	var got []string
	must(t, r.store.View(t.Context(), func(rd provisioning.Reader) error {
		page, err := rd.Audit(here, provisioning.AuditQuery{Action: string(policy.CallTrace)})
		for _, e := range page {
			got = append(got, e.Subject+" "+e.Object+" "+e.Outcome)
		}
		return err
	}))
	want := []string{"call/c1 allowed", "call/c1 ok", "call/c1 allowed", "call/c1 ok", "call/c7 allowed", "call/c7 failed", "call/c7 allowed", "call/c7 failed", "call/c1 allowed", "call/c1 ok"}
	for i := range want {
		want[i] = "tel@" + here + " " + want[i]
	}
	got = slices.DeleteFunc(got, func(s string) bool { return strings.HasSuffix(s, "denied") })
	if !slices.Equal(got, want) {
		t.Errorf("audit %q, want %q", got, want)
	}
}

// TestFollowTrace: what comes is told as it comes, until the call is over or the follower's rights are gone; then nobody follows any more.
func TestFollowTrace(t *testing.T) {
	f, v := newFakeTraces(), &revocable{}
	f.call.Over = false
	r := newRig(t, func(c *Config) { c.Traces, c.Verifier, c.LiveCheck = f, v, 20*time.Millisecond })
	follow := func() *watcher {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL+base+"/traces/c1/events", nil)
		must(t, err)
		req.Header.Set("Authorization", "Bearer tel+telephony")
		resp, err := r.client.Do(req)
		must(t, err)
		t.Cleanup(func() { resp.Body.Close() })
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
			t.Fatalf("%d %v", resp.StatusCode, resp.Header)
		}
		return &watcher{t, bufio.NewReader(resp.Body)}
	}
	says := func(w *watcher, parts ...string) {
		t.Helper()
		got := w.next()
		for _, p := range parts {
			if !strings.Contains(got, p) {
				t.Errorf("%s, want %s", got, p)
			}
		}
	}
	w := follow()
	says(w, "trace ", `"label":"INVITE"`, `"over":false`)
	if p := r.do(t, "tel+telephony", "GET", base+"/traces/c1/events", ""); p.status != 409 {
		t.Errorf("too many: %d %s", p.status, p.body)
	}
	f.say("180 Ringing", false)
	says(w, `"messages":[{"n":2,`, `"label":"180 Ringing"`)
	f.say("BYE", true)
	says(w, `"messages":[{"n":3,`, `"over":true`)
	w.want(`end {"reason":"over"}`)
	<-f.followed
	f.say("INVITE", false)
	w = follow()
	says(w, `"n":1`, `"n":4`)
	v.demoted.Store(true)
	w.want(`end {"reason":"rights"}`)
	<-f.followed
}
