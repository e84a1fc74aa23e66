package identity

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"naisen/provisioning"
)

// VerifierConfig is what a Verifier needs.
type VerifierConfig struct {
	Issuers []Issuer
	Users   Users // nil: nobody is looked up; then no issuer may have StoreRoles
	// Revoked says why the token of a subject is worth nothing any more, though it is genuine and not expired; empty: it is. It is asked on each check, so it
	// answers from memory. nil: nothing is ever revoked.
	Revoked func(provisioning.Subject) string
	HTTP    *http.Client     // for discovery and key sets; nil: a client of its own that follows no redirect
	Clock   func() time.Time // nil: time.Now
	Log     *slog.Logger     // nil: slog.Default
}

// Verifier checks access tokens. Safe for concurrent use.
type Verifier struct {
	issuers map[string]*issuerKeys
	opaque  *issuerKeys // whose introspection is asked about what is no JWT; nil: nobody's
	users   Users
	revoked func(provisioning.Subject) string
	clock   func() time.Time
	remote  []*remoteKeys
	seen    recent[cachedToken]
}

type issuerKeys struct {
	Issuer
	source keySource
	asks   *introspector // nil: it is not asked
}

// NewVerifier fetches nothing: the first token of an issuer does.
func NewVerifier(cfg VerifierConfig) (*Verifier, error) {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: keyFetchLimit, CheckRedirect: noRedirect}
	}
	v := &Verifier{issuers: map[string]*issuerKeys{}, users: cfg.Users, revoked: cfg.Revoked, clock: cfg.Clock}
	for _, i := range cfg.Issuers {
		if err := i.Validate(); err != nil {
			return nil, err
		}
		if i.Mapping.StoreRoles && cfg.Users == nil {
			return nil, errors.New("identity: store_roles without Users")
		}
		if v.issuers[i.URL] != nil {
			return nil, errors.New("identity: issuer given twice")
		}
		entry := &issuerKeys{Issuer: i, source: i.keys}
		doc := &discovery{issuer: i.URL, http: cfg.HTTP}
		if entry.source == nil {
			r := newRemoteKeys(i, doc, cfg.HTTP, cfg.Clock, cfg.Log)
			v.remote = append(v.remote, r)
			entry.source = r
		}
		if i.Introspection != nil {
			if v.opaque != nil { // a token would be shown to an issuer that is not its own
				return nil, errors.New("identity: introspection of two issuers")
			}
			entry.asks = newIntrospector(entry, doc, cfg)
			v.opaque = entry
		}
		v.issuers[i.URL] = entry
	}
	return v, nil
}

// noRedirect: an issuer's documents stand where discovery says; a redirect could point inside our network.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Close waits for a fetch under way, after telling it to stop.
func (v *Verifier) Close() error {
	for _, r := range v.remote {
		r.close()
	}
	if v.opaque != nil {
		v.opaque.asks.close()
	}
	return nil
}

// Request verifies the bearer token of r, which must have the scope for REST and playback. The error is always an *Error.
func (v *Verifier) Request(r *http.Request) (provisioning.Subject, error) {
	raw, err := Bearer(r)
	if err != nil {
		return provisioning.Subject{}, err
	}
	s, err := v.Verify(r.Context(), raw)
	if err == nil {
		err = v.issuers[s.Issuer].admits(s.Scopes)
	}
	if err != nil {
		return provisioning.Subject{}, err
	}
	return s, nil
}

// Verify checks a JWT access token (RFC 9068, RFC 8725), or asks the issuer about one (RFC 7662), and says who it stands for; what its scopes are for is the caller's to ask. The error is always an *Error.
// A disabled user is refused at once, even with a token that was accepted before.
func (v *Verifier) Verify(ctx context.Context, raw string) (provisioning.Subject, error) {
	now := v.clock()
	sum := sha256.Sum256([]byte(raw))
	c, known := v.seen.get(sum)
	if known && c.issuer.source.generation() == c.gen && (c.until.IsZero() || now.Before(c.until)) {
		if err := checkTimes(now, c.subject.Expires, c.before, c.issued); err != nil {
			return provisioning.Subject{}, err
		}
		return v.current(c.subject, &c.issuer.Mapping)
	}
	c, err := v.verify(ctx, raw, now)
	if err == nil && c.issuer.asks != nil && (c.issuer.Introspection.Always || c.subject.Issuer == "") {
		if c, err = c.issuer.asks.ask(ctx, raw, sum, c, known); err != nil && err.Status == http.StatusUnauthorized {
			v.seen.drop(sum) // it ended: from now on it is a stranger's
		}
	}
	if err != nil {
		return provisioning.Subject{}, err
	}
	s, bad := v.current(c.subject, &c.issuer.Mapping)
	if bad == nil {
		v.seen.put(sum, c)
	}
	return s, bad
}

// algorithms that are accepted: asymmetric only, so that a public key can never be used as a MAC key (RFC 8725 section 3.1).
func algorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA, jose.PS256}
}

// parsed is a JWT as it may be at all: of a size and an algorithm that are accepted, and without conditions that we do not know.
func parsed(raw string) (*jose.JSONWebSignature, *Error) {
	if len(raw) > maxToken {
		return nil, refused("too long")
	}
	jws, err := jose.ParseSignedCompact(raw, algorithms())
	if err != nil || len(jws.Signatures) != 1 {
		return nil, refused("malformed or algorithm")
	}
	if _, critical := jws.Signatures[0].Protected.ExtraHeaders["crit"]; critical {
		return nil, refused("critical header")
	}
	return jws, nil
}

// opened checks the signature by the keys of who shall have signed it, and gives what was signed, the header's typ, and the generation of the keys. Header
// members that name a key (jku, x5u, jwk, x5c) are never looked at: keys come from the issuer's key set only.
func opened(ctx context.Context, source keySource, jws *jose.JSONWebSignature) (payload []byte, typ string, gen uint64, bad *Error) {
	header := jws.Signatures[0].Protected
	key, bad := source.find(ctx, header.KeyID, jose.SignatureAlgorithm(header.Algorithm))
	if bad != nil {
		return nil, "", 0, bad
	}
	gen = source.generation()
	payload, err := jws.Verify(key)
	if err != nil {
		return nil, "", 0, refused("signature")
	}
	typ, _ = header.ExtraHeaders[jose.HeaderType].(string)
	return payload, typ, gen, nil
}

func (v *Verifier) verify(ctx context.Context, raw string, now time.Time) (cachedToken, *Error) {
	if len(raw) > maxToken {
		return cachedToken{}, refused("too long")
	}
	if v.opaque != nil && !looksSigned(raw) {
		return cachedToken{issuer: v.opaque}, nil // nothing is known of it yet
	}
	jws, bad := parsed(raw)
	if bad != nil {
		return cachedToken{}, bad
	}
	c, err := parseClaims(jws.UnsafePayloadWithoutVerification())
	if err != nil {
		return cachedToken{}, refused("malformed claims")
	}
	issuer := v.issuers[c.Issuer] // until the signature is verified it only chooses whose keys are tried
	if issuer == nil {
		return cachedToken{}, refused("issuer")
	}
	_, typ, gen, bad := opened(ctx, issuer.source, jws)
	if bad != nil {
		return cachedToken{}, bad
	}
	if bad := c.check(&issuer.Issuer, typ, now); bad != nil {
		return cachedToken{}, bad
	}
	s, bad := issuer.Mapping.subject(&c)
	if bad != nil {
		return cachedToken{}, bad
	}
	if issuer.keys != nil { // another issuer's claims of that name mean something else
		s.Person = c.Person
		if c.IssuedMS > 0 { // iat has whole seconds, and a new password and the sign-in with it come within one
			s.Issued = time.UnixMilli(c.IssuedMS)
		}
	}
	return cachedToken{issuer: issuer, subject: s, before: c.Before.t, issued: c.Issued.t, gen: gen}, nil
}

// Current is what the store says now of whose token was accepted before, however long ago. The error is always an *Error.
func (v *Verifier) Current(s provisioning.Subject) (provisioning.Subject, error) {
	issuer := v.issuers[s.Issuer]
	if issuer == nil {
		return provisioning.Subject{}, refused("issuer")
	}
	return v.current(s, &issuer.Mapping)
}

// current applies what the store says now.
func (v *Verifier) current(s provisioning.Subject, m *Mapping) (provisioning.Subject, error) {
	if v.revoked != nil {
		if why := v.revoked(s); why != "" {
			return provisioning.Subject{}, refused(why)
		}
	}
	if v.users == nil {
		return s, nil
	}
	u, known := v.users.User(s.Domain, s.User)
	switch {
	case known && u.Out(v.clock()):
		return provisioning.Subject{}, refused("user disabled")
	case !known && m.StoreRoles:
		return provisioning.Subject{}, refused("user unknown")
	case known && s.Person != "" && s.Person != u.Person():
		return provisioning.Subject{}, refused("of somebody who had the name before")
	case m.StoreRoles:
		s.Roles, s.Delegated = u.Roles, u.Delegated
	}
	if known {
		s.Department, s.Contractor = u.Department, u.Contract != nil
	}
	return s, nil
}

func weak(key any) bool {
	k, ok := key.(*rsa.PublicKey)
	return ok && k.N.BitLen() < 2048
}

// cachedToken is a token whose signature and constant claims were accepted under key generation gen.
type cachedToken struct {
	issuer         *issuerKeys
	subject        provisioning.Subject
	before, issued time.Time
	gen            uint64
	until          time.Time // its issuer is asked again from then on; zero: it need not be
}

// recentHalf bounds recent.
const recentHalf = 4096

// recent keeps the last values by a token's hash, at most 2*recentHalf: when the young half is full it becomes the old one.
type recent[V any] struct {
	mu         sync.Mutex
	young, old map[[32]byte]V
}

func (t *recent[V]) get(sum [32]byte) (V, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c, ok := t.young[sum]; ok {
		return c, true
	}
	c, ok := t.old[sum]
	if ok {
		t.add(sum, c)
	}
	return c, ok
}

func (t *recent[V]) put(sum [32]byte, c V) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.add(sum, c)
}

func (t *recent[V]) drop(sum [32]byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.young, sum)
	delete(t.old, sum)
}

func (t *recent[V]) add(sum [32]byte, c V) {
	if t.young == nil || len(t.young) >= recentHalf {
		t.old, t.young = t.young, make(map[[32]byte]V, 64)
	}
	t.young[sum] = c
}
