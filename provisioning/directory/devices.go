package directory

import (
	"reflect"
	"slices"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/secret"
)

// readInventory reads the telephones of the inventory, and what they prove themselves with.
func (d *domain) readInventory(r provisioning.Reader) (err error) {
	if d.devices, err = readAll[provisioning.ManagedDevice](r, d.self.Name); err != nil {
		return err
	}
	if d.statuses, err = readAll[provisioning.DeviceStatus](r, d.self.Name); err != nil {
		return err
	}
	if d.firmware, err = readAll[provisioning.Firmware](r, d.self.Name); err != nil {
		return err
	}
	if d.rollouts, err = readAll[provisioning.FirmwareStatus](r, d.self.Name); err != nil {
		return err
	}
	sealed, err := r.Secrets(d.self.Name, provisioning.SecretDeviceKeys)
	if err != nil {
		return err
	}
	d.deviceKeys = make(map[string]*provisioning.DeviceKeys, len(sealed))
	for mac, b := range sealed {
		k, err := provisioning.DecodeDeviceKeys(b)
		if err != nil {
			return err
		}
		d.deviceKeys[mac] = &k
	}
	if sealed, err = r.Secrets(d.self.Name, provisioning.SecretEnrolment); err != nil {
		return err
	}
	d.enrolments = make(map[string]provisioning.Enrolment, len(sealed))
	for hash, b := range sealed {
		if d.enrolments[hash], err = provisioning.DecodeEnrolment(b); err != nil {
			return err
		}
	}
	return nil
}

// takeEnrolment follows a code that was made or used.
func (e *edit) takeEnrolment(r provisioning.Reader, domainName, hash string) error {
	b, err := provisioning.Secret(r, domainName, provisioning.SecretEnrolment, hash)
	if err != nil && !notFound(err) {
		return err
	}
	own(e, "secret/"+provisioning.SecretEnrolment, &e.enrolments)
	delete(e.enrolments, hash)
	if err != nil {
		return nil
	}
	e.enrolments[hash], err = provisioning.DecodeEnrolment(b)
	return err
}

// Enrolment is what a one-time code is for; false: it is none, of another kind, or over. Nothing is used up: see provisioning.Enrol.
func (s *Snapshot) Enrolment(domainName, of, code string, now time.Time) (provisioning.Enrolment, bool) {
	x, ok := find(s, domainName, provisioning.EnrolmentKey(code), func(d *domain) map[string]provisioning.Enrolment { return d.enrolments })
	if !ok || !x.Counts(of, now) {
		return provisioning.Enrolment{}, false
	}
	return x, true
}

// takeInventory is take for these.
func (e *edit) takeInventory(r provisioning.Reader, c provisioning.Change) error {
	switch c.Kind {
	case provisioning.KindDevice:
		return set(e, r, c, &e.devices)
	case provisioning.KindDeviceStatus:
		return set(e, r, c, &e.statuses)
	case provisioning.KindFirmware:
		return set(e, r, c, &e.firmware)
	case provisioning.KindFirmwareStatus:
		return set(e, r, c, &e.rollouts)
	}
	return nil // a kind that the switch does not use
}

// takeDeviceKeys follows the secret of one.
func (e *edit) takeDeviceKeys(r provisioning.Reader, domainName, mac string) error {
	k, err := provisioning.DeviceKeysOf(r, domainName, mac)
	if err != nil && !notFound(err) {
		return err
	}
	own(e, "secret/"+provisioning.SecretDeviceKeys, &e.deviceKeys)
	delete(e.deviceKeys, mac)
	if err == nil {
		e.deviceKeys[mac] = &k
	}
	return nil
}

// Device of the inventory by its MAC.
func (s *Snapshot) Device(domainName, mac string) (provisioning.ManagedDevice, bool) {
	return find(s, domainName, mac, func(d *domain) map[string]provisioning.ManagedDevice { return d.devices })
}

// DeviceStatus is what became of a device; the zero value: it is in service, and has fetched nothing.
func (s *Snapshot) DeviceStatus(domainName, mac string) provisioning.DeviceStatus {
	st, _ := find(s, domainName, mac, func(d *domain) map[string]provisioning.DeviceStatus { return d.statuses })
	st.MAC = mac
	return st
}

// FirmwareFor is what a device is told to have; false: nothing.
func (s *Snapshot) FirmwareFor(domainName string, of provisioning.ManagedDevice) (provisioning.Firmware, bool) {
	d, ok := s.domains[domainName]
	if !ok {
		return provisioning.Firmware{}, false
	}
	return provisioning.FirmwareOf(of, d.firmware, d.rollouts)
}

// Firmwares of a domain by name.
func (s *Snapshot) Firmwares(domainName string) []provisioning.Firmware {
	return ordered(s, domainName, func(d *domain) map[string]provisioning.Firmware { return d.firmware })
}

// Rollout is how far that of a firmware came.
func (s *Snapshot) Rollout(domainName, name string) provisioning.FirmwareStatus {
	st, _ := find(s, domainName, name, func(d *domain) map[string]provisioning.FirmwareStatus { return d.rollouts })
	st.Name = name
	return st
}

// Inventory of a domain by MAC.
func (s *Snapshot) Inventory(domainName string) []provisioning.ManagedDevice {
	return ordered(s, domainName, func(d *domain) map[string]provisioning.ManagedDevice { return d.devices })
}

// DeviceKeys are what a device proves itself with; false: it has none.
func (s *Snapshot) DeviceKeys(domainName, mac string) (provisioning.DeviceKeys, bool) {
	k, ok := find(s, domainName, mac, func(d *domain) map[string]*provisioning.DeviceKeys { return d.deviceKeys })
	if !ok {
		return provisioning.DeviceKeys{}, false
	}
	return *k, true
}

// DevicePassword is what a device must know to speak for an extension, with one of its passwords, and until when that counts; zero: no end is known. false:
// there is no such device, it is not registered as that extension, or the password is over. inService: it is not locked or the like.
func (s *Snapshot) DevicePassword(domainName, extension, mac, generation string, now time.Time) (password secret.Secret, until time.Time, inService, ok bool) {
	d, known := s.Device(domainName, mac)
	k, has := s.DeviceKeys(domainName, mac)
	p, until, counts := k.Password(generation, now)
	if !known || !has || !counts || !d.Has(extension) {
		return secret.Secret{}, time.Time{}, false, false
	}
	return secret.New(p.Secret), until, s.DeviceStatus(domainName, mac).InService(), true
}

// DeviceCounts says that what a device proved with a password still counts for an extension.
func (s *Snapshot) DeviceCounts(domainName, extension, mac, generation string, now time.Time) bool {
	_, _, inService, ok := s.DevicePassword(domainName, extension, mac, generation, now)
	return ok && inService
}

// TelephonesSince are the devices, by domain and MAC, of domains in which something that could be part of a configuration is another one than in an earlier
// snapshot: a device, its keys, an extension, firmware, the domain itself.
func (s *Snapshot) TelephonesSince(before *Snapshot) (out [][2]string) {
	for name, d := range s.domains {
		old := before.domains[name]
		if old == d {
			continue
		}
		rolled := old != nil && (!reflect.DeepEqual(d.firmware, old.firmware) || !reflect.DeepEqual(d.rollouts, old.rollouts))
		for mac, now := range d.devices {
			if old == nil || rolled || !reflect.DeepEqual(now, old.devices[mac]) || d.deviceKeys[mac] != old.deviceKeys[mac] || !reflect.DeepEqual(d.statuses[mac], old.statuses[mac]) || d.self.Language != old.self.Language ||
				slices.ContainsFunc(now.Lines, func(l provisioning.DeviceLine) bool {
					a, b := d.extensions[l.Extension], old.extensions[l.Extension]
					return a.Display != b.Display || a.Media != b.Media
				}) {
				out = append(out, [2]string{name, mac})
			}
		}
	}
	return out
}

// StoppedSince are the devices, by domain and MAC, that were in service in an earlier snapshot and are not any more, or are gone.
func (s *Snapshot) StoppedSince(before *Snapshot) (out [][2]string) {
	for name, old := range before.domains {
		if s.domains[name] == old {
			continue
		}
		for mac := range old.devices {
			if _, there := s.Device(name, mac); before.DeviceStatus(name, mac).InService() && (!there || !s.DeviceStatus(name, mac).InService()) {
				out = append(out, [2]string{name, mac})
			}
		}
	}
	return out
}
