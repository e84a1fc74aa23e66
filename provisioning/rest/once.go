package rest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"naisen/provisioning"
)

// onceHeader names a request, so that it is carried out once however often it is sent (draft-ietf-httpapi-idempotency-key-header-07).
const onceHeader = "Idempotency-Key"

// maxOnce bounds a key, and an answer that is remembered, in bytes: a longer one is told to be unknown when it is asked for again.
const (
	maxOnceKey    = 128
	maxOnceAnswer = 512 << 10
)

// onceParam documents the header with each operation that changes something.
func onceParam() *huma.Param {
	most := maxOnceKey
	return &huma.Param{Name: onceHeader, In: "header", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &most},
		Description: "Chosen by the client for one request: sent again within 24 hours, it is not carried out again but answered as the first time. Another request under the same key is 422; one that is under way, or that nobody knows how it ended, 409"}
}

func changes(method string) bool { return method != http.MethodGet && method != http.MethodHead }

// answer is what is remembered of one.
type answer struct {
	Status int         `json:"status"`
	Header http.Header `json:"header"`
	Body   []byte      `json:"body,omitempty"`
}

// inner is a huma.Context under a name that is not that of one of its methods.
type inner = huma.Context

// tee keeps a copy of an answer while it is given.
type tee struct {
	inner
	status int
	body   bytes.Buffer
}

func (t *tee) Unwrap() huma.Context { return t.inner }

func (t *tee) SetStatus(code int) {
	t.status = code
	t.inner.SetStatus(code)
}

func (t *tee) BodyWriter() io.Writer {
	return io.MultiWriter(t.inner.BodyWriter(), (*bounded)(&t.body))
}

// bounded keeps at most one octet more than may be remembered.
type bounded bytes.Buffer

func (b *bounded) Write(p []byte) (int, error) {
	buffer := (*bytes.Buffer)(b)
	buffer.Write(p[:min(len(p), maxOnceAnswer+1-buffer.Len())])
	return len(p), nil
}

// once carries an operation out, or answers as it was answered before.
func (a *api) once(ctx huma.Context, s provisioning.Subject, next func(huma.Context)) {
	r, _ := humago.Unwrap(ctx)
	if a.Repeats == nil || !changes(r.Method) || len(r.Header.Values(onceHeader)) == 0 {
		next(ctx)
		return
	}
	key, ok := onceKey(r.Header.Values(onceHeader))
	if !ok {
		a.answer(ctx, invalidAt(http.StatusBadRequest, "header."+onceHeader, "must be 1 to 128 printable ASCII characters, given once"))
		return
	}
	request, err := requestSum(ctx, r)
	if err != nil {
		a.answer(ctx, invalidAt(http.StatusRequestTimeout, "body", "did not come in time"))
		return
	}
	by := s.User + "@" + s.Domain + "/" + s.Client
	before, err := a.Repeats.BeginRepeat(ctx.Context(), by, key, request)
	switch {
	case errors.Is(err, provisioning.ErrRepeatsFull):
		a.answer(ctx, huma.NewError(http.StatusTooManyRequests, "too many requests with keys of their own in a day"))
	case err != nil:
		a.answer(ctx, a.problem(ctx.Context(), err))
	case before == nil:
		a.firstTime(ctx, by, key, next)
	case before.Request != request:
		a.answer(ctx, invalidAt(http.StatusUnprocessableEntity, "header."+onceHeader, "was given with another request"))
	default:
		a.again(ctx, before.Answer)
	}
}

// onceKey reads the header: a string of RFC 9651, or the characters alone.
func onceKey(values []string) (string, bool) {
	key := strings.TrimSpace(values[0])
	if inside, ok := strings.CutPrefix(key, `"`); ok {
		key, ok = strings.CutSuffix(inside, `"`)
		if !ok || strings.ContainsAny(key, `"\`) {
			return "", false
		}
	}
	printable := !strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' })
	return key, len(values) == 1 && key != "" && len(key) <= maxOnceKey && printable
}

// requestSum is a hash of what is asked. The body is read for it, and can be read again.
func requestSum(ctx huma.Context, r *http.Request) (string, error) {
	op := ctx.Operation()
	if op.BodyReadTimeout > 0 {
		_ = ctx.SetReadDeadline(time.Now().Add(op.BodyReadTimeout)) // where there is none, the operation itself bounds it
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, op.MaxBodyBytes+1)) // one too many: the operation refuses it
	if err != nil {
		return "", err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	h := sha256.New()
	for _, part := range []string{r.Method, r.URL.RequestURI(), r.Header.Get("Content-Type"), r.Header.Get("If-Match"), r.Header.Get("If-None-Match")} {
		io.WriteString(h, part+"\x00")
	}
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil)), nil
}

// firstTime remembers what was done. A refusal is not remembered: nothing was done, and it may be granted later. Whatever ends otherwise stays as begun, since
// nobody knows what of it was done.
func (a *api) firstTime(ctx huma.Context, by, key string, next func(huma.Context)) {
	t := &tee{inner: ctx}
	next(t)
	_, w := humago.Unwrap(ctx)
	keep := context.WithoutCancel(ctx.Context()) // also for who hung up: who else would ask again
	var err error
	switch {
	case t.status >= 400 && t.status < 500, t.status == http.StatusServiceUnavailable:
		err = a.Repeats.ForgetRepeat(keep, by, key)
	case t.status > 0 && t.status < 400 && t.body.Len() <= maxOnceAnswer:
		kept := answer{Status: t.status, Header: http.Header{}, Body: t.body.Bytes()}
		for _, name := range []string{"Content-Type", "Content-Language", "Etag", "Link", "Location"} {
			if v := w.Header().Values(name); len(v) > 0 {
				kept.Header[name] = v
			}
		}
		var text []byte
		if text, err = json.Marshal(kept); err == nil {
			err = a.Repeats.EndRepeat(keep, by, key, text)
		}
	}
	if err != nil { // asked again it is 409: that is safe
		a.Log.ErrorContext(keep, "rest: what came of a request with a key", "request", requestID(keep), "err", err)
	}
}

// again answers as the first time.
func (a *api) again(ctx huma.Context, text []byte) {
	var before answer
	if len(text) == 0 || json.Unmarshal(text, &before) != nil {
		a.answer(ctx, huma.NewError(http.StatusConflict, "it was asked for already, and is under way or nobody knows how it ended: look before it is asked for anew"))
		return
	}
	for name, values := range before.Header {
		for _, v := range values {
			ctx.AppendHeader(name, v)
		}
	}
	ctx.SetHeader("Idempotency-Replayed", "true")
	ctx.SetStatus(before.Status)
	_, _ = ctx.BodyWriter().Write(before.Body) // who hung up asks again
}
