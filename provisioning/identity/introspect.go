package identity

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Introspection is how an issuer is asked about a token (RFC 7662). One issuer of a Verifier may have it: what is no JWT does not say whose it is.
type Introspection struct {
	ClientID string                 `json:"client_id"` // ours at the issuer, as a resource server
	Secret   func() (string, error) `json:"-"`         // read for each question: it may be renewed where it is kept
	// Endpoint is where it is asked; "": where discovery says, on the issuer's own host.
	Endpoint string `json:"endpoint"`
	// Always asks about JWTs too, after their signature: a revoked one ends within TTL instead of at its exp.
	Always bool `json:"always"`
	// TTL is how long an answer is believed, at most until exp; then and while the issuer is down nobody gets in. 0: 10 s. At most a minute.
	TTL time.Duration `json:"ttl"`
	// NoAudience takes answers without aud, which RFC 7662 allows, if they say that the token is a bearer token: every active one of the issuer that
	// ClientID may ask about is then one for us.
	NoAudience bool `json:"no_audience"`
}

// Bounds of introspection.
const (
	introspectTTL    = 10 * time.Second
	maxIntrospectTTL = time.Minute
	introspectLimit  = 5 * time.Second
	maxQuestions     = 32       // at once; more is a 503
	maxAnswer        = 64 << 10 // bytes
	strangersPerSec  = 20       // questions about tokens that were never good, so that whoever makes them up does not flood the issuer
	strangersBurst   = 100
)

func (n *Introspection) validate() error {
	switch {
	case n == nil:
		return nil
	case n.ClientID == "" || n.Secret == nil:
		return errors.New("identity: introspection needs a client and its secret")
	case n.TTL < 0 || n.TTL > maxIntrospectTTL:
		return fmt.Errorf("identity: introspection: an answer is believed for %s at most", maxIntrospectTTL)
	case n.Endpoint != "" && checkURL(n.Endpoint) != nil:
		return fmt.Errorf("identity: introspection: endpoint: %w", checkURL(n.Endpoint))
	}
	return nil
}

// introspector asks one issuer. Each token is asked about once at a time, whoever waits for it.
type introspector struct {
	issuer    *issuerKeys
	document  *discovery
	http      *http.Client
	clock     func() time.Time
	log       *slog.Logger
	ttl       time.Duration
	strangers *rate.Limiter
	refused   recent[refusal]

	mu        sync.Mutex
	questions map[[32]byte]*question // under way; guarded by mu
	closed    bool                   // guarded by mu
	wg        sync.WaitGroup
}

// refusal is an answer that a token is not good.
type refusal struct {
	err   *Error
	until time.Time
}

// question is one under way; answer and err are set before done is closed.
type question struct {
	done   chan struct{}
	stop   context.CancelFunc
	answer cachedToken
	err    *Error
}

func newIntrospector(issuer *issuerKeys, doc *discovery, cfg VerifierConfig) *introspector {
	x := &introspector{issuer: issuer, document: doc, http: cfg.HTTP, clock: cfg.Clock, log: cfg.Log, ttl: issuer.Introspection.TTL,
		strangers: rate.NewLimiter(strangersPerSec, strangersBurst), questions: map[[32]byte]*question{}}
	if x.ttl == 0 {
		x.ttl = introspectTTL
	}
	return x
}

func (x *introspector) close() {
	x.mu.Lock()
	x.closed = true
	for _, q := range x.questions {
		q.stop()
	}
	x.mu.Unlock()
	x.wg.Wait()
}

// ask says what the issuer says of a token. signed is what its own signature proved, if it is a JWT. known: it was good before. With a ctx that has ended it
// waits for nothing; the answer is there when it is asked for again.
func (x *introspector) ask(ctx context.Context, raw string, sum [32]byte, signed cachedToken, known bool) (cachedToken, *Error) {
	now := x.clock()
	if r, ok := x.refused.get(sum); ok && now.Before(r.until) {
		return cachedToken{}, r.err
	}
	q := x.begin(raw, sum, signed, known, now)
	if q == nil {
		return cachedToken{}, unavailable("too many questions to the issuer")
	}
	select {
	case <-q.done:
		return q.answer, q.err
	case <-ctx.Done():
		return cachedToken{}, unavailable("gave up waiting for the issuer's answer")
	}
}

func unavailable(reason string) *Error {
	return &Error{Status: http.StatusServiceUnavailable, Reason: reason}
}

// begin joins the question under way or starts one; nil: it may not now.
func (x *introspector) begin(raw string, sum [32]byte, signed cachedToken, known bool, now time.Time) *question {
	x.mu.Lock()
	defer x.mu.Unlock()
	if q := x.questions[sum]; q != nil {
		return q
	}
	stranger := !known && signed.subject.Issuer == ""
	if x.closed || len(x.questions) >= maxQuestions || stranger && !x.strangers.AllowN(now, 1) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), introspectLimit) // not the asker's: others may wait for the answer too
	q := &question{done: make(chan struct{}), stop: cancel}
	x.questions[sum] = q
	x.wg.Go(func() {
		defer cancel()
		q.answer, q.err = x.put(ctx, raw, signed)
		if q.err != nil && q.err.Status == http.StatusUnauthorized {
			x.refused.put(sum, refusal{q.err, x.clock().Add(x.ttl)})
		}
		x.mu.Lock()
		delete(x.questions, sum)
		x.mu.Unlock()
		close(q.done)
	})
	return q
}

// put puts the question and judges the answer.
func (x *introspector) put(ctx context.Context, raw string, signed cachedToken) (cachedToken, *Error) {
	asked := x.clock() // an answer is as old as its question
	body, err := x.post(ctx, raw)
	if err != nil {
		x.document.forget()
		x.log.Warn("identity: the issuer was not asked about a token", "issuer", x.issuer.URL, "err", err)
		return cachedToken{}, unavailable("introspection failed")
	}
	c, err := parseClaims(body)
	if err != nil {
		return cachedToken{}, unavailable("introspection: malformed answer")
	}
	out, bad := x.judge(&c, asked)
	if bad == nil && signed.subject.Issuer != "" && signed.subject.User != out.subject.User {
		bad = refused("introspection: of somebody else")
	}
	if bad != nil {
		return cachedToken{}, bad
	}
	if signed.subject.Issuer != "" { // what is signed stays; active says that it goes on
		signed.until = out.until
		return signed, nil
	}
	return out, nil
}

// judge applies RFC 7662 section 2.2 and what a JWT's claims are asked.
func (x *introspector) judge(c *claims, asked time.Time) (cachedToken, *Error) {
	i := &x.issuer.Issuer
	var active bool
	var kind string
	if json.Unmarshal(c.all.get("active"), &active) != nil || !active {
		return cachedToken{}, refused("inactive")
	}
	if raw := c.all.get("token_type"); raw != nil && (json.Unmarshal(raw, &kind) != nil || !strings.EqualFold(kind, "Bearer")) {
		return cachedToken{}, refused("type")
	}
	switch {
	case c.Issuer != "" && c.Issuer != i.URL:
		return cachedToken{}, refused("issuer")
	case c.Typ != "" && !strings.EqualFold(c.Typ, "Bearer"):
		return cachedToken{}, refused("type")
	case c.Subject == "":
		return cachedToken{}, refused("no subject")
	case len(c.Audience) > 0 && !slices.Contains(c.Audience, i.Audience), len(c.Audience) == 0 && !i.Introspection.NoAudience:
		return cachedToken{}, refused("audience")
	case len(c.Audience) == 0 && kind == "": // oidc-provider says of a refresh token that it is active, and names neither
		return cachedToken{}, refused("type")
	}
	if !c.Expires.present { // OPTIONAL: it is asked again before anybody could rely on it
		c.Expires.t = asked.Add(x.ttl)
	}
	if err := checkTimes(asked, c.Expires.t, c.Before.t, c.Issued.t); err != nil {
		return cachedToken{}, err
	}
	if err := c.checkClient(i); err != nil {
		return cachedToken{}, err
	}
	c.Issuer = i.URL
	s, bad := i.Mapping.subject(c)
	if bad != nil {
		return cachedToken{}, bad
	}
	out := cachedToken{issuer: x.issuer, subject: s, before: c.Before.t, issued: c.Issued.t, gen: x.issuer.source.generation(), until: asked.Add(x.ttl)}
	return out, nil
}

// endpoint is where the issuer is asked.
func (x *introspector) endpoint(ctx context.Context) (string, error) {
	if at := x.issuer.Introspection.Endpoint; at != "" {
		return at, nil
	}
	doc, err := x.document.get(ctx)
	if err != nil {
		return "", err
	}
	if checkURL(doc.Introspection) != nil || !sameHost(x.issuer.URL, doc.Introspection) {
		return "", errors.New("discovery: no introspection_endpoint on the issuer's own host")
	}
	return doc.Introspection, nil
}

// post is RFC 7662 section 2.1, with the client's secret by RFC 6749 section 2.3.1. Errors name neither.
func (x *introspector) post(ctx context.Context, raw string) ([]byte, error) {
	at, err := x.endpoint(ctx)
	if err != nil {
		return nil, err
	}
	secret, err := x.issuer.Introspection.Secret()
	if err != nil {
		return nil, errors.New("introspection: our secret cannot be read")
	}
	form := url.Values{"token": {raw}, "token_type_hint": {"access_token"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, errors.New("introspection: no request")
	}
	req.SetBasicAuth(url.QueryEscape(x.issuer.Introspection.ClientID), url.QueryEscape(secret))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := x.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("introspection: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("introspection: status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = errors.New("introspection: answer too large")
	}
	return body, err
}

// looksSigned tells a JWS in compact form, which is judged by its signature, from everything else.
func looksSigned(raw string) bool {
	head, rest, _ := strings.Cut(raw, ".")
	if strings.Count(rest, ".") != 1 {
		return false
	}
	b, err := base64.RawURLEncoding.DecodeString(head)
	var header map[string]json.RawMessage
	return err == nil && json.Unmarshal(b, &header) == nil && header != nil
}
