package rest

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
)

// seen collects what the log line says about a request.
type seen struct {
	id      string
	subject provisioning.Subject
}

type seenKey struct{}

// note puts the subject into the request's log line.
func note(ctx context.Context, s provisioning.Subject) {
	if n, ok := ctx.Value(seenKey{}).(*seen); ok {
		n.subject = s
	}
}

func requestID(ctx context.Context) string {
	if n, ok := ctx.Value(seenKey{}).(*seen); ok {
		return n.id
	}
	return ""
}

// handler is the outermost layer: headers, panic guard, log line, problems for what no route takes.
func (a *api) handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := a.Clock()
		n := &seen{id: rand.Text()[:12]}
		r = r.WithContext(context.WithValue(r.Context(), seenKey{}, n))
		rec := &recorder{ResponseWriter: w}
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Request-Id", n.id)
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		defer func() {
			if p := recover(); p != nil {
				a.panicked(rec, r, p)
			}
			a.logLine(r, rec, n, start)
		}()
		a.route(rec, r)
	})
}

// panicked answers 500 if nothing was sent yet, else breaks the connection so that a cut answer is not taken for a whole one.
func (a *api) panicked(w *recorder, r *http.Request, p any) {
	if p == http.ErrAbortHandler {
		panic(p)
	}
	a.Log.Error("rest: panic", "request", requestID(r.Context()), "panic", p, "stack", string(debug.Stack()))
	if w.status != 0 {
		panic(http.ErrAbortHandler)
	}
	writeProblem(w, r, &huma.ErrorModel{Status: http.StatusInternalServerError})
}

// route gives what matches no pattern a problem instead of the mux's plain text.
func (a *api) route(w *recorder, r *http.Request) {
	h, pattern := a.mux.Handler(r)
	if pattern != "" {
		a.mux.ServeHTTP(w, r) // not h: the mux fills the path values in
		return
	}
	probe := &probe{header: http.Header{}}
	h.ServeHTTP(probe, r)
	if allow := probe.header.Get("Allow"); allow != "" {
		w.Header().Set("Allow", allow)
	}
	if probe.status < 400 {
		probe.status = http.StatusNotFound
	}
	writeProblem(w, r, &huma.ErrorModel{Status: probe.status})
}

// logLine never holds a query, a body or a header. The path is the route's pattern: keys may be people's names or numbers.
func (a *api) logLine(r *http.Request, w *recorder, n *seen, start time.Time) {
	level := slog.LevelInfo
	switch {
	case w.status >= 500:
		level = slog.LevelError
	case r.Method == http.MethodGet && w.status < 400:
		level = slog.LevelDebug
	}
	logged := a.Log.Enabled(r.Context(), level)
	if !logged && a.Served == nil {
		return
	}
	_, pattern := a.mux.Handler(r)
	_, path, ok := strings.Cut(pattern, " ")
	if !ok {
		path = pattern
	}
	if a.Served != nil {
		a.Served(standard(r.Method), path, w.status, start, a.Clock())
	}
	if !logged {
		return
	}
	a.Log.Log(r.Context(), level, "rest: request", "request", n.id, "method", r.Method, "route", path, "status", w.status,
		"bytes", w.bytes, "took", a.Clock().Sub(start), "user", n.subject.User, "domain", n.subject.Domain, "client", n.subject.Client)
}

// standard is a method that is one; any other may be anything that somebody wrote.
func standard(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "_OTHER"
}

// recorder remembers status and size.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *recorder) WriteHeader(code int) {
	if w.status == 0 && code >= 200 {
		w.status = code
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach deadlines and flushing.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// probe takes an answer to be replaced.
type probe struct {
	header http.Header
	status int
}

func (p *probe) Header() http.Header         { return p.header }
func (p *probe) Write(b []byte) (int, error) { return len(b), nil }
func (p *probe) WriteHeader(code int)        { p.status = code }
