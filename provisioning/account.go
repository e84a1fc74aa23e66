package provisioning

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// Account is a person as an identity service describes them by SCIM (RFC 7643), and what the rules of the lifecycle gave them. The user of its name, the
// extension and the rights are entities of their own, as if somebody had written them; this remembers which of them are the rules' to take away.
type Account struct {
	ID          string          `json:"id"`                   // never given again
	User        string          `json:"user"`                 // User.Name; with its userName's letters made small
	Provisioner string          `json:"provisioner"`          // who made it
	Document    json.RawMessage `json:"document"`             // the attributes that a client may write, by their names in the schemas
	Groups      []string        `json:"groups"`               // UserGroup.ID
	Extension   string          `json:"extension,omitempty"`  // the extension that it was given
	Range       string          `json:"range,omitempty"`      // name of the rule that gave it
	Granted     []Role          `json:"granted,omitempty"`    // roles by rule; those that somebody gave by hand are not among them
	Hunts       []string        `json:"hunts,omitempty"`      // hunt groups by rule
	Contracted  bool            `json:"contracted,omitempty"` // its user's contract is the identity service's
	Device      GivenDevice     `json:"device,omitzero"`      // telephone by rule
	Scoped      bool            `json:"scoped,omitempty"`     // its user's recording scope is a rule's
	Department  string          `json:"department,omitempty"` // of its user, as the identity service said last
	Made        time.Time       `json:"made"`                 // UTC
	Changed     time.Time       `json:"changed"`              // UTC
}

// GivenDevice is the telephone of the inventory that a rule gave. Without a MAC: the pool had none yet.
type GivenDevice struct {
	Rule string `json:"rule"`           // name of the rule
	MAC  string `json:"mac,omitempty"`  // ManagedDevice.MAC
	Line string `json:"line,omitempty"` // the extension as which it registers for the person
}

// UserGroup is a group of people as an identity service names it. Who is in it says each Account, so that it has any number of members.
type UserGroup struct {
	ID          string    `json:"id"`
	Display     string    `json:"display"`
	ExternalID  string    `json:"external_id,omitempty"`
	Provisioner string    `json:"provisioner"`
	Made        time.Time `json:"made"`
	Changed     time.Time `json:"changed"`
}

// Provisioner is a client that tells by SCIM who comes, moves and goes, with a secret of its own that opens nothing else.
type Provisioner struct {
	Name     string    `json:"name"`
	Title    string    `json:"title"`
	Disabled bool      `json:"disabled"`
	Expires  time.Time `json:"expires,omitzero" doc:"Its secret is not taken from then on; left out: no end"`
}

// SecretProvisioner is the kind of its secret; key: Provisioner.Name; ProvisionerProof of it.
const SecretProvisioner = KindProvisioner

// Bounds of what an identity service may send.
const (
	maxDocument     = 32 << 10 // bytes
	maxMemberships  = 200      // groups of an account
	maxProvisioners = 16       // of a domain: each stranger's token is held against all of them
)

// By is who changes something in its name, as proposals and the audit log have it. No user's name has a slash.
func (p Provisioner) By(domain string) string { return machine + p.Name + "@" + domain }

const machine = "scim/"

// Kind, Key: see Entity.
func (Account) Kind() string      { return KindAccount }
func (a Account) Key() string     { return a.ID }
func (UserGroup) Kind() string    { return KindUserGroup }
func (g UserGroup) Key() string   { return g.ID }
func (Provisioner) Kind() string  { return KindProvisioner }
func (p Provisioner) Key() string { return p.Name }

// Refs of an account: its user and its groups, which go by it only.
func (a Account) Refs() []Ref {
	return append([]Ref{{"user", KindUser, a.User}}, refs("groups", KindUserGroup, a.Groups)...)
}

// Refs: see Entity.
func (UserGroup) Refs() []Ref   { return nil }
func (Provisioner) Refs() []Ref { return nil }

func (a Account) normal() Entity { a.Groups = list(a.Groups); return a }

// Validate: see Entity. What stands in the document is the SCIM server's to judge.
func (a Account) Validate() error {
	var c check
	c.must(a.ID != "" && len(a.ID) <= maxName, "id", "must be 1 to 64 bytes")
	c.name("user", a.User)
	c.must(len(a.Document) <= maxDocument, "document", "is longer than "+strconv.Itoa(maxDocument)+" bytes")
	c.must(len(a.Document) > 1 && a.Document[0] == '{' && json.Valid(a.Document), "document", "is no object")
	c.list("groups", len(a.Groups), 0, maxMemberships)
	c.each("groups", a.Groups, func(at, s string) { c.must(s != "", at, "is empty") })
	return c.result()
}

// Validate: see Entity.
func (g UserGroup) Validate() error {
	var c check
	c.must(g.ID != "" && len(g.ID) <= maxName, "id", "must be 1 to 64 bytes")
	c.must(g.Display != "", "display", "is missing")
	c.text("display", g.Display)
	c.text("external_id", g.ExternalID)
	return c.result()
}

// Validate: see Entity.
func (p Provisioner) Validate() error {
	var c check
	c.name("name", p.Name)
	c.text("title", p.Title)
	return c.result()
}

// Check: a domain has few.
func (p Provisioner) Check(r Reader, domain string) error {
	all, err := List[Provisioner](r, domain, "", 0)
	if err == nil && len(all) >= maxProvisioners && !slices.ContainsFunc(all, func(o Provisioner) bool { return o.Name == p.Name }) {
		err = &Invalid{Field: "name", Reason: "is one too many: a domain has " + strconv.Itoa(maxProvisioners)}
	}
	return err
}
