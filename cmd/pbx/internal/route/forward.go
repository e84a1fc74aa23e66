package route

import (
	"slices"

	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/number"
)

// MaxHops is how often one call is sent on, by whoever: phones, forwards, and other networks before us.
const MaxHops = 5

// Reasons of a diversion (RFC 5806 section 4).
const (
	always      = "unconditional"
	whenBusy    = "user-busy"
	noAnswer    = "no-answer"
	unavailable = "unavailable"
	dnd         = "do-not-disturb"
)

// Forward sends a call on when its step reached nobody.
type Forward struct {
	On     Outcome
	To     provisioning.Destination
	By     Diverter
	Reason string
}

// Diverter is who sends a call on: an extension or a group.
type Diverter struct {
	Number, Name string
	Payer        string // extension whose rights and limits decide about an outside number
}

func diverter(e provisioning.Extension) Diverter {
	return Diverter{Number: e.Number, Name: e.Display, Payer: e.Number}
}

// passed tells whether a number has sent the call on before.
func (r Request) passed(p Plan, number string) bool {
	by := func(d sip.Diversion) bool { return d.By.URI.User == number && d.By.URI.Host == r.Domain }
	return slices.ContainsFunc(r.Way, by) || slices.ContainsFunc(p.Way, by)
}

// forwarded is the plan of a call that a step sends on because it reached nobody.
func forwarded(dir Directory, req Request, p Plan) Plan {
	f := *req.Forward
	p.Direction, p.To, p.Record, p.Why = Internal, f.By.Number, Record{Notice: NoticeNone}, "call to "+f.By.Number
	if req.Trunk != "" {
		p.Direction = Inbound
	}
	p = forward(dir, req, f, p)
	if req.LateMedia && p.Record.Notice == NoticeEarly {
		p.Record.Notice = NoticeAnswer
	}
	return p
}

// forward plans what f wants, beginning with p: who calls, and what was decided for them, stays.
func forward(dir Directory, req Request, f Forward, p Plan) Plan {
	p.Way = append(slices.Clip(p.Way), sip.Diversion{Reason: f.Reason,
		By: sip.Address{Display: f.By.Name, URI: sip.URI{Scheme: "sip", User: f.By.Number, Host: req.Domain}}})
	req.Device, req.Direct = "", false
	p.Why += ", " + f.Reason + " by " + f.By.Number
	if len(req.Way)+len(p.Way) > MaxHops {
		return refuse(480, p.Why+": sent on too often")
	}
	switch {
	case f.To.Extension != "":
		return forwardTo(dir, req, f.To.Extension, p)
	case f.To.Group != "":
		return forwardGroup(dir, req, f.To.Group, p)
	case f.To.Voicemail != "":
		return Voicemail(dir, req.Domain, f.To.Voicemail, occasion(f.Reason), p)
	}
	return forwardOut(dir, req, f, p)
}

func forwardTo(dir Directory, req Request, extension string, p Plan) Plan {
	called, ok := dir.Extension(req.Domain, extension)
	switch {
	case !ok:
		return refuse(404, p.Why+": no extension "+extension)
	case req.passed(p, extension):
		return refuse(480, p.Why+": in a circle")
	}
	return reach(dir, req, called, p)
}

func forwardGroup(dir Directory, req Request, number string, p Plan) Plan {
	g, ok := dir.Group(req.Domain, number)
	if !ok {
		return refuse(404, p.Why+": no group "+number)
	}
	return hunt(dir, req, g, p)
}

// forwardOut sends the call to what its diverter would reach by dialling that number, within the diverter's rights. An outside line is shown
// the caller if that one came from outside too, else the diverter: an extension's number means nothing there.
func forwardOut(dir Directory, req Request, f Forward, p Plan) Plan {
	by, ok := dir.Extension(req.Domain, f.By.Payer)
	if !ok || by.Disabled {
		return refuse(403, p.Why+": nobody answers for it")
	}
	n, wish := number.Japan.SplitPresentation(f.To.Number)
	if called, ok := dir.Extension(req.Domain, n); ok {
		return forwardTo(dir, req, called.Number, p)
	}
	if g, ok := dir.Group(req.Domain, n); ok {
		return hunt(dir, req, g, p)
	}
	e164, _ := number.Japan.E164(n)
	if did, ok := dir.DID(req.Domain, e164); ok {
		return toDID(dir, req, did, p)
	}
	ask := Request{Domain: req.Domain, Extension: by.Number, Dialled: n, E164: e164, Site: by.Site, Standing: true, now: req.now}
	out := outbound(dir, ask, by, wish, Plan{Language: p.Language})
	switch {
	case out.Emergency || IsEmergency(f.To.Number):
		return refuse(403, p.Why+": nobody is sent to an emergency number")
	case out.Refuse.Status != 0:
		out.Why = p.Why + ": " + out.Why
		return out
	}
	for i := range out.Steps {
		for j := range out.Steps[i].Targets {
			out.Steps[i].Targets[j].Diverter = &out.Shown
		}
	}
	p.Steps, p.Charge, p.Why = out.Steps, out.Charge, p.Why+" to "+out.Why
	return p
}
