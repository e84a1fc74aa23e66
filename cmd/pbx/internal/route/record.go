package route

import (
	"cmp"
	"slices"
	"time"

	"naisen/provisioning"
)

// Recording is how a call of a number is recorded under a policy of the domain; an unknown policy records nothing.
func Recording(dir Directory, domain, policy, number, language string) Record {
	return record(dir, domain, policy, number, language)
}

func record(dir Directory, domain, policy, number, language string) Record {
	pol, ok := dir.Policy(domain, policy)
	switch {
	case policy == "" || !ok || pol.Record == "":
		return Record{Notice: NoticeNone, Media: pol.Media, DSCP: pol.DSCP}
	case pol.Record == provisioning.RecordNever:
		return Record{Never: number, Notice: NoticeNone, Media: pol.Media, DSCP: pol.DSCP}
	}
	outside := ""
	if len(pol.Outside) > 0 {
		outside = pol.Name
	}
	return Record{Outside: outside, On: pol.Record == provisioning.RecordAlways, OnDemand: pol.Record == provisioning.RecordOnDemand, Media: pol.Media, DSCP: pol.DSCP,
		Number: number, Policy: pol.Name, Language: language, Refuse: pol.OnFailure == "refuse", PauseMost: time.Duration(pol.PauseSeconds) * time.Second, Retention: pol.RetentionDays, Label: pol.Label.Or(),
		PreBuffer: pol.PreBuffer && pol.Record == provisioning.RecordOnDemand}.told(pol)
}

// Which policy counts: all that a call comes under, together, as the strictest of them wants (And). There is none that takes another one's place, so
// that no number is recorded less because something was written at another. A call comes under
//
//   - the number that was called (DID), and what it leads to: a group, a queue, a room, a paging group
//   - the extension that makes it: the policy of all calls that it makes, and the one of the direction
//   - the extension that takes it: the policy of the direction
//   - the trunk by which it comes or goes, and the domain: the policy of the direction
//
// from the moment at which it reaches each of them, to its end. never forbids, whatever the others say: see Record.Never, and for extensions Party.

// made is how the calls that an extension makes are recorded. Who only sends somebody else there, or pays, does not take part.
func made(dir Directory, req Request, caller provisioning.Extension, p Plan) Record {
	r := makes(dir, req.Domain, caller, p.Direction, p.Language)
	if req.Away {
		return Record{Notice: NoticeNone, Media: r.Media, DSCP: r.DSCP}
	}
	r.Never = "" // a person forbids as long as it takes part, not for good: Taking
	number := cmp.Or(caller.Number, p.To, req.Dialled)
	if t, ok := trunkOf(dir, req.Domain, req.Trunk); ok { // of another telephone system of ours
		r = r.And(record(dir, req.Domain, directed(t.Recording, Internal), number, p.Language))
	}
	d, _ := dir.Domain(req.Domain)
	return r.And(record(dir, req.Domain, directed(d.Recording, p.Direction), number, p.Language))
}

// came is how the calls that come from outside are recorded, whatever number they come to.
func came(dir Directory, req Request, number, language string) Record {
	r := Record{Notice: NoticeNone}
	if t, ok := trunkOf(dir, req.Domain, req.Trunk); ok {
		r = record(dir, req.Domain, directed(t.Recording, Inbound), number, language)
	}
	d, _ := dir.Domain(req.Domain)
	return r.And(record(dir, req.Domain, directed(d.Recording, Inbound), number, language))
}

// Party is somebody who takes part in a call, as far as recording policies know it.
type Party struct {
	Extension string // whose telephone it is; empty: none of ours
	Trunk     string // by which it was reached, where it is none
	Calls     bool   // it made the call
	Direction Direction
	Number    string // what is recorded, where the policy is a trunk's
	Language  string
}

// Taking is the policy of who takes part. The one of a person who makes a call is in its plan already, but for what forbids.
func Taking(dir Directory, domain string, p Party) Record {
	if p.Extension == "" {
		t, _ := trunkOf(dir, domain, p.Trunk)
		return record(dir, domain, directed(t.Recording, p.Direction), p.Number, p.Language)
	}
	e, _ := dir.Extension(domain, p.Extension)
	if p.Calls {
		return makes(dir, domain, e, p.Direction, p.Language)
	}
	return record(dir, domain, directed(e.Recording, p.Direction), e.Number, p.Language)
}

// makes is how the calls are recorded that an extension makes in a direction.
func makes(dir Directory, domain string, e provisioning.Extension, to Direction, language string) Record {
	return record(dir, domain, e.Record, e.Number, language).And(record(dir, domain, directed(e.Recording, to), e.Number, language))
}

// directed is the policy of a direction; a call that has none yet stays inside.
func directed(d *provisioning.Directions, to Direction) string {
	switch {
	case d == nil:
		return ""
	case to == Inbound:
		return d.Incoming
	case to == Outbound:
		return d.Outgoing
	}
	return d.Internal
}

func trunkOf(dir Directory, domain, name string) (provisioning.Trunk, bool) {
	if name == "" {
		return provisioning.Trunk{}, false
	}
	trunks := dir.Trunks(domain)
	i := slices.IndexFunc(trunks, func(t provisioning.Trunk) bool { return t.Name == name })
	if i < 0 {
		return provisioning.Trunk{}, false
	}
	return trunks[i], true
}

// And is how a call is recorded that is recorded as r and now touches a number with a policy of its own: as the strictest of both wants. It stays
// one case, that of the number which demanded it first; what somebody switched on by hand was demanded by none. What is always recorded counts before
// what is recorded on demand, and what forbids before both.
func (r Record) And(next Record) Record {
	out := r
	switch {
	case r.weight() < next.weight():
		out = next
	case r.weight() == next.weight() && r.weight() > 0:
		out = r.strictest(next)
	}
	out.DSCP = cmp.Or(out.DSCP, r.DSCP, next.DSCP) // what a class is marked with does not end where another policy says nothing of it
	out.Never, out.Media = cmp.Or(r.Never, next.Never), Stricter(r.Media, next.Media)
	out.OnDemand, out.PreBuffer = r.OnDemand || next.OnDemand, r.PreBuffer || next.PreBuffer
	return out
}

// weight is which of two decides how a recording is kept.
func (r Record) weight() int {
	switch {
	case r.On:
		return 2
	case r.OnDemand:
		return 1
	}
	return 0
}

// strictest of two that demand the same.
func (r Record) strictest(next Record) Record {
	if r.ByHand && !next.ByHand {
		r.ByHand, r.Number, r.Policy = false, next.Number, next.Policy
	}
	r = r.announced(next)
	r.Outside = cmp.Or(r.Outside, next.Outside) // whoever's case it is, nobody's copy ends
	r.Refuse = r.Refuse || next.Refuse
	r.PauseMost = shorter(r.PauseMost, next.PauseMost)
	if r.Retention > 0 { // 0: for ever
		r.Retention = max(r.Retention, next.Retention)
		if next.Retention == 0 {
			r.Retention = 0
		}
	}
	if r.Label != next.Label {
		r.Label = r.Label.Higher(next.Label)
	}
	return r
}

// UsualPause is how long a recording stays paused where no policy says it.
const UsualPause = 5 * time.Minute

// shorter of two limits of a pause.
func shorter(a, b time.Duration) time.Duration {
	if a == b {
		return a
	}
	return min(cmp.Or(a, UsualPause), cmp.Or(b, UsualPause))
}

// Tells says that whoever takes part is told from the beginning: the call is recorded, or what was said before somebody asks may be kept.
func (r Record) Tells() bool { return r.On || r.Holds() }

// Holds says that the last stretch of the call may stand in memory until somebody asks for a recording.
func (r Record) Holds() bool { return r.OnDemand && r.PreBuffer }

// also is a plan's recording with that of one more number on the way.
func (p Plan) also(r Record) Record { return p.Record.And(r) }
