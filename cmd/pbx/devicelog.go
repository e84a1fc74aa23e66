package main

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"naisen/provisioning"
	"naisen/sip/registrar"
)

// Bounds of what is remembered of where telephones register from.
const (
	deviceChanges = 4096   // that may wait; what finds no room is counted
	devicePlaces  = 8      // of one extension; the oldest is forgotten
	devicesKnown  = 50_000 // extensions, as many as the registrar holds bindings
)

// Bounds of what is read of the log at the start. A telephone whose place was not read is new again.
const (
	devicesAgo  = 100 * 24 * time.Hour
	devicesRead = 20_000 // entries
	devicesPage = 1000
	devicesTime = 5 * time.Second // while that, what telephones do waits
)

// place is from where and as what a telephone registers. A port says nothing: NAT changes it.
type place struct{ source, agent, proof string }

// deviceLog enters into the audit log when a telephone registers from an address or as a make that was not seen of its extension, and when it leaves. A
// refresh from where it was is none of the log's business: 2,300 telephones make ten of them a second. What stood in the table at the start is known, and where
// telephones were before that says the log itself.
type deviceLog struct {
	enter func(key string, e provisioning.AuditEntry)
	known map[string][]place // of the goroutine that follows
}

func (p *pbx) startDeviceLog(ctx context.Context) {
	d := &deviceLog{enter: p.auditor.often, known: map[string][]place{}}
	w := p.registrar.Watch(deviceChanges)
	if w == nil {
		p.log.Error("pbx: nobody follows the telephones for the audit log: too many watch")
		return
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.remember(run, p.store, p.directory.Snapshot().DomainNames(), time.Now(), p.log)
		for {
			select {
			case <-run.Done():
				return
			case c := <-w.C():
				d.took(c)
			}
		}
	}()
	p.closing("device log", func(context.Context) error { w.Close(); stop(); <-done; return nil })
}

// remember learns from the log where telephones were before this start.
func (d *deviceLog) remember(ctx context.Context, log provisioning.AuditLog, domains []string, now time.Time, notes *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, devicesTime)
	defer cancel()
	for _, domain := range domains {
		q := provisioning.AuditSearch{AuditQuery: provisioning.AuditQuery{Action: "device.register", Newest: true, Since: now.Add(-devicesAgo), Limit: devicesPage}}
		for read, more := 0, true; more && read < devicesRead; {
			page, err := log.SearchAudit(ctx, domain, q)
			if err != nil {
				notes.Warn("pbx: where telephones were before is not known: they are new in the audit log", "domain", domain, "err", err)
				return
			}
			for _, e := range page.Entries {
				d.was(e)
			}
			read, q.After, more = read+len(page.Entries), page.Next, page.Next != 0
		}
	}
}

// was puts a place of before in front of those that are known, which are later.
func (d *deviceLog) was(e provisioning.AuditEntry) {
	proof, _ := e.Detail["proof"].(string)
	at, places := place{e.Source, e.Client, proof}, d.known[e.Subject]
	if slices.Contains(places, at) || len(places) >= devicePlaces || places == nil && len(d.known) >= devicesKnown {
		return
	}
	d.known[e.Subject] = slices.Insert(slices.Clone(places), 0, at)
}

func (d *deviceLog) took(c registrar.Change) {
	b := c.Binding
	proof, _, _ := strings.Cut(b.Proof, ":") // whose token it was is the subject
	at := place{b.Received.Addr().Unmap().String(), b.UserAgent, proof}
	e := provisioning.AuditEntry{Domain: b.Domain, Subject: b.AOR, Object: "extension/" + strings.TrimSuffix(b.AOR, "@"+b.Domain), Outcome: "ok",
		Source: at.source, Client: at.agent, Detail: map[string]any{"transport": b.Transport, "instance": b.Instance, "proof": proof}}
	switch c.Event {
	case registrar.EventCreated:
		d.learn(b.AOR, at)
		return
	case registrar.EventRegistered, registrar.EventRefreshed:
		if !d.learn(b.AOR, at) {
			return
		}
		e.Action = "device.register"
	case registrar.EventUnregistered:
		e.Action, e.Reason = "device.unregister", "by itself"
	case registrar.EventRejected:
		e.Action, e.Reason, e.Subject = "device.unregister", "its right ended", "system"
	case registrar.EventExpired, registrar.EventDeactivated, registrar.EventProbation: // it is away, or comes again: no act of anybody
		return
	}
	d.enter("device/"+b.AOR, e)
}

// learn says whether the place is new for its extension.
func (d *deviceLog) learn(aor string, at place) bool {
	places := d.known[aor]
	if slices.Contains(places, at) {
		return false
	}
	if places == nil && len(d.known) >= devicesKnown {
		for other := range d.known { // any of them
			delete(d.known, other)
			break
		}
	}
	if len(places) >= devicePlaces {
		places = places[1:]
	}
	d.known[aor] = append(slices.Clone(places), at)
	return true
}
