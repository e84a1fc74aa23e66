package provisioning

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// How a right is answered in an access review.
const (
	AccessKeep   = "keep"
	AccessRemove = "remove" // at once
)

// Why a right that nobody confirmed was not taken away.
const (
	AccessGone      = "gone"       // it had been taken away before
	AccessLastAdmin = "last-admin" // the domain would have nobody to administer it
)

// accessTime is how long a review waits for answers.
const accessTime = 30 * 24 * time.Hour

const maxReviewed = 20_000

// AccessReview asks once a quarter (UTC) of every right that its users of a domain have beyond their own things whether it is still needed. What nobody
// has confirmed when it is due ends. Nobody answers for themself.
type AccessReview struct {
	ID     string          `json:"id" doc:"The quarter, as 2027-Q1"`
	Opened time.Time       `json:"opened"`
	Due    time.Time       `json:"due"`
	Closed time.Time       `json:"closed,omitzero" doc:"When what nobody confirmed was taken away"`
	Rights []ReviewedRight `json:"rights"`
}

// ReviewedRight is a role of one user, over the domain or a department.
type ReviewedRight struct {
	User       string `json:"user"`
	Role       Role   `json:"role"`
	Department string `json:"department,omitempty" doc:"Over which the role is; left out: over the domain"`

	Answer string    `json:"answer,omitempty" doc:"keep or remove; left out: nobody has answered"`
	By     string    `json:"by,omitempty"`
	At     time.Time `json:"at,omitzero"`
	Reason string    `json:"reason,omitempty"`
	Ended  bool      `json:"ended,omitempty" doc:"Taken away, since nobody confirmed it"`
	Stayed string    `json:"stayed,omitempty" doc:"Why it was not: gone, last-admin"`
}

// Kind, Key: see Entity.
func (AccessReview) Kind() string  { return KindAccessReview }
func (v AccessReview) Key() string { return v.ID }

// Refs: see Entity. A review tells of people who may be gone by now.
func (AccessReview) Refs() []Ref { return nil }

func (v AccessReview) normal() Entity {
	v.Rights = list(v.Rights)
	return v
}

// Validate: see Entity.
func (v AccessReview) Validate() error {
	var c check
	c.must(len(v.ID) == len("2027-Q1"), "id", "is no quarter")
	c.must(v.Due.After(v.Opened), "due", "must be after opened")
	c.list("rights", len(v.Rights), 0, maxReviewed)
	for i, r := range v.Rights {
		at := fmt.Sprintf("rights[%d]", i)
		c.name(at+".user", r.User)
		c.text(at+".department", r.Department)
		c.must(r.Answer == "" || r.Answer == AccessKeep || r.Answer == AccessRemove, at+".answer", "must be keep or remove")
		c.reason(at+".reason", r.Reason)
	}
	return c.result()
}

// Unanswered is how many rights nobody has answered for; 0 once it is closed.
func (v AccessReview) Unanswered() (n int) {
	if !v.Closed.IsZero() {
		return 0
	}
	for _, r := range v.Rights {
		if r.Answer == "" {
			n++
		}
	}
	return n
}

// quarter of a time, UTC.
func quarter(now time.Time) string {
	now = now.UTC()
	return fmt.Sprintf("%04d-Q%d", now.Year(), (int(now.Month())+2)/3)
}

// OpenAccessReview begins the review of this quarter where there is none; nil: there is. A domain that never had one is new: its first review is that of
// the next quarter, and an empty one says when that was decided.
func OpenAccessReview(w Writer, domain string, now time.Time) (*AccessReview, error) {
	all, err := List[AccessReview](w, domain, "", 0)
	if err != nil {
		return nil, err
	}
	v := AccessReview{ID: quarter(now), Opened: now.UTC(), Due: now.Add(accessTime).UTC()}
	if slices.ContainsFunc(all, func(old AccessReview) bool { return old.ID >= v.ID }) { // later ones: the clock was set back
		return nil, nil
	}
	if len(all) == 0 {
		v.Closed = v.Opened
	} else if v.Rights, err = reviewed(w, domain); err != nil {
		return nil, err
	}
	_, err = w.Put(domain, v, "")
	return &v, err
}

// reviewed are the rights of now. Those of staff reach a person's own things only.
func reviewed(r Reader, domain string) (out []ReviewedRight, err error) {
	users, err := List[User](r, domain, "", 0)
	for _, u := range users {
		if u.Name == SealedAccount { // nobody's: it is reviewed each time that it is used
			continue
		}
		for _, role := range u.Roles {
			if role != RoleStaff && len(out) < maxReviewed {
				out = append(out, ReviewedRight{User: u.Name, Role: role})
			}
		}
		for _, d := range u.Delegated {
			if len(out) < maxReviewed {
				out = append(out, ReviewedRight{User: u.Name, Role: d.Role, Department: d.Department})
			}
		}
	}
	return out, err
}

// AnswerAccess is somebody's word, of.Answer, about another one's right; a right that is not needed ends at once. An answer may be changed until the review is closed.
// ErrNotFound, ErrExpired, ErrLastAdmin, *Denied for an own right.
func AnswerAccess(w Writer, domain, id string, of ReviewedRight, by Wish) (AccessReview, error) {
	v, tag, err := Get[AccessReview](w, domain, id)
	if err != nil {
		return v, err
	}
	i := slices.IndexFunc(v.Rights, func(r ReviewedRight) bool { return r.same(of) })
	switch {
	case i < 0:
		return v, ErrNotFound
	case !v.Closed.IsZero():
		return v, ErrExpired
	case by.who(domain) == of.User:
		return v, &Denied{Rule: RuleTwoPeople}
	}
	if of.Answer == AccessRemove {
		if _, err := v.Rights[i].remove(w, domain); err != nil {
			return v, err
		}
	}
	v.Rights = slices.Clone(v.Rights)
	v.Rights[i] = ReviewedRight{User: of.User, Role: of.Role, Department: of.Department, Answer: of.Answer, By: by.By, At: by.At.UTC(), Reason: by.Reason}
	_, err = w.Put(domain, v, tag)
	return v, err
}

// CloseAccessReview takes away what nobody has confirmed, if the review is due; nil: none is.
func CloseAccessReview(w Writer, domain string, now time.Time) (*AccessReview, error) {
	all, err := List[AccessReview](w, domain, "", 0)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(v AccessReview) bool { return v.Closed.IsZero() && !now.Before(v.Due) })
	if i < 0 {
		return nil, nil
	}
	v := all[i]
	v.Rights, v.Closed = slices.Clone(v.Rights), now.UTC()
	for i := range v.Rights {
		r := &v.Rights[i]
		if r.Answer != "" {
			continue
		}
		ended, err := r.remove(w, domain)
		switch {
		case errors.Is(err, ErrLastAdmin):
			r.Stayed = AccessLastAdmin
		case err != nil:
			return nil, err
		case !ended:
			r.Stayed = AccessGone
		default:
			r.Ended = true
		}
	}
	_, err = w.Put(domain, v, "")
	return &v, err
}

// same right of the same user.
func (r ReviewedRight) same(o ReviewedRight) bool {
	return r.User == o.User && r.Role == o.Role && r.Department == o.Department
}

// remove the right, if it is still there. ErrLastAdmin.
func (r ReviewedRight) remove(w Writer, domain string) (ended bool, err error) {
	if r.Department != "" {
		return takeDelegation(w, domain, r.User, Delegation{r.Role, r.Department})
	}
	return removeRole(w, domain, r.User, r.Role)
}

// removeRole of a user, if it is still there. ErrLastAdmin, and then nothing was changed.
func removeRole(w Writer, domain, user string, role Role) (ended bool, err error) {
	was, tag, err := Get[User](w, domain, user)
	if errors.Is(err, ErrNotFound) || err == nil && !slices.Contains(was.Roles, role) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	u := was
	u.Roles = slices.DeleteFunc(slices.Clone(was.Roles), func(r Role) bool { return r == role })
	if tag, err = w.Put(domain, u, tag); err != nil {
		return false, err
	}
	if err := KeepAdministrator(w, domain, was); err != nil {
		_, undone := w.Put(domain, was, tag)
		return false, errors.Join(err, undone)
	}
	return true, nil
}
