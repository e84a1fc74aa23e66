package main

import (
	"naisen/provisioning/directory"
	"slices"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/sip/registrar"
)

// present is the moment as routing reads it.
type present struct {
	legs      *legs
	registrar *registrar.Registrar
	directory *directory.Directory
	afar      *neighbours
}

var _ route.Live = present{}

// Busy implements route.Live.
func (p present) Busy(domain, extension string) bool {
	return p.legs.busy(extension+"@"+domain) || p.afar.occupied(domain, extension)
}

// Registered implements route.Live.
func (p present) Registered(domain, extension string) bool {
	if len(p.registrar.Devices(extension+"@"+domain)) > 0 {
		return true
	}
	return slices.ContainsFunc(p.directory.Snapshot().DesksOf(domain, extension, time.Now()), func(desk string) bool {
		return len(p.registrar.Devices(desk+"@"+domain)) > 0
	})
}

// IdleSince implements route.Live.
func (p present) IdleSince(domain, extension string) time.Time {
	here, there := p.legs.idleSince(extension+"@"+domain), p.afar.idleSince(domain, extension)
	if there.After(here) {
		return there
	}
	return here
}

// Turn implements route.Live.
func (p present) Turn(domain, group string) int { return p.legs.turns(group + "@" + domain) }

// present is that of this switch.
func (s *signalling) present() present { return present{&s.legs, s.registrar, s.directory, s.afar} }
