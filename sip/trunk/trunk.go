// Package trunk owns what differs between carriers, as data: addresses, number formats, where the called number stands, which identity
// headers are believed and sent. Its functions are pure but for the resolver. It never opens a SIP socket and never decides a route.
package trunk

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"naisen/sip"
	"naisen/sip/number"
)

// ErrProfile: the fields of a trunk make no sense; the text says which.
var ErrProfile = errors.New("trunk: bad profile")

// Place is where the called number of an inbound INVITE stands.
type Place string

const (
	PlaceCalledParty Place = "p-called-party-id" // RFC 7315 section 4.2
	PlaceRequestURI  Place = "request-uri"
	PlaceTo          Place = "to"
)

// Identity says which identity header goes out (RFC 3325). PAI goes to nobody but a peer in our trust domain.
type Identity string

const (
	IdentityNone      Identity = "none"
	IdentityAsserted  Identity = "asserted"
	IdentityPreferred Identity = "preferred"
)

// Fields are a trunk as it is configured. Zero values take the defaults stated.
type Fields struct {
	Domain, Name string
	Host         string   // host or host:port where calls go; no port: SRV records decide (RFC 3263), then 5060, or 5061 with tls
	Transport    string   // "udp" (default), "tcp", "tls"
	DIDFrom      []string // Place values in order; none: all three
	CallerID     string   // number presented when the caller has none of its own

	Format    number.Format // default FormatPlus
	Plan      *number.Plan  // default Japan
	UserPhone bool          // add user=phone
	Trusted   bool          // its P-Asserted-Identity is believed
	Identity  Identity      // default IdentityNone
	FromHost  string        // host of From and PAI; default Host without port
}

// Profile is a trunk ready for use. It is never changed after New.
type Profile struct {
	Domain, Name string
	Host         string
	Port         int // 0: not given
	Transport    string
	DIDFrom      []Place
	CallerID     string
	Format       number.Format
	Plan         *number.Plan
	UserPhone    bool
	Trusted      bool
	Identity     Identity
	FromHost     string
}

// New checks the fields. Errors wrap ErrProfile.
func New(f Fields) (*Profile, error) {
	p := &Profile{
		Domain: f.Domain, Name: f.Name, Transport: f.Transport, CallerID: f.CallerID, Format: f.Format, Plan: f.Plan,
		UserPhone: f.UserPhone, Trusted: f.Trusted, Identity: f.Identity, FromHost: f.FromHost,
	}
	bad := func(field string) (*Profile, error) {
		return nil, fmt.Errorf("%w: %s: %s", ErrProfile, f.Name, field)
	}
	p.defaults()
	if !slices.Contains([]string{"udp", "tcp", "tls"}, p.Transport) {
		return bad("transport")
	}
	var err error
	if p.Host, p.Port, err = sip.ParseHostPort(f.Host); err != nil || p.Host == "" {
		return bad("host")
	}
	if p.FromHost == "" {
		p.FromHost = p.Host
	} else if p.FromHost, _, err = sip.ParseHostPort(f.FromHost); err != nil {
		return bad("from host")
	}
	if !slices.Contains([]number.Format{number.FormatPlus, number.FormatDigits, number.FormatNational}, p.Format) {
		return bad("format")
	}
	if !slices.Contains([]Identity{IdentityNone, IdentityAsserted, IdentityPreferred}, p.Identity) {
		return bad("identity")
	}
	if p.DIDFrom, err = places(f.DIDFrom); err != nil {
		return bad("did_from")
	}
	if p.CallerID != "" && !number.Valid(number.Clean(p.CallerID)) {
		return bad("caller_id")
	}
	return p, nil
}

func (p *Profile) defaults() {
	if p.Transport == "" {
		p.Transport = "udp"
	}
	if p.Format == "" {
		p.Format = number.FormatPlus
	}
	if p.Identity == "" {
		p.Identity = IdentityNone
	}
	if p.Plan == nil {
		p.Plan = &number.Japan
	}
}

func defaultPort(transport string) int {
	if transport == "tls" {
		return 5061
	}
	return 5060
}

func places(names []string) ([]Place, error) {
	if len(names) == 0 {
		return []Place{PlaceCalledParty, PlaceRequestURI, PlaceTo}, nil
	}
	var out []Place
	for _, n := range names {
		p := Place(strings.ToLower(n))
		if p != PlaceCalledParty && p != PlaceRequestURI && p != PlaceTo {
			return nil, ErrProfile
		}
		out = append(out, p)
	}
	return out, nil
}
