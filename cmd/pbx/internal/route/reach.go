package route

import (
	"time"

	"naisen/provisioning"
	"naisen/sip"
)

// reach rings an extension as its owner wishes. p has what is known already: who calls, and whether it is recorded.
func reach(dir Directory, req Request, called provisioning.Extension, p Plan) Plan {
	if called.Disabled {
		return refuse(480, "extension "+called.Number+" is disabled")
	}
	if req.Direct {
		p = ring(req, called, nil, defaultRing, p)
		t, s := &p.Steps[0].Targets[0], dir.Settings(req.Domain, called.Number)
		t.Mobile, t.Ours = mobile(dir, req, called, s), ours(req, called, s) // that may be where it belongs
		return p
	}
	if _, taken := dir.PersonAt(req.Domain, called.Number, req.now); taken && called.HotDesk.Silent() {
		return refuse(480, p.Why+": somebody else is signed in at "+called.Number)
	}
	s := dir.Settings(req.Domain, called.Number)
	by := diverter(called)
	send := func(to *provisioning.Destination, reason string, on Outcome) *Forward {
		if to == nil || to.Extension != "" && to.Extension == req.Extension { // whom calls are sent to gets through: the secretary calls the boss
			return nil
		}
		return &Forward{On: on, To: *to, By: by, Reason: reason}
	}
	busy, silent := send(s.Forward.Busy, whenBusy, Busy), send(s.Forward.NoAnswer, noAnswer, NoAnswer)
	absent := send(s.Forward.Unregistered, unavailable, Unreachable)
	if absent == nil && s.Forward.Unregistered == nil {
		absent = send(s.Forward.NoAnswer, unavailable, Unreachable)
	}
	if f := send(s.Forward.Always, always, Any); f != nil {
		return forward(dir, req, *f, p)
	}
	switch {
	case s.DoNotDisturb && busy != nil:
		busy.Reason = dnd
		return forward(dir, req, *busy, p)
	case s.DoNotDisturb:
		return Plan{Refuse: sip.CauseBusy.WithText("Do not disturb"), Why: p.Why + ": extension " + called.Number + " is not to be disturbed"}
	case called.Remote == "" && absent != nil && !req.registered(called.Number) && mobile(dir, req, called, s) == nil && ours(req, called, s) == nil:
		return forward(dir, req, *absent, p)
	case s.NoCallWaiting && req.busy(called.Number) && busy != nil:
		return forward(dir, req, *busy, p)
	case s.NoCallWaiting && req.busy(called.Number):
		return Plan{Refuse: sip.CauseBusy, Why: p.Why + ": extension " + called.Number + " talks"}
	}
	wait := defaultRing
	if silent != nil {
		wait = time.Duration(s.Forward.RingSeconds()) * time.Second
	}
	p = ring(req, called, []*Forward{busy, silent, absent}, wait, p)
	p.Steps[0].Targets[0] = p.Steps[0].Targets[0].wished(dir, req, called, s)
	return p
}

// ring is the step that rings the extension, whoever set what.
func ring(req Request, called provisioning.Extension, then []*Forward, wait time.Duration, p Plan) Plan {
	step := Step{Ring: wait, Targets: []Target{toExtension(called, req.Device)}}
	for _, f := range then {
		if f != nil {
			step.Forward = append(step.Forward, *f)
		}
	}
	p.Steps = []Step{step}
	return p
}

// disturb tells whether an extension that is one of several may ring: calls to several are not sent on by one of them.
func disturb(dir Directory, req Request, n string) (Target, bool) {
	e, ok := dir.Extension(req.Domain, n)
	if !ok || e.Disabled {
		return Target{}, false
	}
	if _, taken := dir.PersonAt(req.Domain, n, req.now); taken && e.HotDesk.Silent() {
		return Target{}, false
	}
	s := dir.Settings(req.Domain, n)
	if s.DoNotDisturb || s.Forward.Always != nil || s.NoCallWaiting && req.busy(n) {
		return Target{}, false
	}
	return toExtension(e, "").wished(dir, req, e, s), true
}
