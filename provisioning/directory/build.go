package directory

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"naisen/provisioning"
	"naisen/provisioning/policy"
	"naisen/provisioning/secret"
)

// whole reads everything.
func whole(r provisioning.Reader, table *policy.Table) (*Snapshot, error) {
	domains, err := provisioning.Domains(r)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{version: r.Version(), domains: make(map[string]*domain, len(domains)), table: table}
	for _, self := range domains {
		d, err := readDomain(r, self)
		if err != nil {
			return nil, err
		}
		d.indexRules(table)
		s.domains[self.Name] = d
	}
	s.sources = newSources(s.domains)
	return s, nil
}

func readDomain(r provisioning.Reader, self provisioning.Domain) (d *domain, err error) {
	d = &domain{self: self}
	if d.users, err = readAll[provisioning.User](r, self.Name); err != nil {
		return nil, err
	}
	if d.extensions, err = readAll[provisioning.Extension](r, self.Name); err != nil {
		return nil, err
	}
	if d.dids, err = readAll[provisioning.DID](r, self.Name); err != nil {
		return nil, err
	}
	if d.trunks, err = readAll[provisioning.Trunk](r, self.Name); err != nil {
		return nil, err
	}
	if d.policies, err = readAll[provisioning.RecordingPolicy](r, self.Name); err != nil {
		return nil, err
	}
	if d.webhooks, err = readAll[provisioning.Webhook](r, self.Name); err != nil {
		return nil, err
	}
	if d.sites, err = readAll[provisioning.Site](r, self.Name); err != nil {
		return nil, err
	}
	if err := d.readDesk(r); err != nil {
		return nil, err
	}
	if d.settings, err = readAll[provisioning.Settings](r, self.Name); err != nil {
		return nil, err
	}
	if d.codes, err = readAll[provisioning.FeatureCodes](r, self.Name); err != nil {
		return nil, err
	}
	if d.conferences, err = readAll[provisioning.Conference](r, self.Name); err != nil {
		return nil, err
	}
	if d.menus, err = readAll[provisioning.MenuVersions](r, self.Name); err != nil {
		return nil, err
	}
	if d.notices, err = readAll[provisioning.Notice](r, self.Name); err != nil {
		return nil, err
	}
	if err := d.readBook(r); err != nil {
		return nil, err
	}
	if err := d.readNumbers(r); err != nil {
		return nil, err
	}
	if err := d.readQueues(r); err != nil {
		return nil, err
	}
	if err := d.readSecrets(r); err != nil {
		return nil, err
	}
	d.indexOwners()
	d.indexPrefixes()
	d.indexNetworks()
	d.indexBook()
	return d, nil
}

func readAll[T provisioning.Entity](r provisioning.Reader, name string) (map[string]T, error) {
	list, err := provisioning.List[T](r, name, "", 0)
	if err != nil {
		return nil, err
	}
	out := make(map[string]T, len(list))
	for _, e := range list {
		out[e.Key()] = e
	}
	return out, nil
}

// readSecrets reads what opens something, and what opens nothing any more.
func (d *domain) readSecrets(r provisioning.Reader) (err error) {
	if d.revocations, err = readAll[provisioning.Revocation](r, d.self.Name); err != nil {
		return err
	}
	if err := d.readInventory(r); err != nil {
		return err
	}
	sealed, err := r.Secrets(d.self.Name, provisioning.SecretSIP)
	if err != nil {
		return err
	}
	d.credentials = make(map[string]*provisioning.SIPCredential, len(sealed))
	for number, b := range sealed {
		c, err := provisioning.DecodeSIPCredential(b)
		if err != nil {
			return err
		}
		d.credentials[number] = &c
	}
	if err = d.readSoftphones(r); err != nil {
		return err
	}
	if d.passwords, err = d.texts(r, provisioning.SecretTrunk); err != nil {
		return err
	}
	if d.pins, err = d.texts(r, provisioning.SecretConference); err != nil {
		return err
	}
	if d.proofs, err = d.texts(r, provisioning.SecretBookAccount); err != nil {
		return err
	}
	d.signing, err = d.texts(r, provisioning.SecretWebhook)
	return err
}

func (d *domain) texts(r provisioning.Reader, kind string) (map[string]secret.Secret, error) {
	plain, err := r.Secrets(d.self.Name, kind)
	if err != nil {
		return nil, err
	}
	out := make(map[string]secret.Secret, len(plain))
	for name, b := range plain {
		out[name] = secret.New(string(b))
	}
	return out, nil
}

func (d *domain) indexOwners() {
	d.owned, d.mobiles = map[string][]string{}, map[string]string{}
	for number, e := range d.extensions {
		if e.FMCNumber != "" {
			d.mobiles[e.FMCNumber] = number
		}
		if e.User != "" {
			d.owned[e.User] = append(d.owned[e.User], number)
		}
	}
	for _, list := range d.owned {
		slices.Sort(list)
	}
}

func (d *domain) indexPrefixes() {
	d.prefixes, d.longest = map[string][]provisioning.Trunk{}, 0
	for _, t := range d.trunks {
		if t.Disabled {
			continue
		}
		for _, p := range t.Prefixes {
			d.prefixes[p] = append(d.prefixes[p], t)
			d.longest = max(d.longest, len(p))
		}
	}
	for _, list := range d.prefixes {
		slices.SortFunc(list, func(a, b provisioning.Trunk) int { return strings.Compare(a.Name, b.Name) })
	}
}

func (d *domain) indexNetworks() {
	d.networks = nil
	for name, site := range d.sites {
		for _, text := range site.Networks {
			if p, err := netip.ParsePrefix(text); err == nil { // the store validates
				d.networks = append(d.networks, network{p, name})
			}
		}
	}
	slices.SortFunc(d.networks, func(a, b network) int {
		return cmp.Or(b.prefix.Bits()-a.prefix.Bits(), a.prefix.Addr().Compare(b.prefix.Addr()), strings.Compare(a.site, b.site))
	})
}

// sources finds trunks by address: one map look-up per prefix length in use.
type sources struct {
	bits   []int // in use, longest first
	trunks map[netip.Prefix][]TrunkAt
}

func newSources(domains map[string]*domain) sources {
	s := sources{trunks: map[netip.Prefix][]TrunkAt{}}
	for name, d := range domains {
		for _, t := range d.trunks {
			if t.Disabled {
				continue
			}
			for _, text := range t.Sources {
				p, err := netip.ParsePrefix(text)
				if err != nil {
					continue // the store validates; nobody is let in by a text that is no network
				}
				s.trunks[p] = append(s.trunks[p], TrunkAt{Domain: name, Trunk: t})
			}
		}
	}
	for p, list := range s.trunks {
		slices.SortFunc(list, func(a, b TrunkAt) int {
			return cmp.Or(strings.Compare(a.Domain, b.Domain), strings.Compare(a.Trunk.Name, b.Trunk.Name))
		})
		if !slices.Contains(s.bits, p.Bits()) {
			s.bits = append(s.bits, p.Bits())
		}
	}
	slices.SortFunc(s.bits, func(a, b int) int { return b - a })
	return s
}

func (s sources) match(addr netip.Addr) (out []TrunkAt) {
	for _, bits := range s.bits {
		p, err := addr.Prefix(bits) // an error for an IPv4 address and more than 32 bits
		if err == nil {
			out = append(out, s.trunks[p]...)
		}
	}
	return out
}

// apply makes the next snapshot out of the changes since s. Only the domains and maps that changed are copied.
func (s *Snapshot) apply(r provisioning.Reader, changes []provisioning.Change) (*Snapshot, error) {
	next := &Snapshot{version: r.Version(), domains: maps.Clone(s.domains), sources: s.sources, table: s.table}
	if next.domains == nil {
		next.domains = map[string]*domain{}
	}
	edits := map[string]*edit{}
	trunks := false
	for _, c := range changes {
		e, ok := edits[c.Domain]
		if !ok {
			e = newEdit(next.domains[c.Domain])
			edits[c.Domain] = e
		}
		if err := e.take(r, c); err != nil {
			return nil, err
		}
		trunks = trunks || c.Kind == provisioning.KindDomain
	}
	for name, e := range edits {
		if e.gone {
			delete(next.domains, name)
			continue
		}
		if e.copied[provisioning.KindExtension] {
			e.indexOwners()
		}
		e.renewBook(s.domains[name])
		if e.copied[provisioning.KindTrunk] {
			e.indexPrefixes()
			trunks = true
		}
		if e.copied[provisioning.KindSite] {
			e.indexNetworks()
		}
		if e.copied[provisioning.KindSitePolicy] {
			e.indexRules(s.table)
		}
		next.domains[name] = &e.domain
	}
	if trunks {
		next.sources = newSources(next.domains)
	}
	return next, nil
}

// edit is a domain being rebuilt: a map is copied at its first change.
type edit struct {
	domain
	copied map[string]bool
	seen   map[string]bool // kind and key read already: the state is the same for all changes of one View
	gone   bool
}

func newEdit(d *domain) *edit {
	e := &edit{copied: map[string]bool{}, seen: map[string]bool{}}
	if d != nil {
		e.domain = *d
	} else {
		e.domain = domain{
			users: map[string]provisioning.User{}, extensions: map[string]provisioning.Extension{}, dids: map[string]provisioning.DID{},
			trunks: map[string]provisioning.Trunk{}, policies: map[string]provisioning.RecordingPolicy{}, sites: map[string]provisioning.Site{},
			conferences: map[string]provisioning.Conference{}, pins: map[string]secret.Secret{},
			credentials: map[string]*provisioning.SIPCredential{}, passwords: map[string]secret.Secret{},
			settings: map[string]provisioning.Settings{}, groups: map[string]provisioning.Group{}, pages: map[string]provisioning.PagingGroup{}, calendars: map[string]provisioning.Calendar{}, mailboxes: map[string]provisioning.Mailbox{}, rejections: map[string]provisioning.Rejection{},
			lots: map[string]provisioning.ParkingLot{}, restrictions: map[string]provisioning.Restriction{}, departments: map[string]provisioning.Department{}, short: map[string]provisioning.ShortNumbers{}, desks: map[string]provisioning.HotDesk{},
			webhooks: map[string]provisioning.Webhook{}, signing: map[string]secret.Secret{},
			codes: map[string]provisioning.FeatureCodes{}, menus: map[string]provisioning.MenuVersions{}, notices: map[string]provisioning.Notice{}, owned: map[string][]string{}, mobiles: map[string]string{}, prefixes: map[string][]provisioning.Trunk{},
			queues: map[string]provisioning.Queue{}, agents: map[string]provisioning.Agent{}, callBacks: map[string]provisioning.CallBack{},
			contacts: map[string]provisioning.Contact{}, accounts: map[string]provisioning.BookAccount{}, proofs: map[string]secret.Secret{},
			supervisions: map[string]provisioning.Supervision{}, revocations: map[string]provisioning.Revocation{}, rules: map[string]provisioning.SitePolicy{},
			softphones: map[string]provisioning.Softphones{}, appKeys: map[string]provisioning.SoftphoneKeys{},
			devices: map[string]provisioning.ManagedDevice{}, statuses: map[string]provisioning.DeviceStatus{}, firmware: map[string]provisioning.Firmware{}, rollouts: map[string]provisioning.FirmwareStatus{}, deviceKeys: map[string]*provisioning.DeviceKeys{}, enrolments: map[string]provisioning.Enrolment{},
		}
		e.gone = true // until its own change says that it exists
	}
	return e
}

func (e *edit) take(r provisioning.Reader, c provisioning.Change) error {
	if id := c.Kind + "\x00" + c.Key; e.seen[id] {
		return nil
	} else {
		e.seen[id] = true
	}
	switch c.Kind {
	case provisioning.KindDomain:
		self, _, err := provisioning.Get[provisioning.Domain](r, c.Domain, c.Key)
		if notFound(err) {
			*e = *newEdit(nil)
			return nil
		}
		e.self, e.gone = self, false
		return err
	case provisioning.KindUser:
		return set(e, r, c, &e.users)
	case provisioning.KindExtension:
		return set(e, r, c, &e.extensions)
	case provisioning.KindDID:
		return set(e, r, c, &e.dids)
	case provisioning.KindTrunk:
		return set(e, r, c, &e.trunks)
	case provisioning.KindPolicy:
		return set(e, r, c, &e.policies)
	case provisioning.KindConference:
		return set(e, r, c, &e.conferences)
	case provisioning.KindSite:
		return set(e, r, c, &e.sites)
	case provisioning.KindWebhook:
		return set(e, r, c, &e.webhooks)
	case provisioning.KindMailbox:
		return set(e, r, c, &e.mailboxes)
	case provisioning.KindRejection:
		return set(e, r, c, &e.rejections)
	case provisioning.KindSettings:
		return set(e, r, c, &e.settings)
	case provisioning.KindFeatureCodes:
		return set(e, r, c, &e.codes)
	case provisioning.KindMenuVersions:
		return set(e, r, c, &e.menus)
	case provisioning.KindNotice:
		return set(e, r, c, &e.notices)
	case provisioning.KindContact, provisioning.KindBookAccount:
		return e.takeBook(r, c)
	case provisioning.KindRevocation:
		return set(e, r, c, &e.revocations)
	case provisioning.KindSoftphones:
		return set(e, r, c, &e.softphones)
	case provisioning.KindSecret:
		return e.takeSecret(r, c)
	}
	return e.takeQueues(r, c)
}

// set reads the entity as it is in this View and puts it into its own copy of the map.
func set[T provisioning.Entity](e *edit, r provisioning.Reader, c provisioning.Change, m *map[string]T) error {
	own(e, c.Kind, m)
	v, _, err := provisioning.Get[T](r, c.Domain, c.Key)
	if notFound(err) {
		delete(*m, c.Key)
		return nil
	}
	if err == nil {
		(*m)[c.Key] = v
	}
	return err
}

func own[T any](e *edit, kind string, m *map[string]T) {
	if e.copied[kind] {
		return
	}
	e.copied[kind] = true
	*m = maps.Clone(*m)
}

func (e *edit) takeSecret(r provisioning.Reader, c provisioning.Change) error {
	if mac, ok := strings.CutPrefix(c.Key, provisioning.SecretDeviceKeys+"/"); ok {
		return e.takeDeviceKeys(r, c.Domain, mac)
	}
	if hash, ok := strings.CutPrefix(c.Key, provisioning.SecretEnrolment+"/"); ok {
		return e.takeEnrolment(r, c.Domain, hash)
	}
	kind, key, _ := strings.Cut(c.Key, "/")
	switch kind {
	case provisioning.SecretSIP, provisioning.SecretTrunk, provisioning.SecretWebhook, provisioning.SecretConference, provisioning.SecretBookAccount:
	case provisioning.SecretSoftphones:
		return e.takeSoftphones(r, c.Domain, key)
	default:
		return nil
	}
	plain, err := provisioning.Secret(r, c.Domain, kind, key)
	if err != nil && !notFound(err) {
		return err
	}
	there := err == nil
	for of, m := range map[string]*map[string]secret.Secret{provisioning.SecretConference: &e.pins, provisioning.SecretWebhook: &e.signing,
		provisioning.SecretBookAccount: &e.proofs, provisioning.SecretTrunk: &e.passwords} {
		if of != kind {
			continue
		}
		own(e, "secret/"+kind, m)
		delete(*m, key)
		if there {
			(*m)[key] = secret.New(string(plain))
		}
		if kind == provisioning.SecretTrunk {
			return e.trunkHasSecret(r, c.Domain, key)
		}
		return nil
	}
	own(e, "secret/"+kind, &e.credentials)
	delete(e.credentials, key)
	if there {
		c, err := provisioning.DecodeSIPCredential(plain)
		e.credentials[key] = &c
		return err
	}
	return nil
}

// trunkHasSecret: the trunk's own HasSecret follows its secret.
func (e *edit) trunkHasSecret(r provisioning.Reader, domainName, name string) error {
	if _, ok := e.trunks[name]; !ok {
		return nil
	}
	return set(e, r, provisioning.Change{Domain: domainName, Kind: provisioning.KindTrunk, Key: name}, &e.trunks)
}
