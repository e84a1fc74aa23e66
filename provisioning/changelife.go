package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Actions that the audit log has of sets of changes. They are those of the policy that people need, and what the switch does by itself.
const (
	actionApply  = "change.apply"
	actionRefuse = "change.refuse"
	actionExpire = "change.expire"
)

// errRehearsal ends an Update that was only looked at.
var errRehearsal = errors.New("provisioning: rehearsal")

// RuleGone refuses what somebody proposed who is not there any more, or another person by now.
const RuleGone = "proposer-gone"

// Rehearse runs a set in an Update that is given up: what it would do, and what refuses it. then, where there is one, sees the state that it makes.
func Rehearse(ctx context.Context, store Store, who Subject, domain string, s ChangeSet, by Wish, then func(Reader) error) (out ChangeSet, err error) {
	err = store.Update(ctx, who, func(w Writer) error {
		var err error
		if out, _, err = s.Run(w, domain, by); err == nil && then != nil {
			err = then(w)
		}
		if err == nil {
			err = errRehearsal
		}
		return err
	})
	if errors.Is(err, errRehearsal) {
		err = nil
	}
	return out, err
}

// Allowed says that somebody may make each change of a set by itself: *Denied.
func (s ChangeSet) Allowed(p Policy, who Subject, domain string) error {
	for _, ch := range s.Changes {
		if err := p.Can(who, ch.action(), Object{Domain: domain, Kind: ch.Kind, Key: ch.Key}); err != nil {
			return err
		}
		if ch.places() { // that says who administers what is below
			if err := p.Can(who, Action(KindUser+".put"), Object{Domain: domain, Kind: KindUser}); err != nil {
				return err
			}
		}
	}
	return nil
}

// places says that a change may put a department below another one.
func (ch SetChange) places() bool {
	if ch.Kind != KindDepartment || len(ch.Body) == 0 {
		return false
	}
	var d Department
	return json.Unmarshal(ch.Body, &d) != nil || d.Parent != "" // as it will be read: whatever the letters of the name
}

// Actions are those that the changes of a set would be by themselves, each once.
func (s ChangeSet) Actions() (out []Action) {
	for _, ch := range s.Changes {
		if a := ch.action(); !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

func (ch SetChange) action() Action {
	if ch.Do == DoDelete {
		return Action(ch.Kind + ".delete")
	}
	return Action(ch.Kind + ".put")
}

// SaveDraft rehearses a set and keeps it as a draft. A new one has no ID yet. ErrInState: it is a draft no more. *NotNow: the domain has as many as it may have.
func SaveDraft(ctx context.Context, store Store, who Subject, domain string, s ChangeSet, ifMatch string, by Wish) (out ChangeSet, etag string, err error) {
	s.State, s.By = "", by.By
	if s, err = Rehearse(ctx, store, who, domain, s, by, nil); err != nil {
		return s, "", err
	}
	err = store.Update(ctx, who, func(w Writer) error {
		out = s
		if out.ID == "" {
			if err := makeRoom(w, domain); err != nil {
				return err
			}
			out.ID, ifMatch = NewChangeID(by.At), "!"
		} else {
			old, _, err := Get[ChangeSet](w, domain, s.ID)
			switch {
			case err != nil:
				return err
			case old.State != ChangeDraft:
				return fmt.Errorf("%w: it is %s", ErrInState, old.State)
			}
			out.By, out.History = old.By, old.History
		}
		out = out.Become(ChangeDraft, by)
		var err error
		etag, err = w.Put(domain, out, ifMatch)
		return err
	})
	return out, etag, err
}

// makeRoom removes the oldest that are over.
func makeRoom(w Writer, domain string) error {
	all, err := List[ChangeSet](w, domain, "", 0)
	if err != nil {
		return err
	}
	open, over := 0, len(all)
	for _, s := range all {
		if !s.Over() {
			open++
		}
	}
	if open >= MaxOpenSets {
		return &NotNow{After: time.Hour}
	}
	for _, s := range all {
		if over < MaxSets {
			break
		}
		if s.Over() && !s.Unreviewed {
			if err := w.Delete(domain, KindChangeSet, s.ID, ""); err != nil {
				return err
			}
			over--
		}
	}
	return nil
}

// step is one step of a set in one Update: read, what do makes of it, written and audited. Where it cannot be carried out any more it is refused in an
// Update of its own, with what do said: nothing of it is made.
func step(ctx context.Context, store Store, who Subject, domain, id, ifMatch, action string, by Wish, do func(Writer, ChangeSet) (ChangeSet, error)) (s ChangeSet, etag string, err error) {
	err = store.Update(ctx, who, func(w Writer) error {
		old, _, err := Get[ChangeSet](w, domain, id)
		if err != nil {
			return err
		}
		if s, err = do(w, old); err != nil {
			return err
		}
		if etag, err = w.Put(domain, s, ifMatch); err != nil {
			return err
		}
		return noteSet(w, domain, action, "ok", s, by)
	})
	overtaken := errors.Is(err, ErrOvertaken)
	if invalid, gone := (*Invalid)(nil), (*Denied)(nil); !overtaken && who.System { // nobody is told, and nobody mends it
		overtaken = errors.As(err, &invalid) || errors.As(err, &gone) || errors.Is(err, ErrInUse) || errors.Is(err, ErrLastAdmin)
	}
	if !overtaken {
		return s, etag, err
	}
	why := err
	failed := store.Update(ctx, who, func(w Writer) error {
		old, _, err := Get[ChangeSet](w, domain, id)
		if err != nil || old.Over() || old.State == ChangeDraft { // a draft is mended
			return err
		}
		s = old.Become(ChangeRefused, Wish{By: by.By, At: by.At, Reason: brief(why.Error())})
		if _, err := w.Put(domain, s, ""); err != nil {
			return err
		}
		return noteSet(w, domain, actionRefuse, "failed", s, Wish{By: by.By, At: by.At, Reason: brief(why.Error())})
	})
	return s, "", errors.Join(why, failed)
}

func noteSet(w Writer, domain, action, outcome string, s ChangeSet, by Wish) error {
	facts := s.Facts()
	if by.Reason != "" {
		facts["reason"] = by.Reason
	}
	return w.AddAudit(AuditEntry{Domain: domain, Action: action, Object: KindChangeSet + "/" + s.ID, Outcome: outcome, Detail: facts})
}

// ProposeSet ends the draft: it waits for others, or for its time, or is carried out. *InHours, *Overtaken.
func ProposeSet(ctx context.Context, store Store, who Subject, domain, id, ifMatch string, by Wish) (ChangeSet, string, error) {
	draft, err := setOf(ctx, store, domain, id)
	if err != nil {
		return draft, "", err
	}
	seen, err := Rehearse(ctx, store, who, domain, draft, by, nil)
	if err != nil {
		return draft, "", err
	}
	return step(ctx, store, who, domain, id, ifMatch, "change.propose", by, func(w Writer, s ChangeSet) (ChangeSet, error) {
		if s.State != ChangeDraft {
			return s, fmt.Errorf("%w: it is %s", ErrInState, s.State)
		}
		s.Changes, s.Loosens, s.People, s.Class, s.Disrupts = seen.Changes, seen.Loosens, seen.People, seen.Class, seen.Disrupts
		s.By, s.Expires = by.By, by.At.Add(proposalTime).UTC()
		if s.Effective.After(s.Expires) {
			s.Expires = s.Effective
		}
		var err error
		if s.Person, err = PersonOf(w, domain, by.who(domain)); err != nil {
			return s, err
		}
		if err := s.quiet(w, domain, by.At); err != nil {
			return s, err
		}
		s = s.Become(ChangeProposed, by)
		if s.People > 0 {
			return s, nil
		}
		return s.decided(w, domain, by)
	})
}

// quiet refuses a set that disrupts when it is to be carried out.
func (s ChangeSet) quiet(r Reader, domain string, now time.Time) error {
	rules, err := ChangeRulesOf(r, domain)
	if err != nil || s.Emergency {
		return err
	}
	at := now
	if s.Effective.After(now) {
		at = s.Effective
	} else if s.People > 0 {
		return nil // who knows when they agree
	}
	return rules.Quiet(r, domain, s.Disrupts, at)
}

// decided is a set that everybody has agreed to: it has to wait for its time or a window, or is carried out.
func (s ChangeSet) decided(w Writer, domain string, by Wish) (ChangeSet, error) {
	if s.Effective.After(by.At) {
		return s.Become(ChangeScheduled, by), nil
	}
	waits := (*InHours)(nil)
	if err := s.quietNow(w, domain, by.At); errors.As(err, &waits) && s.People > 0 {
		return s.Become(ChangeApproved, by), nil
	} else if err != nil {
		return s, err
	}
	return s.apply(w, domain, by)
}

// quietNow is quiet of what is carried out at once.
func (s ChangeSet) quietNow(r Reader, domain string, now time.Time) error {
	s.Effective, s.People = time.Time{}, 0
	return s.quiet(r, domain, now)
}

// apply carries out a set, as it was agreed to.
func (s ChangeSet) apply(w Writer, domain string, by Wish) (ChangeSet, error) {
	person, err := PersonOf(w, domain, Wish{By: s.By}.who(domain))
	if err != nil {
		return s, err
	}
	if u, err := optional[User](w, domain, Wish{By: s.By}.who(domain)); err != nil || person != s.Person || u.Disabled {
		return s, errors.Join(err, &Denied{Rule: RuleGone})
	}
	asked := s
	s, _, err = s.Run(w, domain, Wish{By: s.By, At: by.At})
	if err != nil {
		return asked, err
	}
	if !s.Stands(asked) {
		return asked, &Overtaken{[]string{"what others must agree to: " + fmt.Sprint(clipped(s.Loosens))}}
	}
	s = s.Become(ChangeApplied, by)
	s.Unreviewed = s.Emergency
	if s.Undoes == "" {
		return s, nil
	}
	undone, _, err := Get[ChangeSet](w, domain, s.Undoes)
	if err != nil {
		return asked, err
	}
	if undone.State != ChangeApplied {
		return asked, fmt.Errorf("%w: what it undoes is %s", ErrInState, undone.State)
	}
	undone = undone.Become(ChangeUndone, by)
	undone.UndoneBy = s.ID
	_, err = w.Put(domain, undone, "")
	return s, err
}

// AgreeSet is somebody's word. With the last one that it needs the set is carried out, or scheduled. may refuses who may not agree to this set.
func AgreeSet(ctx context.Context, store Store, who Subject, domain, id, ifMatch string, by Wish, may func(ChangeSet) error) (ChangeSet, string, error) {
	return step(ctx, store, who, domain, id, ifMatch, "change.agree", by, func(w Writer, s ChangeSet) (ChangeSet, error) {
		if err := may(s); err != nil {
			return s, err
		}
		s, all, err := s.Agree(by)
		if err == nil {
			err = s.without(by).OtherPerson(w, domain, by)
		}
		if err != nil || !all {
			return s, err
		}
		return s.decided(w, domain, by)
	})
}

// without is the set without somebody's word.
func (s ChangeSet) without(by Wish) ChangeSet {
	s.Agreed = slices.DeleteFunc(slices.Clone(s.Agreed), func(a Agreement) bool { return a.By == by.By })
	return s
}

// ApplySet carries out a set that waits for a window. *InHours.
func ApplySet(ctx context.Context, store Store, who Subject, domain, id, ifMatch string, by Wish) (ChangeSet, string, error) {
	return step(ctx, store, who, domain, id, ifMatch, actionApply, by, func(w Writer, s ChangeSet) (ChangeSet, error) {
		if s.State != ChangeApproved {
			return s, fmt.Errorf("%w: it is %s", ErrInState, s.State)
		}
		if err := s.quietNow(w, domain, by.At); err != nil {
			return s, err
		}
		return s.apply(w, domain, by)
	})
}

// CarryDue does what is due with a set: it is carried out at its time, or expires. The switch itself does it; who proposed it must still be there and may, as
// may says, do what it does.
func CarryDue(ctx context.Context, store Store, domain, id string, now time.Time, may func(ChangeSet) error) (ChangeSet, error) {
	s, err := setOf(ctx, store, domain, id)
	if err != nil || s.Due().IsZero() || s.Due().After(now) {
		return s, err
	}
	by, action := Wish{By: "system", At: now}, actionApply
	late := s.Late == LateExpire && now.Sub(s.Effective) > lateness
	if s.State != ChangeScheduled || late {
		action = actionExpire
		by.Reason = "nobody agreed in time"
		if late {
			by.Reason = "its time passed while the switch was down"
		}
	}
	s, _, err = step(ctx, store, Subject{System: true}, domain, id, "", action, by, func(w Writer, s ChangeSet) (ChangeSet, error) {
		if s.Due().IsZero() || s.Due().After(now) {
			return s, ErrInState // somebody was faster
		}
		if action == actionExpire {
			return s.Become(ChangeExpired, by), nil
		}
		if err := may(s); err != nil {
			return s, err
		}
		if err := s.quietNow(w, domain, now); err != nil {
			return s, &Invalid{Field: "effective", Reason: err.Error()}
		}
		return s.apply(w, domain, by)
	})
	return s, err
}

// UndoSet makes the reverse of an applied set, and proposes it: it is carried out at once, unless others must agree. *Overtaken names what somebody has
// changed since.
func UndoSet(ctx context.Context, store Store, who Subject, domain, id string, by Wish) (out ChangeSet, etag string, err error) {
	var back ChangeSet
	err = store.Update(ctx, who, func(w Writer) error {
		s, _, err := Get[ChangeSet](w, domain, id)
		switch {
		case err != nil:
			return err
		case s.State != ChangeApplied:
			return fmt.Errorf("%w: it is %s", ErrInState, s.State)
		}
		if err := makeRoom(w, domain); err != nil {
			return err
		}
		back = s.Reverse(NewChangeID(by.At), by)
		if back.Reason == "" {
			back.Reason = "undo " + s.ID
		}
		back = back.Become(ChangeDraft, by)
		_, err = w.Put(domain, back, "!")
		return err
	})
	if err != nil {
		return back, "", err
	}
	out, etag, err = ProposeSet(ctx, store, who, domain, back.ID, "", by)
	if err != nil && out.State != ChangeRefused { // nothing of it stays
		err = errors.Join(err, store.Update(ctx, who, func(w Writer) error { return w.Delete(domain, KindChangeSet, back.ID, "") }))
	}
	return out, etag, err
}

// EndSet takes back an own set, or refuses somebody else's. A draft is gone.
func EndSet(ctx context.Context, store Store, who Subject, domain, id string, by Wish, may func(ChangeSet) error) error {
	s, err := setOf(ctx, store, domain, id)
	if err != nil {
		return err
	}
	if err := may(s); err != nil {
		return err
	}
	if s.State == ChangeDraft {
		return store.Update(ctx, who, func(w Writer) error { return w.Delete(domain, KindChangeSet, id, "") })
	}
	_, _, err = step(ctx, store, who, domain, id, "", actionRefuse, by, func(_ Writer, s ChangeSet) (ChangeSet, error) {
		if s.Over() {
			return s, fmt.Errorf("%w: it is %s", ErrInState, s.State)
		}
		return s.Become(ChangeRefused, by), nil
	})
	return err
}

// ReviewSet says that somebody has looked at an emergency change afterwards: nobody who proposed it or agreed to it.
func ReviewSet(ctx context.Context, store Store, who Subject, domain, id string, by Wish) (ChangeSet, string, error) {
	return step(ctx, store, who, domain, id, "", "change.review", by, func(w Writer, s ChangeSet) (ChangeSet, error) {
		mine := s.By == by.By || slices.ContainsFunc(s.Agreed, func(a Agreement) bool { return a.By == by.By })
		switch {
		case !s.Unreviewed:
			return s, fmt.Errorf("%w: nothing of it is to be reviewed", ErrInState)
		case mine:
			return s, &Denied{Rule: RuleTwoPeople}
		case by.Reason == "":
			return s, &Invalid{Field: "reason", Reason: "is missing"}
		}
		s.Unreviewed = false
		return s.Become(s.State, by), s.OtherPerson(w, domain, by)
	})
}

func setOf(ctx context.Context, store Store, domain, id string) (s ChangeSet, err error) {
	err = store.View(ctx, func(r Reader) error {
		s, _, err = Get[ChangeSet](r, domain, id)
		return err
	})
	return s, err
}

// Waiting says in a few words what a set is about, for alarms.
func (s ChangeSet) Waiting() string { return s.By + ", " + strconv.Itoa(len(s.Changes)) + " changes" }
