package directory

import (
	"maps"
	"slices"
	"time"

	"naisen/provisioning"
)

// Settings are what the owner of an extension decided; the zero value when nothing was.
func (s *Snapshot) Settings(domainName, extension string) provisioning.Settings {
	v, _ := find(s, domainName, extension, func(d *domain) map[string]provisioning.Settings { return d.settings })
	return v
}

// Mobiles are the mobile numbers of a domain by their extension, as they would be dialled. It looks at all settings of the domain.
func (s *Snapshot) Mobiles(domainName string) map[string]string {
	out := map[string]string{}
	if d, ok := s.domains[domainName]; ok {
		for of, v := range d.settings {
			if v.Mobile != nil {
				out[of] = v.Mobile.Number
			}
		}
	}
	return out
}

// MobileOn is the extension whose mobile a carrier brings by a trunk of the role fmc, by the mobile's number.
func (s *Snapshot) MobileOn(domainName, trunk, e164 string) (provisioning.Extension, bool) {
	d, ok := s.domains[domainName]
	if !ok || e164 == "" {
		return provisioning.Extension{}, false
	}
	e, ok := d.extensions[d.mobiles[e164]]
	return e, ok && e.FMCNumber == e164 && e.FMCTrunk == trunk
}

// Calendar by its name.
func (s *Snapshot) Calendar(domainName, name string) (provisioning.Calendar, bool) {
	return find(s, domainName, name, func(d *domain) map[string]provisioning.Calendar { return d.calendars })
}

// CalendarAt finds the calendar whose lamp has a number. It looks at each calendar of the domain.
func (s *Snapshot) CalendarAt(domainName, number string) (provisioning.Calendar, bool) {
	if d, ok := s.domains[domainName]; ok && number != "" {
		for _, c := range d.calendars {
			if c.Number == number {
				return c, true
			}
		}
	}
	return provisioning.Calendar{}, false
}

// Lit are the numbers whose lamps are lit by what is set, each with its domain: extensions that are not to be disturbed, and keys of calendars
// that are not in day mode. It looks at all of them.
func (s *Snapshot) Lit(now time.Time) map[[2]string]bool {
	out := map[[2]string]bool{}
	for name, d := range s.domains {
		for number, v := range d.settings {
			if v.DoNotDisturb {
				out[[2]string{name, number}] = true
			}
		}
		for _, c := range d.calendars {
			if c.Number != "" && c.Mode(now) != provisioning.ModeDay {
				out[[2]string{name, c.Number}] = true
			}
		}
	}
	return out
}

// FeatureCodes is the table of a domain; the zero value says that nothing was changed.
func (s *Snapshot) FeatureCodes(domainName string) provisioning.FeatureCodes {
	v, _ := find(s, domainName, provisioning.FeatureCodes{}.Key(), func(d *domain) map[string]provisioning.FeatureCodes { return d.codes })
	return v
}

// Mailbox by its number.
func (s *Snapshot) Mailbox(domainName, number string) (provisioning.Mailbox, bool) {
	return find(s, domainName, number, func(d *domain) map[string]provisioning.Mailbox { return d.mailboxes })
}

// Mailboxes of a domain, in no order.
func (s *Snapshot) Mailboxes(domainName string) (out []provisioning.Mailbox) {
	if d, ok := s.domains[domainName]; ok {
		return slices.Collect(maps.Values(d.mailboxes))
	}
	return nil
}

// Group by its number.
func (s *Snapshot) Group(domainName, number string) (provisioning.Group, bool) {
	return find(s, domainName, number, func(d *domain) map[string]provisioning.Group { return d.groups })
}

// PagingGroup by its number.
func (s *Snapshot) PagingGroup(domainName, number string) (provisioning.PagingGroup, bool) {
	return find(s, domainName, number, func(d *domain) map[string]provisioning.PagingGroup { return d.pages })
}

// PagingGroups of a domain by number.
func (s *Snapshot) PagingGroups(domainName string) []provisioning.PagingGroup {
	return ordered(s, domainName, func(d *domain) map[string]provisioning.PagingGroup { return d.pages })
}

// Rejections of a domain by name.
func (s *Snapshot) Rejections(domainName string) (out []provisioning.Rejection) {
	d, ok := s.domains[domainName]
	if !ok {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(d.rejections)) {
		out = append(out, d.rejections[name])
	}
	return out
}

// ParkingLot by its number.
func (s *Snapshot) ParkingLot(domainName, number string) (provisioning.ParkingLot, bool) {
	return find(s, domainName, number, func(d *domain) map[string]provisioning.ParkingLot { return d.lots })
}

// ParkingLots of a domain by number.
func (s *Snapshot) ParkingLots(domainName string) []provisioning.ParkingLot {
	return ordered(s, domainName, func(d *domain) map[string]provisioning.ParkingLot { return d.lots })
}

// LotOf is the parking lot that has a slot of that number.
func (s *Snapshot) LotOf(domainName, slot string) (provisioning.ParkingLot, bool) {
	if d, ok := s.domains[domainName]; ok {
		for _, l := range d.lots {
			if l.Slot(slot) {
				return l, true
			}
		}
	}
	return provisioning.ParkingLot{}, false
}

// readDesk reads the numbers that are nobody's telephone: keys of calendars, groups that ring or are spoken to, parking lots.
func (d *domain) readDesk(r provisioning.Reader) (err error) {
	if d.calendars, err = readAll[provisioning.Calendar](r, d.self.Name); err != nil {
		return err
	}
	if d.groups, err = readAll[provisioning.Group](r, d.self.Name); err != nil {
		return err
	}
	if d.pages, err = readAll[provisioning.PagingGroup](r, d.self.Name); err != nil {
		return err
	}
	d.lots, err = readAll[provisioning.ParkingLot](r, d.self.Name)
	return err
}

// takeDesk takes a change of one of these.
func (e *edit) takeDesk(r provisioning.Reader, c provisioning.Change) error {
	switch c.Kind {
	case provisioning.KindCalendar:
		return set(e, r, c, &e.calendars)
	case provisioning.KindGroup:
		return set(e, r, c, &e.groups)
	case provisioning.KindPagingGroup:
		return set(e, r, c, &e.pages)
	case provisioning.KindParkingLot:
		return set(e, r, c, &e.lots)
	}
	return e.takeInventory(r, c)
}
