package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
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
}

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
	return nil
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

// oneOrMany is a claim that is a string or a list of strings (RFC 7519 section 4.1.3).
type oneOrMany []string

func (o *oneOrMany) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*o = oneOrMany{one}
		return nil
	}
	var many []string
	if err := json.Unmarshal(b, &many); err != nil {
		return err
	}
	*o = many
	return nil
}

// numericDate is RFC 7519 section 2: seconds since 1970, maybe with a fraction. present tells a missing claim from 0.
type numericDate struct {
	t       time.Time
	present bool
}

func (n *numericDate) UnmarshalJSON(b []byte) error {
	var f float64
	if err := json.Unmarshal(b, &f); err != nil {
		return err
	}
	if math.IsNaN(f) || f < 0 || f > 1<<40 {
		return errors.New("date out of range")
	}
	*n = numericDate{t: time.Unix(int64(f), 0), present: true}
	return nil
}

// claims are those that decide whether a token is accepted.
type claims struct {
	Issuer   string          `json:"iss"`
	Subject  string          `json:"sub"`
	Audience oneOrMany       `json:"aud"`
	Expires  numericDate     `json:"exp"`
	Before   numericDate     `json:"nbf"`
	Issued   numericDate     `json:"iat"`
	AZP      string          `json:"azp"`
	ClientID string          `json:"client_id"`
	ACR      string          `json:"acr"`
	AMR      []string        `json:"amr"`
	Typ      string          `json:"typ"` // Keycloak: "ID", "Bearer", "Refresh"
	Nonce    json.RawMessage `json:"nonce"`
	AtHash   json.RawMessage `json:"at_hash"`
	CHash    json.RawMessage `json:"c_hash"`
	Scope    string          `json:"scope"` // RFC 9068 section 2.2.3
	SCP      oneOrMany       `json:"scp"`   // the same at some issuers
	Person   string          `json:"person"`
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
	case typ == "at+jwt":
		return nil
	case i.RequireATJWT, typ != "jwt" && typ != "":
		return refused("type")
	case c.Typ != "" && !strings.EqualFold(c.Typ, "Bearer"):
		return refused("type")
	case c.Nonce != nil, c.AtHash != nil, c.CHash != nil:
		return refused("ID token")
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
func (m *Mapping) subject(c *claims, payload []byte) (provisioning.Subject, *Error) {
	var all map[string]json.RawMessage
	if json.Unmarshal(payload, &all) != nil {
		return provisioning.Subject{}, refused("malformed")
	}
	userPath := m.User
	if len(userPath) == 0 {
		userPath = []string{"sub"}
	}
	s := provisioning.Subject{
		Domain: m.FixedDomain, User: claimString(all, userPath), Device: claimString(all, m.Device),
		ACR: c.ACR, AMR: c.AMR, Client: c.client(), Issuer: c.Issuer, Expires: c.Expires.t,
		Scopes: c.scopes(),
	}
	if s.Domain == "" {
		s.Domain = claimString(all, m.Domain)
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
	for _, value := range claimStrings(all, m.Roles) {
		for _, role := range m.Values[value] {
			if !slices.Contains(s.Roles, role) {
				s.Roles = append(s.Roles, role)
			}
		}
	}
	return s, nil
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

func claimAt(all map[string]json.RawMessage, path []string) json.RawMessage {
	for i, name := range path {
		raw, ok := all[name]
		if !ok {
			return nil
		}
		if i == len(path)-1 {
			return raw
		}
		all = nil
		if json.Unmarshal(raw, &all) != nil {
			return nil
		}
	}
	return nil
}

func claimString(all map[string]json.RawMessage, path []string) string {
	var s string
	if raw := claimAt(all, path); raw == nil || json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

func claimStrings(all map[string]json.RawMessage, path []string) []string {
	var list oneOrMany
	if raw := claimAt(all, path); raw == nil || json.Unmarshal(raw, &list) != nil {
		return nil
	}
	return list
}
