package provisioning

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ChangeState is where a set of changes is.
type ChangeState string

// The states. From refused, expired and undone there is no way on; from applied there is one, to undone.
const (
	ChangeDraft     ChangeState = "draft"
	ChangeProposed  ChangeState = "proposed"  // waits for others to agree
	ChangeApproved  ChangeState = "approved"  // all have agreed; what it disrupts has to wait for a window
	ChangeScheduled ChangeState = "scheduled" // is carried out at its time
	ChangeApplied   ChangeState = "applied"
	ChangeUndone    ChangeState = "undone"
	ChangeRefused   ChangeState = "refused" // by somebody, or because it could not be carried out any more
	ChangeExpired   ChangeState = "expired" // nobody agreed in time, or its time passed while the switch was down
)

// What is done to an entity.
const (
	DoPut    = "put"
	DoMerge  = "merge" // RFC 7396
	DoDelete = "delete"
)

// What becomes of a set whose time passed while the switch was down.
const (
	LateApply  = "apply"
	LateExpire = "expire"
)

// Bounds of sets of changes.
const (
	maxChanges    = 1000
	maxSetBytes   = 2 << 20 // with what is before and after
	maxChangeText = 256 << 10
	maxEvents     = 64
	// MaxOpenSets and MaxSets bound those of a domain that are not over, and all; the oldest that are over make room.
	MaxOpenSets = 100
	MaxSets     = 300
	// lateness is what counts as in time.
	lateness = 10 * time.Minute
)

// ChangeSet is a list of changes that are made together or not at all.
type ChangeSet struct {
	ID      string      `json:"id" readOnly:"true"`
	Reason  string      `json:"reason" doc:"Why, for whoever agrees and for the history"`
	Ticket  string      `json:"ticket,omitempty"`
	Changes []SetChange `json:"changes" doc:"In this order"`

	Effective time.Time `json:"effective,omitzero" doc:"When it is carried out; left out: as soon as all have agreed"`
	Late      string    `json:"late,omitempty" enum:"apply,expire" doc:"If the switch is down then: carried out when it is up again (default), or not at all where that is more than ten minutes later"`
	Emergency bool      `json:"emergency,omitempty" doc:"It may disrupt in opening hours. Somebody else must agree and say why, and somebody reviews it afterwards"`

	State      ChangeState   `json:"state" readOnly:"true"`
	By         string        `json:"by" readOnly:"true"`
	Person     string        `json:"person,omitempty" readOnly:"true"` // PersonOf who proposed, then
	People     int           `json:"people" readOnly:"true" doc:"How many others must agree"`
	Class      string        `json:"class,omitempty" readOnly:"true" doc:"Class that asks for them; absent with people: it loosens how recordings are protected"`
	Loosens    []string      `json:"loosens" readOnly:"true" doc:"Why others must agree"`
	Disrupts   string        `json:"disrupts,omitempty" readOnly:"true" doc:"Class of what it disrupts"`
	Agreed     []Agreement   `json:"agreed" readOnly:"true"`
	History    []ChangeEvent `json:"history" readOnly:"true"`
	Expires    time.Time     `json:"expires,omitzero" readOnly:"true" doc:"Until when others can agree"`
	Undoes     string        `json:"undoes,omitempty" readOnly:"true" doc:"The set that it takes back"`
	UndoneBy   string        `json:"undone_by,omitempty" readOnly:"true"`
	Unreviewed bool          `json:"unreviewed,omitempty" readOnly:"true" doc:"An emergency that nobody has looked at yet"`
}

// SetChange is one change of a set.
type SetChange struct {
	Kind   string          `json:"kind"`
	Key    string          `json:"key"`
	Do     string          `json:"do" enum:"put,merge,delete"`
	Body   json.RawMessage `json:"body,omitempty" doc:"put: the entity; merge: its fields that change (RFC 7396)"`
	Before json.RawMessage `json:"before,omitempty" readOnly:"true" doc:"As it was; absent: it was not there"`
	After  json.RawMessage `json:"after,omitempty" readOnly:"true"`
	Secret bool            `json:"secret,omitempty" readOnly:"true" doc:"Secrets go with it"`
}

// ChangeEvent is a step of a set's history.
type ChangeEvent struct {
	State  ChangeState `json:"state"`
	By     string      `json:"by"`
	At     time.Time   `json:"at"`
	Reason string      `json:"reason,omitempty"`
}

// Overtaken says what is another thing by now than when a set was proposed.
type Overtaken struct{ What []string }

func (e *Overtaken) Error() string { return ErrOvertaken.Error() + ": " + strings.Join(e.What, ", ") }

// Is makes it ErrOvertaken.
func (e *Overtaken) Is(err error) bool { return err == ErrOvertaken }

// NewChangeID is one that sorts by time.
func NewChangeID(now time.Time) string {
	return now.UTC().Format("20060102-150405-") + strings.ToLower(rand.Text()[:8])
}

// Kind, Key: see Entity.
func (ChangeSet) Kind() string  { return KindChangeSet }
func (s ChangeSet) Key() string { return s.ID }

// Refs of a set: none. Whoever carries it out is told what is gone.
func (ChangeSet) Refs() []Ref { return nil }

func (s ChangeSet) normal() Entity {
	s.Changes, s.Loosens, s.Agreed, s.History = list(s.Changes), list(s.Loosens), list(s.Agreed), list(s.History)
	return s
}

// Validate: see Entity.
func (s ChangeSet) Validate() error {
	var c check
	c.must(s.ID != "" && len(s.ID) <= 64, "id", "must be 1 to 64 characters")
	c.reason("reason", s.Reason)
	c.must(strings.TrimSpace(s.Reason) != "", "reason", "is missing")
	c.text("ticket", s.Ticket)
	c.list("changes", len(s.Changes), 1, maxChanges)
	c.oneOf("late", s.Late, "", LateApply, LateExpire)
	c.list("history", len(s.History), 0, maxEvents)
	size := 0
	for i, ch := range s.Changes {
		if c.err != nil {
			break
		}
		ch.check(&c, "changes["+strconv.Itoa(i)+"]")
		size += len(ch.Body) + len(ch.Before) + len(ch.After)
	}
	c.must(size <= maxSetBytes, "changes", "are longer than "+strconv.Itoa(maxSetBytes)+" bytes with what is before and after")
	c.between("people", s.People, 0, twoPeople)
	return c.result()
}

func (ch SetChange) check(c *check, at string) {
	c.must(Settable(ch.Kind), at+".kind", "is no kind that can be in a set of changes")
	c.must(ch.Key != "" && len(ch.Key) <= 253, at+".key", "must be 1 to 253 characters")
	c.oneOf(at+".do", ch.Do, DoPut, DoMerge, DoDelete)
	c.must((ch.Do == DoDelete) == (len(ch.Body) == 0), at+".body", "is for put and merge, which need it")
	c.must(len(ch.Body) <= maxChangeText, at+".body", "is too long")
	c.must(ch.Kind != KindDomain || ch.Do != DoDelete, at+".do", "cannot be that: a domain is the operator's")
}

// Over says that nothing will be done by it any more.
func (s ChangeSet) Over() bool {
	return slices.Contains([]ChangeState{ChangeApplied, ChangeUndone, ChangeRefused, ChangeExpired}, s.State)
}

// Due says when something is to be done with it without anybody asking: its time, or its end. Zero: never.
func (s ChangeSet) Due() time.Time {
	switch s.State {
	case ChangeScheduled:
		return s.Effective
	case ChangeProposed, ChangeApproved:
		return s.Expires
	}
	return time.Time{}
}

// Become is the set in another state.
func (s ChangeSet) Become(state ChangeState, by Wish) ChangeSet {
	e := ChangeEvent{state, by.By, by.At.UTC(), by.Reason}
	s.State, s.History = state, append(slices.Clip(s.History), e)
	if n := len(s.History); n > maxEvents {
		s.History = s.History[n-maxEvents:]
	}
	return s
}

// Agree is the set with somebody's word, and whether that was the last one that it needs. *Denied: see Proposal.Agree. ErrExpired.
func (s ChangeSet) Agree(w Wish) (ChangeSet, bool, error) {
	switch {
	case s.State != ChangeProposed:
		return s, false, fmt.Errorf("%w: it is %s", ErrInState, s.State)
	case !w.At.Before(s.Expires):
		return s, false, ErrExpired
	case s.By == w.By, slices.ContainsFunc(s.Agreed, func(a Agreement) bool { return a.By == w.By }):
		return s, false, &Denied{Rule: RuleTwoPeople}
	case s.Emergency && w.Reason == "":
		return s, false, &Invalid{Field: "reason", Reason: "must say why it cannot wait"}
	}
	s.Agreed = append(slices.Clip(s.Agreed), Agreement{w.By, w.At.UTC(), w.Reason})
	return s, len(s.Agreed) >= s.People, nil
}

// OtherPerson refuses who agrees to a set of somebody whose account it keeps: *Denied.
func (s ChangeSet) OtherPerson(r Reader, domain string, by Wish) error {
	return Proposal{By: s.By, Agreed: s.Agreed}.OtherPerson(r, domain, by)
}

// ErrInState says that a set of changes is not where that could be done with it: 409.
var ErrInState = errors.New("provisioning: not in that state")

// FieldChange is one field of an entity before and after.
type FieldChange struct {
	Kind   string          `json:"kind"`
	Key    string          `json:"key"`
	Does   string          `json:"does" enum:"create,change,delete"`
	Field  string          `json:"field"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
	Secret string          `json:"secret,omitempty" enum:"changed" doc:"Of a secret nothing else is said"`
}

// Diff is what a set changes, field by field.
func (s ChangeSet) Diff() ([]FieldChange, error) {
	var out []FieldChange
	for _, ch := range s.Changes {
		was, err := documentOf(ch.Before)
		if err != nil {
			return nil, err
		}
		is, err := documentOf(ch.After)
		if err != nil {
			return nil, err
		}
		does := doesChange
		switch {
		case len(ch.Before) == 0:
			does = doesCreate
		case len(ch.After) == 0:
			does = doesDelete
		}
		out = append(out, fieldChanges(ch.Kind, ch.Key, does, was, is)...)
		if ch.Secret {
			out = append(out, FieldChange{Kind: ch.Kind, Key: ch.Key, Does: does, Field: "secret", Secret: "changed"})
		}
	}
	return out, nil
}

func fieldChanges(kind, key, does string, was, is document) (out []FieldChange) {
	for _, f := range differing(was, is) {
		out = append(out, FieldChange{Kind: kind, Key: key, Does: does, Field: f, Before: was[f], After: is[f]})
	}
	return out
}

// Differences are the fields in which an entity differs from what was there; old is nil where there was nothing, next where nothing will be.
func Differences(old, next Entity) ([]FieldChange, error) {
	does, _, err := difference(old, next)
	if err != nil {
		return nil, err
	}
	was, is := document{}, document{}
	if old != nil {
		was, err = fieldsOf(old)
	}
	if next != nil && err == nil {
		is, err = fieldsOf(next)
	}
	one := either(old, next)
	return fieldChanges(one.Kind(), one.Key(), does, was, is), err
}

func either(old, next Entity) Entity {
	if old != nil {
		return old
	}
	return next
}

func documentOf(body json.RawMessage) (document, error) {
	d := document{}
	if len(body) == 0 {
		return d, nil
	}
	err := json.Unmarshal(body, &d)
	return d, err
}

// Reverse is the set that takes an applied one back: what was before, in the reverse order. Secrets that went are not among it: nothing keeps them in
// clear, so who is made anew by it needs a new password.
func (s ChangeSet) Reverse(id string, by Wish) ChangeSet {
	out := ChangeSet{ID: id, Reason: by.Reason, Ticket: s.Ticket, Undoes: s.ID, By: by.By, State: ChangeDraft}
	for i := len(s.Changes) - 1; i >= 0; i-- {
		ch := s.Changes[i]
		back := SetChange{Kind: ch.Kind, Key: ch.Key, Do: DoPut, Body: ch.Before, Before: ch.After}
		if len(ch.Before) == 0 {
			back.Do = DoDelete
		}
		if len(ch.Before)+len(ch.After) > 0 {
			out.Changes = append(out.Changes, back)
		}
	}
	return out
}
