package main

import "naisen/provisioning"

// entry is one record for the store, which takes one that it has already for nothing.
type entry interface {
	write(provisioning.Writer) error
	call() string // whose record it is; empty: no call's
}

type (
	cdrEntry   struct{ provisioning.CDR }
	visitEntry struct{ provisioning.QueueVisit }
	stintEntry struct{ provisioning.AgentStint }
)

// write gives the CDR its audit entry.
func (e cdrEntry) write(w provisioning.Writer) error {
	c := e.CDR
	if err := w.AddCDR(c); err != nil {
		return err
	}
	return w.AddAudit(provisioning.AuditEntry{Domain: c.Domain, Subject: "system", Action: "call.ended", Object: c.ID, Outcome: "ok",
		Detail: map[string]any{"from": c.From, "to": c.To, "answered_by": c.AnsweredBy, "status": c.Status, "recording": c.Recording}})
}

func (e visitEntry) write(w provisioning.Writer) error { return w.AddVisit(e.QueueVisit) }
func (e stintEntry) write(w provisioning.Writer) error { return w.AddStint(e.AgentStint) }

func (e cdrEntry) call() string { return e.ID }
func (visitEntry) call() string { return "" }
func (stintEntry) call() string { return "" }

// Visit takes a queue visit, Stint what an agent did: they are written in the order in which they and the CDRs came.
func (l *ledger) Visit(v provisioning.QueueVisit) { l.take(visitEntry{v}) }

// Stint: see Visit.
func (l *ledger) Stint(s provisioning.AgentStint) { l.take(stintEntry{s}) }

func (l *ledger) take(e entry) {
	select {
	case l.queue <- e:
	default:
		l.drop("ledger: queue is full, the record is in this line only", e)
	}
}

// settle says that a call has its record, or never will.
func (l *ledger) settle(e entry) {
	if id := e.call(); id != "" {
		l.settled(id)
	}
}
