// Package signals receives what others know of our people's sessions, devices and accounts: security event tokens (RFC 8417) of OpenID Shared Signals
// transmitters, pushed (RFC 8935) or polled (RFC 8936), and logout tokens (OpenID Connect Back-Channel Logout 1.0). It owns what such a token must be, whom it
// is about, that none counts twice, and the exact answers. It never decides what an event does: that is told to a Sink. It signs and sends no events.
package signals

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Keys opens what a transmitter signed. *identity.Signed is one. Its errors may have HTTPStatus(): 503 means that nothing can be said now.
type Keys interface {
	Open(ctx context.Context, raw string) (payload []byte, typ string, err error)
}

// ErrUnknownSubject is a Sink's word for nobody of ours: acknowledged, counted, and of no effect.
var ErrUnknownSubject = errors.New("signals: nobody of ours")

// ErrFull says that no more can be remembered; the transmitter has to come again.
var ErrFull = errors.New("signals: too many tokens to remember")

// Memory remembers which tokens were taken, also over a restart.
type Memory interface {
	// Heard says that a token was taken before.
	Heard(ctx context.Context, issuer, id string) (bool, error)
	// Hear remembers it until then. ErrFull.
	Hear(ctx context.Context, issuer, id string, until time.Time) error
}

// Sink is told what happened. It returns when the effect is stored: only then is the token acknowledged. It may be told the same twice, after a crash.
type Sink func(ctx context.Context, e Event) error

// Transmitter is somebody whose events are believed, as data.
type Transmitter struct {
	Name     string   // ours, in paths and logs
	Issuer   string   // exactly the iss claim
	Audience []string // one of them must be in aud
	Keys     Keys
	Token    string // that it shows when it pushes (RFC 6750); empty: it does not push
	Rules    Rules
	Poll     *Poll // nil: it is not polled
}

// Config of a Receiver. Sink and Memory are required.
type Config struct {
	Transmitters []Transmitter
	Logouts      []Logout
	Sink         Sink
	Memory       Memory
	Window       time.Duration // how old a token may be, and how long each is remembered; 0: a day
	HTTP         *http.Client  // for polls
	Clock        func() time.Time
	Log          *slog.Logger
}

// Bounds of what somebody may send.
const (
	maxBody    = 64 << 10 // bytes of a token, or of a form that holds one
	maxPolled  = 8 << 20  // bytes of the answer to a poll
	maxSets    = 100      // tokens that we ask for in a poll
	maxID      = 512      // bytes of a jti
	skew       = time.Minute
	window     = 24 * time.Hour
	perSecond  = 50 // tokens of one transmitter
	burst      = 1000
	strangers  = 5 // requests per second of all who show no credential
	bodyTime   = 10 * time.Second
	sinkTime   = 10 * time.Second
	retryAfter = "5"
)

// Receiver takes tokens. Safe for concurrent use.
type Receiver struct {
	cfg       Config
	byName    map[string]*Transmitter
	limits    map[string]*rate.Limiter
	strangers *rate.Limiter
	logouts   *rate.Limiter // nobody shows a credential there
	count     counters
	kinds     map[string]*atomic.Uint64 // events taken, by kind
	stop      context.CancelFunc
	polls     chan struct{} // closed when all have ended
}

type counters struct{ taken, again, stale, refused, denied, unknown, nobody, failed, pollFailed atomic.Uint64 }

// Stats of a Receiver; all only grow.
type Stats struct {
	Taken      uint64            // tokens that were believed and new
	Again      uint64            // tokens that had been taken before
	Refused    uint64            // forged, stale, malformed, for somebody else
	Denied     uint64            // requests without the transmitter's credential, or too many of them
	Unknown    uint64            // events of kinds that mean nothing here
	Nobody     uint64            // events about nobody of ours
	Failed     uint64            // tokens whose effect could not be stored; they come again
	PollFailed uint64            // polls that gave nothing
	Kinds      map[string]uint64 // events taken, by kind
}

// New checks the configuration and sends nothing.
func New(cfg Config) (*Receiver, error) {
	if cfg.Sink == nil || cfg.Memory == nil {
		return nil, errors.New("signals: Sink and Memory are required")
	}
	if cfg.Window <= 0 {
		cfg.Window = window
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	r := &Receiver{cfg: cfg, byName: map[string]*Transmitter{}, limits: map[string]*rate.Limiter{}, strangers: rate.NewLimiter(strangers, 10*strangers), logouts: rate.NewLimiter(perSecond, burst),
		kinds: map[string]*atomic.Uint64{}, polls: make(chan struct{}), stop: func() {}}
	for _, k := range Kinds() {
		r.kinds[k] = &atomic.Uint64{}
	}
	for i := range cfg.Transmitters {
		t := &cfg.Transmitters[i]
		if t.Name == "" || t.Issuer == "" || len(t.Audience) == 0 || t.Keys == nil || r.byName[t.Name] != nil {
			return nil, fmt.Errorf("signals: transmitter %q needs a name of its own, an issuer, an audience and keys", t.Name)
		}
		r.byName[t.Name], r.limits[t.Name] = t, rate.NewLimiter(perSecond, burst)
	}
	for i := range cfg.Logouts {
		l := &cfg.Logouts[i]
		if l.Issuer == "" || len(l.Audience) == 0 || l.Keys == nil {
			return nil, errors.New("signals: a logout issuer needs an audience and keys")
		}
	}
	return r, nil
}

// Stats now.
func (r *Receiver) Stats() Stats {
	n := &r.count
	s := Stats{Taken: n.taken.Load(), Again: n.again.Load(), Refused: n.refused.Load(), Denied: n.denied.Load(), Unknown: n.unknown.Load(), Nobody: n.nobody.Load(),
		Failed: n.failed.Load(), PollFailed: n.pollFailed.Load(), Kinds: map[string]uint64{}}
	for k, v := range r.kinds {
		s.Kinds[k] = v.Load()
	}
	return s
}

// fault is why a token is not taken, as RFC 8935 section 2.4 words it. text says nothing that its sender does not know.
type fault struct {
	code, text string
	later      bool // nothing is wrong with it: it may come again
}

func (f *fault) Error() string { return "signals: " + f.code + ": " + f.text }

func bad(code, text string) *fault { return &fault{code: code, text: text} }

// The codes of RFC 8935 section 2.4.
const (
	invalidRequest  = "invalid_request"
	invalidKey      = "invalid_key"
	invalidIssuer   = "invalid_issuer"
	invalidAudience = "invalid_audience"
	notAuthentic    = "authentication_failed"
	accessDenied    = "access_denied"
)

// take believes a token or says why not. What it tells was stored when it returns nil.
func (r *Receiver) take(ctx context.Context, t *Transmitter, raw string) (id string, err error) {
	set, err := r.open(ctx, t.Keys, raw, "secevent+jwt")
	if err != nil {
		return "", err
	}
	if err := r.checkSET(t, set); err != nil {
		return "", err
	}
	return set.ID, r.once(ctx, set.Issuer, set.ID, func(ctx context.Context) error { return r.tell(ctx, t, set) })
}

// open checks the signature and the type.
func (r *Receiver) open(ctx context.Context, keys Keys, raw string, types ...string) (*token, error) {
	if len(raw) > maxBody {
		return nil, bad(invalidRequest, "the token is too large")
	}
	payload, got, err := keys.Open(ctx, raw)
	var status interface{ HTTPStatus() int }
	switch {
	case errors.As(err, &status) && status.HTTPStatus() == http.StatusServiceUnavailable:
		return nil, &fault{invalidKey, "the issuer's keys cannot be read now", true}
	case err != nil:
		return nil, bad(invalidKey, "the signature is not one by a key of the issuer, or of an algorithm that is not accepted")
	case !slices.Contains(types, got):
		return nil, bad(invalidRequest, "the token's typ is not "+types[0])
	}
	set, err := readToken(payload)
	if err != nil {
		return nil, bad(invalidRequest, err.Error())
	}
	return set, nil
}

// checkSET applies RFC 8417 and the profile of it in the Shared Signals Framework 1.0 section 4.
func (r *Receiver) checkSET(t *Transmitter, s *token) error {
	switch {
	case s.Issuer != t.Issuer:
		return bad(invalidIssuer, "iss is not the transmitter's")
	case !slices.ContainsFunc(s.Audience, func(a string) bool { return slices.Contains(t.Audience, a) }):
		return bad(invalidAudience, "aud is not this receiver")
	case s.Expires != nil:
		return bad(invalidRequest, "a security event has no exp")
	case s.Subject != nil:
		return bad(invalidRequest, "a security event names its subject by sub_id, not by sub")
	case len(s.Events) != 1:
		return bad(invalidRequest, "there must be exactly one event")
	}
	return r.checkTimes(s)
}

func (r *Receiver) checkTimes(s *token) error {
	now := r.cfg.Clock()
	switch {
	case s.ID == "" || len(s.ID) > maxID:
		return bad(invalidRequest, "jti is missing or too long")
	case !s.Issued.present:
		return bad(invalidRequest, "iat is missing")
	case s.Issued.t.After(now.Add(skew)):
		return bad(invalidRequest, "iat is in the future")
	case now.Sub(s.Issued.t) > r.cfg.Window:
		r.count.stale.Add(1)
		return bad(invalidRequest, "iat is too old")
	}
	return nil
}

// once does what a token asks for unless it was taken before. The effect is stored first: after a crash between the two it is told again, and changes nothing.
func (r *Receiver) once(ctx context.Context, issuer, id string, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, sinkTime)
	defer cancel()
	heard, err := r.cfg.Memory.Heard(ctx, issuer, id)
	if err == nil && heard {
		r.count.again.Add(1)
		return nil
	}
	if err == nil {
		err = do(ctx)
	}
	var f *fault
	if errors.As(err, &f) {
		return err
	}
	if err == nil {
		err = r.cfg.Memory.Hear(ctx, issuer, id, r.cfg.Clock().Add(r.cfg.Window+2*skew))
	}
	if err != nil {
		r.count.failed.Add(1)
		r.cfg.Log.Error("signals: a token could not be taken; it has to come again", "issuer", issuer, "err", err)
		return &fault{accessDenied, "the event could not be stored", true}
	}
	r.count.taken.Add(1)
	return nil
}

// tell reads the one event and hands it on. What is not for us is acknowledged: the transmitter would send it for ever.
func (r *Receiver) tell(ctx context.Context, t *Transmitter, s *token) error {
	e, err := t.Rules.event(t, s)
	if err != nil {
		return bad(invalidRequest, err.Error())
	}
	if e.Kind == "" {
		r.count.unknown.Add(1)
		return nil
	}
	if e.Happened.After(r.cfg.Clock().Add(skew)) {
		return bad(invalidRequest, "the event is in the future")
	}
	return r.sink(ctx, e)
}

func (r *Receiver) sink(ctx context.Context, e Event) error {
	err := r.cfg.Sink(ctx, e)
	if errors.Is(err, ErrUnknownSubject) {
		r.count.nobody.Add(1)
		return nil
	}
	if err == nil {
		r.kinds[e.Kind].Add(1)
	}
	return err
}

// same compares credentials in a time that tells nothing.
func same(a, b string) bool { return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
