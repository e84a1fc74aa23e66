package auth

import (
	"errors"
	"slices"
	"strings"
	"time"

	"naisen/sip"
	"naisen/sip/stack"
)

// Errors of a TokenVerifier; callers use errors.Is.
var (
	// ErrToken: forged, expired, for somebody else's service, of a disabled user.
	ErrToken = errors.New("auth: token not accepted")
	// ErrTokenUnknown: nothing can be said now, because the issuer's keys are not here yet. The answer is 503.
	ErrTokenUnknown = errors.New("auth: token cannot be checked now")
)

// maxTokenBytes bounds an access token (threats B17).
const maxTokenBytes = 8192

// Token is what an accepted access token says.
type Token struct {
	Owner   string // the person, in the realm
	Scopes  []string
	Expires time.Time
	Proof   string // what was proved, in the verifier's words; handed on in OK
}

// TokenVerifier checks access tokens as the REST API does. It is called on a signalling goroutine: it must not block.
type TokenVerifier interface {
	// Token checks signature, issuer, audience and time, and that the person is of the realm. Errors: ErrToken, ErrTokenUnknown.
	Token(realm, raw string) (Token, error)
}

// BearerOffer says where tokens for a realm come from (RFC 8898 section 4). The zero value: the realm takes none.
type BearerOffer struct {
	Server string // authz_server: https, or http on loopback
	Scope  string // that a token must have; empty: any
}

// bearerOffer is the zero value but on TLS, a WebSocket's included: a token is good for whoever reads it (RFC 8898 section 5).
func (a *Authenticator) bearerOffer(realm string, from Peer) BearerOffer {
	if a.bearer == nil || a.tokens == nil || from.Transport != "tls" && from.Transport != "wss" {
		return BearerOffer{}
	}
	return a.bearer(realm, from)
}

// bearerToken finds the token of a request. Two are none: two readers could each see another one.
func bearerToken(req *stack.Request) (raw string, ok bool) {
	lines := append(req.Lines("Authorization"), req.Lines("Proxy-Authorization")...)
	for _, line := range lines[:min(len(lines), maxHeaders)] {
		scheme, rest, _ := strings.Cut(strings.TrimLeft(line, " \t"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			continue
		}
		if ok {
			return "", true
		}
		raw, ok = strings.TrimSpace(rest), true
	}
	return raw, ok
}

// checkToken answers a request that carries a token where tokens are taken. Bearer stands on top of the challenge then: the client has
// shown that it knows it (RFC 8898 section 3: it takes the topmost scheme that it knows).
func (a *Authenticator) checkToken(req *stack.Request, realm string, status int, from Peer, offer BearerOffer, raw string) Outcome {
	now := a.clock()
	again := func(why Why) Outcome {
		a.count(why)
		r := stack.NewResponse(req, status, "")
		r.Add(challengeName(status), offer.challenge(realm, "invalid_token"))
		a.addDigests(r, realm, status, from, now, []Algorithm{SHA256}, false)
		return Challenge{r, why, ""}
	}
	var t Token
	err := ErrToken
	if raw != "" && len(raw) <= maxTokenBytes {
		t, err = a.tokens.Token(realm, raw)
	}
	switch {
	case errors.Is(err, ErrTokenUnknown):
		r := stack.NewResponse(req, 503, "")
		r.Add("Retry-After", "2")
		return Refused{r, "", Unavailable}
	case err != nil || !now.Before(t.Expires):
		return again(Wrong) // not throttled: nobody guesses a signature, and an office of phones with old tokens is no attack
	case offer.Scope != "" && !slices.Contains(t.Scopes, offer.Scope):
		r := stack.NewResponse(req, 403, "")
		r.Add(challengeName(status), offer.challenge(realm, "insufficient_scope"))
		return Refused{r, t.Owner, Scope}
	}
	a.stats.accepted.Add(1)
	return OK{Owner: t.Owner, Expires: t.Expires, Proof: t.Proof}
}

// challenge writes the Bearer challenge (RFC 8898 section 4; RFC 6750 section 3 for the words).
func (o BearerOffer) challenge(realm, failure string) string {
	v := "Bearer realm=" + sip.Quote(realm) + ", authz_server=" + sip.Quote(o.Server)
	if o.Scope != "" {
		v += ", scope=" + sip.Quote(o.Scope)
	}
	if failure != "" {
		v += ", error=" + sip.Quote(failure)
	}
	return v
}

func challengeName(status int) string {
	if status == 407 {
		return "Proxy-Authenticate"
	}
	return "WWW-Authenticate"
}
