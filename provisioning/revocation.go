package provisioning

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// What a Revocation is of.
const (
	RevokedUser    = "user"
	RevokedSession = "session" // Name: issuer, a space, the sid of its tokens
	RevokedDevice  = "device"  // Name: DeviceName of the device claim of its tokens, or of the +sip.instance of its registrations
	RevokedToken   = "token"   // Name: issuer, a space, the jti
)

// Fate is what becomes of calls under way.
type Fate string

// The fates. The empty one is FateContinue.
const (
	FateContinue Fate = "continue"
	FateEnd      Fate = "end"
	FateNotice   Fate = "notice" // those who talk are told why, then it ends
)

// Revocation says that what somebody proved is worth nothing any more: every token issued, and every registration proved, until a time; or all of it, as long as
// the subject is barred. One that is stored ends everything of its subject, in every process that follows the change feed, and goes on to refuse what comes
// later; there is no other way to end a session. It names a user who may be known to an identity service elsewhere only, so it refers to nothing, and it
// outlives its user, so that who has the name next is not taken for who had it before.
type Revocation struct {
	Of   string `json:"of"`
	Name string `json:"name"`

	Before time.Time `json:"before,omitzero" doc:"Tokens issued until then are refused, and what was registered, heard or watched with one ends"`
	Phones time.Time `json:"phones,omitzero" doc:"Registrations by password or certificate made until then end; they may be made anew"`

	Barred  string    `json:"barred,omitempty" doc:"Why nothing of it is accepted, such as not-compliant; empty: it is"`
	Decided time.Time `json:"decided,omitzero" doc:"When the newest event happened that barred it or let it in again: what happened before that counts no more"`

	Calls Fate      `json:"calls,omitempty" doc:"What becomes of its calls: continue (default), end or notice"`
	Cut   time.Time `json:"cut,omitzero" doc:"Of those that began until then"`
	Why   string    `json:"why" doc:"Kind of the last event, such as session-revoked"`
	Until time.Time `json:"until,omitzero" doc:"After that nothing is left that it could refuse; empty: it stays"`
}

// Kind, Key: see Entity.
func (Revocation) Kind() string  { return KindRevocation }
func (r Revocation) Key() string { return RevocationKey(r.Of, r.Name) }

// Refs: see Entity. There are none: see Revocation.
func (Revocation) Refs() []Ref { return nil }

// RevocationKey finds the Revocation of something. A user's is asked for at every decision, so it costs no hash.
func RevocationKey(of, name string) string {
	if of == RevokedUser {
		return of + ":" + name
	}
	return of + ":" + Fingerprint(name)
}

// Fingerprint is a name of any form and length, as they come from outside, in 16 characters; empty for the empty one.
func Fingerprint(name string) string {
	if name == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(name))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// DeviceName is the form in which devices are compared: as a claim, a security event or a +sip.instance names them, "<urn:uuid:F81D...>" and "f81d..." are one.
func DeviceName(s string) string {
	return strings.TrimPrefix(strings.ToLower(strings.Trim(s, `"<> `)), "urn:uuid:")
}

// IssuedName is the name of a session or token, which an issuer calls so; empty: it calls it nothing.
func IssuedName(issuer, name string) string {
	if name == "" {
		return ""
	}
	return issuer + " " + name
}

// MaxRevokedName bounds a name, in bytes: an issuer and what it calls something.
const MaxRevokedName = 1024

// Validate: see Entity.
func (r Revocation) Validate() error {
	var c check
	c.oneOf("of", r.Of, RevokedUser, RevokedSession, RevokedDevice, RevokedToken)
	c.must(r.Name != "" && len(r.Name) <= MaxRevokedName && utf8.ValidString(r.Name) && !strings.ContainsFunc(r.Name, unicode.IsControl), "name",
		"must be 1 to 1024 bytes of text without control characters")
	c.oneOf("calls", string(r.Calls), "", string(FateContinue), string(FateEnd), string(FateNotice))
	c.text("why", r.Why)
	c.text("barred", r.Barred)
	return c.result()
}

// Ending is an event that ends something.
type Ending struct {
	Of, Name string
	Why      string    // kind of the event
	At       time.Time // when it happened
	Phones   bool      // registrations by password or certificate end too
	Calls    Fate
	// Bar and Admit are for events that say how something is from now on: nothing of it is accepted, or it is again. With neither, what is proved anew counts.
	Bar, Admit bool
	Until      time.Time // of a session or token: when nothing of it is left; zero: never
}

// after is the revocation once something has happened. An event that happened before another one of its kind undoes nothing, and one that is told twice does
// nothing.
func (r Revocation) after(e Ending) Revocation {
	r.Of, r.Name = e.Of, e.Name
	if e.Bar || e.Admit {
		if e.At.Before(r.Decided) || e.At.Equal(r.Decided) && !e.Bar { // of two at the same moment the one that bars counts
			return r
		}
		r.Decided, r.Barred = e.At, ""
		if e.Bar {
			r.Barred = e.Why
		}
		if e.Admit {
			r.Why = e.Why
			return r
		}
	}
	if e.At.After(r.Before) {
		r.Before, r.Why = e.At, e.Why
	}
	if e.Phones && e.At.After(r.Phones) {
		r.Phones = e.At
	}
	if e.Calls != FateContinue && e.Calls != "" && e.At.After(r.Cut) {
		r.Calls, r.Cut = e.Calls, e.At
	}
	if e.Until.After(r.Until) {
		r.Until = e.Until
	}
	return r
}

// End writes what an event ends. It tells whether anything changed. What is stored before it returns is ended everywhere a moment later.
func End(w Writer, domain string, e Ending) (changed bool, err error) {
	old, tag, err := Get[Revocation](w, domain, RevocationKey(e.Of, e.Name))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return false, err
	}
	e.At = e.At.UTC().Truncate(time.Millisecond) // one form, so that the same event is the same row
	next := old.after(e)
	if next == old {
		return false, nil
	}
	if tag == "" {
		tag = "!"
	}
	_, err = Put(w, domain, next, tag)
	return err == nil, err
}

// Covers says that a token issued at a time, or anything proved with it, is worth nothing any more. Tokens of other issuers have
// whole seconds: of the second of an event none of them is believed. A token that does not say when it was issued is the oldest of all.
func (r Revocation) Covers(issued time.Time) bool {
	return r.Barred != "" || !r.Before.IsZero() && !issued.After(r.Before)
}
