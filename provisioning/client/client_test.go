package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// stub answers each request with the next of its answers and keeps what it was asked.
type stub struct {
	*httptest.Server
	asked   []*http.Request
	bodies  []string
	answers []func(http.ResponseWriter)
}

func newStub(t *testing.T, answers ...func(http.ResponseWriter)) (*stub, *Client) {
	s := &stub{answers: answers}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.asked, s.bodies = append(s.asked, r), append(s.bodies, string(body))
		s.answers[len(s.asked)-1](w)
	}))
	t.Cleanup(s.Close)
	return s, New(s.URL+"/", "t0ken")
}

func says(status int, kind, body string, headers ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", kind)
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// TestRequest: path, query, headers and body as the API takes them, and what comes back.
func TestRequest(t *testing.T) {
	s, c := newStub(t, says(201, "application/json", `{"number":"2001","secret":"x"}`, `ETag: "7"`), says(200, "application/json", `{"items":[{"number":"2001"}],"next":"2001"}`), says(204, "", ""))
	c.Language = "ja"
	out, at, err := c.PutExtension(t.Context(), "a.example", "20/01", PutExtensionQuery{Reason: "新しい席"}, Extension{Display: "窓口"}, IfMatch(`"6"`), Once("k"))
	if err != nil || out.Secret != "x" || at.ETag != `"7"` || at.Status != 201 {
		t.Fatalf("%+v %+v %v", out, at, err)
	}
	r := s.asked[0]
	if r.Method != "PUT" || r.URL.EscapedPath() != "/v1/domains/a.example/extensions/20%2F01" || r.URL.Query().Get("reason") != "新しい席" || s.bodies[0] != `{"display":"窓口"}` {
		t.Errorf("asked %s %s with %s", r.Method, r.URL, s.bodies[0])
	}
	for name, want := range map[string]string{"Authorization": "Bearer t0ken", "If-Match": `"6"`, "Idempotency-Key": `"k"`, "Accept-Language": "ja", "Content-Type": "application/json"} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	list, _, err := c.ListExtensions(t.Context(), "a.example", ListExtensionsQuery{Limit: 1, Filter: []string{"display=a", "user~b"}})
	if err != nil || len(list.Items) != 1 || list.Next != "2001" || s.asked[1].URL.RawQuery != "filter=display%3Da&filter=user~b&limit=1" {
		t.Errorf("%+v %v, asked %s", list, err, s.asked[1].URL.RawQuery)
	}
	if _, err := c.DeleteExtension(t.Context(), "a.example", "2001", DeleteExtensionQuery{}); err != nil {
		t.Error(err)
	}
}

// TestProblem: a refusal is a Problem, whatever its form.
func TestProblem(t *testing.T) {
	_, c := newStub(t, says(422, "application/problem+json", `{"title":"Unprocessable Entity","status":422,"errors":[{"location":"body.user","message":"is nobody"}]}`), says(502, "text/html", "<h1>"))
	var p *Problem
	if _, _, err := c.GetExtension(t.Context(), "a", "1"); !errors.As(err, &p) || p.Status != 422 || p.Error() != "422 Unprocessable Entity; body.user is nobody" {
		t.Errorf("%v", err)
	}
	if _, _, err := c.GetExtension(t.Context(), "a", "1"); !errors.As(err, &p) || p.Error() != "502 Bad Gateway" {
		t.Errorf("%v", err)
	}
}

// TestPatience: what was refused for being too early is asked again, and nothing else.
func TestPatience(t *testing.T) {
	wait := says(429, "application/problem+json", `{"status":429}`, "Retry-After: 0")
	s, c := newStub(t, wait, says(204, "", ""), wait, says(503, "text/plain", ""))
	c.Patience = 5 * time.Second
	if _, err := c.DeleteExtension(t.Context(), "a", "1", DeleteExtensionQuery{}); err != nil || len(s.asked) != 2 {
		t.Errorf("%v after %d requests", err, len(s.asked))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.DeleteExtension(ctx, "a", "1", DeleteExtensionQuery{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	c.Patience = 0
	if _, err := c.DeleteExtension(t.Context(), "a", "1", DeleteExtensionQuery{}); err == nil || len(s.asked) != 3 {
		t.Errorf("%v after %d requests", err, len(s.asked))
	}
	c.Patience = time.Minute
	if _, err := c.DeleteExtension(t.Context(), "a", "1", DeleteExtensionQuery{}); err == nil || len(s.asked) != 4 { // it does not say when
		t.Errorf("%v after %d requests", err, len(s.asked))
	}
}

// TestTokenFails: without a token nothing is sent.
func TestTokenFails(t *testing.T) {
	var sent atomic.Bool
	_, c := newStub(t, func(http.ResponseWriter) { sent.Store(true) })
	c.Token = func(context.Context) (string, error) { return "", errors.New("signed out") }
	if _, _, err := c.GetExtension(t.Context(), "a", "1"); err == nil || sent.Load() {
		t.Errorf("%v", err)
	}
}

// TestStream: what is no JSON is the caller's to read.
func TestStream(t *testing.T) {
	_, c := newStub(t, says(200, "text/csv", "number\n2001\n"))
	body, at, err := c.ExportExtensions(t.Context(), "a", ExportExtensionsQuery{Format: "csv"})
	if err != nil || at.Status != 200 {
		t.Fatal(err)
	}
	defer body.Close()
	if text, _ := io.ReadAll(body); string(text) != "number\n2001\n" {
		t.Errorf("%q", text)
	}
}
