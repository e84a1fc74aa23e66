// Package trunk owns what differs between carriers, as data: addresses, number formats, where the called number stands, which identity
// headers are believed and sent. Its functions are pure but for the resolver. It never opens a SIP socket and never decides a route.
package trunk

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

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

// Divert says how a carrier is told that a call was forwarded by one of our numbers.
type Divert string

// Headers of forwarded calls.
const (
	DivertNone      Divert = "none"
	DivertDiversion Divert = "diversion"    // RFC 5806
	DivertHistory   Divert = "history-info" // RFC 7044
	DivertBoth      Divert = "both"
)

// Words of Fields.
const (
	RegisterNone, RegisterSingle, RegisterBulk              = "none", "single", "bulk"
	RegisterAccept                                          = "accept" // it registers with us (RFC 6140)
	ReliableOff, ReliableSupported, ReliableRequired        = "off", "supported", "required"
	EarlyAllow, EarlyAfterAnswer                            = "allow", "after-answer"
	MediaRequired, MediaPreferred, MediaForbidden    string = "srtp-required", "srtp-preferred", "srtp-forbidden"
)

// Fields are a trunk as it is configured. Zero values take those of the profile, then those of plain.
type Fields struct {
	Domain, Name string
	Profile      string       // key of Profiles; empty: none
	Host         string       // host or host:port where calls go; no port: SRV records decide (RFC 3263), then 5060, or 5061 with tls
	Hosts        []string     // tried in order after Host
	Transport    string       // "udp", "tcp", "tls"
	DIDFrom      []string     // Place values in order
	CallerID     string       // number presented when the caller has none of its own
	Plan         *number.Plan // default Japan

	Format          number.Format
	UserPhone       *bool    // add user=phone
	Trusted         *bool    // its P-Asserted-Identity is believed
	Identity        Identity // header that goes out
	FromHost        string   // host of From and PAI; default ContactHost, then Host without port
	CallerRanges    []string // +8131234XXXX; none: all numbers may be presented
	ForwardedCaller *bool    // a forwarded call may present the original caller
	CallerName      *bool    // a display name goes out
	Connected       *bool    // it is told who answered, and whom it talks with after a transfer (RFC 4916)
	Divert          Divert
	Internal        *bool // its callers may dial extensions

	ContactHost                         string // host in Contact and Via
	SourcePort                          int    // 0: any listener's
	Compact                             *bool  // RFC 3261 section 7.3.3
	SessionExpires, MinSE               int    // seconds; SessionExpires -1: none
	Refresher                           string // "uac", "uas", "": the peer's choice
	Reliable                            string // Reliable words
	Refer, Replaces                     *bool
	OptionsSeconds                      int // -1: none
	Register                            string
	RegisterSeconds                     int
	TLSName                             string
	TLSPeers                            []string
	TLSTrust                            string // PEM
	TLSClient, TLSServerAuth, EvenPorts *bool
	Codecs                              []string // none: all
	Suites                              []string // SRTP; none: all
	DSCPSIP, DSCPRTP                    *int
	EarlyMedia, Media                   string
}

// Point is one address of a carrier's.
type Point struct {
	Host string
	Port int // 0: not given
}

// Profile is a trunk ready for use. It is never changed after New.
type Profile struct {
	Domain, Name string
	Point        // the first; Points has all
	Points       []Point
	Transport    string
	DIDFrom      []Place
	CallerID     string
	Plan         *number.Plan

	Format          number.Format
	UserPhone       bool
	Trusted         bool
	Identity        Identity
	FromHost        string
	CallerRanges    []string
	ForwardedCaller bool
	CallerName      bool
	Connected       bool
	Divert          Divert
	Internal        bool

	ContactHost     string
	SourcePort      int
	Compact         bool
	SessionExpires  time.Duration // 0: the switch's own; negative: none
	MinSE           time.Duration
	Refresher       string
	Reliable        string
	Refer, Replaces bool
	Options         time.Duration // 0: none
	Register        string
	RegisterExpires time.Duration
	TLSName         string // empty: the point's host
	TLSPeers        []string
	TLSTrust        string
	TLSClient       bool
	TLSServerAuth   bool
	Codecs          []string
	Suites          []string // SRTP suites with keys in SDP, best first; none: all
	EvenPorts       bool
	DSCPSIP         int // 0: as the system does
	DSCPRTP         int
	AfterAnswer     bool // notices are played after the answer: early media does not reach its callers
	Media           string
}

// New puts the profile under the fields and checks what comes of it. Errors wrap ErrProfile and name the field.
func New(f Fields) (*Profile, error) {
	bad := func(field string) (*Profile, error) {
		return nil, fmt.Errorf("%w: %s: %s", ErrProfile, f.Name, field)
	}
	if f.Profile != "" {
		base, ok := Profiles[f.Profile]
		if !ok {
			return bad("profile")
		}
		f = f.over(base)
	}
	f = f.over(plain)
	if !slices.Contains([]string{"udp", "tcp", "tls"}, f.Transport) {
		return bad("transport")
	}
	p := f.resolved()
	var err error
	if p.Points, err = points(f); err != nil {
		return bad("host")
	}
	p.Point = p.Points[0]
	if p.FromHost, _, err = sip.ParseHostPort(cmp.Or(f.FromHost, f.ContactHost, p.Host)); err != nil {
		return bad("from_host")
	}
	if !slices.Contains([]number.Format{number.FormatPlus, number.FormatDigits, number.FormatNational}, p.Format) {
		return bad("number_format")
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
	if f.Profile == "teams" && f.ContactHost == "" { // the certificate check on the other side would fail: 403
		return bad("contact_host")
	}
	return p, nil
}

// resolved copies what needs no check.
func (f Fields) resolved() *Profile {
	is := func(b *bool) bool { return b != nil && *b }
	value := func(n *int) int {
		if n == nil {
			return 0
		}
		return *n
	}
	return &Profile{Domain: f.Domain, Name: f.Name, Transport: f.Transport, CallerID: f.CallerID, Plan: f.Plan, Format: f.Format,
		UserPhone: is(f.UserPhone), Trusted: is(f.Trusted), Identity: f.Identity, CallerRanges: f.CallerRanges, ForwardedCaller: is(f.ForwardedCaller), CallerName: is(f.CallerName),
		Connected: is(f.Connected),
		Divert:    f.Divert, Internal: is(f.Internal), ContactHost: f.ContactHost, SourcePort: f.SourcePort, Compact: is(f.Compact),
		SessionExpires: time.Duration(f.SessionExpires) * time.Second, MinSE: time.Duration(f.MinSE) * time.Second, Refresher: f.Refresher, Reliable: f.Reliable,
		Refer: is(f.Refer), Replaces: is(f.Replaces), Options: max(0, time.Duration(f.OptionsSeconds)*time.Second), Register: f.Register,
		RegisterExpires: time.Duration(f.RegisterSeconds) * time.Second, TLSName: f.TLSName, TLSPeers: f.TLSPeers, TLSTrust: f.TLSTrust,
		TLSClient: is(f.TLSClient), TLSServerAuth: is(f.TLSServerAuth), Codecs: f.Codecs, Suites: f.Suites, EvenPorts: is(f.EvenPorts),
		DSCPSIP: value(f.DSCPSIP), DSCPRTP: value(f.DSCPRTP), AfterAnswer: f.EarlyMedia == EarlyAfterAnswer, Media: f.Media}
}

func points(f Fields) ([]Point, error) {
	var out []Point
	for _, text := range append([]string{f.Host}, f.Hosts...) {
		host, port, err := sip.ParseHostPort(text)
		if err != nil || host == "" {
			return nil, ErrProfile
		}
		out = append(out, Point{host, port})
	}
	return out, nil
}

func defaultPort(transport string) int {
	if transport == "tls" {
		return 5061
	}
	return 5060
}

func places(names []string) ([]Place, error) {
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
