package signals

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The kinds of events that mean something here: of CAEP 1.0, of RISC, of the framework itself, and a sign-out by back channel.
const (
	SessionRevoked   = "session-revoked"
	CredentialChange = "credential-change"
	DeviceCompliance = "device-compliance-change"
	ClaimsChange     = "token-claims-change"
	AssuranceChange  = "assurance-level-change"
	SessionsRevoked  = "sessions-revoked" // RISC's word for all of them
	AccountDisabled  = "account-disabled"
	AccountEnabled   = "account-enabled"
	AccountPurged    = "account-purged"
	Verification     = "verification"
	StreamUpdated    = "stream-updated"
	SignedOut        = "signed-out"
)

// Kinds lists them.
func Kinds() []string {
	return []string{SessionRevoked, CredentialChange, DeviceCompliance, ClaimsChange, AssuranceChange, SessionsRevoked, AccountDisabled, AccountEnabled,
		AccountPurged, Verification, StreamUpdated, SignedOut}
}

// schemas are what the URIs of events begin with, and the kinds of each.
var schemas = map[string][]string{
	"https://schemas.openid.net/secevent/caep/event-type/": {SessionRevoked, CredentialChange, DeviceCompliance, ClaimsChange, AssuranceChange},
	"https://schemas.openid.net/secevent/risc/event-type/": {SessionsRevoked, AccountDisabled, AccountEnabled, AccountPurged},
	"https://schemas.openid.net/secevent/ssf/event-type/":  {Verification, StreamUpdated},
}

// kindOf an event's URI; empty: it means nothing here.
func kindOf(uri string) string {
	i := strings.LastIndexByte(uri, '/') + 1
	if slices.Contains(schemas[uri[:i]], uri[i:]) {
		return uri[i:]
	}
	return ""
}

// Event is what happened, and to whom of ours, as far as rules and subject tell. Names are a stranger's words, bounded and printable.
type Event struct {
	Kind        string
	Transmitter string // its name here; empty: a sign-out
	Issuer, ID  string // iss and jti of the token that told it
	Domain      string
	Happened    time.Time

	User    string // name of a user of the domain; empty: none is named that the rules know
	Session string // sid; Of says in whose words
	Token   string // jti of an access token
	Device  string
	Of      string // issuer whose sub, sid and jti these are
	// OneSession says that the session alone is meant, and that it can be told from others of the same person.
	OneSession bool

	Status string // of a device: "compliant" or "not-compliant"; of a stream; of an assurance level which way it went: "increase" or "decrease"
	Reason string // for administrators
}

// Rules say, as data, whom the subjects of a transmitter (RFC 9493) mean.
type Rules struct {
	Domain string
	Issuer string // of our access tokens: whose sub, sid and jti they name
	// Users says by format what names a user: AsUser or AsLocal. A format that is missing names nobody.
	Users map[string]string
	Hosts []string // behind the @ of an address whose local part is a user's name
	// Sessions says that access tokens have a sid. Else an event about one session of somebody ends all of theirs: it could not be told which.
	Sessions bool
}

// What names a user.
const (
	AsUser  = "user"  // the whole value
	AsLocal = "local" // the part before the @
)

// DefaultUsers are the rules for who has none.
func DefaultUsers() map[string]string {
	return map[string]string{"iss_sub": AsUser, "email": AsLocal, "account": AsLocal}
}

// number is RFC 7519 section 2: seconds since 1970.
type number struct {
	t       time.Time
	present bool
}

func (n *number) UnmarshalJSON(b []byte) error {
	var f float64
	if err := json.Unmarshal(b, &f); err != nil || math.IsNaN(f) || f < 0 || f > 1<<36 {
		return errors.New("a time is not in seconds since 1970")
	}
	seconds, part := math.Modf(f)
	*n = number{time.Unix(int64(seconds), int64(part*1e9)), true}
	return nil
}

// words is a claim that is a string or a list of strings.
type words []string

func (o *words) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*o = words{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(o))
}

// token is the payload of a security event or logout token.
type token struct {
	Issuer   string
	Audience words
	ID       string
	Issued   number
	Expires  *number
	Subject  *string
	Session  string
	Nonce    json.RawMessage
	Happened number
	About    json.RawMessage
	Events   map[string]json.RawMessage
}

// readToken reads the claims by their exact names: encoding/json alone would take "AUD" for one.
func readToken(payload []byte) (*token, error) {
	var t token
	var all map[string]json.RawMessage
	if err := json.Unmarshal(payload, &all); err != nil {
		return nil, errors.New("the claims are not those of a security event")
	}
	for name, into := range map[string]any{"iss": &t.Issuer, "aud": &t.Audience, "jti": &t.ID, "iat": &t.Issued, "exp": &t.Expires, "sub": &t.Subject, "sid": &t.Session,
		"nonce": &t.Nonce, "toe": &t.Happened, "sub_id": &t.About, "events": &t.Events} {
		if raw, ok := all[name]; ok && json.Unmarshal(raw, into) != nil {
			return nil, errors.New("the claim " + name + " is not of its form")
		}
	}
	return &t, nil
}

// payload is what all events of CAEP may have, and those of the framework.
type payload struct {
	Happened  number          `json:"event_timestamp"`
	Subject   json.RawMessage `json:"subject"` // where CAEP and RISC had it before SSF 1.0
	Current   string          `json:"current_status"`
	Direction string          `json:"change_direction"`
	Status    string          `json:"status"`
	Reason    json.RawMessage `json:"reason_admin"`
}

// event reads the one event. Its Kind is empty when it means nothing here; an error is for the transmitter.
func (r Rules) event(t *Transmitter, s *token) (Event, error) {
	var uri string
	var body json.RawMessage
	for uri, body = range s.Events {
	}
	e := Event{Kind: kindOf(uri), Transmitter: t.Name, Issuer: s.Issuer, ID: s.ID, Domain: r.Domain, Of: r.Issuer, OneSession: r.Sessions}
	if e.Kind == "" {
		return e, nil
	}
	var p payload
	if len(body) == 0 || body[0] != '{' || json.Unmarshal(body, &p) != nil {
		return e, errors.New("the event's payload is not that of its kind")
	}
	e.Happened, e.Reason = s.Issued.t, reasonOf(p.Reason)
	for _, at := range []number{s.Happened, p.Happened} { // the event's own word counts most
		if at.present {
			e.Happened = at.t
		}
	}
	about := s.About
	if len(about) == 0 {
		about = p.Subject
	}
	switch e.Kind {
	case Verification:
		return e, nil
	case StreamUpdated:
		e.Status = plain(p.Status)
		return e, nil
	case DeviceCompliance:
		if e.Status = p.Current; e.Status != "compliant" && e.Status != "not-compliant" {
			return e, errors.New("current_status is compliant or not-compliant")
		}
	case AssuranceChange:
		e.Status = plain(p.Direction)
	}
	if len(about) == 0 {
		return e, errors.New("sub_id is missing")
	}
	return e, r.about(&e, about)
}

// subject is a subject identifier of any format (RFC 9493), or a complex one (SSF 1.0 section 3.3).
type subject struct {
	Format      string            `json:"format"`
	Issuer      string            `json:"iss"`
	Subject     string            `json:"sub"`
	ID          string            `json:"id"`
	Email       string            `json:"email"`
	URI         string            `json:"uri"`
	Token       string            `json:"jti"`
	Identifiers []json.RawMessage `json:"identifiers"`
	User        json.RawMessage   `json:"user"`
	Device      json.RawMessage   `json:"device"`
	Session     json.RawMessage   `json:"session"`
}

// maxAliases bounds the names of one subject.
const maxAliases = 16

// about fills in whom an event is about.
func (r Rules) about(e *Event, raw json.RawMessage) error {
	s, err := readSubject(raw)
	if err != nil {
		return err
	}
	complex := s.Format == "complex" || s.Format == "" && (s.User != nil || s.Device != nil || s.Session != nil)
	if !complex {
		switch {
		case s.Format == "jwt_id":
			if s.Issuer == r.Issuer {
				e.Token = plain(s.Token)
			}
		case e.Kind == DeviceCompliance:
			e.Device = s.named()
		default:
			e.User = r.user(s)
		}
		return nil
	}
	for _, member := range []struct {
		raw  json.RawMessage
		into *string
	}{{s.Device, &e.Device}, {s.Session, &e.Session}} {
		if member.raw == nil {
			continue
		}
		one, err := readSubject(member.raw)
		if err != nil {
			return err
		}
		*member.into = one.named()
	}
	if s.User == nil {
		return nil
	}
	user, err := readSubject(s.User)
	if err != nil {
		return err
	}
	e.User = r.user(user)
	return nil
}

func readSubject(raw json.RawMessage) (subject, error) {
	var s subject
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, errors.New("a subject identifier is none")
	}
	return s, nil
}

// named is what a device or session is called, whatever the format is.
func (s subject) named() string {
	for _, v := range []string{s.ID, s.Subject, s.Token, s.URI, s.Email} {
		if v != "" {
			return plain(v)
		}
	}
	return ""
}

// user is whom a simple subject means; empty: nobody whom the rules know.
func (r Rules) user(s subject) string {
	value := ""
	switch s.Format {
	case "iss_sub":
		if s.Issuer != r.Issuer { // somebody else's sub may be anybody here
			return ""
		}
		value = s.Subject
	case "email":
		value = s.Email
	case "account":
		value, _ = strings.CutPrefix(s.URI, "acct:")
	case "opaque":
		value = s.ID
	case "aliases":
		for _, raw := range s.Identifiers[:min(len(s.Identifiers), maxAliases)] {
			one, err := readSubject(raw)
			if err != nil || one.Format == "aliases" {
				continue
			}
			if u := r.user(one); u != "" {
				return u
			}
		}
		return ""
	}
	switch r.Users[s.Format] {
	case AsUser:
		return plain(value)
	case AsLocal:
		local, host, ok := strings.Cut(strings.ToLower(value), "@")
		if ok && slices.Contains(r.Hosts, host) {
			return plain(local)
		}
	}
	return ""
}

// maxWord bounds a stranger's word, in bytes.
const maxWord = 512

// plain is a word that can stand in a log, a row and a header; empty for one that cannot.
func plain(s string) string {
	if len(s) > maxWord || !utf8.ValidString(s) || strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return ""
	}
	return s
}

// reasonOf takes one language of reason_admin: a map by language (CAEP 1.0 section 2), or a text at some.
func reasonOf(raw json.RawMessage) string {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return cut(one)
	}
	var many map[string]string
	if json.Unmarshal(raw, &many) != nil || len(many) == 0 {
		return ""
	}
	for _, language := range []string{"ja", "en"} {
		if many[language] != "" {
			return cut(many[language])
		}
	}
	least := ""
	for language := range many {
		if least == "" || language < least {
			least = language
		}
	}
	return cut(many[least])
}

func cut(s string) string {
	r := []rune(strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return ' '
	}, s))
	return string(r[:min(len(r), 100)])
}

// Validate says what of rules cannot be.
func (r Rules) Validate() error {
	for format, how := range r.Users {
		if !slices.Contains([]string{"iss_sub", "email", "account", "opaque"}, format) {
			return fmt.Errorf("signals: %q is no format of a subject that names a user", format)
		}
		if how != AsUser && how != AsLocal {
			return fmt.Errorf("signals: %s: a user is named by %q or by %q", format, AsUser, AsLocal)
		}
	}
	return nil
}
