package main

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"naisen/provisioning"
	zerotouch "naisen/provisioning/device"
	"naisen/provisioning/directory"
	"naisen/sip/event"
	"naisen/sip/registrar"
	"naisen/sip/stack"
)

// fleet is the telephones of the inventory as they are now.
type fleet struct {
	directory *directory.Directory
	registrar *registrar.Registrar
	stack     *stack.Stack
	service   *zerotouch.Service // nil: they get their configuration elsewhere
	log       *slog.Logger
}

var _ provisioning.Fleet = (*fleet)(nil)

// URL implements provisioning.Fleet.
func (f *fleet) URL(domain, code string) string {
	if f.service == nil {
		return ""
	}
	return f.service.URL(domain, code)
}

// now is the fingerprint of what a device would be told; empty: nothing.
func (f *fleet) now(domain string, d provisioning.ManagedDevice) string {
	if f.service == nil {
		return ""
	}
	file, err := zerotouch.Render(d.Vendor, f.service.Settings(domain, d))
	if err != nil {
		return ""
	}
	return zerotouch.Fingerprint(file)
}

// Report implements provisioning.Fleet.
func (f *fleet) Report(domain, mac string) (provisioning.DeviceReport, error) {
	snap := f.directory.Snapshot()
	d, ok := snap.Device(domain, mac)
	if !ok {
		return provisioning.DeviceReport{}, provisioning.ErrNotFound
	}
	r := provisioning.DeviceReport{DeviceStatus: snap.DeviceStatus(domain, mac), Now: f.now(domain, d), Registrations: []provisioning.DeviceRegistration{}, Drift: []string{}}
	switch {
	case r.Fetched.IsZero():
		r.Drift = append(r.Drift, "never-fetched")
	case f.service != nil && r.Told != r.Now:
		r.Drift = append(r.Drift, "configuration")
	}
	agrees := zerotouch.Agent(d, r.Agent)
	k, _ := snap.DeviceKeys(domain, mac)
	for _, l := range d.Lines {
		found := false
		for _, b := range f.registrar.Lookup(l.Extension + "@" + domain) {
			p := readProof(b.Proof)
			if p.mac != mac {
				continue
			}
			found, agrees = true, agrees && zerotouch.Agent(d, b.UserAgent)
			r.Registrations = append(r.Registrations, provisioning.DeviceRegistration{Extension: l.Extension, Agent: b.UserAgent, Address: b.Received.String(), Since: b.Registered.UTC().Truncate(time.Second)})
			if p.generation != k.Configured().Generation {
				r.Drift = append(r.Drift, "old-password "+l.Extension)
			}
		}
		if !found && r.InService() {
			r.Drift = append(r.Drift, "not-registered "+l.Extension)
		}
	}
	if !agrees {
		r.Drift = append(r.Drift, "agent")
	}
	if rom, told := snap.FirmwareFor(domain, d); told && slices.ContainsFunc(r.Registrations, func(g provisioning.DeviceRegistration) bool { return !strings.Contains(g.Agent, rom.Version) }) {
		r.Drift = append(r.Drift, "firmware "+rom.Version)
	}
	if now := time.Now(); d.Certificate == provisioning.CertificateRequired && !slices.ContainsFunc(r.Certificates, func(c provisioning.DeviceCertificate) bool { return r.Certified(d, c.Serial, now) }) {
		r.Drift = append(r.Drift, "no-certificate")
	}
	return r, nil
}

// Resync implements provisioning.Fleet: a telephone with several lines is asked on one of them, since it has one configuration.
func (f *fleet) Resync(domain, mac string) (asked int, err error) {
	snap := f.directory.Snapshot()
	d, ok := snap.Device(domain, mac)
	if !ok {
		return 0, provisioning.ErrNotFound
	}
	for _, l := range d.Lines {
		for _, b := range f.registrar.Lookup(l.Extension + "@" + domain) {
			if readProof(b.Proof).mac != mac {
				continue
			}
			event.CheckSync(f.stack, event.AOR{User: l.Extension, Domain: domain}, event.Phone{Contact: b.Contact, Routes: routes(b), Target: b.Target()}, zerotouch.Resync(d.Vendor), func(took bool) {
				if !took {
					f.log.Info("pbx: a telephone did not take its resync", "domain", domain, "device", mac)
				}
			})
			return 1, nil
		}
	}
	return 0, nil
}

// resyncRest is how long after a change telephones are told of it: several changes are told once.
const resyncRest = 500 * time.Millisecond

// startResync tells each telephone whose configuration is another one than it was given, once for each: whoever changed it, and however.
func (p *pbx) startResync(ctx context.Context) {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		told := map[[2]string]string{} // by domain and MAC: the configuration that was asked for
		snap := p.directory.Snapshot()
		for {
			if p.directory.WaitVersion(run, snap.Version()+1) != nil {
				return
			}
			select {
			case <-run.Done():
				return
			case <-time.After(resyncRest):
			}
			last := snap
			snap = p.directory.Snapshot()
			for _, at := range snap.TelephonesSince(last) {
				p.fleet.follow(snap, told, at[0], at[1])
			}
		}
	}()
	p.closing("resync", func(context.Context) error { stop(); <-done; return nil })
}

// follow tells one.
func (f *fleet) follow(snap *directory.Snapshot, told map[[2]string]string, domain, mac string) {
	at := [2]string{domain, mac}
	d, ok := snap.Device(domain, mac)
	st := snap.DeviceStatus(domain, mac)
	if !ok {
		delete(told, at)
		return
	}
	now := f.now(domain, d)
	if !st.InService() || st.Fetched.IsZero() || now == "" || now == st.Told || now == told[at] {
		return
	}
	if asked, err := f.Resync(domain, mac); err == nil && asked > 0 {
		told[at] = now
	}
}
