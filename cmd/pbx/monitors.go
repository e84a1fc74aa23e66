package main

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"naisen/cmd/pbx/internal/app"
	"naisen/cmd/pbx/internal/call"
	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/provisioning/policy"
)

// monitors let supervisors into calls: they find the call, ask the policy and the supervisions, and write into the audit log before anything is
// heard.
type monitors struct {
	directory *directory.Directory
	policy    provisioning.Policy
	calls     func() *call.Switch
	write     func(context.Context, provisioning.AuditEntry) error
	denied    func(domain, extension, dialled string, detail map[string]any) // rated: guessing fills no log
	clock     func() time.Time
	log       *slog.Logger
}

var _ app.Monitors = (*monitors)(nil)

func (p *pbx) newMonitors() *monitors {
	return &monitors{directory: p.directory, policy: p.policy, calls: func() *call.Switch { return p.calls }, denied: p.auditor.callDenied, clock: time.Now, log: p.log,
		write: func(ctx context.Context, e provisioning.AuditEntry) error {
			return p.store.Update(ctx, provisioning.Subject{System: true}, func(w provisioning.Writer) error { return w.AddAudit(e) })
		}}
}

// monitor is one listening. It implements app.Monitor; its call uses it from one goroutine at a time.
type monitor struct {
	of    *monitors
	wish  app.Wish
	call  string // that is heard
	user  string
	began time.Time
	judge provisioning.SupervisedCall
	seat  *call.Gallery
	tone  bool
}

// Begin implements app.Monitors.
func (m *monitors) Begin(ctx context.Context, w app.Wish) (app.Monitor, error) {
	id, seen := m.find(ctx, w)
	if seen.Gallery == nil {
		return nil, app.ErrNoCall
	}
	own, _ := m.directory.Snapshot().Extension(w.Domain, w.Supervisor)
	x := &monitor{of: m, wish: w, call: id, user: own.User, began: m.clock(), seat: seen.Gallery,
		judge: provisioning.SupervisedCall{Agent: w.Agent, Extensions: seen.Extensions, Queue: seen.Queue, Queues: seen.Queues, Numbers: seen.Called}}
	if err := x.allow(ctx, w.Mode); err != nil {
		return nil, err
	}
	return x, nil
}

// find is the call in which the extension talks: of several the one that is not held, then the one that was answered last.
func (m *monitors) find(ctx context.Context, w app.Wish) (string, call.Watched) {
	type talk struct {
		id       string
		held     bool
		answered time.Time
	}
	var all []talk
	for _, s := range m.calls().Snapshots(w.Domain) {
		for _, p := range s.Parties {
			if p.Extension == w.Agent && s.Phase == call.Talking && s.ID != w.Call {
				all = append(all, talk{s.ID, p.Phase == call.PartyHeld, s.Answered})
			}
		}
	}
	slices.SortFunc(all, func(a, b talk) int {
		if a.held != b.held {
			if a.held {
				return 1
			}
			return -1
		}
		return cmp.Or(b.answered.Compare(a.answered), cmp.Compare(a.id, b.id))
	})
	for _, t := range all {
		done := make(chan call.Watched, 1)
		if m.calls().Post(w.Domain, t.id, call.Watch{Ext: w.Agent, Done: done}) != nil {
			continue
		}
		select {
		case seen := <-done: // one that ends answers too
			if seen.Gallery != nil {
				return t.id, seen
			}
		case <-ctx.Done():
		}
	}
	return "", call.Watched{}
}

// allow judges a mode and writes it down. Without the entry nothing is heard.
func (x *monitor) allow(ctx context.Context, mode string) error {
	m, domain := x.of, x.wish.Domain
	snap := m.directory.Snapshot()
	user, known := snap.User(domain, x.user)
	own, _ := snap.Extension(domain, x.wish.Supervisor)
	subject := snap.Telephone(domain, x.wish.Supervisor)
	queue, _ := snap.Queue(domain, x.judge.Queue)
	rule, tone, ok := provisioning.Supervise(snap.Supervisions(domain), queue, x.user, x.judge, mode)
	o := provisioning.Object{Domain: domain, Kind: policy.KindCall, Key: x.call, Owner: own.User}
	may := m.policy.Decide(subject, policy.CallMonitor, o)
	if !known || user.Out(time.Now()) || !may.Allowed {
		ok = false
		if !may.Allowed {
			rule = may.Rule
		}
	}
	detail := x.detail(mode)
	detail["rule"], detail["policy"], detail["inputs"] = rule, may.Rule, m.policy.Inputs(subject, o)
	if !ok {
		m.denied(domain, x.wish.Supervisor, x.wish.Agent, detail)
		return app.ErrNotAllowed
	}
	x.tone = tone
	if err := m.write(ctx, x.entry("allowed", "", detail)); err != nil {
		m.log.Error("monitors: nothing is heard that is not written down", "call", x.call, "by", x.wish.Supervisor, "err", err)
		return err
	}
	return nil
}

func (x *monitor) detail(mode string) map[string]any {
	return map[string]any{"mode": mode, "extension": x.wish.Agent, "by": x.wish.Supervisor, "monitoring_call": x.wish.Call}
}

func (x *monitor) entry(outcome, suffix string, detail map[string]any) provisioning.AuditEntry {
	who := x.user + "@" + x.wish.Domain
	return provisioning.AuditEntry{Time: x.of.clock(), Domain: x.wish.Domain, Subject: who, Action: string(policy.CallMonitor) + suffix,
		Object: policy.KindCall + "/" + x.call, Outcome: outcome, Detail: detail}
}

// Room implements app.Monitor.
func (x *monitor) Room(tone call.Program) call.Room {
	if !x.tone {
		tone = nil
	}
	return x.seat.For(x.wish.Agent, tone)
}

// Change implements app.Monitor.
func (x *monitor) Change(ctx context.Context, mode string) error { return x.allow(ctx, mode) }

// End implements app.Monitor.
func (x *monitor) End(ctx context.Context) {
	now := x.of.clock()
	err := x.of.write(ctx, x.entry("ok", ".ended", map[string]any{"extension": x.wish.Agent, "by": x.wish.Supervisor, "monitoring_call": x.wish.Call,
		"seconds": int(now.Sub(x.began).Seconds())}))
	if err != nil {
		x.of.log.Error("monitors: audit of an end is missing", "call", x.call, "by", x.wish.Supervisor, "err", err)
	}
}
