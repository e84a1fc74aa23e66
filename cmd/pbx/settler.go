package main

import (
	"context"
	"log/slog"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/sip/registrar"
)

// settlings bounds the registrations that may wait to be looked at. What finds no room is looked at with its next refresh.
const settlings = 4096

// settlePatience bounds one write.
const settlePatience = 10 * time.Second

// settler ends the password of before, once a telephone of the inventory has all its registrations by the new one: so a rotation costs no call.
type settler struct {
	store     provisioning.Store
	directory *directory.Directory
	registrar interface {
		Lookup(aor string) []registrar.Binding
	}
	log *slog.Logger
}

func (p *pbx) startSettler(ctx context.Context) {
	s := &settler{store: liveStore{p.store, p.directory, p.log}, directory: p.directory, registrar: p.registrar, log: p.log}
	w := p.registrar.Watch(settlings)
	if w == nil {
		p.log.Error("pbx: nobody ends the old passwords of telephones before their time: too many watch")
		return
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-run.Done():
				return
			case c := <-w.C():
				s.took(run, c)
			}
		}
	}()
	p.closing("device passwords", func(context.Context) error { w.Close(); stop(); <-done; return nil })
}

func (s *settler) took(ctx context.Context, c registrar.Change) {
	p := readProof(c.Binding.Proof)
	if p.kind != proofDevice {
		return
	}
	domain := c.Binding.Domain
	snap := s.directory.Snapshot()
	k, ok := snap.DeviceKeys(domain, p.mac)
	if !ok || k.Next == nil || !s.moved(snap, domain, p.mac, k) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, settlePatience)
	defer cancel()
	err := s.store.Update(ctx, provisioning.Subject{Domain: domain, System: true}, func(w provisioning.Writer) error {
		return provisioning.SettleDevice(w, domain, p.mac, k.Next.Generation)
	})
	if err != nil { // the next refresh comes
		s.log.Warn("pbx: the old password of a telephone stays for now", "domain", domain, "device", p.mac, "err", err)
	}
}

// moved: the device is registered by the new password, and by no other.
func (s *settler) moved(snap *directory.Snapshot, domain, mac string, k provisioning.DeviceKeys) bool {
	d, _ := snap.Device(domain, mac)
	moved := false
	for _, l := range d.Lines {
		for _, b := range s.registrar.Lookup(l.Extension + "@" + domain) {
			p := readProof(b.Proof)
			switch {
			case p.mac != mac:
			case p.generation == k.Next.Generation:
				moved = true
			default:
				return false
			}
		}
	}
	return moved
}
