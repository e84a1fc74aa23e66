// Package provisioning owns the truth about people, numbers and devices: the entities, Subject, Store, Policy, Calls.
// It never touches a live call except through Calls, and never imports sip or media.
package provisioning

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// Sentinel errors; callers use errors.Is.
var (
	ErrNotFound = errors.New("provisioning: not found")
	ErrExists   = errors.New("provisioning: exists already")
	ErrNotHeld  = errors.New("provisioning: another node has the lease")
	ErrStale    = errors.New("provisioning: changed since it was read") // ETag mismatch: 412
	ErrInUse    = errors.New("provisioning: something refers to it")    // 409
	ErrClosed   = errors.New("provisioning: store is closed")
	// ErrUnavailable says that the database is not there, or has no time; what was asked for may be asked for again: 503.
	ErrUnavailable = errors.New("provisioning: the database cannot be reached")
	// ErrCompacted says that the change feed no longer goes back so far: read everything, then follow from Reader.Version.
	ErrCompacted = errors.New("provisioning: change feed was cut before that version")
)

// Invalid names the field that cannot be accepted, in JSON terms ("to[2]", "sources[0]"), and why: 422. Reason never repeats a secret.
type Invalid struct {
	Field  string
	Reason string
}

func (e *Invalid) Error() string { return "provisioning: " + e.Field + " " + e.Reason }

// Domain is an organisation: its SIP domain name is its key.
type Domain struct {
	Name        string `json:"name"`
	Title       string `json:"title"`
	Language    string `json:"language"`  // "ja" or "en": default of prompts
	AllowMD5    bool   `json:"allow_md5"` // digest MD5 for clients that know nothing else (RFC 8760)
	AllowBearer bool   `json:"allow_bearer,omitempty" doc:"Phones on TLS may sign in with an access token of their extension's owner (RFC 8898)"`
	CountryCode string `json:"country_code"` // "81"

	Rights          *Rights  `json:"rights,omitempty"`           // of every extension without rights of its own; nil: DefaultRights
	Limits          *Limits  `json:"limits,omitempty"`           // of the domain as a whole
	ExtensionLimits *Limits  `json:"extension_limits,omitempty"` // of each extension without limits of its own
	Tariffs         []Tariff `json:"tariffs,omitempty"`          // what a minute costs; empty: DefaultTariffs

	Recording *Directions `json:"recording,omitempty" doc:"Recording policies of all its calls"`

	Remote *RemoteWork `json:"remote,omitempty" doc:"What telephones outside the premises may call; left out: what they may inside, but for softphones, which call for no help"`

	Pauses []string `json:"pauses,omitempty" doc:"Why agents pause, by the keys 1 to 9; empty: lunch, break, meeting, training"`
}

// User is a person.
type User struct {
	Name     string `json:"name"` // login, unique in the domain
	Display  string `json:"display"`
	Roles    []Role `json:"roles"`
	Disabled bool   `json:"disabled"`

	Contract   *Contract `json:"contract,omitempty" doc:"Of somebody from outside: who answers for them, until when, and for which numbers"`
	Department string    `json:"department,omitempty" doc:"As it stands in department of extensions"`

	Delegated []Delegation `json:"delegated,omitempty" doc:"Roles over departments instead of the domain"`

	Incarnation string `json:"incarnation,omitempty" readOnly:"true" doc:"Tells them from somebody of the same name who was deleted before; given by the store, whatever is written here"`
}

// incarnated implements incarnate.
func (u User) incarnated(as string) Entity {
	u.Incarnation = as
	return u
}

// Person tells who has the name from who had it before and was deleted. It is never empty.
func (u User) Person() string { return "~" + u.Incarnation }

// PersonOf is Person of who has a name now; empty: the store knows nobody of that name, an identity service elsewhere may.
func PersonOf(r Reader, domain, user string) (string, error) {
	u, _, err := Get[User](r, domain, user)
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	return u.Person(), err
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

	RoleManager    Role = "recording-manager"     // 管理責任者: holds recordings, and agrees to what is destroyed
	RoleSupervisor Role = "supervisor"            // of a call centre; of whose calls is said by Supervision
	RoleBreakGlass Role = "recording-break-glass" // beside recording-listener: may listen at once with a reason, and is reviewed
)

// Extension is an internal number with its SIP credentials.
type Extension struct {
	Number      string   `json:"number"`
	Display     string   `json:"display"`
	User        string   `json:"user,omitempty"` // owner's User.Name
	AllowMD5    bool     `json:"allow_md5"`
	MaxContacts int      `json:"max_contacts"` // 0: 5
	Media       string   `json:"media"`        // "dtls-required", "srtp-required", "srtp-preferred" (default), "srtp-forbidden"
	Suites      []string `json:"srtp_suites,omitempty" doc:"SRTP suites with keys in SDP that its telephone may use, best first: AEAD_AES_128_GCM, AEAD_AES_256_GCM, AES_CM_128_HMAC_SHA1_80, AES_256_CM_HMAC_SHA1_80, AES_256_CM_HMAC_SHA1_32, AES_CM_128_HMAC_SHA1_32; none: all"`
	Record      string   `json:"record,omitempty"`    // name of a RecordingPolicy for calls that this extension makes
	CallerID    string   `json:"caller_id,omitempty"` // E.164 shown on outside calls
	Site        string   `json:"site,omitempty" doc:"Where the device stands: emergency calls are made as this site"`
	Pickup      string   `json:"pickup,omitempty" doc:"Pick-up group: its members answer each other's calls by code"`
	Remote      string   `json:"remote,omitempty" doc:"Trunk of the telephone system where this extension still lives; it rings there until this is removed"`
	FMCNumber   string   `json:"fmc_number,omitempty" doc:"Number of the mobile that its carrier brings into the office as this extension, by fmc_trunk: in E.164. What is dialled there counts as dialled by the extension, and calls to the extension ring it"`
	FMCTrunk    string   `json:"fmc_trunk,omitempty" doc:"Trunk of the role fmc by which the mobile of fmc_number calls and is called"`
	Certificate string   `json:"certificate,omitempty" doc:"Host name in the client certificate of its device, where that names no extension"`
	Disabled    bool     `json:"disabled"`

	Reading    string `json:"reading,omitempty" doc:"よみがな of display, for the shared directory"`
	Department string `json:"department,omitempty" doc:"As the shared directory shows it; its people see what is kept for it, and have the class of restriction of the department of that name"`
	Unlisted   bool   `json:"unlisted,omitempty" doc:"Not in the shared directory"`

	HotDesk     *HotDesking `json:"hot_desk,omitempty" doc:"People may sign in at its telephone"`
	Restriction string      `json:"restriction,omitempty" doc:"Class of restriction, in place of rights"`

	Recording *Directions `json:"recording,omitempty" doc:"Recording policies of calls that it makes, beside record, or takes"`

	UnsolicitedMWI bool `json:"unsolicited_mwi,omitempty" doc:"Its phone shows waiting messages but never subscribes to them: it is told unasked"`

	Rights *Rights `json:"rights,omitempty"` // nil: those of restriction, else of the department's class, else the domain's
	Limits *Limits `json:"limits,omitempty"` // nil, or 0 in a field: the domain's extension_limits

	RestingUntil time.Time `json:"resting_until,omitzero" doc:"Somebody left it: by rule nobody gets the number before"`
}

// DID is an outside number that reaches an extension.
type DID struct {
	Number      string   `json:"number"` // E.164 with +
	Title       string   `json:"title"`
	To          []string `json:"to"` // extensions that ring together
	Conference  string   `json:"conference,omitempty" doc:"Conference that callers enter, instead of ringing anybody"`
	Menu        string   `json:"menu,omitempty" doc:"Callers hear this menu; to is empty then"`
	Group       string   `json:"group,omitempty"` // in place of to
	Closing     *Closing `json:"closing,omitempty" doc:"Night and holidays"`
	Payer       string   `json:"payer,omitempty" doc:"Extension whose rights and limits decide about an outside number"`
	Queue       string   `json:"queue,omitempty" doc:"Queue in which callers wait, in place of to"`
	Voicemail   string   `json:"voicemail,omitempty" doc:"Mailbox in which callers leave a message, in place of to"`
	CallThrough bool     `json:"call_through,omitempty" doc:"Staff who call from their mobile (mobile of their settings) give their PIN here and call on as their extension. In place of to"`
	CallBack    bool     `json:"call_back,omitempty" doc:"Staff who let it ring from their mobile (mobile of their settings) and hang up are called back there, give their PIN and call on as their extension. It never answers. In place of to"`
	Messages    bool     `json:"messages,omitempty" doc:"Staff who call from outside hear their messages here: number of the mailbox and PIN are asked for. In place of to"`
	RingSeconds int      `json:"ring_seconds"`       // 0: 60
	Policy      string   `json:"policy,omitempty"`   // RecordingPolicy.Name; empty: not recorded
	Language    string   `json:"language,omitempty"` // of the notice; empty: the domain's
	Department  string   `json:"department,omitempty" doc:"Whose it is: who administers that department sees and changes it"`
}

// RecordingPolicy says whether, how and with what notice a number is recorded.
type RecordingPolicy struct {
	Name          string     `json:"name"`
	Record        RecordMode `json:"record" doc:"always; on_demand: when somebody who may asks for it; never: whoever asks, and whatever other policies say; empty: this policy records nothing and forbids nothing"`
	Notice        string     `json:"notice"`     // "early-media", "after-answer", "none"
	Prompt        string     `json:"prompt"`     // default notice/recording
	OnFailure     string     `json:"on_failure"` // "continue" (default) or "refuse"
	RetentionDays int        `json:"retention_days" doc:"From the end of the call; 0: without end. A shorter class waits for somebody else to agree"`
	Label         Label      `json:"label,omitempty" doc:"機密度 of its recordings: restricted (機密性3, default), internal (機密性2), public (機密性1)"`
	PreBuffer     bool       `json:"pre_buffer,omitempty" doc:"With on_demand: the last 120 s before somebody asks may be kept in encrypted memory, and are gone if nobody does"`

	PauseSeconds int `json:"pause_seconds,omitempty" doc:"How long somebody may pause a recording, for a card number say: then it goes on by itself, with an alarm. 10 to 3600; 0: 300"`

	Outside []string `json:"outside,omitempty" doc:"Trunks of the role siprec: recorders that get a copy beside our own recording, the first that takes it"`

	DSCP  int    `json:"dscp_rtp,omitempty" doc:"DSCP of the RTP of every leg of this class of numbers, 1 to 63, where its trunk says none; 0: 46 (EF)"`
	Media string `json:"media,omitempty" doc:"Encryption of every leg of this class of numbers, where it is stricter than the device's or trunk's: srtp-required, srtp-preferred (default) or srtp-forbidden"`

	NoticeOutbound string           `json:"notice_outbound,omitempty" doc:"Notice for whom a call goes to outside: outbound (after the answer, before anything is recorded) or none; empty: as notice says"`
	PromptOutbound string           `json:"prompt_outbound,omitempty" doc:"What is said to them, such as notice/recording-outbound; empty: prompt"`
	Exception      *NoticeException `json:"exception,omitempty" doc:"Why somebody is told nothing, and until when: with none. Another person agrees to it; when it is over people are told"`
	Refusal        *NoticeRefusal   `json:"refusal,omitempty" doc:"Key by which who hears the notice refuses the recording. The notice is then played after the answer, since before it most networks pass no keys on"`
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
	Person  string // User.Person whom a token of the embedded service is of; empty: another service's
	Issuer  string
	Scopes  []string // of the token (RFC 6749 section 3.3)
	Session string   // sid of the token: the sign-in that it is of, in the issuer's words; empty: not said
	Token   string   // jti
	Issued  time.Time
	Expires time.Time
	Source  string // address that the request came from, for the audit log
	System  bool   // the switch itself (sweeper, first run); never from a token

	AuthTime   time.Time         // when the person last showed who they are (auth_time); zero: the token does not say
	Attributes map[string]string // what else the issuer says of person or device, by its mapping (DeviceCompliant, ...); shared, never written

	Address    netip.Addr   // where the request comes from; zero: not known
	Department string       // of the user
	Delegated  []Delegation // roles over departments; shared, never written
	Contractor bool         // the user is of another company (委託先)

	Grounds *Grounds // why they may do what they are doing, for the audit log; nil: nobody was asked
}

// Version orders all changes of a store.
type Version int64

// Change is one row of the change feed.
type Change struct {
	Version Version
	Domain  string
	Kind    string // "extension", "did", "trunk", ... or KindSecret with Key "sip/2001"
	Key     string
	Deleted bool
	More    bool // another change of the same transaction follows
}

// AuditEntry is one fact for the audit log: an event of one of the kinds that package audit lists. Detail never holds a secret.
type AuditEntry struct {
	Seq     int64          `json:"seq"`
	Time    time.Time      `json:"time"`
	Domain  string         `json:"domain"`
	Subject string         `json:"subject"` // "user@domain", "system"
	Action  string         `json:"action"`  // "extension.put", "recording.listen", "call.ended", "sign-in.failed"
	Object  string         `json:"object"`
	Outcome string         `json:"outcome"`           // "allowed", "denied", "ok", "failed"
	Kind    string         `json:"kind,omitempty"`    // of the action, as package audit lists it; entries of before have none
	Rule    string         `json:"rule,omitempty"`    // that decided
	Source  string         `json:"source,omitempty"`  // address that it came from
	Client  string         `json:"client,omitempty"`  // OAuth client, or the telephone's User-Agent
	Session string         `json:"session,omitempty"` // of the identity service
	Reason  string         `json:"reason,omitempty"`  // that somebody gave, or the class of a refusal
	Detail  map[string]any `json:"detail,omitempty"`
}

// Action and Object name what a Subject wants to do to what.
type Action string

// Object of a decision.
type Object struct {
	Domain string
	Kind   string // "extension", "recording", "audit", ...
	Key    string
	Owner  string // User.Name to whom it belongs (an extension's user, a party of a call record); empty: nobody

	Departments []string // whose it is, the nearest first, and those above
	Class       string   // of a number that is called: see ClassNational and its like
	Label       string   // of a recording
	Number      string   // recorded number of a recording

	// Unread says that more than Kind and Key is not known yet: whoever asks so asks again when it is.
	Unread bool
}

// Denied names the rule that refused.
type Denied struct {
	Rule   string
	Inputs map[string]any // what it was judged by, for the audit log; nil: nothing but the rule
	Hidden bool           // the asker may not know that the object exists
}

func (d *Denied) Error() string { return "provisioning: denied by " + d.Rule }

// Decision is what a policy says, and by which rule.
type Decision struct {
	Rule    string // "admin: extension.put", "not-granted", "site: night/no-premium"
	Allowed bool
	Site    bool // a statement of the domain's own decided
}

// Policy decides.
type Policy interface {
	// Can is nil, or a *Denied that names the rule and what it was judged by.
	Can(Subject, Action, Object) error
	// Decide is Can without the inputs, for lists and for calls: it is cheap.
	Decide(Subject, Action, Object) Decision
	// Inputs are what a decision is judged by, for the audit log.
	Inputs(Subject, Object) map[string]any
}

// CallInfo is what REST shows of a live call.
type CallInfo struct {
	ID        string    `json:"id"`
	Domain    string    `json:"domain"`
	From      string    `json:"from"`
	To        string    `json:"to"`
	FromName  string    `json:"from_name,omitempty" doc:"As the shared directory knows the number"`
	ToName    string    `json:"to_name,omitempty"`
	Phase     string    `json:"phase"`
	Started   time.Time `json:"started"`
	Recording string    `json:"recording,omitempty"`
	Paused    bool      `json:"recording_paused,omitempty" doc:"Somebody paused the recording: nothing is kept of what is said"`
	Media     string    `json:"media,omitempty"` // the bridge's plan in one line

	Extensions []string `json:"extensions,omitempty" doc:"Those whose telephones are in the call: it is their owners' own"`

	Legs []LegQuality `json:"legs,omitempty" doc:"How each party sounds at the moment"`
}

// StartCall is a call that begins without anybody dialling.
type StartCall struct {
	From string `json:"from" required:"true" maxLength:"40" doc:"Extension whose telephones ring first; its rights and limits judge the call"`
	To   string `json:"to" required:"true" maxLength:"80" doc:"What it would dial: an extension, an outside number, a code"`
}

// NotNow says that something is too much at the moment, and when it may be tried again.
type NotNow struct{ After time.Duration }

func (e *NotNow) Error() string { return "provisioning: not now, in " + e.After.String() }

// Calls is what an authorised person may do to a live call.
type Calls interface {
	List(ctx context.Context, domain string) []CallInfo
	// Start rings an extension and then, for it, what it would have dialled; it returns the call's ID. *Invalid: the field that cannot be.
	// *NotNow: too many, or the switch is too busy.
	Start(ctx context.Context, domain string, c StartCall) (string, error)
	Hangup(ctx context.Context, domain, id string) error
	// Move rings the other telephones of an extension that talks in the call. ErrNotFound: it does not. ErrInUse: not now, or there is no other one.
	Move(ctx context.Context, domain, id, extension string) error
	// Order does something to the call's recording. ErrInUse: not now. *Denied: a policy forbids it.
	Order(ctx context.Context, domain, id string, o RecordingOrder) error
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
	Withheld   string    `json:"withheld,omitempty" doc:"Why an outside caller has no number: anonymous, payphone, unavailable, service; anonymous also: a caller of ours asked not to be shown"`
	Emergency  bool      `json:"emergency,omitempty"`
	Site       string    `json:"site,omitempty" doc:"Whose number an emergency call was made with"`
	CallBack   bool      `json:"call_back,omitempty" doc:"In the window after an emergency call"`
	Payer      string    `json:"payer,omitempty" doc:"Extension for whose limits the outside call counted"`
	Class      string    `json:"class,omitempty" doc:"Of the outside number"`
	MilliYen   int64     `json:"milli_yen,omitempty" doc:"Cost by the domain's tariff, in thousandths of a yen"`
	Recording  string    `json:"recording,omitempty"`
	Transfers  int       `json:"transfers,omitempty" doc:"How often it was transferred, or a party's place was taken"`
	MergedInto string    `json:"merged_into,omitempty" doc:"ID of the call in which its parties talked on after an attended transfer"`
	Page       string    `json:"page,omitempty" doc:"ID of the call of who spoke, where this one let a member of a paging group hear it"`

	Asked  *RecordingAsked  `json:"recording_asked,omitempty" doc:"Who had it recorded, where no policy demanded that"`
	Pauses []RecordingPause `json:"recording_pauses,omitempty" doc:"Stretches of which nothing was recorded since somebody wanted that, at most 32; the recording's manifest has all"`

	Notices []NoticeReceipt `json:"notices,omitempty" doc:"Recording notices that were played, to their end or not, at most 16"`

	Rang []Ring       `json:"rang,omitempty" doc:"Extensions whose telephones rang, at most 64"`
	Legs []LegQuality `json:"legs,omitempty" doc:"How each party sounded"`
}
