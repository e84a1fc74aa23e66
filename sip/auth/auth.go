package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"naisen/sip"
	"naisen/sip/stack"
)

// Peer is what is known of the sender of a request before it has proved anything.
type Peer struct {
	Remote    netip.AddrPort
	Local     netip.AddrPort // our listener
	Transport string         // "udp", "tcp", "tls", "ws", "wss"
	UserAgent string
}

// Config of an Authenticator. The zero value works: SHA-256 only.
type Config struct {
	Clock    func() time.Time // nil: time.Now
	NonceKey []byte           // at least 16 bytes; nil: random. Nonces from before New are stale in any case: see counts
	NonceTTL time.Duration    // 0: 5 minutes
	// OfferMD5 tells whether the domain (realm) and the listener allow MD5 at all. It must not block. nil: never.
	OfferMD5 func(realm string, from Peer) bool
	Nonces   int // used nonces remembered; 0: 65536 of about 100 bytes
	// Bearer tells where the access tokens of a realm come from (RFC 8898). It must not block, and is asked about TLS only. nil: nowhere.
	Bearer func(realm string, from Peer) BearerOffer
	Tokens TokenVerifier // nil: no token is taken
}

// Authenticator challenges and checks. It is safe for concurrent use.
type Authenticator struct {
	clock    func() time.Time
	ttl      time.Duration
	offerMD5 func(string, Peer) bool
	verifier Verifier
	bearer   func(string, Peer) BearerOffer
	tokens   TokenVerifier
	nonces   minter
	counts   *counts
	throttle *throttle
	offers   *offers
	stats    struct{ accepted, challenged, stale, wrong, throttled, disabled atomic.Uint64 }
}

// New makes an Authenticator that asks v.
func New(cfg Config, v Verifier) *Authenticator {
	a := &Authenticator{
		clock: cfg.Clock, ttl: cfg.NonceTTL, offerMD5: cfg.OfferMD5, verifier: v, bearer: cfg.Bearer, tokens: cfg.Tokens,
		throttle: newThrottle(), offers: newOffers(),
	}
	if a.clock == nil {
		a.clock = time.Now
	}
	if a.ttl <= 0 {
		a.ttl = 5 * time.Minute
	}
	if a.offerMD5 == nil {
		a.offerMD5 = func(string, Peer) bool { return false }
	}
	key := cfg.NonceKey
	if len(key) < 16 { // a short key is worse than a new one: it can be guessed from one nonce
		key = make([]byte, 32)
		_, _ = rand.Read(key)
	}
	a.nonces = minter{sip.NewMarks(key)}
	n := cfg.Nonces
	if n <= 0 {
		n = 65536
	}
	a.counts = newCounts(n)
	a.counts.floor = a.clock().Add(-time.Millisecond) // with a kept key: which nc the process before us saw is forgotten
	return a
}

// Outcome is OK, Challenge or Refused.
type Outcome interface{ outcome() }

// OK: the sender knows the password of User in the realm, or has a token of Owner. Whether they may send this From or use this AOR is
// the caller's question. Exactly one of User and Owner is set.
type OK struct {
	User      string
	Algorithm Algorithm
	Owner     string    // a person, not a number
	Expires   time.Time // of the token: what it proved ends then
	Proof     string    // of the token: see Token
}

// Challenge: send Response, statelessly where the request made no state yet.
type Challenge struct {
	Response *stack.Response
	Why      Why
	User     string // whom the credentials named, unproven; empty when there were none
}

// Refused: send Response. What the sender showed is right and not enough: the account is disabled, the token is for something else, or
// it cannot be checked now.
type Refused struct {
	Response *stack.Response
	User     string
	Why      Why
}

func (OK) outcome()        {}
func (Challenge) outcome() {}
func (Refused) outcome()   {}

// Why a request was challenged, for logs, audit and metrics; the response does not tell.
type Why string

// The reasons. Only Wrong is a failed sign-in.
const (
	Missing   Why = "missing"   // no digest credentials for this realm
	Malformed Why = "malformed" // or for another Request-URI
	Stale     Why = "stale"     // nonce unknown, expired, of another source, or nc seen before
	Wrong     Why = "wrong"     // no such user, wrong password, or an algorithm that the device may not use
	Throttled Why = "throttled" // not looked at
)

// Why a request was refused.
const (
	Disabled    Why = "disabled"
	Scope       Why = "scope"       // the token has not the scope for this
	Unavailable Why = "unavailable" // the issuer's keys are not here yet
)

// Check authenticates req for the realm. status is 401 (WWW-Authenticate) or 407 (Proxy-Authenticate); credentials are taken from
// either header, since clients answer one with the other once they know the realm.
func (a *Authenticator) Check(req *stack.Request, realm string, status int) Outcome {
	return a.check(req, realm, status, peer(req))
}

func (a *Authenticator) check(req *stack.Request, realm string, status int, from Peer) Outcome {
	now := a.clock()
	bearer := a.bearerOffer(realm, from)
	if bearer.Server != "" {
		if raw, ok := bearerToken(req); ok {
			return a.checkToken(req, realm, status, from, bearer, raw)
		}
	}
	md5 := a.offerMD5(realm, from)
	var device uint64
	if md5 {
		device = a.offers.key(req, from)
	}
	d, alg, why := findCredentials(req, realm)
	if why == Missing {
		md5Only := md5 && (knowsOnlyMD5(from.UserAgent) || a.offers.unanswered(device, md5First(from.UserAgent), req, now))
		a.stats.challenged.Add(1)
		r := a.challenge(req, realm, status, from, now, offer(md5, md5Only), false)
		if bearer.Server != "" && !md5Only {
			r.Add(challengeName(status), bearer.challenge(realm, ""))
		}
		return Challenge{r, Missing, ""}
	}
	var cred Credential
	if why == "" {
		cred, why = a.verify(req, realm, from, now, &d, alg, md5)
	}
	vain := alg == MD5 && (why == Wrong || why == Throttled)
	md5Only := md5 && (a.offers.answered(device, md5First(from.UserAgent), alg, vain) || knowsOnlyMD5(from.UserAgent))
	if why != "" {
		a.count(why)
		return Challenge{a.challenge(req, realm, status, from, now, offer(md5, md5Only), why == Stale), why, d.username}
	}
	if cred.Disabled {
		a.stats.disabled.Add(1)
		return Refused{stack.NewResponse(req, 403, ""), d.username, Disabled}
	}
	a.stats.accepted.Add(1)
	return OK{User: d.username, Algorithm: alg}
}

func peer(req *stack.Request) Peer {
	p := Peer{UserAgent: req.Get("User-Agent")}
	if f := req.Flow; f != nil {
		p.Remote, p.Local, p.Transport = f.Remote(), f.Local(), f.Transport()
	}
	return p
}

func offer(md5, only bool) []Algorithm {
	switch {
	case only:
		return []Algorithm{MD5}
	case md5:
		return []Algorithm{SHA256, MD5}
	}
	return []Algorithm{SHA256}
}

// findCredentials takes the first digest for our realm in an algorithm that we know. Why is "" if it can be verified.
func findCredentials(req *stack.Request, realm string) (digest, Algorithm, Why) {
	lines := append(req.Lines("Authorization"), req.Lines("Proxy-Authorization")...)
	why := Missing
	for _, line := range lines[:min(len(lines), maxHeaders)] {
		d, err := parseDigest(line)
		if err != nil || d.realm != realm {
			continue
		}
		alg, ok := parseAlgorithm(d.algorithm)
		if !ok || alg == SHA512256 {
			why = Malformed
			continue
		}
		if _, ok := d.count(); !ok || d.cnonce == "" || d.username == "" || !sameTarget(d.uri, req.URI) {
			return d, alg, Malformed
		}
		if !strings.EqualFold(d.qop, "auth") && !strings.EqualFold(d.qop, "auth-int") { // RFC 8760 section 2.6 and RFC 7616: qop always
			return d, alg, Malformed
		}
		return d, alg, ""
	}
	return digest{}, "", why
}

// sameTarget: the digest uri names what the request asks for (RFC 7616 section 3.4.6, threats B5). Parameters are left out of the
// comparison: baresip keeps ;transport= in the digest, others drop it, and none of them decides who is reached here.
func sameTarget(text string, target sip.URI) bool {
	u, err := sip.ParseURI(text)
	return err == nil && u.Scheme == target.Scheme && u.User == target.User && u.Host == target.Host && port(u) == port(target)
}

func port(u sip.URI) int {
	if u.Port != 0 {
		return u.Port
	}
	if u.Scheme == "sips" {
		return 5061
	}
	return 5060
}

// dummyHA1 stands in for a user that does not exist or may not use the algorithm, so that both cost the same (threats B7).
func dummyHA1(alg Algorithm) string { return strings.Repeat("0", alg.hexLength()) }

// verify gives "" and the credential if the response is right. Each step before the lookup is the same for any user.
func (a *Authenticator) verify(req *stack.Request, realm string, from Peer, now time.Time, d *digest, alg Algorithm, md5 bool) (Credential, Why) {
	src := from.Remote.Addr()
	nonce, ok := a.nonces.open(d.nonce, now, a.ttl, src, realm)
	if !ok {
		return Credential{}, Stale
	}
	if !a.throttle.allow(now, src, realm, d.username) {
		return Credential{}, Throttled
	}
	cred, known := a.verifier.Lookup(realm, d.username)
	ha1 := cred.HA1SHA256
	if alg == MD5 {
		ha1 = cred.HA1MD5
		known = known && md5 && cred.AllowMD5
	}
	if !known || len(ha1) != alg.hexLength() {
		known, ha1 = false, dummyHA1(alg)
	}
	want := d.compute(alg, strings.ToLower(ha1), req.Method, req.Body)
	right := subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(d.response))) == 1
	if !known || !right {
		a.throttle.failed(now, src, realm, d.username)
		return Credential{}, Wrong
	}
	nc, _ := d.count()
	if !a.counts.use(nonce, nc, now, a.ttl) {
		return Credential{}, Stale
	}
	a.throttle.passed(now, src, realm, d.username)
	return cred, ""
}

// challenge builds the 401 or 407. Order of the header fields is the order of preference (RFC 8760 section 2.3).
func (a *Authenticator) challenge(req *stack.Request, realm string, status int, from Peer, now time.Time, algs []Algorithm, stale bool) *stack.Response {
	r := stack.NewResponse(req, status, "")
	a.addDigests(r, realm, status, from, now, algs, stale)
	return r
}

func (a *Authenticator) addDigests(r *stack.Response, realm string, status int, from Peer, now time.Time, algs []Algorithm, stale bool) {
	name := challengeName(status)
	nonce := a.nonces.mint(now, from.Remote.Addr(), realm)
	for _, alg := range algs {
		v := "Digest realm=" + sip.Quote(realm) + `, nonce="` + nonce + `", algorithm=` + string(alg) + `, qop="auth"`
		if stale {
			v += ", stale=true"
		}
		r.Add(name, v)
	}
}

// Stats counters only grow, but for Nonces.
type Stats struct {
	Accepted, Challenged, Stale, Wrong, Throttled, Disabled uint64
	Nonces                                                  int // used and remembered
}

// Stats reads the counters.
func (a *Authenticator) Stats() Stats {
	s := &a.stats
	return Stats{s.accepted.Load(), s.challenged.Load(), s.stale.Load(), s.wrong.Load(), s.throttled.Load(), s.disabled.Load(), a.counts.size()}
}

func (a *Authenticator) count(why Why) {
	switch why {
	case Stale:
		a.stats.stale.Add(1)
	case Wrong, Malformed:
		a.stats.wrong.Add(1)
	case Throttled:
		a.stats.throttled.Add(1)
	}
}
