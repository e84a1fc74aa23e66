package provisioning

import (
	"slices"
	"strings"
	"time"
)

// Why an outside caller shows no number, as carriers tell it apart.
const (
	WithheldAnonymous   = "anonymous"   // 非通知: it does not want to be shown
	WithheldPayphone    = "payphone"    // 公衆電話
	WithheldUnavailable = "unavailable" // 表示圏外
)

// Rejection turns outside callers away: those who show no number, each reason by itself, and numbers that molest. Who calls back in the window
// after an emergency call is never turned away.
type Rejection struct {
	Name     string    `json:"name"`
	Withheld []string  `json:"withheld" doc:"Callers without a number: anonymous, payphone, unavailable"`
	Numbers  []string  `json:"numbers" doc:"E.164 numbers, or their beginning with * behind"`
	Called   []string  `json:"called" doc:"Numbers of ours, or extensions, to which it applies; empty: all"`
	Announce string    `json:"announce,omitempty" doc:"Prompt that the caller hears; empty: none, the call is declined"`
	Until    time.Time `json:"until,omitzero" doc:"When it ends; left out: it stays"`
	Approval string    `json:"approval" doc:"Who approved it, and why"`
	Disabled bool      `json:"disabled"`
}

// Kind, Key: see Entity.
func (Rejection) Kind() string  { return KindRejection }
func (r Rejection) Key() string { return r.Name }

// Refs of a rejection: none; a number that is gone is not called any more.
func (Rejection) Refs() []Ref { return nil }

func (r Rejection) normal() Entity {
	r.Withheld, r.Numbers, r.Called = list(r.Withheld), list(r.Numbers), list(r.Called)
	return r
}

// Validate: see Entity.
func (r Rejection) Validate() error {
	var c check
	c.name("name", r.Name)
	c.list("withheld", len(r.Withheld), 0, 3)
	c.each("withheld", r.Withheld, func(at, s string) { c.oneOf(at, s, WithheldAnonymous, WithheldPayphone, WithheldUnavailable) })
	c.list("numbers", len(r.Numbers), 0, 1000)
	c.each("numbers", r.Numbers, func(at, s string) {
		n, open := strings.CutSuffix(s, "*")
		c.must(len(n) >= 4 && len(n) <= 16 && n[0] == '+' && only(n[1:], digits) && (open || len(n) >= 6), at, "must be an E.164 number, or at least 3 digits of one and *")
	})
	c.must(len(r.Withheld)+len(r.Numbers) > 0, "numbers", "or withheld must name somebody")
	c.list("called", len(r.Called), 0, maxList)
	c.each("called", r.Called, func(at, s string) {
		c.must(s != "" && len(s) <= 16 && only(strings.TrimPrefix(s, "+"), digits), at, "must be a number of ours or an extension")
	})
	if r.Announce != "" {
		checkPrompt(&c, "announce", r.Announce)
	}
	c.text("approval", r.Approval)
	c.must(strings.TrimSpace(r.Approval) != "", "approval", "must say who approved it, and why")
	return c.result()
}

// Meets tells whether a call is turned away: from a number, or from somebody without one and why, to any of these numbers of ours.
func (r Rejection) Meets(from, withheld string, now time.Time, called ...string) bool {
	if r.Disabled || !r.Until.IsZero() && !now.Before(r.Until) {
		return false
	}
	if len(r.Called) > 0 && !slices.ContainsFunc(called, func(n string) bool { return slices.Contains(r.Called, n) }) {
		return false
	}
	if from == "" {
		return slices.Contains(r.Withheld, withheld)
	}
	return slices.ContainsFunc(r.Numbers, func(n string) bool {
		begin, open := strings.CutSuffix(n, "*")
		return n == from || open && strings.HasPrefix(from, begin)
	})
}
