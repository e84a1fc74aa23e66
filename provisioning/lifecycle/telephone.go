package lifecycle

import (
	"errors"
	"slices"

	"naisen/provisioning"
)

// telephone gives the person one of the inventory, takes it back, or lets it follow their number.
func (m *move) telephone() error {
	d, err := m.held()
	if err != nil {
		return err
	}
	if !m.person.Active || m.acc.Extension == "" {
		return m.handBack(d)
	}
	if had := m.acc.Device; had.Rule != m.want.deviceFrom && (d == nil || m.handsBack(had.Rule)) {
		if err := m.handBack(d); err != nil {
			return err
		}
		d = nil
	}
	if d != nil {
		return m.follow(*d)
	}
	if m.want.device == nil {
		return nil
	}
	return m.giveTelephone(*m.want.device)
}

// held is the telephone that a rule gave; nil: none, or somebody gave it to another one by hand, whose it is then.
func (m *move) held() (*provisioning.ManagedDevice, error) {
	if m.acc.Device.MAC == "" {
		return nil, nil
	}
	d, _, err := provisioning.Get[provisioning.ManagedDevice](m.w, m.domain, m.acc.Device.MAC)
	if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
		return nil, err
	}
	if err != nil || d.User != m.person.Name {
		m.acc.Device = provisioning.GivenDevice{}
		return nil, nil
	}
	return &d, nil
}

// handsBack says that whoever a rule fits no more hands back what it gave. One that is not there any more says nothing.
func (m *move) handsBack(rule string) bool {
	return slices.ContainsFunc(m.rules.Rules, func(r provisioning.LifecycleRule) bool { return r.Name == rule && r.Device != nil && r.Device.HandBack })
}

// handBack takes a telephone away with all that was its holder's: it registers no more, its secrets are destroyed, and nobody gets it before an administrator
// has it in hand and takes it back into service. One that is locked, as lost, stays so.
func (m *move) handBack(d *provisioning.ManagedDevice) error {
	m.acc.Device = provisioning.GivenDevice{}
	if d == nil {
		return nil
	}
	d.User, d.Lines, d.Keys = "", nil, nil
	if _, err := provisioning.Put(m.w, m.domain, *d, ""); err != nil {
		return err
	}
	was, err := m.status(d.MAC)
	if err != nil {
		return err
	}
	if _, err = provisioning.SetDeviceState(m.w, m.domain, d.MAC, provisioning.DeviceWiped, "lifecycle: "+m.person.Name, m.by.At); err != nil || was.State != provisioning.DeviceLocked {
		return err
	}
	_, err = provisioning.Put(m.w, m.domain, was, "")
	return err
}

func (m *move) status(mac string) (provisioning.DeviceStatus, error) {
	s, _, err := provisioning.Get[provisioning.DeviceStatus](m.w, m.domain, mac)
	if errors.Is(err, provisioning.ErrNotFound) {
		err = nil
	}
	return s, err
}

// follow lets a telephone register as the number that its holder has now: who gets the one of before finds nobody else's telephone registered as it.
func (m *move) follow(d provisioning.ManagedDevice) error {
	old, now := m.acc.Device.Line, m.acc.Extension
	if old == now {
		return nil
	}
	m.acc.Device.Line = now
	lines := slices.DeleteFunc(slices.Clone(d.Lines), func(l provisioning.DeviceLine) bool { return l.Extension == old || l.Extension == now })
	d.Lines = slices.Insert(lines, 0, provisioning.DeviceLine{Extension: now})
	_, err := provisioning.Put(m.w, m.domain, d, "")
	return err
}

// giveTelephone gives one out of the pool. Where there is none the person does without: that is noted once, and the next change of theirs looks again.
func (m *move) giveTelephone(rule provisioning.DeviceRule) error {
	d, err := m.spare(rule)
	if err != nil {
		return err
	}
	if d == nil {
		if m.acc.Device.Rule == m.want.deviceFrom {
			return nil
		}
		m.acc.Device.Rule = m.want.deviceFrom
		return m.w.AddAudit(provisioning.AuditEntry{Domain: m.domain, Action: "device.wanted", Object: provisioning.KindUser + "/" + m.person.Name, Outcome: "failed",
			Reason: "none in the pool", Detail: map[string]any{"rule": m.want.deviceFrom, "site": rule.Site, "model": rule.Model, "extension": m.acc.Extension}})
	}
	d.User, d.Lines = m.person.Name, []provisioning.DeviceLine{{Extension: m.acc.Extension}}
	m.acc.Device = provisioning.GivenDevice{Rule: m.want.deviceFrom, MAC: d.MAC, Line: m.acc.Extension}
	_, err = provisioning.Put(m.w, m.domain, *d, "")
	return err
}

// spare is a telephone of the pool that a rule can give, looked for from behind the one that was given last; nil: none.
func (m *move) spare(rule provisioning.DeviceRule) (*provisioning.ManagedDevice, error) {
	at := "device\x00" + m.domain + "\x00" + rule.Site + "\x00" + rule.Model
	start, _ := m.engine.hinted(at)
	d, err := m.firstSpare(rule, start, "")
	if err == nil && d == nil && start != "" {
		d, err = m.firstSpare(rule, "", start)
	}
	if d != nil {
		m.engine.remember(at, d.MAC)
	}
	return d, err
}

// sparePage is how many telephones are read at once.
const sparePage = 100

// firstSpare is the first one behind a MAC, up to another; empty: from the first, to the last.
func (m *move) firstSpare(rule provisioning.DeviceRule, after, to string) (*provisioning.ManagedDevice, error) {
	for {
		list, err := provisioning.List[provisioning.ManagedDevice](m.w, m.domain, after, sparePage)
		if err != nil {
			return nil, err
		}
		for _, d := range list {
			if to != "" && d.MAC > to {
				return nil, nil
			}
			if !rule.Fits(d) {
				continue
			}
			if s, err := m.status(d.MAC); err != nil || s.InService() {
				return &d, err
			}
		}
		if len(list) < sparePage {
			return nil, nil
		}
		after = list[len(list)-1].MAC
	}
}
