// Package directory owns the switch's picture of the configuration: an immutable snapshot in memory, renewed by the change feed.
// Lookups do no I/O and take no lock. It changes nothing in the store and decides nothing: route and auth do.
package directory

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/book"
	"naisen/provisioning/policy"
	"naisen/provisioning/secret"
)

// Snapshot is one state of all domains. It never changes; what its methods return shares its slices and must not be changed.
// The zero value is an empty directory.
type Snapshot struct {
	version provisioning.Version
	domains map[string]*domain
	sources sources
	table   *policy.Table // by which policies of domains are read
}

// domain is immutable once it stands in a Snapshot.
type domain struct {
	self         provisioning.Domain
	users        map[string]provisioning.User
	extensions   map[string]provisioning.Extension
	dids         map[string]provisioning.DID
	trunks       map[string]provisioning.Trunk
	policies     map[string]provisioning.RecordingPolicy
	sites        map[string]provisioning.Site
	conferences  map[string]provisioning.Conference
	mailboxes    map[string]provisioning.Mailbox
	pins         map[string]secret.Secret // ConferencePINs by conference
	rejections   map[string]provisioning.Rejection
	calendars    map[string]provisioning.Calendar
	groups       map[string]provisioning.Group
	pages        map[string]provisioning.PagingGroup
	lots         map[string]provisioning.ParkingLot
	restrictions map[string]provisioning.Restriction
	departments  map[string]provisioning.Department
	short        map[string]provisioning.ShortNumbers
	desks        map[string]provisioning.HotDesk
	settings     map[string]provisioning.Settings     // by extension
	codes        map[string]provisioning.FeatureCodes // at most one
	menus        map[string]provisioning.MenuVersions
	notices      map[string]provisioning.Notice
	credentials  map[string]*provisioning.SIPCredential // by extension; pointers, because fmt looks into unexported fields
	passwords    map[string]secret.Secret               // by trunk
	webhooks     map[string]provisioning.Webhook
	queues       map[string]provisioning.Queue
	agents       map[string]provisioning.Agent
	callBacks    map[string]provisioning.CallBack
	contacts     map[string]provisioning.Contact
	supervisions map[string]provisioning.Supervision
	accounts     map[string]provisioning.BookAccount
	proofs       map[string]secret.Secret // by account
	signing      map[string]secret.Secret // by webhook
	revocations  map[string]provisioning.Revocation
	rules        map[string]provisioning.SitePolicy
	softphones   map[string]provisioning.Softphones    // by extension
	appKeys      map[string]provisioning.SoftphoneKeys // likewise
	devices      map[string]provisioning.ManagedDevice // by MAC, as the next two
	statuses     map[string]provisioning.DeviceStatus
	firmware     map[string]provisioning.Firmware // by name, as the next one
	rollouts     map[string]provisioning.FirmwareStatus
	deviceKeys   map[string]*provisioning.DeviceKeys // pointers as of credentials
	enrolments   map[string]provisioning.Enrolment   // by the hash of their code

	owned    map[string][]string             // derived: extensions by user, ordered
	mobiles  map[string]string               // derived: extensions by the number of their mobile that a carrier brings
	prefixes map[string][]provisioning.Trunk // derived: enabled trunks by dialled prefix, by name
	longest  int                             // derived: bytes of the longest prefix
	networks []network                       // derived: of sites, the narrowest first
	book     *book.Book                      // derived: of contacts and extensions
	ruled    *policy.Sites                   // derived: rules, compiled; nil: there are none
}

// network is where devices of a site call from.
type network struct {
	prefix netip.Prefix
	site   string
}

// TrunkAt is a trunk with its domain.
type TrunkAt struct {
	Domain string
	Trunk  provisioning.Trunk
}

// Version of the store that the snapshot shows.
func (s *Snapshot) Version() provisioning.Version { return s.version }

// Domain by its name, which is the SIP domain and the digest realm (lower case).
func (s *Snapshot) Domain(name string) (provisioning.Domain, bool) {
	d, ok := s.domains[name]
	if !ok {
		return provisioning.Domain{}, false
	}
	return d.self, true
}

// DomainNames lists them in order.
func (s *Snapshot) DomainNames() []string { return slices.Sorted(maps.Keys(s.domains)) }

// Domains counts them.
func (s *Snapshot) Domains() int { return len(s.domains) }

// find looks into one of the domain's maps. A domain that is not there has nothing.
func find[T any](s *Snapshot, name, key string, in func(*domain) map[string]T) (T, bool) {
	d, ok := s.domains[name]
	if !ok {
		var none T
		return none, false
	}
	v, ok := in(d)[key]
	return v, ok
}

// User of a domain, disabled ones too.
func (s *Snapshot) User(domainName, name string) (provisioning.User, bool) {
	return find(s, domainName, name, func(d *domain) map[string]provisioning.User { return d.users })
}

// Extension by its number, disabled ones too.
func (s *Snapshot) Extension(domainName, number string) (provisioning.Extension, bool) {
	return find(s, domainName, number, func(d *domain) map[string]provisioning.Extension { return d.extensions })
}

// Owned lists the numbers of a user's extensions in order.
func (s *Snapshot) Owned(domainName, user string) []string {
	list, _ := find(s, domainName, user, func(d *domain) map[string][]string { return d.owned })
	return list
}

// DID by its E.164 number with +.
func (s *Snapshot) DID(domainName, number string) (provisioning.DID, bool) {
	return find(s, domainName, number, func(d *domain) map[string]provisioning.DID { return d.dids })
}

// Trunk by its name, disabled ones too.
func (s *Snapshot) Trunk(domainName, name string) (provisioning.Trunk, bool) {
	return find(s, domainName, name, func(d *domain) map[string]provisioning.Trunk { return d.trunks })
}

// TrunkPassword is the digest password towards the carrier.
func (s *Snapshot) TrunkPassword(domainName, name string) (secret.Secret, bool) {
	return find(s, domainName, name, func(d *domain) map[string]secret.Secret { return d.passwords })
}

// Policy by its name.
func (s *Snapshot) Policy(domainName, name string) (provisioning.RecordingPolicy, bool) {
	return find(s, domainName, name, func(d *domain) map[string]provisioning.RecordingPolicy { return d.policies })
}

// Site by its name.
func (s *Snapshot) Site(domainName, name string) (provisioning.Site, bool) {
	return find(s, domainName, name, func(d *domain) map[string]provisioning.Site { return d.sites })
}

// Feature is what a dialled code means, and what was dialled behind it.
func (s *Snapshot) Feature(domainName, dialled string) (feature, argument string, ok bool) {
	if dialled == "" || dialled[0] != '*' && dialled[0] != '#' {
		return "", "", false
	}
	d := s.domains[domainName]
	if d == nil {
		return "", "", false
	}
	return d.codes[provisioning.FeatureCodes{}.Key()].Dialled(dialled)
}

// Conference by its number.
func (s *Snapshot) Conference(domainName, number string) (provisioning.Conference, bool) {
	return find(s, domainName, number, func(d *domain) map[string]provisioning.Conference { return d.conferences })
}

// ConferencePINs of a conference; none if it has none.
func (s *Snapshot) ConferencePINs(domainName, number string) provisioning.ConferencePINs {
	p, _ := find(s, domainName, number, func(d *domain) map[string]secret.Secret { return d.pins })
	return provisioning.ParseConferencePINs([]byte(p.Reveal()))
}

// Menu is what callers hear under a name.
func (s *Snapshot) Menu(domainName, name string) (provisioning.Menu, bool) {
	v, _ := find(s, domainName, name, func(d *domain) map[string]provisioning.MenuVersions { return d.menus })
	return v.Live()
}

// Notice by its name, with every wording.
func (s *Snapshot) Notice(domainName, name string) (provisioning.Notice, bool) {
	return find(s, domainName, name, func(d *domain) map[string]provisioning.Notice { return d.notices })
}

// SiteFrom is the site whose network a device calls from, the narrowest that holds addr.
func (s *Snapshot) SiteFrom(domainName string, addr netip.Addr) (provisioning.Site, bool) {
	d, ok := s.domains[domainName]
	if !ok {
		return provisioning.Site{}, false
	}
	addr = addr.Unmap().WithZone("")
	for _, n := range d.networks {
		if n.prefix.Contains(addr) {
			return d.sites[n.site], true
		}
	}
	return provisioning.Site{}, false
}

// Outside tells whether an address is in none of the networks of the domain's sites; false too where no site has any, since nobody knows then.
func (s *Snapshot) Outside(domainName string, addr netip.Addr) bool {
	d, ok := s.domains[domainName]
	if !ok || len(d.networks) == 0 {
		return false
	}
	_, inside := s.SiteFrom(domainName, addr)
	return !inside
}

// PolicyOf is the recording policy of a number: of a DID for calls to it, of an extension for calls that it makes. False: not recorded.
func (s *Snapshot) PolicyOf(domainName, number string) (provisioning.RecordingPolicy, bool) {
	name := ""
	if d, ok := s.DID(domainName, number); ok {
		name = d.Policy
	} else if e, ok := s.Extension(domainName, number); ok {
		name = e.Record
	}
	return s.Policy(domainName, name)
}

// Credential verifies the digest of a user part in a realm, which is the domain's name. False for an unknown extension, one without
// a password, one that is disabled, and one whose owner is out.
func (s *Snapshot) Credential(realm, number string) (provisioning.SIPCredential, bool) {
	d, ok := s.domains[realm]
	if !ok {
		return provisioning.SIPCredential{}, false
	}
	if !d.active(number) {
		return provisioning.SIPCredential{}, false
	}
	return d.password(number)
}

// Password is Credential also of who may not use it now: whoever knows it is told so.
func (s *Snapshot) Password(realm, number string) (provisioning.SIPCredential, bool) {
	d, ok := s.domains[realm]
	if !ok {
		return provisioning.SIPCredential{}, false
	}
	return d.password(number)
}

func (d *domain) password(number string) (provisioning.SIPCredential, bool) {
	c, ok := d.credentials[number]
	if !ok {
		return provisioning.SIPCredential{}, false
	}
	return *c, true
}

// active looks at the clock, since a contract ends without a change of anything.
func (d *domain) active(number string) bool {
	e, ok := d.extensions[number]
	return ok && !e.Disabled && !d.barred(e.User, time.Now())
}

// Contract is that of an extension's owner; nil: they have none.
func (s *Snapshot) Contract(domainName, extension string) *provisioning.Contract {
	d, ok := s.domains[domainName]
	if !ok {
		return nil
	}
	return d.users[d.extensions[extension].User].Contract
}

// ContractEnds is when the next contract of anybody ends; the zero time: none will.
func (s *Snapshot) ContractEnds(after time.Time) (next time.Time) {
	for _, d := range s.domains {
		for _, u := range d.users {
			if c := u.Contract; c != nil && c.Ends.After(after) && (next.IsZero() || c.Ends.Before(next)) {
				next = c.Ends
			}
		}
	}
	return next
}

// Sponsorless are the users with a contract for whom nobody answers any more, by domain and name.
func (s *Snapshot) Sponsorless(now time.Time) map[string][]string {
	out := map[string][]string{}
	for name, d := range s.domains {
		for _, u := range d.users {
			if u.Sponsorless(now, func(n string) (provisioning.User, bool) { s, ok := d.users[n]; return s, ok }) {
				out[name] = append(out[name], u.Name)
			}
		}
	}
	return out
}

// Active tells whether an extension is there and in use: it is not disabled, nor its owner out or barred. It needs no password for that.
func (s *Snapshot) Active(domainName, number string) bool {
	d, ok := s.domains[domainName]
	if !ok {
		return false
	}
	return d.active(number)
}

// TrunksFor lists the enabled trunks with the longest prefix of what was dialled, by name: the ways out, in order. Cost: the prefix's length.
func (s *Snapshot) TrunksFor(domainName, dialled string) (trunks []provisioning.Trunk, prefix string) {
	d, ok := s.domains[domainName]
	if !ok {
		return nil, ""
	}
	for n := min(len(dialled), d.longest); n > 0; n-- {
		if list := d.prefixes[dialled[:n]]; len(list) > 0 {
			return list, dialled[:n]
		}
	}
	return nil, ""
}

// Trunks lists the enabled trunks of a domain that carry calls, by name.
func (s *Snapshot) Trunks(domainName string) []provisioning.Trunk {
	d, ok := s.domains[domainName]
	if !ok {
		return nil
	}
	var out []provisioning.Trunk
	for _, t := range d.trunks {
		if !t.Disabled && t.Carries() {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b provisioning.Trunk) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Account finds the enabled trunk whose system registers with us under that user name, or proves by it that it brings mobiles. It looks at each trunk of the domain.
func (s *Snapshot) Account(domainName, user string) (provisioning.Trunk, bool) {
	d, ok := s.domains[domainName]
	if !ok || user == "" {
		return provisioning.Trunk{}, false
	}
	for _, t := range d.trunks {
		if (t.Register == "accept" || t.FMC()) && t.Username == user && !t.Disabled {
			return t, true
		}
	}
	return provisioning.Trunk{}, false
}

// AllTrunks lists the enabled trunks of every domain, in no order.
func (s *Snapshot) AllTrunks() []TrunkAt {
	var out []TrunkAt
	for name, d := range s.domains {
		for _, t := range d.trunks {
			if !t.Disabled {
				out = append(out, TrunkAt{name, t})
			}
		}
	}
	return out
}

// TrunksFrom lists the enabled trunks that call from an address, the narrowest network first, then by domain and name.
func (s *Snapshot) TrunksFrom(addr netip.Addr) []TrunkAt {
	return s.sources.match(addr.Unmap().WithZone(""))
}

// DIDFrom finds the DID for a call from a carrier: number tried in each domain whose trunk calls from addr.
func (s *Snapshot) DIDFrom(addr netip.Addr, number string) (TrunkAt, provisioning.DID, bool) {
	for _, at := range s.TrunksFrom(addr) {
		if did, ok := s.DID(at.Domain, number); ok {
			return at, did, true
		}
	}
	return TrunkAt{}, provisioning.DID{}, false
}

// WebhookAt is a webhook with the key that signs what it is told.
type WebhookAt struct {
	provisioning.Webhook
	Key secret.Secret
}

// Webhooks lists the webhooks of a domain that want an event, by name.
func (s *Snapshot) Webhooks(domainName, event string) (out []WebhookAt) {
	d, ok := s.domains[domainName]
	if !ok {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(d.webhooks)) {
		if w := d.webhooks[name]; w.Wants(event) {
			out = append(out, WebhookAt{w, d.signing[name]})
		}
	}
	return out
}
