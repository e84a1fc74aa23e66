// Package spans owns what an OpenTelemetry collector is told: how long calls, requests and the making of recordings took, and what came of them. No
// number, name or address of anybody is among it. Nobody waits for the collector, and without one nothing costs anything: the nil Sender does nothing.
package spans

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// sending bounds one delivery to the collector.
const sending = 5 * time.Second

// Config of a Sender.
type Config struct {
	URL   string        // of the collector: OTLP over HTTP, spans below /v1/traces
	Token string        // Bearer token; empty: none
	Node  string        // name of this switch; empty: it is the only one
	Wait  time.Duration // how long spans are gathered; 0: 2 s
	Log   *slog.Logger
}

// Sender tells a collector. Nil: nobody.
type Sender struct {
	queue    *queue
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// New starts a Sender. The collector need not be there.
func New(ctx context.Context, c Config) (*Sender, error) {
	client := &http.Client{Timeout: sending, Transport: &http.Transport{MaxResponseHeaderBytes: 64 << 10, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	options := []otlptracehttp.Option{otlptracehttp.WithEndpointURL(c.URL + "/v1/traces"), otlptracehttp.WithHTTPClient(client),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{}), otlptracehttp.WithCompression(otlptracehttp.GzipCompression)}
	if c.Token != "" {
		options = append(options, otlptracehttp.WithHeaders(map[string]string{"Authorization": "Bearer " + c.Token}))
	}
	out, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("spans: %w", err)
	}
	if c.Wait <= 0 {
		c.Wait = 2 * time.Second
	}
	attributes := []attribute.KeyValue{attribute.String("service.name", "naisen")}
	if c.Node != "" {
		attributes = append(attributes, attribute.String("service.instance.id", c.Node))
	}
	s := &Sender{queue: newQueue(out, c.Wait, c.Log)}
	s.provider = sdk.NewTracerProvider(sdk.WithSampler(sdk.AlwaysSample()), sdk.WithIDGenerator(ids{}), sdk.WithSpanProcessor(s.queue),
		sdk.WithResource(resource.NewSchemaless(attributes...)))
	s.tracer = s.provider.Tracer("naisen")
	return s, nil
}

// Close sends what waits, as far as ctx lets it, and returns when nothing runs.
func (s *Sender) Close(ctx context.Context) error {
	err := s.queue.Shutdown(ctx)
	_ = s.provider.Shutdown(ctx) // it has nothing else to end, and would do nothing where ctx is over
	return err
}

// Stats returns what became of spans; the zero value where nobody is told.
func (s *Sender) Stats() Stats {
	if s == nil {
		return Stats{}
	}
	return s.queue.stats()
}

// Call is a call that is over.
type Call struct {
	ID, Domain, Direction, Trunk string
	Started, Answered, Ended     time.Time // Answered zero: never
	Status, Q850                 int
	EndedBy                      string // "caller", "called" or "switch"
	Emergency, Recorded          bool
	Transfers, Legs              int
}

// Call tells of a call, from INVITE to BYE. What else is told of it has the same trace.
func (s *Sender) Call(c Call) {
	if s == nil {
		return
	}
	_, span := s.tracer.Start(context.WithValue(context.Background(), callKey{}, c.ID), "call", trace.WithNewRoot(), trace.WithTimestamp(c.Started), trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("naisen.call", c.ID), attribute.String("naisen.domain", c.Domain), attribute.String("naisen.direction", c.Direction),
			attribute.String("naisen.trunk", c.Trunk), attribute.Int("sip.status", c.Status), attribute.Int("q850.cause", c.Q850), attribute.String("naisen.ended_by", c.EndedBy),
			attribute.Bool("naisen.emergency", c.Emergency), attribute.Bool("naisen.recorded", c.Recorded), attribute.Int("naisen.transfers", c.Transfers), attribute.Int("naisen.legs", c.Legs)))
	if !c.Answered.IsZero() {
		span.AddEvent("answered", trace.WithTimestamp(c.Answered))
	}
	if c.Status >= 500 && c.Answered.IsZero() {
		span.SetStatus(codes.Error, "")
	}
	span.End(trace.WithTimestamp(c.Ended))
}

// Request tells of a REST request. Route is its pattern: what it was about stands in no span.
func (s *Sender) Request(method, route string, status int, began, ended time.Time) {
	if s == nil {
		return
	}
	_, span := s.tracer.Start(context.Background(), method+" "+route, trace.WithNewRoot(), trace.WithTimestamp(began), trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", method), attribute.String("http.route", route), attribute.Int("http.response.status_code", status)))
	if status >= 500 {
		span.SetStatus(codes.Error, "")
	}
	span.End(trace.WithTimestamp(ended))
}

// Recording tells of a stage of a recording, "render" or "upload", as part of its call.
func (s *Sender) Recording(stage, call, recording, domain string, size int64, failed bool, began, ended time.Time) {
	if s == nil {
		return
	}
	trace1, span1 := idsOf(call)
	parent := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace1, SpanID: span1, TraceFlags: trace.FlagsSampled, Remote: true})
	_, span := s.tracer.Start(trace.ContextWithSpanContext(context.Background(), parent), "recording "+stage, trace.WithTimestamp(began),
		trace.WithAttributes(attribute.String("naisen.call", call), attribute.String("naisen.recording", recording), attribute.String("naisen.domain", domain), attribute.Int64("naisen.bytes", size)))
	if failed {
		span.SetStatus(codes.Error, "")
	}
	span.End(trace.WithTimestamp(ended))
}

type callKey struct{}

// ids gives the span of a call IDs that follow from the call's, so that what comes later finds it.
type ids struct{}

// NewIDs implements sdk.IDGenerator.
func (ids) NewIDs(ctx context.Context) (t trace.TraceID, s trace.SpanID) {
	if call, ok := ctx.Value(callKey{}).(string); ok {
		return idsOf(call)
	}
	_, _ = rand.Read(t[:]) // it never fails
	_, _ = rand.Read(s[:])
	return t, s
}

// NewSpanID implements sdk.IDGenerator.
func (ids) NewSpanID(context.Context, trace.TraceID) (s trace.SpanID) {
	_, _ = rand.Read(s[:])
	return s
}

func idsOf(call string) (t trace.TraceID, s trace.SpanID) {
	sum := sha256.Sum256([]byte("naisen call " + call))
	copy(t[:], sum[:])
	copy(s[:], sum[len(t):])
	return t, s
}
