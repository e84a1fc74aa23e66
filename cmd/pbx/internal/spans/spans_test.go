package spans

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// gathering is a collector: it answers as told and keeps what it got.
type gathering struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	spans  []*otlp.Span
	names  []string // of resources
	got    chan int // spans of a delivery
}

func newGathering(t *testing.T) *gathering {
	t.Helper()
	g := &gathering{status: http.StatusOK, got: make(chan int, 100)}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		body, err := io.ReadAll(in)
		var message collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &message)
		}
		if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Authorization") != "Bearer t0ken" {
			t.Errorf("%v: %s %q", err, r.URL, r.Header.Get("Authorization"))
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		n := 0
		for _, of := range message.ResourceSpans {
			for _, a := range of.Resource.Attributes {
				g.names = append(g.names, a.Key+"="+a.Value.GetStringValue())
			}
			for _, scope := range of.ScopeSpans {
				n += len(scope.Spans)
				g.spans = append(g.spans, scope.Spans...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
		w.WriteHeader(g.status)
		g.got <- n
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *gathering) sender(t *testing.T) *Sender {
	t.Helper()
	s, err := New(t.Context(), Config{URL: g.URL, Token: "t0ken", Node: "one", Wait: time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func shut(t *testing.T, s *Sender) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
}

var (
	began = time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	call  = Call{ID: "c1", Domain: "a.example", Direction: "inbound", Trunk: "carrier", Started: began, Answered: began.Add(time.Second), Ended: began.Add(time.Minute), Status: 200, Q850: 16, EndedBy: "caller", Recorded: true, Legs: 2}
)

// drawn is a span as text.
func drawn(s *otlp.Span) string {
	var words []string
	for _, a := range s.Attributes {
		words = append(words, fmt.Sprintf("%s=%v%v%v", a.Key, a.Value.GetStringValue(), a.Value.GetIntValue(), a.Value.GetBoolValue()))
	}
	slices.Sort(words)
	for _, e := range s.Events {
		words = append(words, fmt.Sprintf("%s@%v", e.Name, time.Unix(0, int64(e.TimeUnixNano)).Sub(began)))
	}
	return fmt.Sprintf("%s %v-%v %d %s", s.Name, time.Unix(0, int64(s.StartTimeUnixNano)).Sub(began), time.Unix(0, int64(s.EndTimeUnixNano)).Sub(began), s.GetStatus().GetCode(), strings.Join(words, " "))
}

// A call, and what becomes of its recording, are one trace; a request is one of its own. All that is said is here: no number, no name, no address.
func TestSpans(t *testing.T) {
	g := newGathering(t)
	s := g.sender(t)
	s.Call(call)
	s.Recording("upload", "c1", "r1", "a.example", 1000, true, began.Add(time.Minute), began.Add(2*time.Minute))
	s.Request("GET", "/v1/domains/{domain}/extensions/{key}", 503, began, began.Add(time.Millisecond))
	failed := call
	failed.ID, failed.Answered, failed.Status = "c2", time.Time{}, 503
	s.Call(failed)
	shut(t, s)
	g.mu.Lock()
	defer g.mu.Unlock()
	slices.SortFunc(g.spans, func(a, b *otlp.Span) int { return strings.Compare(drawn(a), drawn(b)) })
	want := []string{
		"GET /v1/domains/{domain}/extensions/{key} 0s-1ms 2 http.request.method=GET0false http.response.status_code=503false http.route=/v1/domains/{domain}/extensions/{key}0false",
		"call 0s-1m0s 0 naisen.call=c10false naisen.direction=inbound0false naisen.domain=a.example0false naisen.emergency=0false naisen.ended_by=caller0false naisen.legs=2false naisen.recorded=0true naisen.transfers=0false naisen.trunk=carrier0false q850.cause=16false sip.status=200false answered@1s",
		"call 0s-1m0s 2 naisen.call=c20false naisen.direction=inbound0false naisen.domain=a.example0false naisen.emergency=0false naisen.ended_by=caller0false naisen.legs=2false naisen.recorded=0true naisen.transfers=0false naisen.trunk=carrier0false q850.cause=16false sip.status=503false",
		"recording upload 1m0s-2m0s 2 naisen.bytes=1000false naisen.call=c10false naisen.domain=a.example0false naisen.recording=r10false",
	}
	var got []string
	for _, x := range g.spans {
		got = append(got, drawn(x))
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	of, up := g.spans[1], g.spans[3]
	if string(up.TraceId) != string(of.TraceId) || string(up.ParentSpanId) != string(of.SpanId) || string(g.spans[2].TraceId) == string(of.TraceId) || len(of.ParentSpanId) != 0 {
		t.Error("the upload is not a part of its call")
	}
	if !slices.Contains(g.names, "service.name=naisen") || !slices.Contains(g.names, "service.instance.id=one") {
		t.Errorf("%q", g.names)
	}
	if got := s.Stats(); got != (Stats{Sent: 4}) {
		t.Errorf("%+v", got)
	}
}

// A collector that refuses, or that is away, costs nobody anything: what it does not take is counted, and it is told again when it is there.
func TestCollectorAway(t *testing.T) {
	g := newGathering(t)
	g.status = http.StatusInternalServerError
	s := g.sender(t)
	s.Call(call)
	<-g.got
	g.mu.Lock()
	g.status = http.StatusOK
	g.mu.Unlock()
	s.Call(call)
	<-g.got
	g.CloseClientConnections()
	g.Close()
	s.Call(call)
	shut(t, s)
	if got := s.Stats(); got != (Stats{Sent: 1, Failed: 2}) {
		t.Errorf("%+v", got)
	}
	for range waiting + 3 { // nobody takes them: who tells does not wait
		s.queue.OnEnd(nil)
	}
	if got := s.Stats().Dropped; got != 3 {
		t.Errorf("%d dropped", got)
	}
}

// Who hangs is given up at the end.
func TestCollectorHangs(t *testing.T) {
	let := make(chan struct{})
	asked := make(chan struct{}, 9)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked <- struct{}{}; <-let }))
	defer server.Close()
	defer close(let)
	s, err := New(t.Context(), Config{URL: server.URL, Wait: time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s.Call(call)
	<-asked
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = s.Close(ctx)
	if got := s.Stats(); got.Failed != 1 {
		t.Errorf("%+v", got)
	}
}

// Off costs nothing.
func TestNobodyIsTold(t *testing.T) {
	var s *Sender
	if n := testing.AllocsPerRun(100, func() {
		s.Call(call)
		s.Request("GET", "/v1", 200, began, began)
		s.Recording("render", "c1", "r1", "a.example", 1, false, began, began)
		_ = s.Stats()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
