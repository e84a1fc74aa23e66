package main

import (
	"strings"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
)

// phones shows which telephones ring for an extension.
type phones struct{ *dialler }

var _ provisioning.Devices = phones{}

// Devices implements provisioning.Devices.
func (p phones) Devices(domain, extension string) []provisioning.Device {
	snap := p.directory.Snapshot()
	e, ok := snap.Extension(domain, extension)
	if !ok {
		return nil
	}
	devices := p.devices(snap, domain, e)
	ring := snap.Settings(domain, extension).Ring
	starts := route.Starts(&ring, traits(devices), 0)
	out := make([]provisioning.Device, len(devices))
	for i, v := range devices {
		flows, asleep := awake(v.flows)
		b := flows[0]
		by, _ := b.Device()
		out[i] = provisioning.Device{Woken: by.Provider, Asleep: asleep, Instance: strings.Trim(b.Instance, "<>"), UserAgent: b.UserAgent, Q: b.Q, Transport: b.Transport, Address: b.Received.String(),
			Registered: b.Registered.Truncate(time.Second), Expires: b.Expires.Truncate(time.Second), Desk: v.desk, Turn: starts[i].Turn + 1,
			After: int(starts[i].After / time.Second)}
	}
	return out
}
