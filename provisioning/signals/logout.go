package signals

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
)

// logoutEvent is the one member of a logout token's events (OpenID Connect Back-Channel Logout 1.0 section 2.4).
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// Logout is an OIDC provider whose sign-outs end what was begun with its tokens.
type Logout struct {
	Issuer   string
	Audience []string // our client IDs there
	Keys     Keys
	Rules    Rules
}

// logout is OpenID Connect Back-Channel Logout 1.0 section 2.5 to 2.8: 200, or 400 with error and error_description. A token proves itself, so nothing else is
// shown; what is said of one that does not is the same for all who are strangers.
func (r *Receiver) logout(w http.ResponseWriter, q *http.Request) {
	if !r.logouts.Allow() {
		r.count.denied.Add(1)
		later(w, http.StatusTooManyRequests)
		return
	}
	q.Body = http.MaxBytesReader(w, q.Body, maxBody)
	if err := q.ParseForm(); err != nil || len(q.PostForm["logout_token"]) != 1 {
		r.refuseLogout(w, bad(invalidRequest, "there must be one logout_token in a form"))
		return
	}
	err := r.takeLogout(q.Context(), q.PostForm.Get("logout_token"))
	var f *fault
	switch {
	case err == nil:
		w.WriteHeader(http.StatusOK)
	case errors.As(err, &f) && !f.later:
		r.refuseLogout(w, f)
	default:
		later(w, http.StatusServiceUnavailable)
	}
}

func (r *Receiver) refuseLogout(w http.ResponseWriter, f *fault) {
	r.count.refused.Add(1)
	body, _ := json.Marshal(map[string]string{"error": "invalid_request", "error_description": f.text}) // strings always are
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = w.Write(body)
}

// takeLogout believes a logout token or says why not.
func (r *Receiver) takeLogout(ctx context.Context, raw string) error {
	claimed := claimedIssuer(raw)
	for i := range r.cfg.Logouts {
		l := &r.cfg.Logouts[i]
		if l.Issuer != claimed {
			continue
		}
		set, err := r.openLogout(ctx, l, raw)
		if err != nil {
			return err
		}
		return r.once(ctx, set.Issuer, "logout "+set.ID, func(ctx context.Context) error { return r.signOut(ctx, l, set) })
	}
	return bad(invalidIssuer, "iss is not a provider whose sign-outs are taken")
}

// claimedIssuer only chooses whose keys are tried; the claim is looked at again behind the signature.
func claimedIssuer(raw string) string {
	_, rest, _ := strings.Cut(raw, ".")
	part, _, _ := strings.Cut(rest, ".")
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return ""
	}
	t, err := readToken(b)
	if err != nil {
		return ""
	}
	return t.Issuer
}

func (r *Receiver) openLogout(ctx context.Context, l *Logout, raw string) (*token, error) {
	set, err := r.open(ctx, l.Keys, raw, "logout+jwt", "jwt", "")
	if err != nil {
		return nil, err
	}
	var member map[string]json.RawMessage
	event, there := set.Events[logoutEvent]
	switch {
	case set.Issuer != l.Issuer:
		return nil, bad(invalidIssuer, "iss is not a provider whose sign-outs are taken")
	case !slices.ContainsFunc(set.Audience, func(a string) bool { return slices.Contains(l.Audience, a) }):
		return nil, bad(invalidAudience, "aud is not a client of ours")
	case !there || len(event) == 0 || event[0] != '{' || json.Unmarshal(event, &member) != nil:
		return nil, bad(invalidRequest, "events has no member for a sign-out")
	case set.Nonce != nil:
		return nil, bad(invalidRequest, "a logout token has no nonce")
	case set.Session == "" && (set.Subject == nil || *set.Subject == ""):
		return nil, bad(invalidRequest, "sub or sid must be there")
	case set.Expires == nil:
		return nil, bad(invalidRequest, "exp is missing")
	case !r.cfg.Clock().Before(set.Expires.t.Add(skew)):
		return nil, bad(invalidRequest, "the token has expired")
	}
	return set, r.checkTimes(set)
}

func (r *Receiver) signOut(ctx context.Context, l *Logout, s *token) error {
	e := Event{Kind: SignedOut, Issuer: s.Issuer, ID: s.ID, Domain: l.Rules.Domain, Of: l.Issuer, Happened: s.Issued.t, Session: plain(s.Session), OneSession: l.Rules.Sessions}
	if s.Subject != nil {
		e.User = l.Rules.user(subject{Format: "iss_sub", Issuer: l.Issuer, Subject: *s.Subject})
	}
	return r.sink(ctx, e)
}
