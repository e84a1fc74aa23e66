// Package provisioning owns the truth about people, numbers and devices: the entities, Subject, Store, Policy, Calls.
// It never touches a live call except through Calls, and never imports sip or media.
package provisioning

import (
	"context"
	"errors"
	"iter"
	"time"
)

// Sentinel errors; callers use errors.Is.
var (
	ErrNotFound = errors.New("provisioning: not found")
	ErrExists   = errors.New("provisioning: exists already")
	ErrStale    = errors.New("provisioning: changed since it was read") // ETag mismatch: 412
	ErrInUse    = errors.New("provisioning: something refers to it")    // 409
)

// Domain is an organisation: its SIP domain name is its key.
type Domain struct {
	Name        string `json:"name"`
	Title       string `json:"title"`
	Language    string `json:"language"`     // "ja" or "en": default of prompts
	AllowMD5    bool   `json:"allow_md5"`    // digest MD5 for clients that know nothing else (RFC 8760)
	CountryCode string `json:"country_code"` // "81"
}

// User is a person.
type User struct {
	Name     string `json:"name"` // login, unique in the domain
	Display  string `json:"display"`
	Roles    []Role `json:"roles"`
	Disabled bool   `json:"disabled"`
}

// Role is a named set of rights.
type Role string

// The roles. A user has any number; none means none.
const (
	RoleAdmin     Role = "admin"
	RoleTelephony Role = "telephony"
	RoleListener  Role = "recording-listener"
	RoleAuditor   Role = "auditor"
	RoleStaff     Role = "staff"
)

// Extension is an internal number with its SIP credentials.
type Extension struct {
	Number      string `json:"number"`
	Display     string `json:"display"`
	User        string `json:"user,omitempty"` // owner's User.Name
	AllowMD5    bool   `json:"allow_md5"`
	MaxContacts int    `json:"max_contacts"`        // 0: 5
	Media       string `json:"media"`               // "srtp-required", "srtp-preferred" (default), "srtp-forbidden"
	Record      string `json:"record,omitempty"`    // name of a RecordingPolicy for calls that this extension makes
	CallerID    string `json:"caller_id,omitempty"` // E.164 shown on outside calls
	Disabled    bool   `json:"disabled"`
}

// DID is an outside number that reaches an extension.
type DID struct {
	Number      string   `json:"number"` // E.164 with +
	Title       string   `json:"title"`
	To          []string `json:"to"`                 // extensions that ring together
	RingSeconds int      `json:"ring_seconds"`       // 0: 60
	Policy      string   `json:"policy,omitempty"`   // RecordingPolicy.Name; empty: not recorded
	Language    string   `json:"language,omitempty"` // of the notice; empty: the domain's
}

// Trunk is a carrier.
type Trunk struct {
	Name      string   `json:"name"`
	Host      string   `json:"host"`               // where calls are sent: host, host:port
	Transport string   `json:"transport"`          // "udp", "tcp", "tls"
	Sources   []string `json:"sources"`            // CIDRs from which its calls are accepted without digest
	Username  string   `json:"username,omitempty"` // digest towards the carrier
	HasSecret bool     `json:"has_secret" readOnly:"true"`
	Prefixes  []string `json:"prefixes"` // dialled prefixes that go out here, longest match wins; stripped digits by Strip
	Strip     int      `json:"strip"`
	Media     string   `json:"media"`
	DIDFrom   []string `json:"did_from"` // where the called number stands, in order: "p-called-party-id", "request-uri", "to"
	CallerID  string   `json:"caller_id,omitempty"`
	EvenPorts bool     `json:"even_ports"`
	Disabled  bool     `json:"disabled"`
}

// RecordingPolicy says whether, how and with what notice a number is recorded.
type RecordingPolicy struct {
	Name          string `json:"name"`
	Record        bool   `json:"record"`
	Notice        string `json:"notice"`     // "early-media", "after-answer", "none"
	Prompt        string `json:"prompt"`     // default notice/recording
	OnFailure     string `json:"on_failure"` // "continue" (default) or "refuse"
	RetentionDays int    `json:"retention_days"`
}

// Subject is who asks: the same for REST, playback, console and SIP.
type Subject struct {
	Domain  string
	User    string
	Roles   []Role
	ACR     string
	AMR     []string
	Device  string
	Client  string // OAuth client
	Issuer  string
	Expires time.Time
	System  bool // the switch itself (sweeper, first run); never from a token
}

// Version orders all changes of a store.
type Version int64

// Change is one row of the change feed.
type Change struct {
	Version Version
	Domain  string
	Kind    string // "extension", "did", "trunk", ...
	Key     string
	Deleted bool
}

// AuditEntry is one fact for the audit log. Detail never holds a secret.
type AuditEntry struct {
	Seq     int64          `json:"seq"`
	Time    time.Time      `json:"time"`
	Domain  string         `json:"domain"`
	Subject string         `json:"subject"` // "user@domain", "system"
	Action  string         `json:"action"`  // "extension.put", "recording.listen", "call.ended", "sign-in.failed"
	Object  string         `json:"object"`
	Outcome string         `json:"outcome"` // "allowed", "denied", "ok", "failed"
	Detail  map[string]any `json:"detail,omitempty"`
}

// Action and Object name what a Subject wants to do to what.
type Action string

// Object of a decision.
type Object struct {
	Domain string
	Kind   string // "extension", "recording", "audit", ...
	Key    string
}

// Denied names the rule that refused.
type Denied struct{ Rule string }

func (d *Denied) Error() string { return "provisioning: denied by " + d.Rule }

// Policy decides. Pure; nil, or a *Denied that names the rule.
type Policy interface {
	Can(Subject, Action, Object) error
}

// CallInfo is what REST shows of a live call.
type CallInfo struct {
	ID        string    `json:"id"`
	Domain    string    `json:"domain"`
	From      string    `json:"from"`
	To        string    `json:"to"`
	Phase     string    `json:"phase"`
	Started   time.Time `json:"started"`
	Recording string    `json:"recording,omitempty"`
	Media     string    `json:"media,omitempty"` // the bridge's plan in one line
}

// Calls is what an authorised person may do to a live call.
type Calls interface {
	List(ctx context.Context, domain string) []CallInfo
	Hangup(ctx context.Context, domain, id string) error
	Record(ctx context.Context, domain, id string, on bool) error
}

// CDR is one finished call.
type CDR struct {
	ID         string    `json:"id"`
	Domain     string    `json:"domain"`
	Direction  string    `json:"direction"`
	From       string    `json:"from"`
	To         string    `json:"to"`
	AnsweredBy string    `json:"answered_by,omitempty"`
	Trunk      string    `json:"trunk,omitempty"`
	Started    time.Time `json:"started"`
	Answered   time.Time `json:"answered,omitzero"`
	Ended      time.Time `json:"ended"`
	TalkMS     int64     `json:"talk_ms"`
	Status     int       `json:"status"` // SIP status that the caller saw last
	Q850       int       `json:"q850"`
	Cause      string    `json:"cause"`
	EndedBy    string    `json:"ended_by"` // "caller", "called", "switch"
	Recording  string    `json:"recording,omitempty"`
}

// Reader sees one consistent state. Lists are ordered by key; after and limit page them (limit 0: all).
type Reader interface {
	Version() Version
	Domains() ([]Domain, error)
	Domain(name string) (Domain, string, error) // entity, ETag
	Users(domain, after string, limit int) ([]User, error)
	User(domain, name string) (User, string, error)
	Extensions(domain, after string, limit int) ([]Extension, error)
	Extension(domain, number string) (Extension, string, error)
	DIDs(domain, after string, limit int) ([]DID, error)
	DID(domain, number string) (DID, string, error)
	Trunks(domain, after string, limit int) ([]Trunk, error)
	Trunk(domain, name string) (Trunk, string, error)
	Policies(domain, after string, limit int) ([]RecordingPolicy, error)
	Policy(domain, name string) (RecordingPolicy, string, error)
	CDRs(domain, after string, limit int) ([]CDR, error) // newest first
	Secret(domain, kind, key string) ([]byte, error)     // opened; ErrNotFound
	Audit(domain string, after int64, limit int) ([]AuditEntry, error)
}

// Writer is a Reader that changes. ifMatch is the ETag that must still hold; "" means no condition, "*" must exist, "!" must not exist.
// Each Put and Delete writes its audit row and its outbox row in the same transaction; Put that changes nothing writes neither.
type Writer interface {
	Reader
	PutDomain(d Domain, ifMatch string) (etag string, err error)
	PutUser(domain string, u User, ifMatch string) (string, error)
	DeleteUser(domain, name, ifMatch string) error
	PutExtension(domain string, e Extension, ifMatch string) (string, error)
	DeleteExtension(domain, number, ifMatch string) error
	PutDID(domain string, d DID, ifMatch string) (string, error)
	DeleteDID(domain, number, ifMatch string) error
	PutTrunk(domain string, t Trunk, ifMatch string) (string, error)
	DeleteTrunk(domain, name, ifMatch string) error
	PutPolicy(domain string, p RecordingPolicy, ifMatch string) (string, error)
	DeletePolicy(domain, name, ifMatch string) error
	PutSecret(domain, kind, key string, plain []byte) error // sealed at rest; audited without its value
	AddCDR(CDR) error                                       // idempotent by ID
	AddAudit(AuditEntry) error                              // for facts that are no entity change
}

// Store writes the change, its audit row and its outbox row in one transaction, or nothing.
type Store interface {
	View(context.Context, func(Reader) error) error
	Update(context.Context, Subject, func(Writer) error) error
	Changes(ctx context.Context, after Version) iter.Seq2[Change, error]
	Close() error
}
