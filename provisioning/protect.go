package provisioning

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// coupled are fields that make sense only together with another one: they wait with it.
var coupled = map[string][]string{"record": {"pre_buffer"}, "notice": {"exception"}, "notice_outbound": {"exception"},
	"numbers": {"groups"}, "groups": {"numbers"}, // of a scope: one of them must be there
	"nothing": {"numbers", "groups", "labels"}} // or none of them

// PutGuarded is Put of an entity that takes the place of old, or is new: what loosens how recordings are protected stays as it is, and waits as a proposal,
// which is returned; nil: nothing waits. A proposal of the same is not made anew; one of something else, or that is overtaken by this change, is gone.
func PutGuarded[T Entity](w Writer, domain string, old *T, next T, ifMatch string, by Wish) (etag string, waits *Proposal, err error) {
	if p, ok := any(next).(RecordingPolicy); ok {
		if old, err = silenced(w, domain, p, old, by.At); err != nil {
			return "", nil, err
		}
	}
	if err := next.Validate(); err != nil { // as it was sent: what waits may not be what is wrong
		return "", nil, err
	}
	if err := mayAlone(w, domain, old, next, by.At); err != nil {
		return "", nil, err
	}
	if old == nil {
		old = unguarded(next, by)
	}
	if err := namesExist(w, domain, next); err != nil {
		return "", nil, err
	}
	if u, ok := any(next).(User); ok { // a role that waits too
		if err := keepApart(w, domain, u); err != nil {
			return "", nil, err
		}
	}
	lost, err := weakens(w, domain, by, *old, next)
	if err != nil {
		return "", nil, err
	}
	now := next
	var changes []ProposedChange
	if len(lost) > 0 {
		if now, changes, err = holdBack(*old, next, lost); err != nil {
			return "", nil, err
		}
		left, err := weakens(w, domain, by, *old, now)
		if err != nil {
			return "", nil, err
		}
		if len(left) > 0 { // what counts at once may loosen nothing
			return "", nil, &Invalid{Field: left[0].Field, Reason: "cannot wait beside the other changes: ask for them one by one"}
		}
	}
	if etag, err = w.Put(domain, now, ifMatch); err != nil {
		return "", nil, err
	}
	if len(changes) == 0 {
		return etag, nil, overtake(w, domain, now)
	}
	p := Propose(ProposalID(now.Kind(), now.Key()), now.Kind(), now.Key(), by, changes, lost)
	p, err = enter(w, domain, p)
	return etag, &p, err
}

// mayAlone refuses what a domain's own rules let nobody do by a single change: what disrupts while people work, and to make what others must agree to.
func mayAlone[T Entity](r Reader, domain string, old *T, next T, now time.Time) error {
	if old != nil {
		return Undisturbed(r, domain, *old, next, now)
	}
	made, err := classed(r, domain, nil, next)
	if err == nil && len(made) > 0 {
		err = &NeedsSet{made[0].Class}
	}
	return err
}

// unguarded is what a new entity takes the place of: nothing, a user itself without the right to agree, a policy itself. Where nobody wrote rules of
// listening yet, everything is denied; where somebody has no scope, they know of all.
func unguarded[T Entity](next T, by Wish) *T {
	var none T
	switch e := any(next).(type) {
	case User:
		if e = e.unmanaging(); by.byMachine() {
			e = e.Unprotected()
		}
		none, _ = any(e).(T)
	case RecordingPolicy:
		none = next
	}
	return &none
}

// silenced is what a policy takes the place of: a new one that tells nobody, or in words that nobody hears, takes that of itself with the usual notice, and
// one that tells nobody that of one from before there were exceptions.
func silenced[T Entity](r Reader, domain string, next RecordingPolicy, old *T, now time.Time) (*T, error) {
	var before RecordingPolicy
	if old != nil {
		before, _ = any(*old).(RecordingPolicy)
	}
	if err := next.lasting(before.Exception, now); err != nil {
		return nil, err
	}
	switch {
	case old == nil:
		mute, err := unheard(r, domain, now, RecordingPolicy{}, next)
		if err != nil || len(mute) == 0 && !next.Silent() {
			return nil, err
		}
		if before = next.telling(); len(mute) > 0 {
			before.Prompt, before.PromptOutbound = "", ""
		}
	case before.Silent() && before.Exception == nil:
		before = before.telling()
	default:
		return old, nil
	}
	told, _ := any(before).(T)
	return &told, nil
}

// DeleteGuarded is Delete of an entity. One that is recorded, or never is, waits as a proposal instead: the same number made anew would be without its
// policy.
func DeleteGuarded[T Entity](w Writer, domain string, old T, ifMatch string, by Wish) (*Proposal, error) {
	var none T
	lost, err := weakens(w, domain, by, old, none)
	if err != nil {
		return nil, err
	}
	if old.Kind() == KindPolicy { // nothing refers to one that can be deleted
		lost = slices.DeleteFunc(lost, func(l Weakening) bool { return l.Class == "" })
	}
	if err := Undisturbed(w, domain, old, nil, by.At); err != nil {
		return nil, err
	}
	if len(lost) == 0 {
		if err := Delete[T](w, domain, old.Key(), ifMatch); err != nil {
			return nil, err
		}
		return nil, forget(w, domain, ProposalID(old.Kind(), old.Key()))
	}
	if d, ok := w.(interface {
		Deletable(domain, kind, key, ifMatch string) error
	}); ok { // what cannot be deleted is told now, not to who agrees
		if err := d.Deletable(domain, old.Kind(), old.Key(), ifMatch); err != nil {
			return nil, err
		}
	}
	p := Propose(ProposalID(old.Kind(), old.Key()), old.Kind(), old.Key(), by, nil, lost)
	p.Delete = true
	p, err = enter(w, domain, p)
	return &p, err
}

// enter lets a proposal wait; one that wants the same and still waits stays as it is, with the words that it has.
func enter(w Writer, domain string, p Proposal) (Proposal, error) {
	before, err := optional[Proposal](w, domain, p.ID)
	if err != nil || before.Same(p) && before.Open(p.Asked) {
		return before, err
	}
	all, err := List[Proposal](w, domain, "", 0)
	if err != nil {
		return p, err
	}
	for _, o := range all {
		if !o.Open(p.Asked) && o.ID != p.ID { // nobody can agree to it any more
			if err := forget(w, domain, o.ID); err != nil {
				return p, err
			}
		}
	}
	_, err = w.Put(domain, p, "")
	return p, err
}

// EnterProposal is enter for what is no entity.
func EnterProposal(w Writer, domain string, p Proposal) (Proposal, error) { return enter(w, domain, p) }

// forget removes a proposal, if there is one.
func forget(w Writer, domain, id string) error {
	if err := Delete[Proposal](w, domain, id, ""); !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

// overtake removes the proposal about an entity where what it would change is another thing now.
func overtake(w Writer, domain string, now Entity) error {
	id := ProposalID(now.Kind(), now.Key())
	p, err := optional[Proposal](w, domain, id)
	if err != nil || p.ID == "" {
		return err
	}
	fields, err := fieldsOf(now)
	if err != nil {
		return err
	}
	for _, c := range p.Changes {
		if !bytes.Equal(fields.get(c.Field), c.From) {
			return forget(w, domain, id)
		}
	}
	return nil
}

// namesExist looks whether what an entity names is there: what waits is not written now.
func namesExist(r Reader, domain string, e Entity) error {
	for _, ref := range e.Refs() {
		_, err := r.Row(domain, ref.Kind, ref.Key)
		if errors.Is(err, ErrNotFound) {
			return ref.Missing()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// document is an entity as JSON, by its fields.
type document map[string]json.RawMessage

// null stands for a field that is left out.
const null = "null"

func (f document) get(name string) json.RawMessage {
	if v, ok := f[name]; ok {
		return v
	}
	return json.RawMessage(null)
}

func (f document) set(name string, v json.RawMessage) {
	if f[name] = v; string(v) == null {
		delete(f, name)
	}
}

// fieldsOf an entity, also of one that is none yet.
func fieldsOf(e Entity) (document, error) {
	body, err := json.Marshal(normal(e))
	if err != nil {
		return nil, err
	}
	f := document{}
	return f, json.Unmarshal(body, &f)
}

func entityOf[T Entity](f document) (T, error) {
	var e T
	body, err := json.Marshal(f)
	if err == nil {
		err = json.Unmarshal(body, &e)
	}
	return e, err
}

// holdBack is next with the fields of old that would be loosened, and what waits.
func holdBack[T Entity](old, next T, lost []Weakening) (T, []ProposedChange, error) {
	was, err := fieldsOf(old)
	if err != nil {
		return next, nil, err
	}
	will, err := fieldsOf(next)
	if err != nil {
		return next, nil, err
	}
	var changes []ProposedChange
	hold := func(field string) {
		from, to := was.get(field), will.get(field)
		if !bytes.Equal(from, to) && !slices.ContainsFunc(changes, func(c ProposedChange) bool { return c.Field == field }) {
			changes = append(changes, ProposedChange{field, from, to})
			will.set(field, from)
		}
	}
	for _, l := range lost {
		hold(l.Field)
		for _, more := range coupled[l.Field] {
			hold(more)
		}
	}
	now, err := entityOf[T](will)
	return now, changes, err
}

// Carry does what a proposal wants, which everybody has agreed to, and removes it. ErrOvertaken: nothing is done, and the proposal is gone all the same;
// *Invalid; ErrNotFound: what it would change is gone; ErrInUse. What is no entity is not carried out here: it is only removed.
func Carry(w Writer, domain string, p Proposal, now time.Time) error {
	var overtaken error
	if p.Of != KindRecording {
		do, ok := carriers[p.Of]
		switch {
		case !ok && !Settable(p.Of):
			return &Invalid{Field: "kind", Reason: "cannot be changed so"}
		case !ok:
			do = carryAny
		}
		err := do(w, domain, p, now)
		if errors.Is(err, ErrOvertaken) {
			overtaken, err = err, nil
		}
		if err != nil {
			return err
		}
	}
	if err := forget(w, domain, p.ID); err != nil {
		return err
	}
	return overtaken
}

// carriers are the kinds that proposals change.
var carriers = map[string]func(Writer, string, Proposal, time.Time) error{
	KindPolicy: carry[RecordingPolicy], KindUser: carry[User], KindDomain: carry[Domain], KindTrunk: carry[Trunk], KindExtension: carry[Extension], KindDID: carry[DID],
	KindGroup: carry[Group], KindQueue: carry[Queue], KindConference: carry[Conference], KindPagingGroup: carry[PagingGroup],
	KindListeningRules: carry[ListeningRules], KindRecordingScope: carry[RecordingScope], KindLifecycle: carry[LifecycleRules], KindSitePolicy: carry[SitePolicy],
	KindChangeRules: carry[ChangeRules], KindDuties: carry[Duties],
}

// Guarded says that changes of a kind of entity may wait as proposals.
func Guarded(kind string) bool { return carriers[kind] != nil || Settable(kind) }

// carry does what was agreed to if it still takes away just that: what it is judged by, such as the policies that it names, may have changed meanwhile.
func carry[T Entity](w Writer, domain string, p Proposal, now time.Time) error {
	old, _, err := Get[T](w, domain, p.Name)
	if err != nil {
		return err
	}
	var next T
	if !p.Delete {
		if next, err = changed(old, p.Changes); err != nil {
			return err
		}
	}
	if q, ok := any(next).(RecordingPolicy); ok {
		was, _ := any(old).(RecordingPolicy)
		if q.lasting(was.Exception, now) != nil {
			return ErrOvertaken
		}
	}
	return replace(w, domain, p, old, next, now)
}

// replace is the end of carry. The next of a deletion is the zero value.
func replace(w Writer, domain string, p Proposal, old, next Entity, now time.Time) error {
	lost, err := weakens(w, domain, Wish{By: p.By, At: now}, old, next)
	if err == nil && p.Of == KindPolicy && p.Delete {
		lost = slices.DeleteFunc(lost, func(l Weakening) bool { return l.Class == "" }) // as it was proposed: see DeleteGuarded
	}
	switch {
	case err != nil:
		return err
	case !p.Stands(lost):
		return ErrOvertaken
	case p.Delete:
		next = nil
	}
	if err := Undisturbed(w, domain, old, next, now); err != nil {
		return err
	}
	if p.Delete {
		err = w.Delete(domain, p.Of, p.Name, "")
	} else {
		_, err = w.Put(domain, next, "")
	}
	if u, ok := old.(User); ok && err == nil {
		err = KeepAdministrator(w, domain, u)
	}
	return err
}

// carryAny is carry for a kind that protects no recordings.
func carryAny(w Writer, domain string, p Proposal, now time.Time) error {
	old, err := entityAt(w, domain, p.Of, p.Name)
	if err != nil {
		return err
	}
	next := blank(p.Of)
	if !p.Delete {
		f, err := proposed(old, p.Changes)
		if err != nil {
			return err
		}
		body, err := json.Marshal(f)
		if err != nil {
			return err
		}
		if next, err = EntityOf(p.Of, body); err != nil {
			return err
		}
	}
	return replace(w, domain, p, old, next, now)
}

// changed is an entity with what was proposed. ErrOvertaken.
func changed[T Entity](old T, changes []ProposedChange) (T, error) {
	f, err := proposed(old, changes)
	if err != nil {
		return old, err
	}
	return entityOf[T](f)
}

// proposed is the document of an entity with what was proposed. ErrOvertaken.
func proposed(old Entity, changes []ProposedChange) (document, error) {
	f, err := fieldsOf(old)
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		if !bytes.Equal(f.get(c.Field), c.From) {
			return nil, ErrOvertaken
		}
		f.set(c.Field, c.To)
	}
	return f, nil
}
