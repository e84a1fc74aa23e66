// Package identity turns an OIDC access token into a provisioning.Subject, for any conforming issuer, and runs the embedded
// identity service of a fresh machine. It owns token checks, key-set caches, passwords, sign-in pages and refresh tokens.
// It never decides what a Subject may do (provisioning/policy does) and never logs a token, a password or a cookie.
// It is the only importer of zitadel/oidc, go-jose and x/oauth2.
package identity

import (
	"errors"
	"net/http"
	"strings"

	"naisen/provisioning"
)

// Sentinel errors; callers use errors.Is.
var (
	// ErrUnauthenticated: no token, or one that is not accepted. The answer is 401 with Error.Challenge.
	ErrUnauthenticated = errors.New("identity: not authenticated")
	// ErrScope: the token is good, but not for this. The answer is 403 with Error.Challenge.
	ErrScope = errors.New("identity: token of another scope")
	// ErrUnavailable: the issuer's keys could never be read, so nothing can be said about the token. The answer is 503.
	ErrUnavailable = errors.New("identity: issuer not reachable")
	// ErrWeakPassword: shorter than MinPassword, the old one again, or it holds the user's name.
	ErrWeakPassword = errors.New("identity: password too weak")
)

// Error says why a token was refused. Reason is for the log and names no part of the token; only Code reaches the client.
type Error struct {
	Status int         // 401, 400, 403 or 503
	Code   string      // RFC 6750 section 3.1; empty when the request carried no token at all
	Scope  string      // that is missing, with a 403; may be empty
	StepUp Requirement // with insufficient_user_authentication
	Reason string      // "expired", "audience", "unknown key", ...
}

func (e *Error) Error() string { return "identity: " + e.Reason }

// Is makes a 401 or 400 ErrUnauthenticated, a 403 ErrScope and a 503 ErrUnavailable.
func (e *Error) Is(target error) bool {
	switch e.Status {
	case http.StatusServiceUnavailable:
		return target == ErrUnavailable
	case http.StatusForbidden:
		return target == ErrScope
	}
	return target == ErrUnauthenticated
}

// HTTPStatus is Status, for callers that know no more than an interface.
func (e *Error) HTTPStatus() int { return e.Status }

// Challenge is the value of WWW-Authenticate (RFC 6750 section 3). realm must hold no quote.
func (e *Error) Challenge(realm string) string {
	if e.Code == "" {
		return `Bearer realm="` + realm + `"`
	}
	v := `Bearer realm="` + realm + `", error="` + e.Code + `"`
	if e.Scope != "" {
		v += `, scope="` + e.Scope + `"`
	}
	return v + e.StepUp.challenge()
}

// Users is asked on each check, so it answers from memory (the directory's snapshot).
type Users interface {
	// User returns the user as it is now, and false if there is none.
	User(domain, name string) (provisioning.User, bool)
}

// UsersFunc is a function as Users.
type UsersFunc func(domain, name string) (provisioning.User, bool)

// User calls f.
func (f UsersFunc) User(domain, name string) (provisioning.User, bool) { return f(domain, name) }

func refused(reason string) *Error {
	return &Error{Status: http.StatusUnauthorized, Code: "invalid_token", Reason: reason}
}

// Scopes of access tokens.
const (
	ScopeAPI = "naisen" // of people and programs, for REST and playback
	ScopeSIP = "sip"    // that a phone registers and calls with (RFC 8898)
	NoScope  = "none"   // as Issuer.Scope: tokens of that issuer have none
)

// maxToken bounds an access token, in bytes.
const maxToken = 16 << 10

// Bearer takes the access token from the Authorization header (RFC 6750 section 2.1). The query and form methods of
// sections 2.2 and 2.3 are not accepted: they put tokens into logs.
func Bearer(r *http.Request) (string, error) {
	h := r.Header.Values("Authorization")
	if len(h) == 0 {
		return "", &Error{Status: http.StatusUnauthorized, Reason: "no token"}
	}
	if len(h) > 1 {
		return "", &Error{Status: http.StatusBadRequest, Code: "invalid_request", Reason: "two Authorization headers"}
	}
	scheme, token, ok := strings.Cut(h[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", &Error{Status: http.StatusUnauthorized, Reason: "other scheme"}
	}
	token = strings.TrimSpace(token)
	if !ok || token == "" {
		return "", &Error{Status: http.StatusBadRequest, Code: "invalid_request", Reason: "empty token"}
	}
	if len(token) > maxToken {
		return "", refused("too long")
	}
	return token, nil
}
