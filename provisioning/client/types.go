// Code generated from the OpenAPI document by TestClientIsCurrent of provisioning/rest; DO NOT EDIT.

package client

import (
	"encoding/json"
	"time"
)

// AccessReview is the schema of that name.
type AccessReview struct {
	Closed time.Time       `json:"closed,omitzero"` // When what nobody confirmed was taken away
	Due    time.Time       `json:"due,omitzero"`
	ID     string          `json:"id,omitempty"` // The quarter, as 2027-Q1
	Opened time.Time       `json:"opened,omitzero"`
	Rights []ReviewedRight `json:"rights,omitempty"`
}

// Agent is the schema of that name.
type Agent struct {
	Number   string           `json:"number,omitempty"`  // The extension
	Outside  string           `json:"outside,omitempty"` // E.164 number that rings in place of the extension; the agent confirms by a digit
	Paused   string           `json:"paused,omitempty"`  // Why no calls come: lunch, meeting, training; empty: they come
	Queues   []string         `json:"queues,omitempty"`  // Signed in to these only; empty: to all of which the extension is a member
	SignedIn bool             `json:"signed_in,omitempty"`
	Skills   map[string]int64 `json:"skills,omitempty"` // Level 1 to 9 by skill
}

// AgentState is the schema of that name.
type AgentState struct {
	Number string    `json:"number,omitempty"`
	Queue  string    `json:"queue,omitempty"`  // Whose call is offered, talked or wrapped up
	Queues []string  `json:"queues,omitempty"` // Signed in to
	Reason string    `json:"reason,omitempty"` // Of a pause
	Since  time.Time `json:"since,omitzero"`
	State  string    `json:"state,omitempty"` // signed-out, unreachable, ready, offered, talking, busy, wrap-up, paused or resting
}

// AgentWish is the schema of that name.
type AgentWish struct {
	Paused   string   `json:"paused,omitempty"` // Reason; empty: no pause
	Queues   []string `json:"queues,omitempty"` // Sign in to these only; empty: to all
	SignedIn bool     `json:"signed_in,omitempty"`
}

// Agreement is the schema of that name.
type Agreement struct {
	At     time.Time `json:"at,omitzero"`
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

// Alarm is the schema of that name.
type Alarm struct {
	Active  bool      `json:"active,omitempty"`
	Cleared time.Time `json:"cleared,omitzero"`
	Count   int64     `json:"count,omitempty"` // How often it happened since it was raised
	Detail  string    `json:"detail,omitempty"`
	Domain  string    `json:"domain,omitempty"` // Absent: the switch as a whole
	En      string    `json:"en,omitempty"`
	Ja      string    `json:"ja,omitempty"`
	Last    time.Time `json:"last,omitzero"`
	Name    string    `json:"name,omitempty"`
	Object  string    `json:"object,omitempty"` // Such as the extension, the trunk, the source address
	Since   time.Time `json:"since,omitzero"`
}

// AnswerAccessInputBody is the schema of that name.
type AnswerAccessInputBody struct {
	Answer     string `json:"answer,omitempty"`     // remove takes the role away at once
	Department string `json:"department,omitempty"` // Over which the role is; left out: over the domain
	Reason     string `json:"reason,omitempty"`
	Role       string `json:"role,omitempty"`
	User       string `json:"user,omitempty"`
}

// AuditEntry is the schema of that name.
type AuditEntry struct {
	Action  string                     `json:"action,omitempty"`
	Client  string                     `json:"client,omitempty"`
	Detail  map[string]json.RawMessage `json:"detail,omitempty"`
	Domain  string                     `json:"domain,omitempty"`
	Kind    string                     `json:"kind,omitempty"`
	Object  string                     `json:"object,omitempty"`
	Outcome string                     `json:"outcome,omitempty"`
	Reason  string                     `json:"reason,omitempty"`
	Rule    string                     `json:"rule,omitempty"`
	Seq     int64                      `json:"seq,omitempty"`
	Session string                     `json:"session,omitempty"`
	Source  string                     `json:"source,omitempty"`
	Subject string                     `json:"subject,omitempty"`
	Time    time.Time                  `json:"time,omitzero"`
}

// AuditOutputBody is the schema of that name.
type AuditOutputBody struct {
	From  time.Time    `json:"from,omitzero"` // Entries up to then are archived and are not searched; absent while all are here
	Items []AuditEntry `json:"items,omitempty"`
	Next  string       `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// BookAccount is the schema of that name.
type BookAccount struct {
	Disabled  bool   `json:"disabled,omitempty"`
	Extension string `json:"extension,omitempty"` // It sees what this extension may see; left out: what everybody may
	Name      string `json:"name,omitempty"`
}

// CDR is the schema of that name.
type CDR struct {
	Answered        time.Time        `json:"answered,omitzero"`
	AnsweredBy      string           `json:"answered_by,omitempty"`
	CallBack        bool             `json:"call_back,omitempty"` // In the window after an emergency call
	Cause           string           `json:"cause,omitempty"`
	Class           string           `json:"class,omitempty"` // Of the outside number
	Direction       string           `json:"direction,omitempty"`
	Domain          string           `json:"domain,omitempty"`
	Emergency       bool             `json:"emergency,omitempty"`
	Ended           time.Time        `json:"ended,omitzero"`
	EndedBy         string           `json:"ended_by,omitempty"`
	From            string           `json:"from,omitempty"`
	ID              string           `json:"id,omitempty"`
	Legs            []LegQuality     `json:"legs,omitempty"`        // How each party sounded
	MergedInto      string           `json:"merged_into,omitempty"` // ID of the call in which its parties talked on after an attended transfer
	MilliYen        int64            `json:"milli_yen,omitempty"`   // Cost by the domain's tariff, in thousandths of a yen
	Notices         []NoticeReceipt  `json:"notices,omitempty"`     // Recording notices that were played, to their end or not, at most 16
	Page            string           `json:"page,omitempty"`        // ID of the call of who spoke, where this one let a member of a paging group hear it
	Payer           string           `json:"payer,omitempty"`       // Extension for whose limits the outside call counted
	Q850            int64            `json:"q850,omitempty"`
	Rang            []Ring           `json:"rang,omitempty"` // Extensions whose telephones rang, at most 64
	Recording       string           `json:"recording,omitempty"`
	RecordingAsked  RecordingAsked   `json:"recording_asked,omitzero"`   // Who had it recorded, where no policy demanded that
	RecordingPauses []RecordingPause `json:"recording_pauses,omitempty"` // Stretches of which nothing was recorded since somebody wanted that, at most 32; the recording's manifest has all
	Site            string           `json:"site,omitempty"`             // Whose number an emergency call was made with
	Started         time.Time        `json:"started,omitzero"`
	Status          int64            `json:"status,omitempty"`
	TalkMs          int64            `json:"talk_ms,omitempty"`
	To              string           `json:"to,omitempty"`
	Transfers       int64            `json:"transfers,omitempty"` // How often it was transferred, or a party's place was taken
	Trunk           string           `json:"trunk,omitempty"`
	Withheld        string           `json:"withheld,omitempty"` // Why an outside caller has no number: anonymous, payphone, unavailable, service; anonymous also: a caller of ours asked not to be shown
}

// Calendar is the schema of that name.
type Calendar struct {
	Closed    []Closed  `json:"closed,omitempty"`   // Further days on which it is closed (閉庁日)
	Holidays  bool      `json:"holidays,omitempty"` // Japan's public holidays are holidays here
	Hours     []Hours   `json:"hours,omitempty"`    // When it is day; empty: always but on holidays
	Manual    string    `json:"manual,omitempty"`   // day, night or holiday: set by hand, whatever the time
	Name      string    `json:"name,omitempty"`
	Number    string    `json:"number,omitempty"`    // Number whose lamp is lit while it is not day
	Operators []string  `json:"operators,omitempty"` // Extensions that may switch it by code
	Title     string    `json:"title,omitempty"`
	Until     time.Time `json:"until,omitzero"` // When what was set by hand ends; left out: when it is set anew
}

// CallBack is the schema of that name.
type CallBack struct {
	After    time.Time `json:"after,omitzero"`   // No try before
	Arrived  time.Time `json:"arrived,omitzero"` // The place in the line
	DID      string    `json:"did,omitempty"`
	ID       string    `json:"id,omitempty"` // Of the queue visit that asked for it
	Language string    `json:"language,omitempty"`
	Number   string    `json:"number,omitempty"` // Whom to call: E.164, or an extension
	Priority int64     `json:"priority,omitempty"`
	Queue    string    `json:"queue,omitempty"`
	Tries    int64     `json:"tries,omitempty"`
}

// CallInfo is the schema of that name.
type CallInfo struct {
	Domain          string       `json:"domain,omitempty"`
	Extensions      []string     `json:"extensions,omitempty"` // Those whose telephones are in the call: it is their owners' own
	From            string       `json:"from,omitempty"`
	FromName        string       `json:"from_name,omitempty"` // As the shared directory knows the number
	ID              string       `json:"id,omitempty"`
	Legs            []LegQuality `json:"legs,omitempty"` // How each party sounds at the moment
	Media           string       `json:"media,omitempty"`
	Phase           string       `json:"phase,omitempty"`
	Recording       string       `json:"recording,omitempty"`
	RecordingPaused bool         `json:"recording_paused,omitempty"` // Somebody paused the recording: nothing is kept of what is said
	Started         time.Time    `json:"started,omitzero"`
	To              string       `json:"to,omitempty"`
	ToName          string       `json:"to_name,omitempty"`
}

// CallTrace is the schema of that name.
type CallTrace struct {
	Dropped  int64          `json:"dropped,omitempty"` // Messages for which there was no room
	ID       string         `json:"id,omitempty"`
	Legs     []TraceLeg     `json:"legs,omitempty"`
	Messages []TraceMessage `json:"messages,omitempty"` // In the order in which they came
	Over     bool           `json:"over,omitempty"`     // The call has ended; what its telephones still say may follow
}

// CallerLine is the schema of that name.
type CallerLine struct {
	Default bool     `json:"default,omitempty"` // Shown where nothing is chosen
	Number  string   `json:"number,omitempty"`
	Place   int64    `json:"place,omitempty"` // Dialled behind the code
	Title   string   `json:"title,omitempty"`
	Trunks  []string `json:"trunks,omitempty"` // Those that show it
}

// ChangeBody is the schema of that name.
type ChangeBody struct {
	Changes   []ChangeItem `json:"changes,omitempty"`
	Effective time.Time    `json:"effective,omitzero"` // When it is carried out; left out: as soon as all have agreed
	Emergency bool         `json:"emergency,omitempty"`
	Late      string       `json:"late,omitempty"`
	Reason    string       `json:"reason,omitempty"`
	Ticket    string       `json:"ticket,omitempty"`
}

// ChangeClass is the schema of that name.
type ChangeClass struct {
	Does   []string `json:"does,omitempty"`   // create, change, delete; empty: all three
	Fields []string `json:"fields,omitempty"` // Of those that exist, by the names of the JSON; empty: any
	Kinds  []string `json:"kinds,omitempty"`  // Of what is changed: trunk, did, user, extension and so on
	Name   string   `json:"name,omitempty"`
}

// ChangeDiff is the schema of that name.
type ChangeDiff struct {
	Items []FieldChange `json:"items,omitempty"`
}

// ChangeEvent is the schema of that name.
type ChangeEvent struct {
	At     time.Time `json:"at,omitzero"`
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
	State  string    `json:"state,omitempty"`
}

// ChangeItem is the schema of that name.
type ChangeItem struct {
	Body json.RawMessage `json:"body,omitempty"` // put: the entity; merge: its fields that change (RFC 7396)
	Do   string          `json:"do,omitempty"`
	Key  string          `json:"key,omitempty"`
	Kind string          `json:"kind,omitempty"`
}

// ChangeLine is the schema of that name.
type ChangeLine struct {
	Agreed     int64     `json:"agreed,omitempty"`
	By         string    `json:"by,omitempty"`
	Changes    int64     `json:"changes,omitempty"`
	Effective  time.Time `json:"effective,omitzero"`
	Emergency  bool      `json:"emergency,omitempty"`
	ID         string    `json:"id,omitempty"`
	People     int64     `json:"people,omitempty"`
	Reason     string    `json:"reason,omitempty"`
	State      string    `json:"state,omitempty"`
	Ticket     string    `json:"ticket,omitempty"`
	Unreviewed bool      `json:"unreviewed,omitempty"`
}

// ChangeRules is the schema of that name.
type ChangeRules struct {
	Calendar   string        `json:"calendar,omitempty"`   // Opening hours: while it is day by its hours, whatever was set by hand, what is disruptive is refused; none: nothing is
	Classes    []ChangeClass `json:"classes,omitempty"`    // Changes to which somebody else must agree
	Disruptive []ChangeClass `json:"disruptive,omitempty"` // Empty: trunks, sites, and numbers that are deleted or emptied
	Weekly     []Hours       `json:"weekly,omitempty"`     // The same, each week
	Windows    []Window      `json:"windows,omitempty"`    // In which it is allowed all the same
}

// ChangeSet is the schema of that name.
type ChangeSet struct {
	Agreed     []Agreement   `json:"agreed,omitempty"`
	By         string        `json:"by,omitempty"`
	Changes    []SetChange   `json:"changes,omitempty"`   // In this order
	Class      string        `json:"class,omitempty"`     // Class that asks for them; absent with people: it loosens how recordings are protected
	Disrupts   string        `json:"disrupts,omitempty"`  // Class of what it disrupts
	Effective  time.Time     `json:"effective,omitzero"`  // When it is carried out; left out: as soon as all have agreed
	Emergency  bool          `json:"emergency,omitempty"` // It may disrupt in opening hours. Somebody else must agree and say why, and somebody reviews it afterwards
	Expires    time.Time     `json:"expires,omitzero"`    // Until when others can agree
	History    []ChangeEvent `json:"history,omitempty"`
	ID         string        `json:"id,omitempty"`
	Late       string        `json:"late,omitempty"`    // If the switch is down then: carried out when it is up again (default), or not at all where that is more than ten minutes later
	Loosens    []string      `json:"loosens,omitempty"` // Why others must agree
	People     int64         `json:"people,omitempty"`  // How many others must agree
	Person     string        `json:"person,omitempty"`
	Reason     string        `json:"reason,omitempty"` // Why, for whoever agrees and for the history
	State      string        `json:"state,omitempty"`
	Ticket     string        `json:"ticket,omitempty"`
	Undoes     string        `json:"undoes,omitempty"` // The set that it takes back
	UndoneBy   string        `json:"undone_by,omitempty"`
	Unreviewed bool          `json:"unreviewed,omitempty"` // An emergency that nobody has looked at yet
}

// Closed is the schema of that name.
type Closed struct {
	From  string `json:"from,omitempty"` // Such as 2026-12-29
	Title string `json:"title,omitempty"`
	To    string `json:"to,omitempty"`
}

// Closing is the schema of that name.
type Closing struct {
	Calendar string `json:"calendar,omitempty"`
	Holiday  Turn   `json:"holiday,omitzero"` // Left out: as night
	Night    Turn   `json:"night,omitzero"`
}

// CodeLine is the schema of that name.
type CodeLine struct {
	Code       string `json:"code,omitempty"`        // * or #, and 1 to 6 of 0-9 * #. Where the feature takes a number, that is dialled behind it
	Default    string `json:"default,omitempty"`     // The code as long as nobody changes it
	Disabled   bool   `json:"disabled,omitempty"`    // Cannot be dialled
	DuringCall bool   `json:"during_call,omitempty"` // Pressed while one talks, where the extension's settings say call_codes
	Feature    string `json:"feature,omitempty"`
	Takes      string `json:"takes,omitempty"` // What is dialled behind the code; empty: nothing
	Title      string `json:"title,omitempty"`
	TitleJa    string `json:"title_ja,omitempty"`
}

// CodeTable is the schema of that name.
type CodeTable struct {
	Codes []CodeLine `json:"codes,omitempty"`
}

// Conference is the schema of that name.
type Conference struct {
	MaxGuests int64  `json:"max_guests,omitempty"` // 0: 50
	Number    string `json:"number,omitempty"`
	Policy    string `json:"policy,omitempty"` // Recording policy: each caller's call is recorded with all guests
	Title     string `json:"title,omitempty"`
	Tones     bool   `json:"tones,omitempty"` // A tone tells that somebody comes or goes
	Wait      bool   `json:"wait,omitempty"`  // Guests hear music until a moderator is there; needs a moderator's PIN
}

// ConferencePINInputBody is the schema of that name.
type ConferencePINInputBody struct {
	ModeratorPIN string `json:"moderator_pin,omitempty"` // Of moderators, who may lock the room and end it; empty: nobody is
	PIN          string `json:"pin,omitempty"`           // Of guests, 4 to 12 digits; empty: none is asked for
}

// Contact is the schema of that name.
type Contact struct {
	Department string          `json:"department,omitempty"`
	Email      string          `json:"email,omitempty"`
	ID         string          `json:"id,omitempty"`
	Name       string          `json:"name,omitempty"`
	Note       string          `json:"note,omitempty"`
	Numbers    []ContactNumber `json:"numbers,omitempty"`
	Reading    string          `json:"reading,omitempty"` // よみがな, in any kana
	Romaji     string          `json:"romaji,omitempty"`  // Where it differs from the reading
	Visible    Visibility      `json:"visible,omitzero"`  // Who sees it; left out: everybody of the domain
}

// ContactNumber is the schema of that name.
type ContactNumber struct {
	Kind   string `json:"kind,omitempty"`
	Number string `json:"number,omitempty"`
}

// Contract is the schema of that name.
type Contract struct {
	Calls       []string  `json:"calls,omitempty"`       // The only numbers they may call, inside and outside: as dialled, or E.164 with +; * behind the beginning of numbers. Empty: all. Emergency numbers are open
	Ends        time.Time `json:"ends,omitzero"`         // From then on they cannot sign in, register or call
	Numbers     []string  `json:"numbers,omitempty"`     // The only extensions they may have; * behind the beginning of numbers. Empty: any
	Restriction string    `json:"restriction,omitempty"` // Class of restriction of their outside calls, whatever their extensions say
	Sponsor     string    `json:"sponsor,omitempty"`     // User who answers for them
}

// Count is the schema of that name.
type Count struct {
	By    []string `json:"by,omitempty"`
	Count int64    `json:"count,omitempty"`
}

// DID is the schema of that name.
type DID struct {
	CallBack    bool     `json:"call_back,omitempty"`    // Staff who let it ring from their mobile (mobile of their settings) and hang up are called back there, give their PIN and call on as their extension. It never answers. In place of to
	CallThrough bool     `json:"call_through,omitempty"` // Staff who call from their mobile (mobile of their settings) give their PIN here and call on as their extension. In place of to
	Closing     Closing  `json:"closing,omitzero"`       // Night and holidays
	Conference  string   `json:"conference,omitempty"`   // Conference that callers enter, instead of ringing anybody
	Department  string   `json:"department,omitempty"`   // Whose it is: who administers that department sees and changes it
	Group       string   `json:"group,omitempty"`
	Language    string   `json:"language,omitempty"`
	Menu        string   `json:"menu,omitempty"`     // Callers hear this menu; to is empty then
	Messages    bool     `json:"messages,omitempty"` // Staff who call from outside hear their messages here: number of the mailbox and PIN are asked for. In place of to
	Number      string   `json:"number,omitempty"`
	Payer       string   `json:"payer,omitempty"` // Extension whose rights and limits decide about an outside number
	Policy      string   `json:"policy,omitempty"`
	Queue       string   `json:"queue,omitempty"` // Queue in which callers wait, in place of to
	RingSeconds int64    `json:"ring_seconds,omitempty"`
	Title       string   `json:"title,omitempty"`
	To          []string `json:"to,omitempty"`
	Voicemail   string   `json:"voicemail,omitempty"` // Mailbox in which callers leave a message, in place of to
}

// Definition is the schema of that name.
type Definition struct {
	Column string `json:"column,omitempty"`
	En     string `json:"en,omitempty"`
	Ja     string `json:"ja,omitempty"`
}

// Delegation is the schema of that name.
type Delegation struct {
	Department string `json:"department,omitempty"` // This one and those below it
	Role       string `json:"role,omitempty"`
}

// Department is the schema of that name.
type Department struct {
	Name        string   `json:"name,omitempty"`        // As it stands in department of its extensions
	Numbers     []string `json:"numbers,omitempty"`     // DIDs that its people may show on outside calls, beside their own caller_id
	Parent      string   `json:"parent,omitempty"`      // Department of which it is a part: who administers that one administers this one too
	Restriction string   `json:"restriction,omitempty"` // Class of its extensions that have neither a class nor rights of their own
}

// Destination is the schema of that name.
type Destination struct {
	Extension string `json:"extension,omitempty"`
	Group     string `json:"group,omitempty"`
	Number    string `json:"number,omitempty"`    // Outside number, as whoever answers for it would dial it: its rights and limits count
	Voicemail string `json:"voicemail,omitempty"` // Mailbox in which the caller leaves a message
}

// Device is the schema of that name.
type Device struct {
	Address      string    `json:"address,omitempty"`       // Where it registered from
	AfterSeconds int64     `json:"after_seconds,omitempty"` // and so long after the first ones
	Asleep       bool      `json:"asleep,omitempty"`        // It has to be woken before it can ring
	Desk         string    `json:"desk,omitempty"`          // Extension of the desk's telephone at which the person is signed in
	Expires      time.Time `json:"expires,omitzero"`
	Instance     string    `json:"instance,omitempty"` // Names the device for good (RFC 5626); absent where it has none
	Q            float64   `json:"q,omitempty"`        // 0 to 1: how much it wants the calls (RFC 3261 section 20.10); 1 where it does not say
	Registered   time.Time `json:"registered,omitzero"`
	Transport    string    `json:"transport,omitempty"`
	Turn         int64     `json:"turn,omitempty"`       // When it rings by the settings of the extension: those of turn 2 in place of those of turn 1
	UserAgent    string    `json:"user_agent,omitempty"` // What it calls itself
	WokenBy      string    `json:"woken_by,omitempty"`   // The push service that wakes it for calls (RFC 8599): apns, fcm, webpush; absent where it never sleeps
}

// DeviceCertificate is the schema of that name.
type DeviceCertificate struct {
	Issued time.Time `json:"issued,omitzero"`
	Serial string    `json:"serial,omitempty"` // Hexadecimal
	Until  time.Time `json:"until,omitzero"`
}

// DeviceClaim is the schema of that name.
type DeviceClaim struct {
	Code  string    `json:"code,omitempty"` // Shown only here; it gives the configuration once
	Until time.Time `json:"until,omitzero"`
	URL   string    `json:"url,omitempty"` // What the telephone is given as the server of its configuration; absent where the switch serves none
}

// DeviceKey is the schema of that name.
type DeviceKey struct {
	Kind  string `json:"kind,omitempty"` // blf: a lamp, and calls; speed: calls
	Label string `json:"label,omitempty"`
	Value string `json:"value,omitempty"` // What it calls: digits, * and #
}

// DeviceLine is the schema of that name.
type DeviceLine struct {
	Extension string `json:"extension,omitempty"`
	Label     string `json:"label,omitempty"` // Beside the key; empty: the extension's display
}

// DeviceParticulars is the schema of that name.
type DeviceParticulars struct {
	Contract string `json:"contract,omitempty"` // Of the lease or purchase
	Note     string `json:"note,omitempty"`
	Serial   string `json:"serial,omitempty"`
}

// DeviceRegistration is the schema of that name.
type DeviceRegistration struct {
	Address   string    `json:"address,omitempty"`
	Agent     string    `json:"agent,omitempty"`
	Extension string    `json:"extension,omitempty"`
	Since     time.Time `json:"since,omitzero"`
}

// DeviceReport is the schema of that name.
type DeviceReport struct {
	Agent         string               `json:"agent,omitempty"`        // What it called itself then
	By            string               `json:"by,omitempty"`           // What it proved itself with: its maker's certificate, one that the switch issued to it, a claim code, or the path that it was given before
	Certificates  []DeviceCertificate  `json:"certificates,omitempty"` // Those that the switch issued to it and that count
	Drift         []string             `json:"drift,omitempty"`        // What differs: never-fetched, configuration, not-registered EXTENSION, old-password EXTENSION, agent, firmware VERSION, no-certificate
	Fetched       time.Time            `json:"fetched,omitzero"`       // When it was last given its configuration
	From          string               `json:"from,omitempty"`         // Where it asked from
	MAC           string               `json:"mac,omitempty"`
	Now           string               `json:"now,omitempty"` // Fingerprint of what it would be given now
	Registrations []DeviceRegistration `json:"registrations,omitempty"`
	Since         time.Time            `json:"since,omitzero"`  // When it came into that state
	State         string               `json:"state,omitempty"` // Empty: in service
	Told          string               `json:"told,omitempty"`  // Fingerprint of what it was given then
	Why           string               `json:"why,omitempty"`
}

// DeviceRule is the schema of that name.
type DeviceRule struct {
	HandBack bool   `json:"hand_back,omitempty"` // Whom the rule fits no more loses it, as who leaves does. Left out: they keep it, with the number that they have then
	Model    string `json:"model,omitempty"`     // Those of this model; left out: of any
	Site     string `json:"site,omitempty"`      // Those that stand there; left out: anywhere, or nowhere yet
}

// DeviceStateInputBody is the schema of that name.
type DeviceStateInputBody struct {
	State string `json:"state,omitempty"` // Empty: in service
	Why   string `json:"why,omitempty"`
}

// DeviceStatus is the schema of that name.
type DeviceStatus struct {
	Agent        string              `json:"agent,omitempty"`        // What it called itself then
	By           string              `json:"by,omitempty"`           // What it proved itself with: its maker's certificate, one that the switch issued to it, a claim code, or the path that it was given before
	Certificates []DeviceCertificate `json:"certificates,omitempty"` // Those that the switch issued to it and that count
	Fetched      time.Time           `json:"fetched,omitzero"`       // When it was last given its configuration
	From         string              `json:"from,omitempty"`         // Where it asked from
	MAC          string              `json:"mac,omitempty"`
	Since        time.Time           `json:"since,omitzero"`  // When it came into that state
	State        string              `json:"state,omitempty"` // Empty: in service
	Told         string              `json:"told,omitempty"`  // Fingerprint of what it was given then
	Why          string              `json:"why,omitempty"`
}

// DialAnswer is the schema of that name.
type DialAnswer struct {
	Allowed      bool    `json:"allowed,omitempty"`
	ByPIN        bool    `json:"by_pin,omitempty"` // With the personal PIN it would be allowed
	Class        string  `json:"class,omitempty"`
	Dialled      string  `json:"dialled,omitempty"`
	Why          string  `json:"why,omitempty"` // The rule that decided
	YenPerMinute float64 `json:"yen_per_minute,omitempty"`
}

// Directions is the schema of that name.
type Directions struct {
	Incoming string `json:"incoming,omitempty"` // Of calls from outside
	Internal string `json:"internal,omitempty"` // Of calls inside
	Outgoing string `json:"outgoing,omitempty"` // Of calls to the outside
}

// Disposal is the schema of that name.
type Disposal struct {
	Approved int64  `json:"approved,omitempty"` // Of them, those whose destruction was approved
	Digest   string `json:"digest,omitempty"`   // Changes when anything on the list does; it is the list's entity tag
	Due      int64  `json:"due,omitempty"`
	Held     int64  `json:"held,omitempty"`  // Of them, kept all the same
	Month    string `json:"month,omitempty"` // 2026-12, Japan's time
}

// DisposalPage is the schema of that name.
type DisposalPage struct {
	Approved int64              `json:"approved,omitempty"` // Of them, those whose destruction was approved
	Digest   string             `json:"digest,omitempty"`   // Changes when anything on the list does; it is the list's entity tag
	Due      int64              `json:"due,omitempty"`
	Held     int64              `json:"held,omitempty"` // Of them, kept all the same
	Items    []RecordingKeeping `json:"items,omitempty"`
	Month    string             `json:"month,omitempty"` // 2026-12, Japan's time
	Next     string             `json:"next,omitempty"`  // Give it as after to read on; absent on the last page
}

// Domain is the schema of that name.
type Domain struct {
	AllowBearer     bool       `json:"allow_bearer,omitempty"` // Phones on TLS may sign in with an access token of their extension's owner (RFC 8898)
	AllowMd5        bool       `json:"allow_md5,omitempty"`
	CountryCode     string     `json:"country_code,omitempty"`
	ExtensionLimits Limits     `json:"extension_limits,omitzero"`
	Language        string     `json:"language,omitempty"`
	Limits          Limits     `json:"limits,omitzero"`
	Name            string     `json:"name,omitempty"`
	Pauses          []string   `json:"pauses,omitempty"`   // Why agents pause, by the keys 1 to 9; empty: lunch, break, meeting, training
	Recording       Directions `json:"recording,omitzero"` // Recording policies of all its calls
	Remote          RemoteWork `json:"remote,omitzero"`    // What telephones outside the premises may call; left out: what they may inside, but for softphones, which call for no help
	Rights          Rights     `json:"rights,omitzero"`
	Tariffs         []Tariff   `json:"tariffs,omitempty"`
	Title           string     `json:"title,omitempty"`
}

// DraftInputBody is the schema of that name.
type DraftInputBody struct {
	Language string `json:"language,omitempty"`
	Text     string `json:"text,omitempty"`   // What is said; with upload what is said there, for those who approve it
	Upload   string `json:"upload,omitempty"` // Announcement of this domain in the same language that is used instead of speaking the text
}

// Duties is the schema of that name.
type Duties struct {
	Apart []RolePair `json:"apart,omitempty"` // A pair that goes waits for another person to agree
}

// DutyViolation is the schema of that name.
type DutyViolation struct {
	Pair RolePair `json:"pair,omitzero"`
	User string   `json:"user,omitempty"`
}

// EmergencySignIn is the schema of that name.
type EmergencySignIn struct {
	At     time.Time `json:"at,omitzero"`
	Client string    `json:"client,omitempty"` // The program that was signed in to
	ID     string    `json:"id,omitempty"`
	Reason string    `json:"reason,omitempty"` // Why, in their own words
	Review Review    `json:"review,omitzero"`
	Source string    `json:"source,omitempty"` // The address that it came from
	User   string    `json:"user,omitempty"`
	Who    string    `json:"who,omitempty"` // Who opened the envelope, in their own words; absent: they went no further than the credential
}

// Entry is the schema of that name.
type Entry struct {
	Department string          `json:"department,omitempty"`
	Email      string          `json:"email,omitempty"`
	ID         string          `json:"id,omitempty"` // contact/ID or extension/NUMBER
	Name       string          `json:"name,omitempty"`
	Note       string          `json:"note,omitempty"`
	Numbers    []ContactNumber `json:"numbers,omitempty"`
	Reading    string          `json:"reading,omitempty"` // よみがな
	Romaji     string          `json:"romaji,omitempty"`
}

// Extension is the schema of that name.
type Extension struct {
	AllowMd5       bool       `json:"allow_md5,omitempty"`
	CallerID       string     `json:"caller_id,omitempty"`
	Certificate    string     `json:"certificate,omitempty"` // Host name in the client certificate of its device, where that names no extension
	Department     string     `json:"department,omitempty"`  // As the shared directory shows it; its people see what is kept for it, and have the class of restriction of the department of that name
	Disabled       bool       `json:"disabled,omitempty"`
	Display        string     `json:"display,omitempty"`
	FmcNumber      string     `json:"fmc_number,omitempty"` // Number of the mobile that its carrier brings into the office as this extension, by fmc_trunk: in E.164. What is dialled there counts as dialled by the extension, and calls to the extension ring it
	FmcTrunk       string     `json:"fmc_trunk,omitempty"`  // Trunk of the role fmc by which the mobile of fmc_number calls and is called
	HotDesk        HotDesking `json:"hot_desk,omitzero"`    // People may sign in at its telephone
	Limits         Limits     `json:"limits,omitzero"`
	MaxContacts    int64      `json:"max_contacts,omitempty"`
	Media          string     `json:"media,omitempty"`
	Number         string     `json:"number,omitempty"`
	Pickup         string     `json:"pickup,omitempty"`  // Pick-up group: its members answer each other's calls by code
	Reading        string     `json:"reading,omitempty"` // よみがな of display, for the shared directory
	Record         string     `json:"record,omitempty"`
	Recording      Directions `json:"recording,omitzero"`     // Recording policies of calls that it makes, beside record, or takes
	Remote         string     `json:"remote,omitempty"`       // Trunk of the telephone system where this extension still lives; it rings there until this is removed
	RestingUntil   time.Time  `json:"resting_until,omitzero"` // Somebody left it: by rule nobody gets the number before
	Restriction    string     `json:"restriction,omitempty"`  // Class of restriction, in place of rights
	Rights         Rights     `json:"rights,omitzero"`
	Site           string     `json:"site,omitempty"`            // Where the device stands: emergency calls are made as this site
	SrtpSuites     []string   `json:"srtp_suites,omitempty"`     // SRTP suites with keys in SDP that its telephone may use, best first: AEAD_AES_128_GCM, AEAD_AES_256_GCM, AES_CM_128_HMAC_SHA1_80, AES_256_CM_HMAC_SHA1_80, AES_256_CM_HMAC_SHA1_32, AES_CM_128_HMAC_SHA1_32; none: all
	Unlisted       bool       `json:"unlisted,omitempty"`        // Not in the shared directory
	UnsolicitedMwi bool       `json:"unsolicited_mwi,omitempty"` // Its phone shows waiting messages but never subscribes to them: it is told unasked
	User           string     `json:"user,omitempty"`
}

// ExtensionOnce is the schema of that name.
type ExtensionOnce struct {
	AllowMd5       bool       `json:"allow_md5,omitempty"`
	CallerID       string     `json:"caller_id,omitempty"`
	Certificate    string     `json:"certificate,omitempty"` // Host name in the client certificate of its device, where that names no extension
	Department     string     `json:"department,omitempty"`  // As the shared directory shows it; its people see what is kept for it, and have the class of restriction of the department of that name
	Disabled       bool       `json:"disabled,omitempty"`
	Display        string     `json:"display,omitempty"`
	FmcNumber      string     `json:"fmc_number,omitempty"` // Number of the mobile that its carrier brings into the office as this extension, by fmc_trunk: in E.164. What is dialled there counts as dialled by the extension, and calls to the extension ring it
	FmcTrunk       string     `json:"fmc_trunk,omitempty"`  // Trunk of the role fmc by which the mobile of fmc_number calls and is called
	HotDesk        HotDesking `json:"hot_desk,omitzero"`    // People may sign in at its telephone
	Limits         Limits     `json:"limits,omitzero"`
	MaxContacts    int64      `json:"max_contacts,omitempty"`
	Media          string     `json:"media,omitempty"`
	Number         string     `json:"number,omitempty"`
	Pickup         string     `json:"pickup,omitempty"`  // Pick-up group: its members answer each other's calls by code
	Reading        string     `json:"reading,omitempty"` // よみがな of display, for the shared directory
	Record         string     `json:"record,omitempty"`
	Recording      Directions `json:"recording,omitzero"`     // Recording policies of calls that it makes, beside record, or takes
	Remote         string     `json:"remote,omitempty"`       // Trunk of the telephone system where this extension still lives; it rings there until this is removed
	RestingUntil   time.Time  `json:"resting_until,omitzero"` // Somebody left it: by rule nobody gets the number before
	Restriction    string     `json:"restriction,omitempty"`  // Class of restriction, in place of rights
	Rights         Rights     `json:"rights,omitzero"`
	Secret         string     `json:"secret,omitempty"`          // SIP password; only in the answer that makes it
	Site           string     `json:"site,omitempty"`            // Where the device stands: emergency calls are made as this site
	SrtpSuites     []string   `json:"srtp_suites,omitempty"`     // SRTP suites with keys in SDP that its telephone may use, best first: AEAD_AES_128_GCM, AEAD_AES_256_GCM, AES_CM_128_HMAC_SHA1_80, AES_256_CM_HMAC_SHA1_80, AES_256_CM_HMAC_SHA1_32, AES_CM_128_HMAC_SHA1_32; none: all
	Unlisted       bool       `json:"unlisted,omitempty"`        // Not in the shared directory
	UnsolicitedMwi bool       `json:"unsolicited_mwi,omitempty"` // Its phone shows waiting messages but never subscribes to them: it is told unasked
	User           string     `json:"user,omitempty"`
}

// FMCTimes is the schema of that name.
type FMCTimes struct {
	DelaySeconds int64   `json:"delay_seconds,omitempty"` // It rings so much later than the other telephones; at once where there are none. Of those that ring in order it is the last
	Hours        []Hours `json:"hours,omitempty"`         // When it rings, by the clock of Japan; left out: always
	NoHolidays   bool    `json:"no_holidays,omitempty"`   // It does not ring on Japan's public holidays
}

// FeatureCode is the schema of that name.
type FeatureCode struct {
	Code     string `json:"code,omitempty"`     // * or #, and 1 to 6 of 0-9 * #. Where the feature takes a number, that is dialled behind it
	Disabled bool   `json:"disabled,omitempty"` // Cannot be dialled
	Feature  string `json:"feature,omitempty"`
}

// FeatureCodes is the schema of that name.
type FeatureCodes struct {
	Codes []FeatureCode `json:"codes,omitempty"`
}

// FieldChange is the schema of that name.
type FieldChange struct {
	After  json.RawMessage `json:"after,omitempty"`
	Before json.RawMessage `json:"before,omitempty"`
	Does   string          `json:"does,omitempty"`
	Field  string          `json:"field,omitempty"`
	Key    string          `json:"key,omitempty"`
	Kind   string          `json:"kind,omitempty"`
	Secret string          `json:"secret,omitempty"` // Of a secret nothing else is said
}

// Filed is the schema of that name.
type Filed struct {
	Changes []FieldChange `json:"changes,omitempty"` // Of a rehearsal: what would change, the first thousand fields
	Made    []ShownOnce   `json:"made,omitempty"`    // Secrets of what was made; only in this answer
	Waiting int64         `json:"waiting,omitempty"` // Changes that wait for others to agree: see proposals
}

// Firmware is the schema of that name.
type Firmware struct {
	File           string         `json:"file,omitempty"`          // Name under which the telephone asks for it, as the maker gives it
	From           string         `json:"from,omitempty"`          // Maintenance window in which waves begin, of the switch's clock, such as 22:00; empty: at any time
	LeastPercent   int64          `json:"least_percent,omitempty"` // Of the wave's telephones that were registered before, how many must be so now, and have the version: 1 to 100
	Model          string         `json:"model,omitempty"`         // As in the inventory
	Name           string         `json:"name,omitempty"`
	NotBefore      time.Time      `json:"not_before,omitzero"`       // The first wave does not begin before
	ObserveSeconds int64          `json:"observe_seconds,omitempty"` // How long a wave is looked at before the next one: 1 to 604800
	Previous       string         `json:"previous,omitempty"`        // Name of the firmware that telephones are given when this one is rolled back; empty: none
	SettleSeconds  int64          `json:"settle_seconds,omitempty"`  // How long a telephone may be away to take it, before it is missed: 1 to 14400, less than observe_seconds
	SHA256         string         `json:"sha256,omitempty"`          // Of the file, 64 lower-case hexadecimal digits: another file is not taken
	Size           int64          `json:"size,omitempty"`            // Of the file, in bytes; 512 MiB at most
	Until          string         `json:"until,omitempty"`           // End of the window, such as 05:00
	Vendor         string         `json:"vendor,omitempty"`          // yealink, poly, grandstream, panasonic or cisco (MPP)
	Version        string         `json:"version,omitempty"`         // As the telephone says it in its User-Agent: by that it is seen which have it
	Waves          []FirmwareWave `json:"waves,omitempty"`           // One after the other; a telephone is of the first that it belongs to
}

// FirmwareCount is the schema of that name.
type FirmwareCount struct {
	Devices    int64 `json:"devices,omitempty"`
	Registered int64 `json:"registered,omitempty"` // Of them, those that can be reached now
	Updated    int64 `json:"updated,omitempty"`    // Of those, the ones that say the version
}

// FirmwareView is the schema of that name.
type FirmwareView struct {
	Before   int64         `json:"before,omitempty"`  // Telephones of the wave that were registered when it began
	Began    time.Time     `json:"began,omitzero"`    // When the roll-out began: of two for one telephone the later counts
	Members  [][]string    `json:"members,omitempty"` // MACs of the waves that have begun
	Name     string        `json:"name,omitempty"`
	Since    time.Time     `json:"since,omitzero"`     // When it came into that state, or into its wave
	State    string        `json:"state,omitempty"`    // Empty: nobody has begun
	Uploaded bool          `json:"uploaded,omitempty"` // The file is here
	Wave     FirmwareCount `json:"wave,omitzero"`      // The last wave that has begun, now
	Why      string        `json:"why,omitempty"`
}

// FirmwareWave is the schema of that name.
type FirmwareWave struct {
	Percent int64    `json:"percent,omitempty"` // Of all of the model, with the waves before: 1 to 100
	Sites   []string `json:"sites,omitempty"`   // In place of percent: those that stand there
}

// Forwarding is the schema of that name.
type Forwarding struct {
	Always       Destination `json:"always,omitzero"`
	Busy         Destination `json:"busy,omitzero"` // Also while do-not-disturb is on
	NoAnswer     Destination `json:"no_answer,omitzero"`
	Seconds      int64       `json:"seconds,omitempty"`     // How long it rings before no_answer; 0: 20
	Unregistered Destination `json:"unregistered,omitzero"` // No phone is there; left out: as no_answer
}

// Greetings is the schema of that name.
type Greetings struct {
	Busy     string `json:"busy,omitempty"`
	Holiday  string `json:"holiday,omitempty"`
	Night    string `json:"night,omitempty"`
	NoAnswer string `json:"no_answer,omitempty"` // Also when no telephone is there
	Usual    string `json:"usual,omitempty"`
}

// Group is the schema of that name.
type Group struct {
	Closing     Closing     `json:"closing,omitzero"`     // Night and holidays
	Department  string      `json:"department,omitempty"` // Whose it is: who administers that department sees and changes it
	Members     []string    `json:"members,omitempty"`    // Extensions
	Number      string      `json:"number,omitempty"`
	Overflow    Destination `json:"overflow,omitzero"`      // When nobody took the call, or nobody is free
	Payer       string      `json:"payer,omitempty"`        // Extension whose rights and limits decide about an outside number
	Policy      string      `json:"policy,omitempty"`       // Recording policy of calls to it
	RingBusy    bool        `json:"ring_busy,omitempty"`    // Members are rung while they talk
	RingSeconds int64       `json:"ring_seconds,omitempty"` // How long each member rings in turn, or all together; 0: 20
	Strategy    string      `json:"strategy,omitempty"`     // simultaneous (default), sequential, circular, longest-idle
	Title       string      `json:"title,omitempty"`
}

// HeardInputBody is the schema of that name.
type HeardInputBody struct {
	Heard bool `json:"heard,omitempty"` // false: it is new again
}

// Hearing is the schema of that name.
type Hearing struct {
	At time.Time `json:"at,omitzero"`
	By string    `json:"by,omitempty"`
}

// HistoryItem is the schema of that name.
type HistoryItem struct {
	AnsweredBy string    `json:"answered_by,omitempty"` // Who answered a call that was answered elsewhere, or one that was placed
	Call       string    `json:"call,omitempty"`
	Name       string    `json:"name,omitempty"`    // As the shared directory shows it to the asker
	Number     string    `json:"number,omitempty"`  // Of the other party
	Outcome    string    `json:"outcome,omitempty"` // How its telephones rang: missed, busy, declined, elsewhere, answered
	Part       string    `json:"part,omitempty"`
	Started    time.Time `json:"started,omitzero"`
	TalkMs     int64     `json:"talk_ms,omitempty"`
	Withheld   string    `json:"withheld,omitempty"` // Why the other party has no number
}

// HotDesk is the schema of that name.
type HotDesk struct {
	Desk   string    `json:"desk,omitempty"`   // Extension of the telephone
	Person string    `json:"person,omitempty"` // Extension of who is signed in
	Since  time.Time `json:"since,omitzero"`
	Until  time.Time `json:"until,omitzero"`
}

// HotDesking is the schema of that name.
type HotDesking struct {
	At        string `json:"at,omitempty"`         // Time of day at which everybody is signed out, such as 20:00
	Hours     int64  `json:"hours,omitempty"`      // Who is signed in that long is signed out; 0: 12
	OwnNumber string `json:"own_number,omitempty"` // While somebody is signed in: rings (default) or silent
}

// Hours is the schema of that name.
type Hours struct {
	Days []string `json:"days,omitempty"` // mon, tue, wed, thu, fri, sat, sun
	From string   `json:"from,omitempty"` // Such as 08:30
	To   string   `json:"to,omitempty"`   // The minute that is no more part of it; 24:00 is midnight
}

// Imported is the schema of that name.
type Imported struct {
	Changed   int64 `json:"changed,omitempty"`
	Created   int64 `json:"created,omitempty"`
	Deleted   int64 `json:"deleted,omitempty"`
	Unchanged int64 `json:"unchanged,omitempty"`
}

// Label is the schema of that name.
type Label struct {
	En string `json:"en,omitempty"`
	Ja string `json:"ja,omitempty"`
}

// LabelInputBody is the schema of that name.
type LabelInputBody struct {
	Label  string `json:"label,omitempty"` // 機密性3, 機密性2 or 機密性1
	Reason string `json:"reason,omitempty"`
}

// LegQuality is the schema of that name.
type LegQuality struct {
	Codec         string  `json:"codec,omitempty"`
	Encryption    string  `json:"encryption,omitempty"`    // SRTP suite; empty: plain RTP
	InterruptedS  float64 `json:"interrupted_s,omitempty"` // How long in all, seconds
	Interruptions int64   `json:"interruptions,omitempty"` // How often its telephone was away: it sent nothing and did not answer
	JitterMs      float64 `json:"jitter_ms,omitempty"`
	Lost          int64   `json:"lost,omitempty"` // Packets that never came
	Mos           float64 `json:"mos,omitempty"`
	Number        string  `json:"number,omitempty"`
	PeerLost      int64   `json:"peer_lost,omitempty"` // Packets that the party says it missed
	PeerMos       float64 `json:"peer_mos,omitempty"`
	PeerWorstMos  float64 `json:"peer_worst_mos,omitempty"`
	Received      int64   `json:"received,omitempty"` // RTP packets
	RoundTripMs   float64 `json:"round_trip_ms,omitempty"`
	Sent          int64   `json:"sent,omitempty"`
	Site          string  `json:"site,omitempty"` // Site whose network the media came from
	Trunk         string  `json:"trunk,omitempty"`
	WorstMos      float64 `json:"worst_mos,omitempty"`
}

// LifecycleRule is the schema of that name.
type LifecycleRule struct {
	Department     string     `json:"department,omitempty"`  // People of this department; left out: of any
	Device         DeviceRule `json:"device,omitzero"`       // They get a telephone of the inventory that registers as the extension
	Group          string     `json:"group,omitempty"`       // People in the group of this name; left out: in any or none
	HuntGroups     []string   `json:"hunt_groups,omitempty"` // Groups in which the extension rings
	Name           string     `json:"name,omitempty"`
	Numbers        NumberRule `json:"numbers,omitzero"` // They get an extension with a SIP password
	Pickup         string     `json:"pickup,omitempty"`
	Record         string     `json:"record,omitempty"`         // Recording policy of calls that the extension makes
	RecordingScope ScopeRule  `json:"recording_scope,omitzero"` // What part of the recordings they may know of
	Restriction    string     `json:"restriction,omitempty"`    // Class of restriction of the extension
	Roles          []string   `json:"roles,omitempty"`          // What an administrator or a recording manager is waits for a second person, for each of them
	Site           string     `json:"site,omitempty"`
}

// LifecycleRules is the schema of that name.
type LifecycleRules struct {
	Adopt          bool            `json:"adopt,omitempty"`           // Users who are there already may become an identity service's, with the roles that they have. Left out: it is told that the name is taken
	QuarantineDays int64           `json:"quarantine_days,omitempty"` // How long nobody gets the number of somebody who left; 0: 90
	Rules          []LifecycleRule `json:"rules,omitempty"`           // All that fit a person count together; of numbers, class, site, pick-up group, policy and telephone the first that says one
}

// LimitSet is the schema of that name.
type LimitSet struct {
	Calls          LimitUse `json:"calls,omitzero"`
	ForeignPerHour LimitUse `json:"foreign_per_hour,omitzero"`
	MinutesPerDay  LimitUse `json:"minutes_per_day,omitzero"`
	YenPerDay      LimitUse `json:"yen_per_day,omitzero"`
}

// LimitState is the schema of that name.
type LimitState struct {
	Dial      DialAnswer    `json:"dial,omitzero"` // What would become of the number asked for
	Domain    LimitSet      `json:"domain,omitzero"`
	Extension string        `json:"extension,omitempty"`
	Own       LimitSet      `json:"own,omitzero"`
	Refused   []RefusedCall `json:"refused,omitempty"` // The last ones, newest first
	Rights    Rights        `json:"rights,omitzero"`
}

// LimitUse is the schema of that name.
type LimitUse struct {
	Limit int64 `json:"limit,omitempty"` // -1: unlimited
	Used  int64 `json:"used,omitempty"`
}

// Limits is the schema of that name.
type Limits struct {
	Calls          int64 `json:"calls,omitempty"`
	ForeignPerHour int64 `json:"foreign_per_hour,omitempty"`
	MinutesPerDay  int64 `json:"minutes_per_day,omitempty"`
	YenPerDay      int64 `json:"yen_per_day,omitempty"`
}

// Line is the schema of that name.
type Line struct {
	Abandoned      int64     `json:"abandoned,omitempty"`
	Answered       int64     `json:"answered,omitempty"`
	CallBacksAsked int64     `json:"call_backs_asked,omitempty"`
	CalledBack     int64     `json:"called_back,omitempty"`
	From           time.Time `json:"from,omitzero"`
	InTime         int64     `json:"in_time,omitempty"`
	Key            string    `json:"key,omitempty"`
	Missed         int64     `json:"missed,omitempty"`    // Calls offered and not answered
	Occupancy      float64   `json:"occupancy,omitempty"` // Per cent
	Offered        int64     `json:"offered,omitempty"`
	Overflowed     int64     `json:"overflowed,omitempty"`
	PausedS        float64   `json:"paused_s,omitempty"`
	ServiceLevel   float64   `json:"service_level,omitempty"` // Per cent; absent where nobody was offered
	ShortAbandoned int64     `json:"short_abandoned,omitempty"`
	SignedInS      float64   `json:"signed_in_s,omitempty"` // Agents only, as all below
	TalkMeanS      float64   `json:"talk_mean_s,omitempty"`
	TalkS          float64   `json:"talk_s,omitempty"`
	Unreached      int64     `json:"unreached,omitempty"`
	WaitMaxS       float64   `json:"wait_max_s,omitempty"`
	WaitMeanS      float64   `json:"wait_mean_s,omitempty"`
	WrapUpS        float64   `json:"wrap_up_s,omitempty"`
}

// ListeningRequest is the schema of that name.
type ListeningRequest struct {
	Asked      time.Time       `json:"asked,omitzero"`
	BreakGlass bool            `json:"break_glass,omitempty"` // Heard without an approval; somebody else must review it
	By         string          `json:"by,omitempty"`          // User who asks, and alone may listen
	Decided    time.Time       `json:"decided,omitzero"`
	DecidedBy  string          `json:"decided_by,omitempty"`
	Download   bool            `json:"download,omitempty"` // As a file, where its label allows that, or as an evidence pack
	Filter     RecordingFilter `json:"filter,omitzero"`
	ID         string          `json:"id,omitempty"`
	Opened     []Opening       `json:"opened,omitempty"`
	Person     string          `json:"person,omitempty"`  // Who of that name: nobody who was made after they were deleted may
	Plays      int64           `json:"plays,omitempty"`   // How often at most: a recording within an hour is one
	Purpose    string          `json:"purpose,omitempty"` // Of the domain's list of purposes
	Reason     string          `json:"reason,omitempty"`
	Recordings []string        `json:"recordings,omitempty"` // Which; empty: those of the filter
	Remark     string          `json:"remark,omitempty"`
	Review     Review          `json:"review,omitzero"`
	State      string          `json:"state,omitempty"` // pending, granted, refused, withdrawn
	Until      time.Time       `json:"until,omitzero"`
}

// ListeningRules is the schema of that name.
type ListeningRules struct {
	Download    []string  `json:"download,omitempty"`     // Labels that may be taken away as files, where that was approved; all others are heard as a stream
	MaxHours    int64     `json:"max_hours,omitempty"`    // How long a request is valid at most; 0: 72
	MaxPlays    int64     `json:"max_plays,omitempty"`    // How many plays one may ask for; 0: 20
	PurposeOnly []string  `json:"purpose_only,omitempty"` // Labels of which a stated purpose is enough, without an approval; never restricted
	Purposes    []Purpose `json:"purposes,omitempty"`     // Empty: complaint, content, disclosure, training, incident
}

// Mailbox is the schema of that name.
type Mailbox struct {
	Calendar        string    `json:"calendar,omitempty"` // Says when the greetings for night and holidays are heard
	Greetings       Greetings `json:"greetings,omitzero"`
	Incarnation     string    `json:"incarnation,omitempty"`         // Tells it from one of the same number that was deleted before; given by the store, whatever is written here
	Language        string    `json:"language,omitempty"`            // Of what is said in it; empty: the call's
	MaxMessages     int64     `json:"max_messages,omitempty"`        // That are kept; then it is full. 0: 100
	MaxSeconds      int64     `json:"max_seconds,omitempty"`         // Longest message; 0: 180
	Members         []string  `json:"members,omitempty"`             // Extensions whose owners hear it, and whose lamps show it, besides the one with its number
	NoPINAtOwnPhone bool      `json:"no_pin_at_own_phone,omitempty"` // Whoever has the extension's telephone in hand needs no PIN for it
	Number          string    `json:"number,omitempty"`
	Off             bool      `json:"off,omitempty"`            // Takes no messages; those that are there can be heard
	RetentionDays   int64     `json:"retention_days,omitempty"` // After which a message is deleted, heard or not; 0: 90
	Title           string    `json:"title,omitempty"`
}

// MailboxPINInputBody is the schema of that name.
type MailboxPINInputBody struct {
	PIN string `json:"pin,omitempty"` // 4 to 12 digits, not all the same
}

// ManagedDevice is the schema of that name.
type ManagedDevice struct {
	Certificate string       `json:"certificate,omitempty"` // required: it registers and calls only by TLS with a certificate that the switch issued to it (EST); empty: one that it shows must be its own
	Keys        []DeviceKey  `json:"keys,omitempty"`        // Further keys, behind those of the lines
	Language    string       `json:"language,omitempty"`    // ja or en; empty: the domain's
	LeaseEnd    string       `json:"lease_end,omitempty"`   // Last day of its lease, as 2027-03-31: its certificates end with it
	Lines       []DeviceLine `json:"lines,omitempty"`       // Extensions that it registers as, the first key's first
	MAC         string       `json:"mac,omitempty"`         // 12 lower-case hexadecimal digits
	Model       string       `json:"model,omitempty"`
	Pool        bool         `json:"pool,omitempty"` // While it is in service and has no user and no lines, the rules of the lifecycle may give it to somebody
	Site        string       `json:"site,omitempty"` // Where it stands
	Title       string       `json:"title,omitempty"`
	User        string       `json:"user,omitempty"`   // Who answers for it
	Vendor      string       `json:"vendor,omitempty"` // yealink, poly, grandstream, panasonic or cisco (MPP)
}

// Menu is the schema of that name.
type Menu struct {
	Name  string     `json:"name,omitempty"`
	Nodes []MenuNode `json:"nodes,omitempty"`
	Owner string     `json:"owner,omitempty"` // Extension in whose name callers are sent on: its rights and limits count
	Start string     `json:"start,omitempty"` // The place where a caller comes in
	Title string     `json:"title,omitempty"`
}

// MenuGoto is the schema of that name.
type MenuGoto struct {
	Dial      string `json:"dial,omitempty"` // What the owner would dial: an extension, a group, a queue, an outside number
	Hangup    bool   `json:"hangup,omitempty"`
	Menu      string `json:"menu,omitempty"`     // Another menu, at its start
	Messages  bool   `json:"messages,omitempty"` // The caller hears the messages of a mailbox, by its number and PIN
	Node      string `json:"node,omitempty"`
	Voicemail string `json:"voicemail,omitempty"` // Mailbox in which the caller leaves a message
}

// MenuHours is the schema of that name.
type MenuHours struct {
	Days string `json:"days,omitempty"` // mon to sun, with commas and ranges: mon-fri,sun
	From string `json:"from,omitempty"` // 08:30
	To   string `json:"to,omitempty"`   // 17:00, not included; 24:00 is midnight
}

// MenuKey is the schema of that name.
type MenuKey struct {
	Key string   `json:"key,omitempty"` // One of 0-9 * #
	To  MenuGoto `json:"to,omitzero"`
}

// MenuNode is the schema of that name.
type MenuNode struct {
	Calendar      string      `json:"calendar,omitempty"` // Looks at this calendar, and what was set there by hand: open, closed or holiday is where it goes
	Closed        MenuGoto    `json:"closed,omitzero"`
	DialExtension bool        `json:"dial_extension,omitempty"` // The number of an extension may be dialled here
	Holiday       MenuGoto    `json:"holiday,omitzero"`         // With calendar: on holidays and closed days; left out: as closed
	Hours         []MenuHours `json:"hours,omitempty"`          // In place of calendar: hours of its own, without holidays
	Keys          []MenuKey   `json:"keys,omitempty"`
	Language      string      `json:"language,omitempty"` // ja or en from here on; empty: as before
	Name          string      `json:"name,omitempty"`
	Open          MenuGoto    `json:"open,omitzero"`
	Prompt        string      `json:"prompt,omitempty"` // Announcement; empty: none
	Then          MenuGoto    `json:"then,omitzero"`    // Without keys: where it goes afterwards. With keys: where who pressed none goes
	Tries         int64       `json:"tries,omitempty"`  // How often it is said to who presses nothing, or a wrong key; 0: 3
}

// MenuVersion is the schema of that name.
type MenuVersion struct {
	Body   Menu   `json:"body,omitzero"`
	By     string `json:"by,omitempty"`
	Number int64  `json:"number,omitempty"`
}

// MenuVersions is the schema of that name.
type MenuVersions struct {
	Active   int64         `json:"active,omitempty"`
	Menu     string        `json:"menu,omitempty"`
	Versions []MenuVersion `json:"versions,omitempty"` // The newest first; the last three are kept
}

// Message is the schema of that name.
type Message struct {
	From    string    `json:"from,omitempty"` // Empty: withheld
	Heard   time.Time `json:"heard,omitzero"` // Missing: it is new
	ID      string    `json:"id,omitempty"`
	Left    time.Time `json:"left,omitzero"`
	Mode    string    `json:"mode,omitempty"` // Of a greeting: usual, busy, no-answer, night or holiday
	Name    string    `json:"name,omitempty"`
	Seconds float64   `json:"seconds,omitempty"`
}

// MessageList is the schema of that name.
type MessageList struct {
	Items []Message `json:"items,omitempty"`
}

// Mobile is the schema of that name.
type Mobile struct {
	DelaySeconds int64   `json:"delay_seconds,omitempty"` // It rings so much later than the other telephones; at once where there are none. Of those that ring in order it is the last
	Hours        []Hours `json:"hours,omitempty"`         // When it rings, by the clock of Japan; left out: always
	NoHolidays   bool    `json:"no_holidays,omitempty"`   // It does not ring on Japan's public holidays
	Number       string  `json:"number,omitempty"`        // As the extension would dial it: its rights and limits count
}

// MonitorInputBody is the schema of that name.
type MonitorInputBody struct {
	Extension string `json:"extension,omitempty"` // The supervisor's own: its telephones ring, and hear the call
	Mode      string `json:"mode,omitempty"`      // Left out: listen; changed by the keys 4, 5, 6
}

// Month is the schema of that name.
type Month struct {
	Archived bool      `json:"archived,omitempty"` // Entries of it are archived and not counted: the report that was kept when the month was over has all
	Domain   string    `json:"domain,omitempty"`
	Entries  int64     `json:"entries,omitempty"`
	From     time.Time `json:"from,omitzero"`
	Made     time.Time `json:"made,omitzero"`
	Month    string    `json:"month,omitempty"`
	Sections []Section `json:"sections,omitempty"`
	Until    time.Time `json:"until,omitzero"` // Exclusive
}

// MoveInputBody is the schema of that name.
type MoveInputBody struct {
	Extension string `json:"extension,omitempty"` // That talks in the call, and goes on at another telephone of it
}

// NoteInputBody is the schema of that name.
type NoteInputBody struct {
	Text string `json:"text,omitempty"`
}

// Notice is the schema of that name.
type Notice struct {
	Name     string          `json:"name,omitempty"`
	Versions []NoticeVersion `json:"versions,omitempty"` // The newest first
}

// NoticeException is the schema of that name.
type NoticeException struct {
	Reason string    `json:"reason,omitempty"`
	Until  time.Time `json:"until,omitzero"` // From then on people are told again. At most a year and a day away when it is asked for
}

// NoticeReceipt is the schema of that name.
type NoticeReceipt struct {
	Complete      bool      `json:"complete,omitempty"` // To its end; else it was cut short
	Ended         time.Time `json:"ended,omitzero"`
	FirstRtp      int64     `json:"first_rtp,omitempty"` // RTP timestamp of the first packet sent
	FirstSequence int64     `json:"first_sequence,omitempty"`
	Language      string    `json:"language,omitempty"`
	LastRtp       int64     `json:"last_rtp,omitempty"`
	LastSequence  int64     `json:"last_sequence,omitempty"`
	Leg           string    `json:"leg,omitempty"`
	Mode          string    `json:"mode,omitempty"`    // early-media, after-answer or outbound
	Packets       int64     `json:"packets,omitempty"` // Sent
	Party         string    `json:"party,omitempty"`   // Number of who heard it
	Pressed       string    `json:"pressed,omitempty"` // It was pressed. No other key is noted
	Prompt        string    `json:"prompt,omitempty"`
	RefusalKey    string    `json:"refusal_key,omitempty"` // Key that would have refused the recording
	SHA256        string    `json:"sha256,omitempty"`      // Of the audio before it was encoded for the leg: 16 kHz, 16 bit, mono, little endian
	Ssrc          int64     `json:"ssrc,omitempty"`
	Started       time.Time `json:"started,omitzero"`
	Version       int64     `json:"version,omitempty"` // Of its approved wording; absent: an announcement of the library
}

// NoticeRefusal is the schema of that name.
type NoticeRefusal struct {
	Key         string `json:"key,omitempty"`          // 0 to 9, * or #
	Then        string `json:"then,omitempty"`         // What becomes of the call
	WaitSeconds int64  `json:"wait_seconds,omitempty"` // How long the key counts after the notice; 0: 3
}

// NoticeVersion is the schema of that name.
type NoticeVersion struct {
	Approved   time.Time `json:"approved,omitzero"`
	ApprovedBy string    `json:"approved_by,omitempty"` // Absent: a draft, which nobody else hears
	By         string    `json:"by,omitempty"`          // Who made it
	File       string    `json:"file,omitempty"`        // Name of its audio in the library
	From       time.Time `json:"from,omitzero"`         // In effect from then on; absent: not yet in use
	Heard      []Hearing `json:"heard,omitempty"`       // Who listened to all of it, the last 16
	Language   string    `json:"language,omitempty"`
	Made       time.Time `json:"made,omitzero"`
	Millis     int64     `json:"millis,omitempty"`
	Number     int64     `json:"number,omitempty"`
	SHA256     string    `json:"sha256,omitempty"` // Of the audio: 16 kHz, 16 bit, mono, little endian. Other audio is not played in its place
	Text       string    `json:"text,omitempty"`
	Until      time.Time `json:"until,omitzero"`  // And until then; absent: until a later one is
	Voice      string    `json:"voice,omitempty"` // Who speaks: mei (Open JTalk), slt (flite), or upload
}

// NumberRule is the schema of that name.
type NumberRule struct {
	Attribute string `json:"attribute,omitempty"` // employeeNumber or phoneNumbers: the digits at its end, as many as from has, within the range
	From      string `json:"from,omitempty"`      // First of the range
	Move      bool   `json:"move,omitempty"`      // Who comes from another rule's range gets a number of this one, and the old one rests. Left out: they keep theirs
	To        string `json:"to,omitempty"`        // Last of the range, with as many digits
}

// Opening is the schema of that name.
type Opening struct {
	At        time.Time `json:"at,omitzero"`
	Recording string    `json:"recording,omitempty"`
}

// PageAccessReview is the schema of that name.
type PageAccessReview struct {
	Items []AccessReview `json:"items,omitempty"`
	Next  string         `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageAgent is the schema of that name.
type PageAgent struct {
	Items []Agent `json:"items,omitempty"`
	Next  string  `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageAlarm is the schema of that name.
type PageAlarm struct {
	Items []Alarm `json:"items,omitempty"`
	Next  string  `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageBookAccount is the schema of that name.
type PageBookAccount struct {
	Items []BookAccount `json:"items,omitempty"`
	Next  string        `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageCDR is the schema of that name.
type PageCDR struct {
	Items []CDR  `json:"items,omitempty"`
	Next  string `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageCalendar is the schema of that name.
type PageCalendar struct {
	Items []Calendar `json:"items,omitempty"`
	Next  string     `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageCallBack is the schema of that name.
type PageCallBack struct {
	Items []CallBack `json:"items,omitempty"`
	Next  string     `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageCallInfo is the schema of that name.
type PageCallInfo struct {
	Items []CallInfo `json:"items,omitempty"`
	Next  string     `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageCallerLine is the schema of that name.
type PageCallerLine struct {
	Items []CallerLine `json:"items,omitempty"`
	Next  string       `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageChangeLine is the schema of that name.
type PageChangeLine struct {
	Items []ChangeLine `json:"items,omitempty"`
	Next  string       `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageConference is the schema of that name.
type PageConference struct {
	Items []Conference `json:"items,omitempty"`
	Next  string       `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageContact is the schema of that name.
type PageContact struct {
	Items []Contact `json:"items,omitempty"`
	Next  string    `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageDID is the schema of that name.
type PageDID struct {
	Items []DID  `json:"items,omitempty"`
	Next  string `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageDepartment is the schema of that name.
type PageDepartment struct {
	Items []Department `json:"items,omitempty"`
	Next  string       `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageDevice is the schema of that name.
type PageDevice struct {
	Items []Device `json:"items,omitempty"`
	Next  string   `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageDisposal is the schema of that name.
type PageDisposal struct {
	Items []Disposal `json:"items,omitempty"`
	Next  string     `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageDomain is the schema of that name.
type PageDomain struct {
	Items []Domain `json:"items,omitempty"`
	Next  string   `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageDutyViolation is the schema of that name.
type PageDutyViolation struct {
	Items []DutyViolation `json:"items,omitempty"`
	Next  string          `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageEmergencySignIn is the schema of that name.
type PageEmergencySignIn struct {
	Items []EmergencySignIn `json:"items,omitempty"`
	Next  string            `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageEntry is the schema of that name.
type PageEntry struct {
	Items []Entry `json:"items,omitempty"`
	Next  string  `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageExtension is the schema of that name.
type PageExtension struct {
	Items []Extension `json:"items,omitempty"`
	Next  string      `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageFirmware is the schema of that name.
type PageFirmware struct {
	Items []Firmware `json:"items,omitempty"`
	Next  string     `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageGroup is the schema of that name.
type PageGroup struct {
	Items []Group `json:"items,omitempty"`
	Next  string  `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageHistoryItem is the schema of that name.
type PageHistoryItem struct {
	Items []HistoryItem `json:"items,omitempty"`
	Next  string        `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageHotDesk is the schema of that name.
type PageHotDesk struct {
	Items []HotDesk `json:"items,omitempty"`
	Next  string    `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageListeningRequest is the schema of that name.
type PageListeningRequest struct {
	Items []ListeningRequest `json:"items,omitempty"`
	Next  string             `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageMailbox is the schema of that name.
type PageMailbox struct {
	Items []Mailbox `json:"items,omitempty"`
	Next  string    `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageManagedDevice is the schema of that name.
type PageManagedDevice struct {
	Items []ManagedDevice `json:"items,omitempty"`
	Next  string          `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageMenu is the schema of that name.
type PageMenu struct {
	Items []Menu `json:"items,omitempty"`
	Next  string `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageNotice is the schema of that name.
type PageNotice struct {
	Items []Notice `json:"items,omitempty"`
	Next  string   `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PagePagingGroup is the schema of that name.
type PagePagingGroup struct {
	Items []PagingGroup `json:"items,omitempty"`
	Next  string        `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageParkingLot is the schema of that name.
type PageParkingLot struct {
	Items []ParkingLot `json:"items,omitempty"`
	Next  string       `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PagePromptInfo is the schema of that name.
type PagePromptInfo struct {
	Items []PromptInfo `json:"items,omitempty"`
	Next  string       `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageProposal is the schema of that name.
type PageProposal struct {
	Items []Proposal `json:"items,omitempty"`
	Next  string     `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageProvisioner is the schema of that name.
type PageProvisioner struct {
	Items []Provisioner `json:"items,omitempty"`
	Next  string        `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageQueue is the schema of that name.
type PageQueue struct {
	Items []Queue `json:"items,omitempty"`
	Next  string  `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageRecall is the schema of that name.
type PageRecall struct {
	Items []Recall `json:"items,omitempty"`
	Next  string   `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageRecordingKey is the schema of that name.
type PageRecordingKey struct {
	Items []RecordingKey `json:"items,omitempty"`
	Next  string         `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageRecordingPolicy is the schema of that name.
type PageRecordingPolicy struct {
	Items []RecordingPolicy `json:"items,omitempty"`
	Next  string            `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageRecordingScope is the schema of that name.
type PageRecordingScope struct {
	Items []RecordingScope `json:"items,omitempty"`
	Next  string           `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageRejection is the schema of that name.
type PageRejection struct {
	Items []Rejection `json:"items,omitempty"`
	Next  string      `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageRestriction is the schema of that name.
type PageRestriction struct {
	Items []Restriction `json:"items,omitempty"`
	Next  string        `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageRoleInfo is the schema of that name.
type PageRoleInfo struct {
	Items []RoleInfo `json:"items,omitempty"`
	Next  string     `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageRowCount is the schema of that name.
type PageRowCount struct {
	Items []RowCount `json:"items,omitempty"`
	Next  string     `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageSettings is the schema of that name.
type PageSettings struct {
	Items []Settings `json:"items,omitempty"`
	Next  string     `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageShortLine is the schema of that name.
type PageShortLine struct {
	Items []ShortLine `json:"items,omitempty"`
	Next  string      `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageShortNumbers is the schema of that name.
type PageShortNumbers struct {
	Items []ShortNumbers `json:"items,omitempty"`
	Next  string         `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageSignInSession is the schema of that name.
type PageSignInSession struct {
	Items []SignInSession `json:"items,omitempty"`
	Next  string          `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageSite is the schema of that name.
type PageSite struct {
	Items []Site `json:"items,omitempty"`
	Next  string `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageSitePolicy is the schema of that name.
type PageSitePolicy struct {
	Items []SitePolicy `json:"items,omitempty"`
	Next  string       `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageSoftphone is the schema of that name.
type PageSoftphone struct {
	Items []Softphone `json:"items,omitempty"`
	Next  string      `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageSupervision is the schema of that name.
type PageSupervision struct {
	Items []Supervision `json:"items,omitempty"`
	Next  string        `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageTrunk is the schema of that name.
type PageTrunk struct {
	Items []Trunk `json:"items,omitempty"`
	Next  string  `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageUser is the schema of that name.
type PageUser struct {
	Items []User `json:"items,omitempty"`
	Next  string `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PageWebhook is the schema of that name.
type PageWebhook struct {
	Items []Webhook `json:"items,omitempty"`
	Next  string    `json:"next,omitempty"` // Give it as after to read on; absent on the last page
}

// PagingGroup is the schema of that name.
type PagingGroup struct {
	Announce    string   `json:"announce,omitempty"` // Prompt that all hear after the tone, before somebody speaks
	Callers     []string `json:"callers,omitempty"`  // Extensions that may speak
	Everyone    bool     `json:"everyone,omitempty"` // Every extension may speak; callers is then empty
	Members     []string `json:"members,omitempty"`  // Extensions, at most 49
	Number      string   `json:"number,omitempty"`
	Policy      string   `json:"policy,omitempty"`  // Recording policy: who speaks is recorded, members never are
	Seconds     int64    `json:"seconds,omitempty"` // How long an announcement may last; 0: 120
	Title       string   `json:"title,omitempty"`
	WaitSeconds int64    `json:"wait_seconds,omitempty"` // How long members have to answer before who speaks hears the tone, where not all have answered before; 0: 5
}

// ParkingLot is the schema of that name.
type ParkingLot struct {
	Fallback   Destination `json:"fallback,omitzero"`    // Where a call goes that came back in vain; left out: it stays parked and comes back again
	FirstSlot  string      `json:"first_slot,omitempty"` // Number of the first slot
	Music      string      `json:"music,omitempty"`      // Prompt that parked callers hear again and again; left out: the music on hold
	Number     string      `json:"number,omitempty"`
	Payer      string      `json:"payer,omitempty"`       // Extension whose rights and limits decide about fallback
	Seconds    int64       `json:"seconds,omitempty"`     // How long a call is parked before it comes back; 0: 120
	SkipParker bool        `json:"skip_parker,omitempty"` // A call comes back to fallback at once, not to who parked it
	Slots      int64       `json:"slots,omitempty"`       // How many; 0: 30
	Title      string      `json:"title,omitempty"`
}

// Passkey is the schema of that name.
type Passkey struct {
	Added  time.Time `json:"added,omitzero"`
	ID     string    `json:"id,omitempty"`
	Name   string    `json:"name,omitempty"`   // As its owner calls it
	Synced bool      `json:"synced,omitempty"` // Its maker copies it between the person's devices
	Used   time.Time `json:"used,omitzero"`
}

// PauseInputBody is the schema of that name.
type PauseInputBody struct {
	Reason string `json:"reason,omitempty"` // What is to be kept out, as card; never what it is
}

// PinInputBody is the schema of that name.
type PinInputBody struct {
	PIN string `json:"pin,omitempty"` // 4 to 12 digits
}

// PromptInfo is the schema of that name.
type PromptInfo struct {
	Builtin  bool   `json:"builtin,omitempty"`
	Language string `json:"language,omitempty"`
	Millis   int64  `json:"millis,omitempty"`
	Name     string `json:"name,omitempty"`   // Such as notice/recording
	SHA256   string `json:"sha256,omitempty"` // Of the canonical PCM
	Text     string `json:"text,omitempty"`
}

// Proposal is the schema of that name.
type Proposal struct {
	Agreed  []Agreement      `json:"agreed,omitempty"`
	Asked   time.Time        `json:"asked,omitzero"`
	By      string           `json:"by,omitempty"`
	Changes []ProposedChange `json:"changes,omitempty"`
	Class   string           `json:"class,omitempty"`  // Class of the domain's own rules that asks for it, where it takes no protection of recordings away
	Delete  bool             `json:"delete,omitempty"` // It would be deleted
	Expires time.Time        `json:"expires,omitzero"`
	ID      string           `json:"id,omitempty"` // Kind and key of what it would change; of a recording the field too
	Key     string           `json:"key,omitempty"`
	Kind    string           `json:"kind,omitempty"`
	Loosens []string         `json:"loosens,omitempty"` // What protection it takes away, in words
	People  int64            `json:"people,omitempty"`  // How many others must agree
	Reason  string           `json:"reason,omitempty"`
}

// ProposedChange is the schema of that name.
type ProposedChange struct {
	Field string          `json:"field,omitempty"`
	From  json.RawMessage `json:"from,omitempty"`
	To    json.RawMessage `json:"to,omitempty"`
}

// Provisioner is the schema of that name.
type Provisioner struct {
	Disabled bool      `json:"disabled,omitempty"`
	Expires  time.Time `json:"expires,omitzero"` // Its secret is not taken from then on; left out: no end
	Name     string    `json:"name,omitempty"`
	Title    string    `json:"title,omitempty"`
}

// ProvisionerOnce is the schema of that name.
type ProvisionerOnce struct {
	Disabled bool      `json:"disabled,omitempty"`
	Expires  time.Time `json:"expires,omitzero"` // Its secret is not taken from then on; left out: no end
	Name     string    `json:"name,omitempty"`
	Secret   string    `json:"secret,omitempty"` // Bearer token of /scim/v2/DOMAIN; only in the answer that makes it
	Title    string    `json:"title,omitempty"`
}

// Purpose is the schema of that name.
type Purpose struct {
	En    string `json:"en,omitempty"`
	Name  string `json:"name,omitempty"`
	Title string `json:"title,omitempty"` // Japanese
}

// Queue is the schema of that name.
type Queue struct {
	Announce       QueueAnnounce `json:"announce,omitzero"`
	CallBack       QueueCallBack `json:"call_back,omitzero"`
	Language       string        `json:"language,omitempty"`         // Of what is said; empty: the DID's, then the domain's
	Level          int64         `json:"level,omitempty"`            // Least level of the skill; 0: 1
	MaxWaitSeconds int64         `json:"max_wait_seconds,omitempty"` // Then a caller overflows; 0: 1800
	MaxWaiting     int64         `json:"max_waiting,omitempty"`      // Callers at once; 0: 50
	Members        []QueueMember `json:"members,omitempty"`          // Extensions that may sign in as its agents
	Number         string        `json:"number,omitempty"`
	Overflow       QueueOverflow `json:"overflow,omitzero"`
	Policy         string        `json:"policy,omitempty"`           // Recording policy of calls to it, beside the DID's
	Priority       int64         `json:"priority,omitempty"`         // 0 to 9: where agents serve several queues, callers of the higher one come first
	RelaxSeconds   int64         `json:"relax_seconds,omitempty"`    // After each so many seconds of waiting one level less is enough; 0: never
	RestSeconds    int64         `json:"rest_seconds,omitempty"`     // An agent who did not answer is passed over so long; 0: 60
	RingSeconds    int64         `json:"ring_seconds,omitempty"`     // An agent's telephone rings so long; 0: 20
	SignOutMinutes int64         `json:"sign_out_minutes,omitempty"` // An agent whose telephone is not registered so long is signed out; 0: 10
	Skill          string        `json:"skill,omitempty"`            // With strategy skills: the one that counts here
	Strategy       string        `json:"strategy,omitempty"`         // longest-idle (default), skills, priority or ring-all
	Supervisors    []string      `json:"supervisors,omitempty"`      // Users who see its state, and may listen, whisper and join
	Target         QueueTarget   `json:"target,omitzero"`
	Title          string        `json:"title,omitempty"`
	WrapUpSeconds  int64         `json:"wrap_up_seconds,omitempty"` // After a call an agent is left alone so long
}

// QueueAnnounce is the schema of that name.
type QueueAnnounce struct {
	Again        string `json:"again,omitempty"`         // Prompt, after each interval
	Estimate     bool   `json:"estimate,omitempty"`      // Say about how many minutes are left
	EverySeconds int64  `json:"every_seconds,omitempty"` // 0: 45
	Music        string `json:"music,omitempty"`         // Prompt in place of music/hold
	Position     bool   `json:"position,omitempty"`      // Say the place in the line
	Welcome      string `json:"welcome,omitempty"`       // Prompt, once at the beginning
}

// QueueCallBack is the schema of that name.
type QueueCallBack struct {
	AfterSeconds int64  `json:"after_seconds,omitempty"` // Of waiting, before it is offered; 0: 30
	Max          int64  `json:"max,omitempty"`           // Places kept at once; 0: 20
	Offer        bool   `json:"offer,omitempty"`
	Payer        string `json:"payer,omitempty"`         // Extension by whose rights and limits they are called; needed for the offer
	RetryMinutes int64  `json:"retry_minutes,omitempty"` // Between them; 0: 5
	Tries        int64  `json:"tries,omitempty"`         // Calls until it is given up; 0: 3
}

// QueueMember is the schema of that name.
type QueueMember struct {
	Agent string `json:"agent,omitempty"`
	Rank  int64  `json:"rank,omitempty"` // With strategy priority: lower ones are rung first
}

// QueueOverflow is the schema of that name.
type QueueOverflow struct {
	Closed   Destination `json:"closed,omitzero"`    // Outside the hours
	Length   Destination `json:"length,omitzero"`    // Already max_waiting callers
	NoAgents Destination `json:"no_agents,omitzero"` // No agent is signed in. Left out: callers wait for one
	Payer    string      `json:"payer,omitempty"`    // Extension by whose rights and limits they go there; not needed for mailboxes
	Time     Destination `json:"time,omitzero"`      // After max_wait_seconds
}

// QueueState is the schema of that name.
type QueueState struct {
	Agents       map[string]int64 `json:"agents,omitempty"`     // Agents signed in, by what they do
	CallBacks    int64            `json:"call_backs,omitempty"` // Places kept for callers who will be called back
	EstimateS    float64          `json:"estimate_s,omitempty"` // About how long one who comes now will wait; absent: no agent works
	LongestWaitS float64          `json:"longest_wait_s,omitempty"`
	Number       string           `json:"number,omitempty"`
	Title        string           `json:"title,omitempty"`
	Today        QueueToday       `json:"today,omitzero"`
	Waiting      int64            `json:"waiting,omitempty"`
}

// QueueTarget is the schema of that name.
type QueueTarget struct {
	Percent      int64 `json:"percent,omitempty"`       // So many of a hundred callers shall be answered; 0: 80
	Seconds      int64 `json:"seconds,omitempty"`       // in so many seconds; 0: 20
	ShortSeconds int64 `json:"short_seconds,omitempty"` // Who gives up sooner counts as no caller; 0: 5
}

// QueueToday is the schema of that name.
type QueueToday struct {
	Abandoned      int64   `json:"abandoned,omitempty"`
	Answered       int64   `json:"answered,omitempty"`
	CallBacksAsked int64   `json:"call_backs_asked,omitempty"`
	CalledBack     int64   `json:"called_back,omitempty"`
	Day            string  `json:"day,omitempty"`
	InTime         int64   `json:"in_time,omitempty"`
	Offered        int64   `json:"offered,omitempty"`
	Overflowed     int64   `json:"overflowed,omitempty"`
	ServiceLevel   float64 `json:"service_level,omitempty"` // Per cent
	ShortAbandoned int64   `json:"short_abandoned,omitempty"`
}

// ReasonInputBody is the schema of that name.
type ReasonInputBody struct {
	Reason string `json:"reason,omitempty"` // Why; it stands in the audit log
}

// Recall is the schema of that name.
type Recall struct {
	Asked time.Time `json:"asked,omitzero"`
	By    string    `json:"by,omitempty"` // Extension that is rung first
	ID    string    `json:"id,omitempty"`
	Of    string    `json:"of,omitempty"`   // Extension that is rung then
	Until time.Time `json:"until,omitzero"` // Then it is dropped
}

// RecordInputBody is the schema of that name.
type RecordInputBody struct {
	On bool `json:"on,omitempty"` // Record from now on, or no longer
}

// RecordingAsked is the schema of that name.
type RecordingAsked struct {
	At  time.Time `json:"at,omitzero"`
	By  string    `json:"by,omitempty"`  // Extension whose telephone it was, or user@domain
	How string    `json:"how,omitempty"` // code or rest
}

// RecordingFilter is the schema of that name.
type RecordingFilter struct {
	Case   string    `json:"case,omitempty"`
	From   time.Time `json:"from,omitzero"` // Of the start
	Group  string    `json:"group,omitempty"`
	Label  string    `json:"label,omitempty"`
	Number string    `json:"number,omitempty"` // The recorded number
	Party  string    `json:"party,omitempty"`  // Number of anyone who took part
	To     time.Time `json:"to,omitzero"`
}

// RecordingHold is the schema of that name.
type RecordingHold struct {
	By     string    `json:"by,omitempty"` // Who; store: it was found on the stored object, and the audit log says who
	Reason string    `json:"reason,omitempty"`
	Since  time.Time `json:"since,omitzero"`
}

// RecordingKeeping is the schema of that name.
type RecordingKeeping struct {
	Approved    time.Time     `json:"approved,omitzero"` // When its destruction was approved
	ApprovedBy  string        `json:"approved_by,omitempty"`
	Hold        RecordingHold `json:"hold,omitzero"`
	Label       string        `json:"label,omitempty"`  // 機密度
	Number      string        `json:"number,omitempty"` // The recorded number
	Policy      string        `json:"policy,omitempty"` // Whose class of retention it has
	Recording   string        `json:"recording,omitempty"`
	RetainUntil time.Time     `json:"retain_until,omitzero"` // When it falls due; absent: never by itself
	Started     time.Time     `json:"started,omitzero"`
	State       string        `json:"state,omitempty"`
}

// RecordingKey is the schema of that name.
type RecordingKey struct {
	Created time.Time `json:"created,omitzero"`
	Current bool      `json:"current,omitempty"`
	Epoch   int64     `json:"epoch,omitempty"`  // Its number; the highest is the one that is sealed to. 0: the vault's own, from before domains had keys
	Needed  int64     `json:"needed,omitempty"` // Recordings and messages that it opens and no newer key does
	Retired time.Time `json:"retired,omitzero"` // When it was taken away: only the recovery key opens what was sealed to it alone
}

// RecordingNote is the schema of that name.
type RecordingNote struct {
	Author  string    `json:"author,omitempty"`
	ID      int64     `json:"id,omitempty"`
	Text    string    `json:"text,omitempty"`
	Written time.Time `json:"written,omitzero"`
}

// RecordingPause is the schema of that name.
type RecordingPause struct {
	By         string    `json:"by,omitempty"` // Extension whose telephone it was, or user@domain
	From       time.Time `json:"from,omitzero"`
	How        string    `json:"how,omitempty"` // code, rest or telephone
	Reason     string    `json:"reason,omitempty"`
	ResumedBy  string    `json:"resumed_by,omitempty"`
	ResumedFor string    `json:"resumed_for,omitempty"` // Of automatic: time, left or transfer
	ResumedHow string    `json:"resumed_how,omitempty"` // code, rest, telephone or automatic; absent: it lasted to the end of the recording
	To         time.Time `json:"to,omitzero"`
}

// RecordingPolicy is the schema of that name.
type RecordingPolicy struct {
	DscpRtp        int64           `json:"dscp_rtp,omitempty"` // DSCP of the RTP of every leg of this class of numbers, 1 to 63, where its trunk says none; 0: 46 (EF)
	Exception      NoticeException `json:"exception,omitzero"` // Why somebody is told nothing, and until when: with none. Another person agrees to it; when it is over people are told
	Label          string          `json:"label,omitempty"`    // 機密度 of its recordings: restricted (機密性3, default), internal (機密性2), public (機密性1)
	Media          string          `json:"media,omitempty"`    // Encryption of every leg of this class of numbers, where it is stricter than the device's or trunk's: srtp-required, srtp-preferred (default) or srtp-forbidden
	Name           string          `json:"name,omitempty"`
	Notice         string          `json:"notice,omitempty"`
	NoticeOutbound string          `json:"notice_outbound,omitempty"` // Notice for whom a call goes to outside: outbound (after the answer, before anything is recorded) or none; empty: as notice says
	OnFailure      string          `json:"on_failure,omitempty"`
	Outside        []string        `json:"outside,omitempty"`       // Trunks of the role siprec: recorders that get a copy beside our own recording, the first that takes it
	PauseSeconds   int64           `json:"pause_seconds,omitempty"` // How long somebody may pause a recording, for a card number say: then it goes on by itself, with an alarm. 10 to 3600; 0: 300
	PreBuffer      bool            `json:"pre_buffer,omitempty"`    // With on_demand: the last 120 s before somebody asks may be kept in encrypted memory, and are gone if nobody does
	Prompt         string          `json:"prompt,omitempty"`
	PromptOutbound string          `json:"prompt_outbound,omitempty"` // What is said to them, such as notice/recording-outbound; empty: prompt
	Record         string          `json:"record,omitempty"`          // always; on_demand: when somebody who may asks for it; never: whoever asks, and whatever other policies say; empty: this policy records nothing and forbids nothing
	Refusal        NoticeRefusal   `json:"refusal,omitzero"`          // Key by which who hears the notice refuses the recording. The notice is then played after the answer, since before it most networks pass no keys on
	RetentionDays  int64           `json:"retention_days,omitempty"`  // From the end of the call; 0: without end. A shorter class waits for somebody else to agree
}

// RecordingRemarks is the schema of that name.
type RecordingRemarks struct {
	Cases []string        `json:"cases,omitempty"`
	Notes []RecordingNote `json:"notes,omitempty"`
}

// RecordingScope is the schema of that name.
type RecordingScope struct {
	Groups  []string `json:"groups,omitempty"`  // Queues and groups
	Labels  []string `json:"labels,omitempty"`  // Empty: all
	Nothing bool     `json:"nothing,omitempty"` // No recording at all: then it names no numbers, groups and labels
	Numbers []string `json:"numbers,omitempty"` // Recorded numbers, as recordings have them
	User    string   `json:"user,omitempty"`
}

// RefusedCall is the schema of that name.
type RefusedCall struct {
	Class   string    `json:"class,omitempty"`
	Dialled string    `json:"dialled,omitempty"`
	Time    time.Time `json:"time,omitzero"`
	Why     string    `json:"why,omitempty"` // rights, or the name of the limit
}

// Rehearsal is the schema of that name.
type Rehearsal struct {
	Out  MenuGoto    `json:"out,omitzero"` // Where the caller leaves; absent: it still waits for a key
	Path []Rehearsed `json:"path,omitempty"`
}

// RehearseInputBody is the schema of that name.
type RehearseInputBody struct {
	Active   bool      `json:"active,omitempty"` // Try the active version, not the draft
	Keys     []string  `json:"keys,omitempty"`   // What the caller presses, one after the other; an empty text is nothing in time
	Language string    `json:"language,omitempty"`
	Time     time.Time `json:"time,omitzero"` // When it calls; left out: now
}

// Rehearsed is the schema of that name.
type Rehearsed struct {
	Inside   bool     `json:"inside,omitempty"` // The caller chose the number: it must be one of our own
	Keys     int64    `json:"keys,omitempty"`   // How many keys are waited for; 0: none
	Language string   `json:"language,omitempty"`
	Node     string   `json:"node,omitempty"`
	Out      MenuGoto `json:"out,omitzero"`      // Where the caller leaves the menu
	Pressed  string   `json:"pressed,omitempty"` // What led here; absent at the start
	Prompts  []string `json:"prompts,omitempty"`
}

// Rejection is the schema of that name.
type Rejection struct {
	Announce string    `json:"announce,omitempty"` // Prompt that the caller hears; empty: none, the call is declined
	Approval string    `json:"approval,omitempty"` // Who approved it, and why
	Called   []string  `json:"called,omitempty"`   // Numbers of ours, or extensions, to which it applies; empty: all
	Disabled bool      `json:"disabled,omitempty"`
	Name     string    `json:"name,omitempty"`
	Numbers  []string  `json:"numbers,omitempty"`  // E.164 numbers, or their beginning with * behind
	Until    time.Time `json:"until,omitzero"`     // When it ends; left out: it stays
	Withheld []string  `json:"withheld,omitempty"` // Callers without a number: anonymous, payphone, unavailable
}

// RelayGrant is the schema of that name.
type RelayGrant struct {
	Credential string    `json:"credential,omitempty"`
	Expires    time.Time `json:"expires,omitzero"` // Nothing is begun with them later; a call that uses them goes on
	Urls       []string  `json:"urls,omitempty"`
	Username   string    `json:"username,omitempty"`
}

// RemarkInputBody is the schema of that name.
type RemarkInputBody struct {
	Remark string `json:"remark,omitempty"`
}

// RemoteWork is the schema of that name.
type RemoteWork struct {
	Emergency   string   `json:"emergency,omitempty"`   // 110, 118 and 119 from a softphone outside the premises, whose place nobody knows. refuse, or left out: it is told to use the dialler of a mobile; call: help is sent to the site of its extension. Desk telephones call for help from everywhere
	Restriction string   `json:"restriction,omitempty"` // Class that must open what such a telephone calls outside, beside whatever opens it for its extension; left out: no more is asked
	Softphones  []string `json:"softphones,omitempty"`  // Beginnings of the User-Agent of softphones, in any case; left out: those of the usual ones. Browsers and telephones that are woken by push are softphones whatever they say
}

// Restriction is the schema of that name.
type Restriction struct {
	Calendar string   `json:"calendar,omitempty"` // Calendar whose modes night and holiday go by
	Closed   []string `json:"closed,omitempty"`   // Numbers that are closed in spite of rights. Of open and closed the longer entry counts, and of two alike this one
	Holiday  Rights   `json:"holiday,omitzero"`   // Left out: as night
	Name     string   `json:"name,omitempty"`
	Night    Rights   `json:"night,omitzero"`  // In place of rights while the calendar is not in day mode
	Open     []string `json:"open,omitempty"`  // Numbers that are open besides: digits as they are dialled, or E.164 with +; * behind the beginning of numbers
	Rights   Rights   `json:"rights,omitzero"` // What is open
	Title    string   `json:"title,omitempty"`
	WithPIN  Rights   `json:"with_pin,omitzero"` // What the personal PIN opens besides, at any time; left out: nothing
}

// ResyncOutputBody is the schema of that name.
type ResyncOutputBody struct {
	Asked int64 `json:"asked,omitempty"` // Registrations that were asked; 0: it can be reached nowhere
}

// RetainInputBody is the schema of that name.
type RetainInputBody struct {
	Reason string    `json:"reason,omitempty"`
	Until  time.Time `json:"until,omitzero"` // Later than it is kept now
}

// Review is the schema of that name.
type Review struct {
	At   time.Time `json:"at,omitzero"`
	By   string    `json:"by,omitempty"`
	Text string    `json:"text,omitempty"`
}

// ReviewChangeInputBody is the schema of that name.
type ReviewChangeInputBody struct {
	Remark string `json:"remark,omitempty"`
}

// ReviewedRight is the schema of that name.
type ReviewedRight struct {
	Answer     string    `json:"answer,omitempty"` // keep or remove; left out: nobody has answered
	At         time.Time `json:"at,omitzero"`
	By         string    `json:"by,omitempty"`
	Department string    `json:"department,omitempty"` // Over which the role is; left out: over the domain
	Ended      bool      `json:"ended,omitempty"`      // Taken away, since nobody confirmed it
	Reason     string    `json:"reason,omitempty"`
	Role       string    `json:"role,omitempty"`
	Stayed     string    `json:"stayed,omitempty"` // Why it was not: gone, last-admin
	User       string    `json:"user,omitempty"`
}

// Right is the schema of that name.
type Right struct {
	Action     string `json:"action,omitempty"`
	Department bool   `json:"department,omitempty"` // Also where the role is given for a department
	Own        bool   `json:"own,omitempty"`        // To one's own objects only
}

// Rights is the schema of that name.
type Rights struct {
	Classes   []string `json:"classes,omitempty"`
	Countries []string `json:"countries,omitempty"`
}

// Ring is the schema of that name.
type Ring struct {
	Extension string `json:"extension,omitempty"`
	Outcome   string `json:"outcome,omitempty"`
}

// RingDevice is the schema of that name.
type RingDevice struct {
	DelaySeconds int64  `json:"delay_seconds,omitempty"` // Together: so much later than the others
	Instance     string `json:"instance,omitempty"`      // +sip.instance of one device, such as urn:uuid:...
	UserAgent    string `json:"user_agent,omitempty"`    // In place of instance: how the name begins that devices give themselves, such as Yealink
}

// Ringing is the schema of that name.
type Ringing struct {
	Devices []RingDevice `json:"devices,omitempty"` // Together: those that ring later than the others. In order: those that ring first, in this order; what is not named follows by its q (RFC 3261 section 10.2.1.2), the highest first, equal ones together
	Mode    string       `json:"mode,omitempty"`    // together (default), or in-order: one device after the other, until one answers
	Seconds int64        `json:"seconds,omitempty"` // In order: how long a device rings before the next one; 0: 15. Less where the call would end before all had their turn
}

// RoleInfo is the schema of that name.
type RoleInfo struct {
	Name   string  `json:"name,omitempty"`
	Rights []Right `json:"rights,omitempty"`
}

// RolePair is the schema of that name.
type RolePair struct {
	A   string `json:"a,omitempty"` // Name of a role
	B   string `json:"b,omitempty"` // Name of another role
	Why string `json:"why,omitempty"`
}

// RolloutInputBody is the schema of that name.
type RolloutInputBody struct {
	Do  string `json:"do,omitempty"` // resume goes on with the wave that was halted: what is registered now is the measure from then on
	Why string `json:"why,omitempty"`
}

// RowCount is the schema of that name.
type RowCount struct {
	Count int64  `json:"count,omitempty"`
	Row   string `json:"row,omitempty"`
}

// ScheduleInputBody is the schema of that name.
type ScheduleInputBody struct {
	From  time.Time `json:"from,omitzero"`  // In effect from then on; left out: from now
	Until time.Time `json:"until,omitzero"` // Left out: until a later one is
}

// ScopeRule is the schema of that name.
type ScopeRule struct {
	Groups  []string `json:"groups,omitempty"`
	Labels  []string `json:"labels,omitempty"`
	Numbers []string `json:"numbers,omitempty"`
}

// SecondFactors is the schema of that name.
type SecondFactors struct {
	App           time.Time `json:"app,omitzero"` // When an authenticator app (TOTP) was added; absent: there is none
	Passkeys      []Passkey `json:"passkeys,omitempty"`
	RecoveryCodes int64     `json:"recovery_codes,omitempty"` // How many were not used yet
}

// Section is the schema of that name.
type Section struct {
	Columns []Label `json:"columns,omitempty"` // Of what the lines are by; the count follows
	En      string  `json:"en,omitempty"`
	Ja      string  `json:"ja,omitempty"`
	Key     string  `json:"key,omitempty"`
	Lines   []Count `json:"lines,omitempty"`
	Total   int64   `json:"total,omitempty"`
}

// SetChange is the schema of that name.
type SetChange struct {
	After  json.RawMessage `json:"after,omitempty"`
	Before json.RawMessage `json:"before,omitempty"` // As it was; absent: it was not there
	Body   json.RawMessage `json:"body,omitempty"`   // put: the entity; merge: its fields that change (RFC 7396)
	Do     string          `json:"do,omitempty"`
	Key    string          `json:"key,omitempty"`
	Kind   string          `json:"kind,omitempty"`
	Secret bool            `json:"secret,omitempty"` // Secrets go with it
}

// Settings is the schema of that name.
type Settings struct {
	CallCodes     bool       `json:"call_codes,omitempty"` // Codes pressed while talking transfer and park the call, ask somebody else, bring three together, pause the recording and have a call recorded: for telephones without such keys. Menus of others get these keys too
	CallerID      string     `json:"caller_id,omitempty"`  // Number that outside calls show, of those that the extension may show; left out: its own
	DoNotDisturb  bool       `json:"do_not_disturb,omitempty"`
	Extension     string     `json:"extension,omitempty"`
	Fmc           FMCTimes   `json:"fmc,omitzero"` // When the mobile rings that its carrier brings (fmc_number of the extension); left out: always, with the other telephones
	Forward       Forwarding `json:"forward,omitzero"`
	Locked        bool       `json:"locked,omitempty"`          // Only numbers inside and emergency numbers can be dialled; forwards that were set before go on
	Mobile        Mobile     `json:"mobile,omitzero"`           // A mobile number that rings as one of its telephones
	NoCallWaiting bool       `json:"no_call_waiting,omitempty"` // Who talks is busy: a second call is not put through
	Ring          Ringing    `json:"ring,omitzero"`             // Which of its telephones ring when; left out: all at once
}

// ShortLine is the schema of that name.
type ShortLine struct {
	Code   string `json:"code,omitempty"` // 1 to 4 digits; none is the beginning of another that the same person can dial
	List   string `json:"list,omitempty"`
	Number string `json:"number,omitempty"` // As it would be dialled
	Title  string `json:"title,omitempty"`
}

// ShortNumber is the schema of that name.
type ShortNumber struct {
	Code   string `json:"code,omitempty"`   // 1 to 4 digits; none is the beginning of another that the same person can dial
	Number string `json:"number,omitempty"` // As it would be dialled
	Title  string `json:"title,omitempty"`
}

// ShortNumbers is the schema of that name.
type ShortNumbers struct {
	Entries []ShortNumber `json:"entries,omitempty"`
	List    string        `json:"list,omitempty"` // Whose it is: system, department:NAME or user:NAME
}

// ShownOnce is the schema of that name.
type ShownOnce struct {
	Realm    string `json:"realm,omitempty"`  // Of SIP digest
	Secret   string `json:"secret,omitempty"` // Shown only here
	Username string `json:"username,omitempty"`
}

// SignInSession is the schema of that name.
type SignInSession struct {
	Acr    string    `json:"acr,omitempty"`
	Agent  string    `json:"agent,omitempty"` // Of a browser: what it calls itself
	Amr    []string  `json:"amr,omitempty"`
	Client string    `json:"client,omitempty"` // Of a program, such as pbx-cli
	Ends   time.Time `json:"ends,omitzero"`    // At the latest
	ID     string    `json:"id,omitempty"`     // To end it with; opens nothing
	Kind   string    `json:"kind,omitempty"`
	Since  time.Time `json:"since,omitzero"`   // When the person proved who they are
	Source string    `json:"source,omitempty"` // Of a browser: the address that it signed in from
	Used   time.Time `json:"used,omitzero"`
}

// Site is the schema of that name.
type Site struct {
	Address         string   `json:"address,omitempty"`          // Where the ambulance goes, as people write it
	CallbackMinutes int64    `json:"callback_minutes,omitempty"` // After an emergency call, calls back reach the device whatever is set; 0: 30
	DscpRtp         int64    `json:"dscp_rtp,omitempty"`         // DSCP of the RTP of emergency calls from here, 1 to 63, where the trunk says none, such as 44 (RFC 5865); 0: 46 (EF)
	EmergencyNumber string   `json:"emergency_number,omitempty"` // E.164 number that the carrier knows this address by
	Name            string   `json:"name,omitempty"`
	Networks        []string `json:"networks,omitempty"` // Addresses that the site's devices call from; stronger than the extension's site
	Title           string   `json:"title,omitempty"`
}

// SitePolicy is the schema of that name.
type SitePolicy struct {
	Forbid []string `json:"forbid,omitempty"` // Cedar statements that forbid. One more counts at once; one that goes or is another now waits for another person
	Name   string   `json:"name,omitempty"`
	Permit []string `json:"permit,omitempty"` // Cedar statements that permit what no role has. One that comes or is another now waits for another person; one that goes counts at once
	Title  string   `json:"title,omitempty"`
}

// Softphone is the schema of that name.
type Softphone struct {
	Agent    string    `json:"agent,omitempty"` // As it called itself when it was enrolled
	Enrolled time.Time `json:"enrolled,omitzero"`
	ID       string    `json:"id,omitempty"`    // Names it for good, and is a part of its SIP user name
	Title    string    `json:"title,omitempty"` // As its owner calls it
	User     string    `json:"user,omitempty"`  // Whose extension it was then: the account counts as long as it is
}

// SoftphoneClaim is the schema of that name.
type SoftphoneClaim struct {
	Expires time.Time `json:"expires,omitzero"`
	QrPng   []byte    `json:"qr_png,omitempty"` // Likewise, a PNG in base64
	QrSvg   string    `json:"qr_svg,omitempty"` // url as a QR code: an SVG document
	URL     string    `json:"url,omitempty"`    // What the app is given: the code is a part of it, and shown only here
}

// SoftphoneClaimInputBody is the schema of that name.
type SoftphoneClaimInputBody struct {
	Minutes int64 `json:"minutes,omitempty"` // How long the code counts; left out: 15
}

// StartCall is the schema of that name.
type StartCall struct {
	From string `json:"from,omitempty"` // Extension whose telephones ring first; its rights and limits judge the call
	To   string `json:"to,omitempty"`   // What it would dial: an extension, an outside number, a code
}

// StartOutputBody is the schema of that name.
type StartOutputBody struct {
	ID string `json:"id,omitempty"` // Of the call, and of its record
}

// Supervision is the schema of that name.
type Supervision struct {
	DIDs        []string `json:"dids,omitempty"`       // Calls to or by these outside numbers
	Extensions  []string `json:"extensions,omitempty"` // Whose calls
	Modes       []string `json:"modes,omitempty"`      // listen, whisper, barge; empty: listen
	Name        string   `json:"name,omitempty"`
	Never       bool     `json:"never,omitempty"`       // Nobody hears these calls, whatever others say (相談専用); supervisors and modes are empty
	Queues      []string `json:"queues,omitempty"`      // Calls that an agent took from these queues
	Supervisors []string `json:"supervisors,omitempty"` // Users
	Title       string   `json:"title,omitempty"`
	Tone        bool     `json:"tone,omitempty"` // Who is supervised hears a tone when it begins and when it changes
}

// Table is the schema of that name.
type Table struct {
	By          string       `json:"by,omitempty"`
	Definitions []Definition `json:"definitions,omitempty"`
	From        time.Time    `json:"from,omitzero"`
	Lines       []Line       `json:"lines,omitempty"`
	Until       time.Time    `json:"until,omitzero"`
}

// Tariff is the schema of that name.
type Tariff struct {
	Class        string  `json:"class,omitempty"`
	Country      string  `json:"country,omitempty"`
	YenPerMinute float64 `json:"yen_per_minute,omitempty"`
}

// TraceLeg is the schema of that name.
type TraceLeg struct {
	Address   string `json:"address,omitempty"` // Of the other side, with its port, as it was last
	CallID    string `json:"call_id,omitempty"` // SIP Call-ID
	Inbound   bool   `json:"inbound,omitempty"` // It began with an INVITE to us
	Number    string `json:"number,omitempty"`  // Of who is there
	Transport string `json:"transport,omitempty"`
}

// TraceMessage is the schema of that name.
type TraceMessage struct {
	At    time.Time `json:"at,omitzero"`
	Label string    `json:"label,omitempty"` // Such as INVITE or 180 Ringing
	Leg   int64     `json:"leg,omitempty"`   // Its place in legs, from 0
	N     int64     `json:"n,omitempty"`     // Its number in the call, from 1
	Sent  bool      `json:"sent,omitempty"`  // By the switch; else received
	Text  string    `json:"text,omitempty"`  // The message without credentials, tokens, keys, bodies other than SDP, and what was dialled behind codes
}

// Trunk is the schema of that name.
type Trunk struct {
	Account              string     `json:"account,omitempty"` // User part of the address that is registered; empty: username
	CallerID             string     `json:"caller_id,omitempty"`
	CallerName           bool       `json:"caller_name,omitempty"`      // A display name goes out with the number
	CallerRanges         []string   `json:"caller_ranges,omitempty"`    // Numbers that may be presented, X is any digit: +8131234XXXX; none: all
	CallsPerSecond       float64    `json:"calls_per_second,omitempty"` // Pacing of new calls; 0: no limit
	Codecs               []string   `json:"codecs,omitempty"`           // Allowed, best first: PCMU, PCMA, G722
	CompactHeaders       bool       `json:"compact_headers,omitempty"`  // Short header names (RFC 3261 section 7.3.3)
	Connected            bool       `json:"connected,omitempty"`        // It is told who answered, and whom it talks with after a transfer (RFC 4916)
	ContactHost          string     `json:"contact_host,omitempty"`     // Host name in Contact and Via, as in our certificate
	DIDFrom              []string   `json:"did_from,omitempty"`
	Disabled             bool       `json:"disabled,omitempty"`
	DivertHeader         string     `json:"divert_header,omitempty"`      // Of a forwarded call: diversion, history-info, both or none
	DscpRtp              int64      `json:"dscp_rtp,omitempty"`           // DSCP of RTP packets, 0 to 63
	DscpSIP              int64      `json:"dscp_sip,omitempty"`           // DSCP of SIP packets, 0 to 63
	EarlyMedia           string     `json:"early_media,omitempty"`        // allow, or after-answer: notices are played after the answer
	EmergencyAnywhere    bool       `json:"emergency_anywhere,omitempty"` // Emergency calls of other sites may overflow to it: the location stays right
	EvenPorts            bool       `json:"even_ports,omitempty"`
	FmcIdentity          string     `json:"fmc_identity,omitempty"`     // Header in which the carrier says whose mobile calls: p-asserted-identity (default), remote-party-id or from. What stands in another one is not looked at
	FmcNoVoicemail       bool       `json:"fmc_no_voicemail,omitempty"` // The carrier's own voicemail never answers a call that goes by this trunk: nobody has to press 1 there. Left out: it might, and no office call is left to it
	ForwardedCaller      bool       `json:"forwarded_caller,omitempty"` // A forwarded call may show the original caller
	FromHost             string     `json:"from_host,omitempty"`        // Host of From and of the identity header
	HasSecret            bool       `json:"has_secret,omitempty"`
	Host                 string     `json:"host,omitempty"`
	Hosts                []string   `json:"hosts,omitempty"`
	Identity             string     `json:"identity,omitempty"`  // Identity header sent: none, asserted or preferred
	Internal             bool       `json:"internal,omitempty"`  // Its callers may dial extensions: a telephone system of the same organisation
	MaxCalls             int64      `json:"max_calls,omitempty"` // Channels; 0: no limit
	Media                string     `json:"media,omitempty"`
	MinSe                int64      `json:"min_se,omitempty"` // Smallest session interval accepted, seconds
	Name                 string     `json:"name,omitempty"`
	NumberFormat         string     `json:"number_format,omitempty"`   // +e164, e164 or national
	OptionsSeconds       int64      `json:"options_seconds,omitempty"` // Interval of health checks by OPTIONS; -1: none
	Prefixes             []string   `json:"prefixes,omitempty"`
	Priority             int64      `json:"priority,omitempty"` // Lower is tried first, among trunks of the same prefix
	Profile              string     `json:"profile,omitempty"`  // Defaults: digest, ip, ngn, teams, legacy-pbx, gin or fmc; empty: nothing is assumed
	Ptime                int64      `json:"ptime,omitempty"`    // Milliseconds per packet
	Realm                string     `json:"realm,omitempty"`
	RecordMetadata       string     `json:"record_metadata,omitempty"`      // Media type of the metadata that we send: application/rs-metadata+xml (default), or application/rs-metadata for recorders of before RFC 9806
	RecordPolicy         string     `json:"record_policy,omitempty"`        // Recording policy of what it sends us to record, and, of a number of ours in it that has its own, the least that it is kept by; empty: it may send nothing
	Recording            Directions `json:"recording,omitzero"`             // Recording policies of calls that come or go by it; internal: from another telephone system of the same organisation
	Refer                bool       `json:"refer,omitempty"`                // REFER is taken from it
	Register             string     `json:"register,omitempty"`             // none; single or bulk (RFC 6140): we register with it; accept: it registers with us, as username
	RegisterSeconds      int64      `json:"register_seconds,omitempty"`     // Registration lifetime asked for
	ReliableProvisional  string     `json:"reliable_provisional,omitempty"` // 100rel (RFC 3262): off, supported or required
	Replaces             bool       `json:"replaces,omitempty"`             // Requests to it may carry Replaces
	Role                 string     `json:"role,omitempty"`                 // siprec: no carrier, but a recorder that recording policies name, or a system that sends us calls to record; it takes and brings no calls. fmc: a carrier's network of mobiles that are extensions (fmc_number of an extension); no other calls go by it
	SessionExpires       int64      `json:"session_expires,omitempty"`      // Seconds asked for (RFC 4028); -1: no session timer
	SessionRefresher     string     `json:"session_refresher,omitempty"`    // uac or uas
	Sites                []string   `json:"sites,omitempty"`                // Sites whose calls may go out here; none: all
	SourcePort           int64      `json:"source_port,omitempty"`          // Local port that requests must leave from
	Sources              []string   `json:"sources,omitempty"`
	SrtpSuites           []string   `json:"srtp_suites,omitempty"` // SRTP suites with keys in SDP that it may use, best first, as of an extension; none: all
	Strip                int64      `json:"strip,omitempty"`
	TlsClientCertificate bool       `json:"tls_client_certificate,omitempty"` // Show our own certificate to the carrier
	TlsName              string     `json:"tls_name,omitempty"`               // Name that the carrier's certificate must have, and SNI; empty: the host
	TlsPeers             []string   `json:"tls_peers,omitempty"`              // Certificate names by which its incoming TLS connections are known
	TlsServerAuthOnly    bool       `json:"tls_server_auth_only,omitempty"`   // A peer certificate with the server purpose only is accepted from it as a client
	TlsTrust             string     `json:"tls_trust,omitempty"`              // Roots as PEM; empty: the system's
	Transport            string     `json:"transport,omitempty"`
	Trusted              bool       `json:"trusted,omitempty"`    // Its P-Asserted-Identity is believed (RFC 3325)
	UserPhone            bool       `json:"user_phone,omitempty"` // Write user=phone
	Username             string     `json:"username,omitempty"`
	Weight               int64      `json:"weight,omitempty"` // Share among trunks of the same priority; 0: 1
}

// TrunkRegistration is the schema of that name.
type TrunkRegistration struct {
	Expires time.Time `json:"expires,omitzero"`
	Next    time.Time `json:"next,omitzero"`   // Attempt or refresh
	Phase   string    `json:"phase,omitempty"` // registering, registered, waiting or rejected (the account is wrong)
	Reason  string    `json:"reason,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	Status  int64     `json:"status,omitempty"` // Of the last answer; 0: none came
}

// TrunkSecretInputBody is the schema of that name.
type TrunkSecretInputBody struct {
	Secret string `json:"secret,omitempty"` // Digest password towards the carrier
}

// TrunkStatus is the schema of that name.
type TrunkStatus struct {
	AnswerRate   float64           `json:"answer_rate,omitempty"` // ASR of the latest calls, 0 to 1
	Answered     int64             `json:"answered,omitempty"`
	Attempts     int64             `json:"attempts,omitempty"`     // Calls sent since the switch started
	Busy         int64             `json:"busy,omitempty"`         // Calls not sent: no channel
	Calls        int64             `json:"calls,omitempty"`        // Channels in use
	ClosedUntil  time.Time         `json:"closed_until,omitzero"`  // The carrier asked not to be tried before (Retry-After)
	Failed       int64             `json:"failed,omitempty"`       // Calls that the carrier failed
	FailureRate  float64           `json:"failure_rate,omitempty"` // Share of the latest calls, 0 to 1
	MaxCalls     int64             `json:"max_calls,omitempty"`
	Name         string            `json:"name,omitempty"`
	Paced        int64             `json:"paced,omitempty"`       // Calls not sent: too fast, or within Retry-After
	PddMs        int64             `json:"pdd_ms,omitempty"`      // Post-dial delay, smoothed
	Probed       bool              `json:"probed,omitempty"`      // Health is asked for by OPTIONS
	Registration TrunkRegistration `json:"registration,omitzero"` // Absent: the switch does not register with it
	RttMs        int64             `json:"rtt_ms,omitempty"`      // Of the last OPTIONS
	Since        time.Time         `json:"since,omitzero"`        // Of up; absent when nothing has happened yet
	Up           bool              `json:"up,omitempty"`
	Why          string            `json:"why,omitempty"`
}

// Turn is the schema of that name.
type Turn struct {
	Announce string      `json:"announce,omitempty"` // Prompt
	To       Destination `json:"to,omitzero"`
}

// User is the schema of that name.
type User struct {
	Contract    Contract     `json:"contract,omitzero"`    // Of somebody from outside: who answers for them, until when, and for which numbers
	Delegated   []Delegation `json:"delegated,omitempty"`  // Roles over departments instead of the domain
	Department  string       `json:"department,omitempty"` // As it stands in department of extensions
	Disabled    bool         `json:"disabled,omitempty"`
	Display     string       `json:"display,omitempty"`
	Incarnation string       `json:"incarnation,omitempty"` // Tells them from somebody of the same name who was deleted before; given by the store, whatever is written here
	Name        string       `json:"name,omitempty"`
	Roles       []string     `json:"roles,omitempty"`
}

// Visibility is the schema of that name.
type Visibility struct {
	Departments []string `json:"departments,omitempty"`
	Roles       []string `json:"roles,omitempty"`
}

// Webhook is the schema of that name.
type Webhook struct {
	Disabled bool     `json:"disabled,omitempty"`
	Events   []string `json:"events,omitempty"` // Names, or prefixes that end with a dot; empty: all
	Name     string   `json:"name,omitempty"`
	URL      string   `json:"url,omitempty"` // Told by POST of JSON {id, event, domain, time, data}. Header Naisen-Signature is t=UNIX,v1=HEX: HMAC-SHA256 with the webhook's key over UNIX, a dot and the body
}

// WebhookOnce is the schema of that name.
type WebhookOnce struct {
	Disabled bool     `json:"disabled,omitempty"`
	Events   []string `json:"events,omitempty"` // Names, or prefixes that end with a dot; empty: all
	Name     string   `json:"name,omitempty"`
	Secret   string   `json:"secret,omitempty"` // Key of the HMAC-SHA256 signature; only in the answer that makes it
	URL      string   `json:"url,omitempty"`    // Told by POST of JSON {id, event, domain, time, data}. Header Naisen-Signature is t=UNIX,v1=HEX: HMAC-SHA256 with the webhook's key over UNIX, a dot and the body
}

// WhatIfAnswer is the schema of that name.
type WhatIfAnswer struct {
	Calls       int64              `json:"calls,omitempty"`    // Looked at
	Changed     int64              `json:"changed,omitempty"`  // That would go or be recorded otherwise
	Complete    bool               `json:"complete,omitempty"` // There are no more calls before these
	Differences []WhatIfDifference `json:"differences,omitempty"`
	Next        string             `json:"next,omitempty"`    // Give it as after for the calls before; absent: these were all
	Skipped     int64              `json:"skipped,omitempty"` // Of which the record does not say enough to tell: pages, transfers, calls for help
}

// WhatIfDifference is the schema of that name.
type WhatIfDifference struct {
	Calls    int64           `json:"calls,omitempty"`
	Examples []WhatIfExample `json:"examples,omitempty"` // At most five
	Of       string          `json:"of,omitempty"`
}

// WhatIfExample is the schema of that name.
type WhatIfExample struct {
	After  string    `json:"after,omitempty"`
	At     time.Time `json:"at,omitzero"`
	Before string    `json:"before,omitempty"`
	Call   string    `json:"call,omitempty"` // ID of its record
	From   string    `json:"from,omitempty"`
	To     string    `json:"to,omitempty"`
}

// Window is the schema of that name.
type Window struct {
	From  time.Time `json:"from,omitzero"`
	Title string    `json:"title,omitempty"`
	To    time.Time `json:"to,omitzero"` // Not a part of it
}

// Wish is the schema of that name.
type Wish struct {
	Download   bool            `json:"download,omitempty"`
	Filter     RecordingFilter `json:"filter,omitzero"`   // In place of recordings
	Hours      int64           `json:"hours,omitempty"`   // How long it is valid; 0: as long as may be
	Plays      int64           `json:"plays,omitempty"`   // How often; 0: once for each recording that is named, else as often as may be
	Purpose    string          `json:"purpose,omitempty"` // Of the domain's list of purposes
	Reason     string          `json:"reason,omitempty"`
	Recordings []string        `json:"recordings,omitempty"`
}
