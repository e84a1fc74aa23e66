package route

import (
	"time"

	"naisen/provisioning"
	"naisen/sip"
)

const (
	// VerbPage lets the caller speak to the members of the paging group Name.
	VerbPage = "page"
	// VerbPaged lets a member of the paging group Name hear what is spoken to it; Data: Page.
	VerbPaged = "paged"
)

// Page in Run.Data is the call of who speaks.
const Page = "page"

// AnswersItself is how long a telephone has to answer by itself; one that does not know how rings meanwhile.
const AnswersItself = 20 * time.Second

// alone is the telephone of an extension that may be made to answer by itself. False: its person is not to be disturbed, talks, or has calls
// sent elsewhere; or it is none of ours.
func alone(dir Directory, req Request, number string) (Target, bool) {
	t, free := disturb(dir, req, number)
	if !free || req.busy(number) || t.Kind != ToExtension {
		return Target{}, false
	}
	t.Idle, t.AutoAnswer, t.Mobile, t.Ours = true, true, nil, nil // a mobile does not answer by itself
	return t, true
}

// paging lets somebody speak to a paging group. Only who dials it at an own telephone does: whoever is sent there would be heard in every room
// without a wish of its own, and who is sent by a stranger is a stranger.
func paging(dir Directory, req Request, caller provisioning.Extension, g provisioning.PagingGroup, p Plan) Plan {
	switch {
	case !req.Own:
		return refuse(403, "paging group "+g.Number+": nobody is sent there")
	case !g.May(caller.Number):
		return Plan{Refuse: sip.CauseForbidden, Say: sayClosed, Direction: Internal, To: g.Number, Why: "paging group " + g.Number + ": " + caller.Number + " may not speak"}
	}
	p.Direction, p.To, p.Why = Internal, g.Number, "paging group "+g.Number
	p.Record = PageRecord(dir, req.Domain, caller, g, p.Language)
	p.Steps = []Step{{Run: Run{Verb: VerbPage, Name: g.Number, For: caller.Number}}}
	return p
}

// PageRecord is how an announcement is recorded: as calls of who speaks are, and as the group's own policy says. Members' legs are encrypted as it demands.
func PageRecord(dir Directory, domain string, by provisioning.Extension, g provisioning.PagingGroup, language string) Record {
	return makes(dir, domain, by, Internal, language).And(record(dir, domain, g.Policy, g.Number, language))
}

// pagingByCode is the code with the number of a group, or without: the one group that the caller may speak to.
func pagingByCode(dir Directory, req Request, caller provisioning.Extension, number string, p Plan) Plan {
	if number != "" {
		g, ok := dir.PagingGroup(req.Domain, number)
		if !ok {
			return refuse(404, "no paging group "+number)
		}
		return paging(dir, req, caller, g, p)
	}
	var own []provisioning.PagingGroup
	for _, g := range dir.PagingGroups(req.Domain) {
		if g.May(caller.Number) {
			own = append(own, g)
		}
	}
	if len(own) != 1 {
		return Announce(p, "feature/not-possible", sip.CauseNotFound)
	}
	return paging(dir, req, caller, own[0], p)
}

// paged rings the extension Dialled so that it hears what is spoken to the paging group Paged. It is recorded nowhere: it says nothing.
func paged(dir Directory, req Request, p Plan) Plan {
	t, ok := alone(dir, req, req.Dialled)
	if !ok {
		return Plan{Refuse: sip.CauseBusy, Direction: Internal, To: req.Dialled, Why: "paging group " + req.Paged + ": extension " + req.Dialled + " is left alone"}
	}
	p.Direction, p.Why, p.Record = Internal, "paging group "+req.Paged, Record{Notice: NoticeNone}
	p.Steps = []Step{{Ring: AnswersItself, Targets: []Target{t}}}
	return p
}
