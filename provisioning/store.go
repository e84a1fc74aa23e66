package provisioning

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"time"
)

// Entity is one kind of configuration object. Implementations are struct values, so that the zero value knows its Kind.
// A new entity costs its type with these four methods; the store, the feed and the audit log need no change.
type Entity interface {
	Kind() string    // "extension": names table rows, changes, audit actions and policy objects
	Key() string     // unique among its kind in its domain
	Validate() error // *Invalid: bounds and forms that need nothing else
	Refs() []Ref     // what must exist in the same domain, and may not be deleted meanwhile
}

// Ref says that Field of an entity names another one.
type Ref struct {
	Field string // JSON name: "to[0]"
	Kind  string
	Key   string
}

// The kinds.
const (
	KindDomain    = "domain"
	KindUser      = "user"
	KindExtension = "extension"
	KindDID       = "did"
	KindTrunk     = "trunk"
	KindSite      = "site"
	KindPolicy    = "policy"
	KindWebhook   = "webhook"
	KindSettings  = "settings"
	KindQueue     = "queue"
	KindAgent     = "agent"
	KindCallBack  = "call-back"

	KindFeatureCodes = "feature-codes"
	KindConference   = "conference"
	KindMenu         = "menu"
	KindMailbox      = "mailbox"
	KindMenuVersions = "menu-versions"

	KindGroup        = "group"
	KindPagingGroup  = "paging-group"
	KindParkingLot   = "parking-lot"
	KindCalendar     = "calendar"
	KindRejection    = "rejection"
	KindRestriction  = "restriction"
	KindDepartment   = "department"
	KindShortNumbers = "short-numbers"
	KindHotDesk      = "hot-desk"
	KindContact      = "contact"
	KindBookAccount  = "directory-account"
	KindSupervision  = "supervision"
	KindNotice       = "notice"
	KindProposal     = "proposal"
	KindListening    = "listening-request"

	KindEmergencySignIn = "emergency-sign-in"

	KindListeningRules = "listening-rules"
	KindRecordingScope = "recording-scope"
	KindProvisioner    = "provisioner"
	KindLifecycle      = "lifecycle-rules"
	KindUserGroup      = "user-group"
	KindAccount        = "account"
	KindAccessReview   = "access-review"
	KindRevocation     = "revocation"
	KindChangeRules    = "change-rules"
	KindChangeSet      = "change"
	KindSitePolicy     = "site-policy"
	KindDuties         = "duties"
	KindDevice         = "device"
	KindDeviceStatus   = "device-status"
	KindFirmware       = "firmware"
	KindFirmwareStatus = "firmware-status"
	KindSoftphones     = "softphones"
	KindSecret         = "secret" // no entity: only in the change feed and the audit log
)

// Entities is the zero value of every entity, in an order in which their references point backwards.
func Entities() []Entity {
	return []Entity{Domain{}, User{}, RecordingPolicy{}, Site{}, Trunk{}, Restriction{}, Department{}, Extension{}, Calendar{}, Mailbox{}, Group{}, Queue{}, Agent{}, CallBack{}, Menu{}, MenuVersions{}, Conference{}, PagingGroup{}, ParkingLot{}, DID{}, Webhook{}, Settings{}, Rejection{}, FeatureCodes{}, Contact{}, Supervision{}, ShortNumbers{}, BookAccount{}, HotDesk{}, Notice{}, Proposal{}, ListeningRules{}, RecordingScope{}, ListeningRequest{}, Provisioner{}, LifecycleRules{}, UserGroup{}, Account{}, EmergencySignIn{}, AccessReview{}, Revocation{}, ChangeRules{}, ChangeSet{}, SitePolicy{}, Duties{}, ManagedDevice{}, DeviceStatus{}, Softphones{}, Firmware{}, FirmwareStatus{}}
}

// Row is an entity as the store keeps it.
type Row struct {
	Key       string
	Body      []byte // JSON
	ETag      string // opaque, without quotes
	HasSecret bool   // a secret of the entity's own kind and key exists
}

// CDRQuery pages the call records of a domain, newest first. The zero value is everything.
type CDRQuery struct {
	ID      string   // exactly this one
	Parties []string // any of these numbers is From, To or AnsweredBy
	// Extension has a part in it (CDR.Part); Part is which, empty: any.
	Extension, Part string

	After string // ID of the last one seen; ErrNotFound when it is gone
	Limit int    // 0: all, at most MaxPage
}

// AuditQuery pages the audit log of a domain. The zero value is everything, oldest first.
type AuditQuery struct {
	After   int64 // Seq of the last one seen (0: from the start)
	Limit   int   // 0: all, at most MaxPage
	Newest  bool  // newest first: After is then the lowest Seq seen
	Subject string
	Action  string // exact, or a prefix that ends with "." or "*": "recording."
	Object  string
	Since   time.Time // inclusive
	Until   time.Time // exclusive
}

// AuditSearch asks more of the audit log than a Reader answers. Empty fields do not filter.
type AuditSearch struct {
	AuditQuery
	Kind    string // of the events
	Outcome string
	Source  string // address
	Text    string // each of its words stands in the entry: whole, or anywhere in a script without blanks
}

// AuditPage is what a search found. Next is After of the next page; 0: there is none.
type AuditPage struct {
	Entries []AuditEntry
	Next    int64
	From    time.Time // the log here begins after it: what is older is archived; zero: all of it is here
}

// AuditLog is searched. A page may have fewer entries than its limit, or none, and more behind it. *store.Store is one.
type AuditLog interface {
	SearchAudit(ctx context.Context, domain string, q AuditSearch) (AuditPage, error)
}

// MaxPage bounds what one read of CDRs or audit entries returns.
const MaxPage = 10_000

// Reader sees one consistent state. It is valid inside its View or Update only, and for one goroutine.
// Use Get, List, Secret and SIPCredentialOf instead of Row, Rows and Secrets where a type is known.
type Reader interface {
	Version() Version
	// Row returns ErrNotFound when there is none. A Domain is its own domain: Row(name, KindDomain, name).
	Row(domain, kind, key string) (Row, error)
	// Rows is ordered by key, bytewise; after and limit page it (limit 0: all). Domain "" is allowed for KindDomain only: all of them.
	Rows(domain, kind, after string, limit int) ([]Row, error)
	// Since lists the changes after a version in order, at most limit; ErrCompacted when the feed does not go back so far.
	Since(after Version, limit int) ([]Change, error)
	// Secrets opens secrets of a kind by key: those named, or all of them when none is named. Missing ones are left out.
	Secrets(domain, kind string, keys ...string) (map[string][]byte, error)
	CDRs(domain string, q CDRQuery) ([]CDR, error)
	// Visits and Stints are what queues and agents did, the oldest first.
	Visits(domain string, q LogQuery) ([]QueueVisit, error)
	Stints(domain string, q LogQuery) ([]AgentStint, error)
	// Audit with domain "" reads the entries that belong to no domain.
	Audit(domain string, q AuditQuery) ([]AuditEntry, error)
}

// Writer is a Reader that changes. ifMatch is the ETag that must still hold (else ErrStale); "" means no condition,
// "*" must exist (else ErrStale), "!" must not exist (else ErrExists).
// Each Put and Delete writes its audit row and its outbox row in the same transaction; a Put that changes nothing writes neither.
// A refusal (any error named below) has changed nothing, and the Update may go on. When the database itself fails, Update rolls back
// even if fn returns nil. Own audit entries and changes are seen by Audit and Since after the commit only.
type Writer interface {
	Reader
	// Put validates, checks the references, and returns the new ETag. Errors: *Invalid, ErrStale, ErrExists,
	// ErrNotFound (the domain), *Denied (the Subject is of another domain).
	Put(domain string, e Entity, ifMatch string) (etag string, err error)
	// Delete also deletes the entity's secrets. Errors: ErrNotFound, ErrStale, ErrInUse.
	Delete(domain, kind, key, ifMatch string) error
	// PutSecret seals plain; nil deletes. Audited without its value. Of SecretOwner's entities the owner must exist.
	PutSecret(domain, kind, key string, plain []byte) error
	AddCDR(CDR) error          // idempotent by ID; not audited by itself
	AddVisit(QueueVisit) error // likewise
	AddStint(AgentStint) error // idempotent by agent, start and state
	AddAudit(AuditEntry) error // for facts that are no entity change; Seq is given by the store, Time and Subject when zero
}

// Store writes the change, its audit row and its outbox row in one transaction, or nothing.
type Store interface {
	View(context.Context, func(Reader) error) error
	Update(context.Context, Subject, func(Writer) error) error
	// Changes yields every committed change after a version, in order, and then waits for more until ctx ends (yields ctx's error),
	// the store is closed (ErrClosed) or the feed was cut (ErrCompacted). Nothing is buffered: a slow consumer reads from the table.
	Changes(ctx context.Context, after Version) iter.Seq2[Change, error]
	Close() error
}

// BindingRow is one contact of an address-of-record as the registrar wants it back after a restart.
type BindingRow struct {
	AOR     string // "2001@pbx.example.jp"
	Key     string // the binding inside its AOR: instance and reg-id, or the Contact URI
	Body    []byte // the registrar's own form, at most 16 KiB; nil deletes the row
	Expires time.Time
	Node    string    // by which the telephone is reached, of several on one database; empty: the only one
	At      time.Time // of the registration
}

// BindingTable keeps registrations across a restart. They are state, not configuration: neither audited nor in the change feed.
type BindingTable interface {
	// Bindings gives those not yet expired, by AOR and Key: all, or those of some AORs.
	Bindings(ctx context.Context, aors ...string) ([]BindingRow, error)
	// SaveBindings writes all or none; no two rows have the same AOR and Key. What another node has written since (At) stays.
	SaveBindings(ctx context.Context, batch []BindingRow) error
}

// NodeRow is one of the switches on one database.
type NodeRow struct {
	Name string
	Beat int64  // counts up while it lives: who watches it needs no clock in common
	Body []byte // what it says of itself, in its own form
}

// Lease is what one node at a time does. It lasts while its node lives, as the others see it.
type Lease struct {
	Name string
	Node string // whose it is; empty: nobody's
	Turn int64  // counts up with each change of hands: who had it before has a lower one
	Mark int64  // how far its node has come with it
}

// NodeTable is how the switches on one database know of each other.
type NodeTable interface {
	// Beat says that a node lives, and what it is. It gives all that are or were there, and every lease.
	Beat(ctx context.Context, name string, body []byte) (all []NodeRow, leases []Lease, err error)
	// Take gives a node those leases of some names that nobody has, or a node of over, which the caller knows to be dead. It gives the leases of these names.
	Take(ctx context.Context, node string, over []string, names ...string) ([]Lease, error)
	// Drop gives leases up that the node has.
	Drop(ctx context.Context, node string, names ...string) error
	// Mark writes how far a node has come. ErrNotHeld: another one has the lease by now, or had it meanwhile.
	Mark(ctx context.Context, l Lease) error
	// Leave says that a node ends, and gives up what it has.
	Leave(ctx context.Context, name string) error
}

// Get reads one entity and its ETag: Get[Extension](r, domain, "2001"). ErrNotFound.
func Get[T Entity](r Reader, domain, key string) (T, string, error) {
	var e T
	row, err := r.Row(domain, e.Kind(), key)
	if err != nil {
		return e, "", err
	}
	err = decode(row, &e)
	return e, row.ETag, err
}

// List reads entities ordered by key; after and limit page them (limit 0: all).
func List[T Entity](r Reader, domain, after string, limit int) ([]T, error) {
	var zero T
	rows, err := r.Rows(domain, zero.Kind(), after, limit)
	if err != nil {
		return nil, err
	}
	out := make([]T, len(rows))
	for i, row := range rows {
		if err := decode(row, &out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Domains lists all domains.
func Domains(r Reader) ([]Domain, error) { return List[Domain](r, "", "", 0) }

// Put is Writer.Put, beside Get.
func Put[T Entity](w Writer, domain string, e T, ifMatch string) (string, error) {
	return w.Put(domain, e, ifMatch)
}

// Delete is Writer.Delete by type: Delete[DID](w, domain, "+81312345678", etag).
func Delete[T Entity](w Writer, domain, key, ifMatch string) error {
	var zero T
	return w.Delete(domain, zero.Kind(), key, ifMatch)
}

// Secret opens one secret; ErrNotFound.
func Secret(r Reader, domain, kind, key string) ([]byte, error) {
	m, err := r.Secrets(domain, kind, key)
	if err != nil {
		return nil, err
	}
	b, ok := m[key]
	if !ok {
		return nil, fmt.Errorf("%w: secret %s/%s", ErrNotFound, kind, key)
	}
	return b, nil
}

// SecretOwner is the kind of entity that secrets of a kind belong to and are deleted with: the part before the first "/",
// but KindExtension for SecretSIP. Empty when that is no entity's kind: such a secret stands alone ("issuer").
func SecretOwner(kind string) string {
	if kind == SecretSIP {
		return KindExtension
	}
	head, _, _ := strings.Cut(kind, "/")
	for _, e := range Entities() {
		if e.Kind() == head {
			return head
		}
	}
	return ""
}

// Encode is an entity as Row.Body: validated, in its one normal form (empty lists are [], nothing that is derived).
func Encode(e Entity) ([]byte, error) {
	if err := e.Validate(); err != nil {
		return nil, err
	}
	return json.Marshal(normal(e))
}

// normal is an entity in the form in which it is stored.
func normal(e Entity) Entity {
	if n, ok := e.(interface{ normal() Entity }); ok {
		return n.normal()
	}
	return e
}

func decode(row Row, into any) error {
	body := row.Body
	if _, ok := into.(*RecordingPolicy); ok {
		body = modeOfBefore(body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("provisioning: stored row %s: %w", row.Key, err)
	}
	if t, ok := into.(*Trunk); ok {
		t.HasSecret = row.HasSecret
	}
	return nil
}
