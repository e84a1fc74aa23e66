package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/provisioning/firmware"
	"naisen/sip/registrar"
)

const (
	rolloutTick  = time.Second
	firmwareKept = time.Hour // what nobody needs any more, and how often that is looked at
)

// rollouts brings firmware to telephones, wave by wave, and stops where they are missing afterwards.
type rollouts struct {
	store     provisioning.Store
	directory *directory.Directory
	registrar *registrar.Registrar
	files     *firmware.Files
	mine      func() bool // of several nodes this one does it
	log       *slog.Logger
	swept     time.Time // by the worker alone
}

var _ provisioning.Rollouts = (*rollouts)(nil)

// startRollouts looks each second, at memory alone.
func (p *pbx) startRollouts(ctx context.Context) {
	v := &rollouts{store: liveStore{p.store, p.directory, p.log}, directory: p.directory, registrar: p.registrar, files: firmware.New(p.config.path("firmware")), mine: p.nodes.Mine, log: p.log}
	p.rollouts = v
	p.alarms.watchEach("firmware-halted", v.halted)
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(rolloutTick)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				v.turn(run, time.Now())
			case <-run.Done():
				return
			}
		}
	}()
	p.closing("firmware", func(context.Context) error { stop(); <-done; return nil })
}

// turn does what is due.
func (v *rollouts) turn(ctx context.Context, now time.Time) {
	if v.mine() {
		if err := v.round(ctx, now); err != nil && ctx.Err() == nil {
			v.log.Error("pbx: firmware", "err", err)
		}
	}
	if now.Sub(v.swept) < firmwareKept {
		return
	}
	v.swept = now
	needed, snap := map[string]bool{}, v.directory.Snapshot()
	for _, domain := range snap.DomainNames() {
		for _, f := range snap.Firmwares(domain) {
			needed[f.SHA256] = true
		}
	}
	if err := v.files.Sweep(func(sum string) bool { return needed[sum] }, firmwareKept, now); err != nil {
		v.log.Error("pbx: firmware", "err", err)
	}
}

// round takes the steps of all roll-outs. It writes only what changes.
func (v *rollouts) round(ctx context.Context, now time.Time) error {
	snap := v.directory.Snapshot()
	for _, domain := range snap.DomainNames() {
		for _, f := range snap.Firmwares(domain) {
			if snap.Rollout(domain, f.Name).State != provisioning.FirmwareRunning {
				continue
			}
			if err := v.step(ctx, snap, domain, f, now); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *rollouts) step(ctx context.Context, snap *directory.Snapshot, domain string, f provisioning.Firmware, now time.Time) error {
	s := snap.Rollout(domain, f.Name)
	macs := s.Wave(f, snap.Inventory(domain))
	count, next := v.count(snap, domain, f, lastOf(s.Members)), v.count(snap, domain, f, macs)
	if _, what := s.Step(f, count, next, macs, now); what == "" {
		return nil
	}
	return v.store.Update(ctx, provisioning.Subject{Domain: domain, System: true}, func(w provisioning.Writer) error {
		s, _, err := provisioning.Get[provisioning.FirmwareStatus](w, domain, f.Name)
		if errors.Is(err, provisioning.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		s, what := s.Step(f, count, next, macs, now)
		if what == "" { // somebody halted it meanwhile
			return nil
		}
		v.log.Info("pbx: firmware", "domain", domain, "firmware", f.Name, "step", what, "wave", len(s.Members), "before", s.Before, "registered", count.Registered, "updated", count.Updated)
		if _, err := provisioning.Put(w, domain, s, ""); err != nil {
			return err
		}
		return w.AddAudit(provisioning.AuditEntry{Domain: domain, Action: what, Object: "firmware/" + f.Name, Outcome: "ok", Reason: s.Why,
			Detail: map[string]any{"version": f.Version, "wave": len(s.Members), "before": s.Before, "registered": count.Registered, "updated": count.Updated}})
	})
}

func lastOf(members [][]string) []string {
	if len(members) == 0 {
		return nil
	}
	return members[len(members)-1]
}

// count looks at devices as they are registered.
func (v *rollouts) count(snap *directory.Snapshot, domain string, f provisioning.Firmware, macs []string) (c provisioning.FirmwareCount) {
	c.Devices = len(macs)
	for _, mac := range macs {
		d, ok := snap.Device(domain, mac)
		if !ok {
			continue
		}
		if agents := agentsOf(v.registrar, domain, d); len(agents) > 0 {
			c.Registered++
			if strings.Contains(agents[0], f.Version) {
				c.Updated++
			}
		}
	}
	return c
}

// agentsOf are what a device calls itself, for each of its registrations.
func agentsOf(r *registrar.Registrar, domain string, d provisioning.ManagedDevice) (agents []string) {
	for _, l := range d.Lines {
		for _, b := range r.Lookup(l.Extension + "@" + domain) {
			if readProof(b.Proof).mac == d.MAC {
				agents = append(agents, b.UserAgent)
			}
		}
	}
	return agents
}

// halted is for alarms.watchEach.
func (v *rollouts) halted() map[[2]string]string {
	out, snap := map[[2]string]string{}, v.directory.Snapshot()
	for _, domain := range snap.DomainNames() {
		for _, f := range snap.Firmwares(domain) {
			if s := snap.Rollout(domain, f.Name); s.State == provisioning.FirmwareHalted {
				out[[2]string{domain, f.Name}] = s.Why
			}
		}
	}
	return out
}

// FirmwareCount implements provisioning.Rollouts.
func (v *rollouts) FirmwareCount(domain, name string) provisioning.FirmwareCount {
	snap := v.directory.Snapshot()
	for _, f := range snap.Firmwares(domain) {
		if f.Name == name {
			return v.count(snap, domain, f, lastOf(snap.Rollout(domain, name).Members))
		}
	}
	return provisioning.FirmwareCount{}
}

// HasFirmware implements provisioning.Rollouts.
func (v *rollouts) HasFirmware(f provisioning.Firmware) bool { return v.files.Has(f.SHA256, f.Size) }

// PutFirmware implements provisioning.Rollouts.
func (v *rollouts) PutFirmware(ctx context.Context, f provisioning.Firmware, in io.Reader) error {
	err := v.files.Put(ctx, f.SHA256, f.Size, in)
	switch {
	case errors.Is(err, firmware.ErrContent):
		return &provisioning.Invalid{Field: "", Reason: "has not the hash and size of the catalogue"}
	case errors.Is(err, firmware.ErrFull):
		return &provisioning.Invalid{Field: "", Reason: "finds no room: delete firmware that nobody needs"}
	}
	return err
}
