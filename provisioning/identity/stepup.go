package identity

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"naisen/provisioning"
)

// Requirement is how, and how lately, a person must have signed in for an action (RFC 9470). Each part that is given must hold; the zero value
// asks nothing.
type Requirement struct {
	ACR    []string      // the token's acr is one of them, the first is the best liked
	AMR    []string      // one of them is among the token's amr (RFC 8176)
	MaxAge time.Duration // since auth_time; a token that does not say is too old. 0: any
}

// Bounds of a Requirement.
const (
	maxRequired = 16
	minMaxAge   = 10 * time.Second // shorter, nobody could come back in time
)

// Validate says what cannot stand in a challenge (RFC 9470 section 3: acr_values are separated by spaces, in quotes).
func (r Requirement) Validate() error {
	if len(r.ACR) > maxRequired || len(r.AMR) > maxRequired {
		return fmt.Errorf("identity: more than %d values", maxRequired)
	}
	for _, v := range slices.Concat(r.ACR, r.AMR) {
		if v == "" || len(v) > 256 || strings.ContainsFunc(v, func(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == '\\' }) {
			return fmt.Errorf("identity: %.64q cannot be asked for", v)
		}
	}
	if r.MaxAge != 0 && (r.MaxAge < minMaxAge || r.MaxAge%time.Second != 0) {
		return fmt.Errorf("identity: an age is whole seconds, %s or more", minMaxAge)
	}
	return nil
}

// Check says nil, or the *Error that tells the client how to sign in: 401 insufficient_user_authentication. The break-glass account has shown what was in its
// envelope, which is as much as it can show: of it only the age is asked, and a new sign-in is a new alarm. Who says so is the embedded service alone.
func (r Requirement) Check(s provisioning.Subject, now time.Time) error {
	if s.ACR == ACRSealed && s.Person != "" {
		r.ACR, r.AMR = nil, nil
	}
	var lacking string
	switch {
	case s.System:
	case len(r.ACR) > 0 && !slices.Contains(r.ACR, s.ACR):
		lacking = "acr"
	case len(r.AMR) > 0 && !slices.ContainsFunc(s.AMR, func(m string) bool { return slices.Contains(r.AMR, m) }):
		lacking = "amr"
	case r.MaxAge > 0 && (now.Sub(s.AuthTime) > r.MaxAge || s.AuthTime.Sub(now) > skew):
		lacking = "auth_time"
	}
	if lacking == "" {
		return nil
	}
	return &Error{Status: http.StatusUnauthorized, Code: codeStepUp, Reason: "step-up: " + lacking, StepUp: r}
}

const codeStepUp = "insufficient_user_authentication"

// challenge is the rest of the WWW-Authenticate value. Both are told whichever is lacking, so that one more sign-in does.
func (r Requirement) challenge() string {
	v := ""
	if len(r.ACR) > 0 {
		v += `, acr_values="` + strings.Join(r.ACR, " ") + `"`
	}
	if r.MaxAge > 0 {
		v += `, max_age="` + strconv.Itoa(int(r.MaxAge/time.Second)) + `"`
	}
	return v
}

// StepUpOf reads a WWW-Authenticate value of that kind, of any server: what a sign-in must be asked for. False: it is none.
func StepUpOf(challenge string) (r Requirement, ok bool) {
	scheme, rest, _ := strings.Cut(challenge, " ")
	if !strings.EqualFold(scheme, "Bearer") || len(challenge) > 8<<10 {
		return r, false
	}
	for rest != "" {
		name, value, more, good := authParam(rest)
		if !good {
			break
		}
		switch strings.ToLower(name) {
		case "error":
			ok = value == codeStepUp
		case "acr_values":
			r.ACR = strings.Fields(value)
		case "max_age":
			if n, err := strconv.Atoi(value); err == nil && n >= 0 {
				r.MaxAge = max(time.Duration(n)*time.Second, time.Second)
			}
		}
		rest = more
	}
	if !ok {
		return Requirement{}, false
	}
	return r, true
}

// authParam takes the first name=value of s (RFC 9110 section 11.2), the value a token or a quoted string.
func authParam(s string) (name, value, rest string, ok bool) {
	name, s, ok = strings.Cut(strings.TrimLeft(s, " \t,"), "=")
	if !ok {
		return "", "", "", false
	}
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, " \t,")
		if end < 0 {
			end = len(s)
		}
		return name, s[:end], s[end:], true
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return name, b.String(), s[i+1:], true
		case '\\':
			i++
		}
		if i < len(s) {
			b.WriteByte(s[i])
		}
	}
	return "", "", "", false
}
