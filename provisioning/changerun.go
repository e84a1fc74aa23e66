package provisioning

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Run makes the changes of a set in an Update, in order. It returns the set with what is before and after each change, what others must agree to and what it
// disrupts. Where a change has a before already, as it was proposed, what is there must still be that: *Overtaken. Errors else: *Invalid with the
// field, ErrInUse, ErrLastAdmin; the Update must be given up then, since part of the set is made.
func (s ChangeSet) Run(w Writer, domain string, by Wish) (ChangeSet, []Weakening, error) {
	rules, err := ChangeRulesOf(w, domain) // of before: a set cannot take away what it is judged by
	if err != nil {
		return s, nil, err
	}
	known := s.State != "" // what is not even a draft has seen nothing yet
	s.Changes, s.Disrupts = slices.Clone(s.Changes), ""
	var lost []Weakening
	var users []User
	for i := range s.Changes {
		step := stepOf{ChangeSet: &s, at: "changes[" + strconv.Itoa(i) + "]", known: known, rules: rules}
		more, was, err := step.make(w, domain, &s.Changes[i], by)
		if err != nil {
			return s, nil, err
		}
		lost = append(lost, more...)
		if was != nil {
			users = append(users, *was)
		}
	}
	for _, u := range users {
		if err := KeepAdministrator(w, domain, u); err != nil {
			return s, nil, err
		}
	}
	s.Loosens, s.People, s.Class = told(lost)
	if s.Emergency && s.People == 0 {
		s.Loosens, s.People, s.Class = []string{"emergency"}, onePerson, "emergency"
	}
	return s, lost, nil
}

// stepOf is a set at one of its changes.
type stepOf struct {
	*ChangeSet
	at    string
	known bool
	rules ChangeRules
}

// make makes one change. was is a user as it was.
func (s stepOf) make(w Writer, domain string, ch *SetChange, by Wish) (lost []Weakening, was *User, err error) {
	row, err := w.Row(domain, ch.Kind, ch.Key)
	there := err == nil
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, nil, err
	}
	if s.known {
		if err := ch.unchanged(row.Body); err != nil {
			return nil, nil, err
		}
	}
	ch.Before, ch.After = json.RawMessage(row.Body), nil
	if ch.Secret, err = s.secretsGo(w, domain, *ch); err != nil {
		return nil, nil, err
	}
	var old, next Entity
	if there {
		if old, err = stored(ch.Kind, row); err != nil {
			return nil, nil, err
		}
	}
	if next, err = ch.next(old, row.Body); err != nil {
		return nil, nil, s.located(err)
	}
	if next != nil {
		if err := next.Validate(); err != nil {
			return nil, nil, s.located(err)
		}
	}
	if lost, err = s.judge(w, domain, by, old, next); err != nil {
		return nil, nil, s.located(err)
	}
	if err := s.write(w, domain, ch, next); err != nil {
		return nil, nil, s.located(err)
	}
	if u, ok := old.(User); ok {
		was = &u
	}
	return lost, was, nil
}

// secretsGo says that secrets go with what is deleted.
func (s stepOf) secretsGo(r Reader, domain string, ch SetChange) (bool, error) {
	if ch.Do != DoDelete {
		return false, nil
	}
	for _, kind := range map[string][]string{KindExtension: {SecretSIP, SecretPIN}, KindTrunk: {SecretTrunk}, KindConference: {SecretConference}, KindMailbox: {SecretMailbox},
		KindUser: {KindUser + "/password"}}[ch.Kind] {
		if all, err := r.Secrets(domain, kind, ch.Key); err != nil || len(all) > 0 {
			return len(all) > 0, err
		}
	}
	return false, nil
}

// located is an error with the change that it is about.
func (s stepOf) located(err error) error {
	if invalid := (*Invalid)(nil); errors.As(err, &invalid) {
		field := invalid.Field
		if field != "key" && field != "body" && field != "do" {
			field = "body." + field
		}
		return &Invalid{Field: s.at + "." + field, Reason: invalid.Reason}
	}
	return fmt.Errorf("%s: %w", s.at, err)
}

// write writes it, or deletes it. A proposal about it that is overtaken goes.
func (s stepOf) write(w Writer, domain string, ch *SetChange, next Entity) error {
	if next == nil {
		if err := w.Delete(domain, ch.Kind, ch.Key, ""); err != nil {
			return err
		}
		return forget(w, domain, ProposalID(ch.Kind, ch.Key))
	}
	if _, err := w.Put(domain, next, ""); err != nil {
		return err
	}
	row, err := w.Row(domain, ch.Kind, ch.Key)
	if err != nil {
		return err
	}
	ch.After = json.RawMessage(row.Body)
	return overtake(w, domain, next)
}

// judge is what others must agree to in one change.
func (s stepOf) judge(w Writer, domain string, by Wish, old, next Entity) ([]Weakening, error) {
	class, err := s.rules.DisruptiveClass(old, next)
	if err != nil {
		return nil, err
	}
	if s.Disrupts == "" {
		s.Disrupts = class
	}
	before, after := old, next
	if after == nil {
		after = blank(old.Kind())
	}
	if before, err = placeOf(w, domain, old, after, by.At); err != nil {
		return nil, err
	}
	if next != nil {
		if err := namesExist(w, domain, next); err != nil {
			return nil, err
		}
	}
	lost, err := loosens(w, domain, by, before, after)
	if err != nil {
		return nil, err
	}
	if next == nil && old.Kind() == KindPolicy { // nothing refers to one that can be deleted
		lost = nil
	}
	more, err := s.rules.classed(old, next)
	if err != nil {
		return nil, err
	}
	if u, ok := next.(User); ok && u.Manages() && len(lost) == 0 {
		if was, _ := old.(User); !was.Manages() {
			return nil, &Invalid{Field: "roles", Reason: "make the first recording manager by itself: there is nobody who could agree"}
		}
	}
	lost = append(lost, more...)
	for i := range lost {
		lost[i].Why = either(old, next).Kind() + " " + either(old, next).Key() + ": " + lost[i].Why
	}
	return lost, nil
}

// placeOf is what an entity takes the place of, as PutGuarded sees it.
func placeOf(r Reader, domain string, old, next Entity, now time.Time) (Entity, error) {
	switch n := next.(type) {
	case RecordingPolicy:
		if n.Name == "" { // deleted
			return old, nil
		}
		var was *RecordingPolicy
		if o, ok := old.(RecordingPolicy); ok {
			was = &o
		}
		place, err := silenced(r, domain, n, was, now)
		if err == nil && place == nil {
			place = &n
		}
		if err != nil {
			return nil, err
		}
		return *place, nil
	case User:
		if old == nil {
			return n.unmanaging(), nil
		}
	}
	if old == nil {
		return blank(next.Kind()), nil
	}
	return old, nil
}

// next is the entity after the change; nil: it is deleted.
func (ch SetChange) next(old Entity, body []byte) (Entity, error) {
	switch {
	case ch.Do != DoPut && old == nil:
		return nil, &Invalid{Field: "key", Reason: "is of nothing that is there"}
	case ch.Do == DoDelete:
		return nil, nil
	}
	text := []byte(ch.Body)
	if ch.Do == DoMerge {
		var err error
		if text, err = MergePatch(body, ch.Body); err != nil {
			return nil, &Invalid{Field: "body", Reason: "is no JSON object that fits"}
		}
	}
	e, err := EntityOf(ch.Kind, text)
	if err != nil {
		return nil, err
	}
	if e.Key() != ch.Key {
		return nil, &Invalid{Field: "body", Reason: "has another key than the change"}
	}
	return e, nil
}

// unchanged says that what is there is what was there when the set was proposed. Of a merge only the fields count that it is about. *Overtaken.
func (ch SetChange) unchanged(body []byte) error {
	if (len(body) == 0) != (len(ch.Before) == 0) {
		what := "is gone"
		if len(body) > 0 {
			what = "is there now"
		}
		return &Overtaken{[]string{ch.Kind + " " + ch.Key + " " + what}}
	}
	was, err1 := documentOf(ch.Before)
	is, err2 := documentOf(body)
	about, err3 := document{}, error(nil)
	if ch.Do == DoMerge {
		about, err3 = documentOf(ch.Body)
	}
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	var what []string
	for _, f := range differing(was, is) {
		if _, mine := about[f]; mine || ch.Do != DoMerge {
			what = append(what, ch.Kind+" "+ch.Key+": "+f)
		}
	}
	if len(what) > 0 {
		return &Overtaken{what}
	}
	return nil
}

// MergePatch is RFC 7396: target with what patch says of its members. An error: patch is no JSON object.
func MergePatch(target, patch []byte) ([]byte, error) {
	var t, p any
	if err := errors.Join(json.Unmarshal(target, &t), json.Unmarshal(patch, &p)); err != nil {
		return nil, err
	}
	if _, ok := p.(map[string]any); !ok {
		return nil, errors.New("provisioning: a merge is a JSON object")
	}
	return json.Marshal(merged(t, p))
}

func merged(target, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	t, ok := target.(map[string]any)
	if !ok {
		t = map[string]any{}
	}
	for name, v := range p {
		if v == nil {
			delete(t, name)
		} else {
			t[name] = merged(t[name], v)
		}
	}
	return t
}

// Stands says that what the set takes away, now that it is run, is what people were asked about, and needs as many of them.
func (s ChangeSet) Stands(asked ChangeSet) bool {
	return s.People == asked.People && s.Class == asked.Class && slices.Equal(s.Loosens, asked.Loosens)
}

// Facts is what the audit log says of a set.
func (s ChangeSet) Facts() map[string]any {
	var agreed, what []any
	for _, a := range s.Agreed {
		agreed = append(agreed, a.By)
	}
	for _, ch := range s.Changes[:min(len(s.Changes), 100)] {
		what = append(what, ch.Do+" "+ch.Kind+"/"+ch.Key)
	}
	facts := map[string]any{"state": string(s.State), "asked_by": s.By, "changes": len(s.Changes), "what": what, "asked_reason": s.Reason}
	put := func(name string, v any, is bool) {
		if is {
			facts[name] = v
		}
	}
	put("ticket", s.Ticket, s.Ticket != "")
	put("agreed", agreed, len(agreed) > 0)
	put("loosens", clipped(s.Loosens), len(s.Loosens) > 0)
	put("emergency", true, s.Emergency)
	put("disrupts", s.Disrupts, s.Disrupts != "")
	put("undoes", s.Undoes, s.Undoes != "")
	put("effective", s.Effective, !s.Effective.IsZero())
	return facts
}

// clipped is a list of which there is room for the beginning.
func clipped(l []string) []string {
	const most = 50
	if len(l) <= most {
		return l
	}
	return append(slices.Clone(l[:most]), strconv.Itoa(len(l)-most)+" more")
}
