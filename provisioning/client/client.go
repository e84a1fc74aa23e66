// Package client is the Go client of the REST API: one method for each operation, generated from the OpenAPI document, and what all of them share. It owns no rule
// and keeps nothing; it imports nothing of the switch, so that other programs can use it.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

//go:generate go test ../rest -run TestClientIsCurrent -write

// maxAnswer bounds an answer that is JSON, in bytes.
const maxAnswer = 64 << 20

// Client asks one switch. It may be used by several goroutines at once.
type Client struct {
	// URL of the switch, without a path: https://pbx.example.jp.
	URL string
	// Token gives the access token of each request.
	Token func(context.Context) (string, error)
	// HTTP is what requests are sent by. nil: http.DefaultClient.
	HTTP *http.Client
	// Patience is how long a request is sent again that was refused for being too early (429, 503 with Retry-After): nothing was done then. 0: it is told at once.
	Patience time.Duration
	// Language of problems and reports, as in Accept-Language. "": the switch's.
	Language string
}

// New asks the switch at url with one token.
func New(url, token string) *Client {
	return &Client{URL: strings.TrimRight(url, "/"), Token: func(context.Context) (string, error) { return token, nil }}
}

// Answer is what an answer says beside its body.
type Answer struct {
	Status int
	ETag   string // give it to IfMatch
	Link   string // with 202: the proposal that waits for others to agree
	Header http.Header
}

// Problem is a refusal (RFC 9457).
type Problem struct {
	Status int      `json:"status"`
	Title  string   `json:"title"`
	Detail string   `json:"detail"`
	Errors []Detail `json:"errors"`
}

// Detail is one thing that is wrong with a request.
type Detail struct {
	Location string `json:"location"` // body.roles[0]
	Message  string `json:"message"`
}

func (p *Problem) Error() string {
	text := strconv.Itoa(p.Status) + " " + p.Title
	if p.Detail != "" {
		text += ": " + p.Detail
	}
	for _, d := range p.Errors {
		text += "; " + d.Location + " " + d.Message
	}
	return text
}

// Option changes a request.
type Option func(*http.Request)

// IfMatch has the request refused (412) unless what is there still has the entity tag.
func IfMatch(etag string) Option { return header("If-Match", etag) }

// OnlyNew has the request refused (412) if there is something already.
func OnlyNew() Option { return header("If-None-Match", "*") }

// Once names the request, so that sent again within a day it is not carried out again.
func Once(key string) Option { return header("Idempotency-Key", `"`+key+`"`) }

func header(name, value string) Option {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// call is one request.
type call struct {
	method, path string
	query        url.Values
	body         any    // marshalled as JSON, unless it is an io.Reader
	kind         string // content type of the body; "": JSON
}

// Call carries an operation out that is known by name only. body is nil, an io.Reader of a content type, or marshalled as JSON. The caller closes what comes back.
func (c *Client) Call(ctx context.Context, method, path string, query url.Values, body any, kind string, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method, path, query, body, kind}, options)
}

// do reads the answer into out, unless that is nil.
func (c *Client) do(ctx context.Context, what call, out any, options []Option) (Answer, error) {
	body, answer, err := c.open(ctx, what, options)
	if err != nil {
		return answer, err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, maxAnswer))
	if err != nil || out == nil || len(text) == 0 {
		return answer, err
	}
	if err := json.Unmarshal(text, out); err != nil {
		return answer, fmt.Errorf("client: answer of %s %s: %w", what.method, what.path, err)
	}
	return answer, nil
}

func (c *Client) open(ctx context.Context, what call, options []Option) (io.ReadCloser, Answer, error) {
	var text []byte
	reader, streamed := what.body.(io.Reader)
	if what.body != nil && !streamed {
		var err error
		if text, err = json.Marshal(what.body); err != nil {
			return nil, Answer{}, err
		}
	}
	for began := time.Now(); ; {
		if !streamed && what.body != nil {
			reader = bytes.NewReader(text)
		}
		resp, err := c.send(ctx, what, reader, options)
		if err != nil {
			return nil, Answer{}, err
		}
		answer := Answer{Status: resp.StatusCode, ETag: resp.Header.Get("ETag"), Link: resp.Header.Get("Link"), Header: resp.Header}
		if resp.StatusCode < 400 {
			return resp.Body, answer, nil
		}
		problem := problemOf(resp)
		wait, tell := early(resp)
		if !tell || streamed || time.Since(began)+wait > c.Patience {
			return nil, answer, problem
		}
		select {
		case <-ctx.Done():
			return nil, answer, errors.Join(problem, ctx.Err())
		case <-time.After(wait):
		}
	}
}

// early says how long to wait with the same request.
func early(resp *http.Response) (time.Duration, bool) {
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	refused := resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable
	return time.Duration(max(seconds, 1)) * time.Second, err == nil && refused
}

func (c *Client) send(ctx context.Context, what call, body io.Reader, options []Option) (*http.Response, error) {
	at := c.URL + what.path
	if len(what.query) > 0 {
		at += "?" + what.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, what.method, at, body)
	if err != nil {
		return nil, err
	}
	token, err := c.Token(ctx)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if c.Language != "" {
		req.Header.Set("Accept-Language", c.Language)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
		if what.kind != "" {
			req.Header.Set("Content-Type", what.kind)
		}
	}
	for _, o := range options {
		o(req)
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	return client.Do(req)
}

// problemOf reads a refusal; what is none says its status.
func problemOf(resp *http.Response) error {
	defer resp.Body.Close()
	p := &Problem{Status: resp.StatusCode, Title: http.StatusText(resp.StatusCode)}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") {
		_ = json.Unmarshal(text, p) // then it says its status
	}
	return p
}

// path fills a template such as /v1/domains/{domain}: each {name} in order.
func path(template string, parts ...string) string {
	for _, p := range parts {
		from, to := strings.IndexByte(template, '{'), strings.IndexByte(template, '}')
		template = template[:from] + url.PathEscape(p) + template[to+1:]
	}
	return template
}

// query collects what is not zero.
type query url.Values

func (q query) text(name, v string) query {
	if v != "" {
		q[name] = []string{v}
	}
	return q
}

func (q query) texts(name string, v []string) query {
	if len(v) > 0 {
		q[name] = v
	}
	return q
}

func (q query) number(name string, v int64) query {
	if v != 0 {
		q[name] = []string{strconv.FormatInt(v, 10)}
	}
	return q
}

func (q query) yes(name string, v bool) query {
	if v {
		q[name] = []string{"true"}
	}
	return q
}

func (q query) time(name string, v time.Time) query {
	if !v.IsZero() {
		q[name] = []string{v.Format(time.RFC3339)}
	}
	return q
}
