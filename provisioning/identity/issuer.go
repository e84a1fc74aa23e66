package identity

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"naisen/provisioning"
)

// Issuer is one OIDC provider whose access tokens are accepted.
type Issuer struct {
	URL      string   `json:"url"`      // exactly the iss claim; https, or http on a loopback address
	Audience string   `json:"audience"` // must be in aud
	Clients  []string `json:"clients"`  // accepted azp / client_id; empty: any
	// RequireATJWT accepts only the RFC 9068 typ at+jwt. Without it typ JWT passes too, unless it shows to be an ID token.
	RequireATJWT bool    `json:"require_at_jwt"`
	Mapping      Mapping `json:"mapping"`
	// Scope is what a token must have for REST and playback. "": ScopeAPI. NoScope: this issuer's tokens have none, so none is asked.
	Scope string `json:"scope"`
	// SIPScope marks the tokens of telephones, which are good for SIP alone unless they have Scope too. "": ScopeSIP.
	SIPScope string `json:"sip_scope"`
	// Introspection asks the issuer itself about tokens (RFC 7662); nil: never.
	Introspection *Introspection `json:"introspection"`
	// KeyTTL is how long a fetched key set is used before it is read again: a withdrawn key is refused at the latest after
	// KeyTTL plus one fetch. 0: 5 minutes.
	KeyTTL time.Duration `json:"key_ttl"`

	keys keySource // the embedded service's own keys; nil: discovery and JWKS
}

// Mapping says, as data, how claims become a Subject. A path is the list of object members from the top.
type Mapping struct {
	User   []string `json:"user"`   // a string; empty: ["sub"]. Choose a claim that is never given to another person
	Domain []string `json:"domain"` // a string; used when FixedDomain is empty
	// FixedDomain puts each user of this issuer into one domain.
	FixedDomain string `json:"fixed_domain"`
	// Domains bounds what the domain claim may say; empty: any.
	Domains []string                       `json:"domains"`
	Roles   []string                       `json:"roles"`  // a string or a list of strings
	Values  map[string][]provisioning.Role `json:"values"` // claim value -> roles; an unknown value gives none
	Device  []string                       `json:"device"` // a string; optional
	// StoreRoles takes the roles from the user in the store and refuses users who are not there: a change works at once.
	StoreRoles bool `json:"store_roles"`
	// Attributes become Subject.Attributes: name -> path of a string, a number or a boolean. What is missing, longer than maxAttribute or not
	// printable is left out.
	Attributes map[string][]string `json:"attributes"`
}

// Bounds of Mapping.Attributes: how many, and the bytes of a name and of a value.
const (
	maxAttributes    = 32
	maxAttributeName = 64
	maxAttribute     = 256
)

// Validate says what is missing or unsafe.
func (i Issuer) Validate() error {
	if err := checkURL(i.URL); err != nil {
		return fmt.Errorf("identity: issuer url: %w", err)
	}
	if i.Audience == "" {
		return errors.New("identity: issuer audience is missing")
	}
	if i.Mapping.FixedDomain == "" && len(i.Mapping.Domain) == 0 {
		return errors.New("identity: mapping needs domain or fixed_domain")
	}
	if !i.Mapping.StoreRoles && len(i.Mapping.Roles) == 0 {
		return errors.New("identity: mapping needs roles or store_roles")
	}
	if i.Scope != "" && i.Scope == i.sipScope() {
		return errors.New("identity: scope and sip_scope are the same: a telephone's token would be good for everything")
	}
	if err := i.Introspection.validate(); err != nil {
		return err
	}
	return i.Mapping.validateAttributes()
}

func (m Mapping) validateAttributes() error {
	if len(m.Attributes) > maxAttributes {
		return fmt.Errorf("identity: mapping has more than %d attributes", maxAttributes)
	}
	for name, path := range m.Attributes {
		if !plainName(name) || len(name) > maxAttributeName || len(path) == 0 {
			return fmt.Errorf("identity: mapping: attribute %.64q needs a plain name and a path", name)
		}
	}
	return nil
}

func (i Issuer) sipScope() string {
	if i.SIPScope == "" {
		return ScopeSIP
	}
	return i.SIPScope
}

// admits says whether a token with these scopes is one for REST and playback (RFC 6750 section 3.1: 403 insufficient_scope).
func (i Issuer) admits(scopes []string) error {
	want := i.Scope
	switch {
	case want == NoScope && !slices.Contains(scopes, i.sipScope()):
		return nil
	case want == NoScope:
		return &Error{Status: http.StatusForbidden, Code: "insufficient_scope", Reason: "a telephone's token"}
	case want == "":
		want = ScopeAPI
	}
	if slices.Contains(scopes, want) {
		return nil
	}
	return &Error{Status: http.StatusForbidden, Code: "insufficient_scope", Scope: want, Reason: "for something else"}
}

// checkURL accepts https anywhere and http on loopback only.
func checkURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return errors.New("not an absolute URL without query")
	}
	host := u.Hostname()
	switch {
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && (host == "localhost" || net.ParseIP(host).IsLoopback()):
		return nil
	}
	return errors.New("https is needed outside the loopback")
}

// maxScopes bounds what is kept of one token.
const maxScopes = 64

func (c *claims) scopes() []string {
	list := strings.Fields(c.Scope)
	for _, s := range c.SCP {
		list = append(list, strings.Fields(s)...)
	}
	return list[:min(len(list), maxScopes)]
}

// skew is how far clocks may differ.
const skew = 60 * time.Second

// checkTimes: exp, nbf and iat with skew.
func checkTimes(now time.Time, expires, before, issued time.Time) *Error {
	switch {
	case !now.Before(expires.Add(skew)):
		return refused("expired")
	case now.Add(skew).Before(before):
		return refused("not yet valid")
	case now.Add(skew).Before(issued):
		return refused("issued in the future")
	}
	return nil
}

// check applies everything but the signature. typ is the header's.
func (c *claims) check(i *Issuer, typ string, now time.Time) *Error {
	if c.Issuer != i.URL {
		return refused("issuer")
	}
	if err := c.checkType(i, typ); err != nil {
		return err
	}
	if c.Subject == "" {
		return refused("no subject")
	}
	if !c.Expires.present {
		return refused("no expiry")
	}
	if err := checkTimes(now, c.Expires.t, c.Before.t, c.Issued.t); err != nil {
		return err
	}
	if !slices.Contains(c.Audience, i.Audience) {
		return refused("audience")
	}
	return c.checkClient(i)
}

// checkClient also refuses what is bound to a client's key or certificate (RFC 9449 section 7.1, RFC 8705 section 3): whoever shows it without that may
// have stolen it, and we have no way to see that it was not.
func (c *claims) checkClient(i *Issuer) *Error {
	if c.has("cnf") {
		return refused("bound to its client's key")
	}
	if c.AZP != "" && c.ClientID != "" && c.AZP != c.ClientID {
		return refused("azp and client_id differ")
	}
	if len(i.Clients) > 0 && !slices.Contains(i.Clients, c.client()) {
		return refused("client")
	}
	return nil
}

// checkType refuses ID tokens, refresh tokens, logout tokens and security events (RFC 9068 section 4, RFC 8725 section 3.11).
func (c *claims) checkType(i *Issuer, typ string) *Error {
	typ = strings.TrimPrefix(strings.ToLower(typ), "application/")
	switch {
	case typ == "at+jwt" && i.RequireATJWT && (!c.Issued.present || c.ClientID == "" || c.ID == ""):
		return refused("not as RFC 9068 has it") // section 2.2: required
	case typ == "at+jwt":
		return nil
	case i.RequireATJWT, typ != "jwt" && typ != "":
		return refused("type")
	case c.Typ != "" && !strings.EqualFold(c.Typ, "Bearer"):
		return refused("type")
	case c.has("nonce"), c.has("at_hash"), c.has("c_hash"):
		return refused("ID token")
	case c.has("events"): // RFC 8417 section 2.2: a security event or logout token without its own typ
		return refused("security event")
	}
	return nil
}

func (c *claims) client() string {
	if c.AZP != "" {
		return c.AZP
	}
	return c.ClientID
}

// subject maps the payload. Roles of the store are applied later, on each check.
func (m *Mapping) subject(c *claims) (provisioning.Subject, *Error) {
	all, userPath := c.all, m.User
	if len(userPath) == 0 {
		userPath = []string{"sub"}
	}
	s := provisioning.Subject{
		Domain: m.FixedDomain, User: all.text(userPath), Device: all.text(m.Device),
		ACR: c.ACR, AMR: c.AMR[:min(len(c.AMR), maxScopes)], Client: c.client(), Issuer: c.Issuer, Expires: c.Expires.t,
		Scopes: c.scopes(), AuthTime: c.AuthTime.t, Attributes: m.attributes(all), Session: bounded(c.Session), Token: bounded(c.ID), Issued: c.Issued.t,
	}
	if s.Domain == "" {
		s.Domain = all.text(m.Domain)
		if len(m.Domains) > 0 && !slices.Contains(m.Domains, s.Domain) {
			return provisioning.Subject{}, refused("domain")
		}
	}
	if !plainName(s.Domain) || !plainName(s.User) {
		return provisioning.Subject{}, refused("domain or user name")
	}
	if m.StoreRoles {
		return s, nil
	}
	for _, value := range all.texts(m.Roles) {
		for _, role := range m.Values[value] {
			if !slices.Contains(s.Roles, role) {
				s.Roles = append(s.Roles, role)
			}
		}
	}
	return s, nil
}

// attributes of a token; nil when it has none.
func (m *Mapping) attributes(all members) map[string]string {
	var out map[string]string
	for name, path := range m.Attributes {
		value, ok := scalar(all.at(path))
		if !ok {
			continue
		}
		if out == nil {
			out = make(map[string]string, len(m.Attributes))
		}
		out[name] = value
	}
	return out
}

// maxTokenWord bounds what an issuer calls a session or a token.
const maxTokenWord = 512

// bounded is a word of a token that is only ever compared; one that is too long is none.
func bounded(s string) string {
	if len(s) > maxTokenWord {
		return ""
	}
	return s
}

// plainName keeps what could be mistaken for something else out of audit rows, paths and headers.
func plainName(s string) bool {
	if s == "" || len(s) > 128 || !utf8.ValidString(s) {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsPrint(r) || strings.ContainsRune(`/\"<>`, r)
	})
}
