package provisioning

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Weakening is one way in which a change loosens how recordings are protected: who must agree to it besides who wants it.
type Weakening struct {
	Field  string // JSON name of the entity's field
	Why    string // for people: "retention_days: 365 to 30"
	People int    // so many others
	Class  string // of the domain's own rules (ChangeRules) that asks for it; empty: it protects recordings
}

// One other person agrees to what loosens a protection, two to what lets a number be recorded that never was: whoever dialled it was told so.
const (
	onePerson = 1
	twoPeople = 2
)

// Weakened says what is loosened where a policy takes another one's place; the zero policy is none. What a stricter one adds counts at once.
func (p RecordingPolicy) Weakened(next RecordingPolicy) []Weakening {
	var out []Weakening
	weaker := func(on bool, people int, field, from, to string) {
		if on {
			out = append(out, Weakening{field, field + ": " + quoted(from) + " to " + quoted(to), people, ""})
		}
	}
	mode := onePerson
	if p.Record == RecordNever {
		mode = twoPeople
	}
	weaker(p.Record.weaker(next.Record), mode, "record", string(p.Record), string(next.Record))
	weaker(shortens(p.RetentionDays, next.RetentionDays), onePerson, "retention_days", itoa(p.RetentionDays), itoa(next.RetentionDays))
	weaker(next.Label.Below(p.Label), onePerson, "label", string(p.Label.Or()), string(next.Label.Or()))
	weaker(p.Notice != "none" && next.Notice == "none", onePerson, "notice", p.Notice, next.Notice)
	weaker(p.outward() != "none" && next.outward() == "none" && p.NoticeOutbound != next.NoticeOutbound, onePerson, "notice_outbound", p.NoticeOutbound, next.NoticeOutbound)
	weaker(next.Silent() && next.Exception.extends(p.Exception), onePerson, "exception", p.Exception.String(), next.Exception.String())
	weaker(p.Refusal.loosens(next.Refusal), onePerson, "refusal", p.Refusal.String(), next.Refusal.String())
	weaker(p.OnFailure == "refuse" && next.OnFailure != "refuse", onePerson, "on_failure", p.OnFailure, next.OnFailure)
	weaker(!slices.Equal(p.Outside, next.Outside), onePerson, "outside", strings.Join(p.Outside, ", "), strings.Join(next.Outside, ", "))
	weaker(next.longestPause() > p.longestPause(), onePerson, "pause_seconds", itoa(p.longestPause()), itoa(next.longestPause()))
	weaker(next.encryption() < p.encryption(), onePerson, "media", p.Media, next.Media)
	return out
}

// longestPause is how long a recording may be paused, in seconds.
func (p RecordingPolicy) longestPause() int { return cmp.Or(p.PauseSeconds, usualPause) }

// outward is the notice for whom a call goes to outside.
func (p RecordingPolicy) outward() string {
	if p.NoticeOutbound == "" {
		return p.Notice
	}
	return p.NoticeOutbound
}

// weaker says that less is recorded under the next mode, or something that was never to be. What forbids takes away from every other policy that a call
// comes under.
func (m RecordMode) weaker(next RecordMode) bool {
	strength := map[RecordMode]int{RecordAlways: 2, RecordOnDemand: 1}
	return m != next && (m == RecordNever || next == RecordNever) || strength[next] < strength[m]
}

// encryption is how strictly a policy's media are encrypted. The one that forbids it binds other policies too.
func (p RecordingPolicy) encryption() int {
	switch p.Media {
	case "srtp-required":
		return 2
	case "srtp-forbidden":
		return 0
	}
	return 1
}

// shortens says that a class keeps recordings for a shorter time than another: 0 is without end.
func shortens(from, to int) bool { return to > 0 && (from == 0 || to < from) }

// judged is Weakened with what others say of the two policies: whether their notices are heard, and where recorders outside lead now.
func judged(r Reader, domain string, now time.Time, p, next RecordingPolicy) ([]Weakening, error) {
	all := p.Weakened(next)
	for i, w := range all {
		if w.Field != "outside" {
			continue
		}
		to, err := outsides(r, domain, next.Outside)
		if err != nil {
			return nil, err
		}
		all[i].Why = w.Field + ": " + quoted(strings.Join(p.Outside, ", ")) + " to " + quoted(to)
	}
	more, err := unheard(r, domain, now, p, next)
	return append(all, more...), err
}

// instead is what is loosened for a number that comes under another policy, of all that is looser there. How a policy keeps recordings matters only where
// there are some.
func (p RecordingPolicy) instead(next RecordingPolicy, all []Weakening) []Weakening {
	if p.Record.Records() && next.Record.Records() {
		return all
	}
	var out []Weakening
	for _, w := range all {
		if w.Field == "record" || w.Field == "media" {
			out = append(out, w)
		}
	}
	return out
}

func quoted(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// assignment is a place of an entity that names a recording policy.
type assignment struct {
	field  string // top-level JSON field
	policy string
}

// assignments of an entity, always the same number of them for one kind; nil: its kind names none.
func assignments(e Entity) []assignment {
	directed := func(d *Directions) []assignment {
		if d == nil {
			d = &Directions{}
		}
		return []assignment{{"recording", d.Incoming}, {"recording", d.Outgoing}, {"recording", d.Internal}}
	}
	switch e := e.(type) {
	case Domain:
		return directed(e.Recording)
	case Trunk:
		return append(directed(e.Recording), assignment{"record_policy", e.RecordPolicy})
	case Extension:
		return append(directed(e.Recording), assignment{"record", e.Record})
	case DID:
		return []assignment{{"policy", e.Policy}}
	case Group:
		return []assignment{{"policy", e.Policy}}
	case Queue:
		return []assignment{{"policy", e.Policy}}
	case Conference:
		return []assignment{{"policy", e.Policy}}
	case PagingGroup:
		return []assignment{{"policy", e.Policy}}
	}
	return nil
}

// weakens lists what is loosened where an entity takes the place of one of its kind and key, as somebody wishes, and what the domain's own rules ask
// others for. A deleted one is the zero value, and so is what a new one takes the place of.
func weakens(r Reader, domain string, by Wish, old, next Entity) ([]Weakening, error) {
	out, err := loosens(r, domain, by, old, next)
	if err != nil {
		return nil, err
	}
	if old.Key() == "" || isZero(old) { // see NeedsSet
		return out, nil
	}
	if isZero(next) {
		next = nil
	}
	more, err := classed(r, domain, old, next)
	return append(out, more...), err
}

// isZero says that an entity is none.
func isZero(e Entity) bool { return reflect.ValueOf(e).IsZero() }

// loosens is weakens, as far as it is about recordings.
func loosens(r Reader, domain string, by Wish, old, next Entity) (out []Weakening, err error) {
	switch e := old.(type) {
	case RecordingPolicy:
		n, _ := next.(RecordingPolicy)
		return judged(r, domain, by.At, e, n)
	case User:
		n, _ := next.(User)
		if by.byMachine() {
			return bestowed(e, n), nil
		}
		return appointed(r, domain, by, e, n)
	case LifecycleRules:
		n, _ := next.(LifecycleRules)
		return e.weakened(n), nil
	case ListeningRules:
		n, _ := next.(ListeningRules)
		return e.weakened(n), nil
	case RecordingScope:
		n, _ := next.(RecordingScope)
		return e.weakened(n), nil
	case ChangeRules:
		n, _ := next.(ChangeRules)
		return e.weakened(n), nil
	case Duties:
		n, _ := next.(Duties)
		return e.weakened(n), nil
	case SitePolicy:
		n, _ := next.(SitePolicy)
		return e.weakened(n), nil
	case Trunk:
		n, _ := next.(Trunk)
		if out, err = rerouted(r, domain, e, n); err != nil {
			return nil, err
		}
	}
	then := assignments(next)
	for i, a := range assignments(old) {
		if a.policy == then[i].policy {
			continue
		}
		w, err := moved(r, domain, by.At, a, then[i])
		if err != nil {
			return nil, err
		}
		if w.People > 0 {
			out = append(out, w)
		}
	}
	return out, nil
}

// moved is what is loosened where a place names another policy. Nobody: nothing.
func moved(r Reader, domain string, now time.Time, from, to assignment) (w Weakening, err error) {
	before, err := optional[RecordingPolicy](r, domain, from.policy)
	if err != nil {
		return w, err
	}
	after, err := optional[RecordingPolicy](r, domain, to.policy)
	if err != nil {
		return w, err
	}
	all, err := judged(r, domain, now, before, after)
	var why []string
	for _, l := range before.instead(after, all) {
		why, w.People = append(why, l.Why), max(w.People, l.People)
	}
	w.Field, w.Why = from.field, from.field+": "+quoted(from.policy)+" to "+quoted(to.policy)+" ("+strings.Join(why, ", ")+")"
	return w, err
}
