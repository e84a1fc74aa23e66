package provisioning

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// Contract is what makes a user one from outside (委託先): who answers for them, until when, and with which numbers they have to do. Past its end they
// are as if they were disabled, whatever else was not done yet: each decision asks User.Out.
type Contract struct {
	Sponsor     string    `json:"sponsor" doc:"User who answers for them"`
	Ends        time.Time `json:"ends" doc:"From then on they cannot sign in, register or call"`
	Restriction string    `json:"restriction,omitempty" doc:"Class of restriction of their outside calls, whatever their extensions say"`
	Calls       []string  `json:"calls,omitempty" doc:"The only numbers they may call, inside and outside: as dialled, or E.164 with +; * behind the beginning of numbers. Empty: all. Emergency numbers are open"`
	Numbers     []string  `json:"numbers,omitempty" doc:"The only extensions they may have; * behind the beginning of numbers. Empty: any"`
}

// Out says that a user is none any more at a moment: disabled, or past the end of the contract. It is what every decision about a person asks.
func (u User) Out(now time.Time) bool {
	return u.Disabled || u.Contract.Over(now)
}

// Sponsorless says that a user's contract is under way and its sponsor is nobody's any more; sponsor finds a user by name.
func (u User) Sponsorless(now time.Time, sponsor func(name string) (User, bool)) bool {
	if u.Contract == nil || u.Out(now) {
		return false
	}
	s, ok := sponsor(u.Contract.Sponsor)
	return !ok || s.Out(now)
}

// Over says that it has ended. Without a contract nothing has.
func (c *Contract) Over(now time.Time) bool { return c != nil && !now.Before(c.Ends) }

// MayCall tells whether a number, given in every form that it has, is one that they may call. Without a contract every number is.
func (c *Contract) MayCall(forms ...string) bool {
	return c == nil || len(c.Calls) == 0 || slices.ContainsFunc(forms, func(f string) bool { return f != "" && inList(c.Calls, f) })
}

// MayBe tells whether an extension is one that they may have.
func (c *Contract) MayBe(number string) bool {
	return c == nil || len(c.Numbers) == 0 || inList(c.Numbers, number)
}

// inList looks for a number in a list of numbers and beginnings of numbers.
func inList(list []string, number string) bool {
	return slices.ContainsFunc(list, func(entry string) bool {
		begin, all := strings.CutSuffix(entry, "*")
		return entry == number || all && strings.HasPrefix(number, begin)
	})
}

// unfit are the roles that nobody from outside has: who holds them decides about others.
var unfit = []Role{RoleAdmin, RoleManager, RoleBreakGlass}

func (c *Contract) check(k *check, u User) {
	if c == nil {
		return
	}
	k.name("contract.sponsor", c.Sponsor)
	k.must(c.Sponsor != u.Name, "contract.sponsor", "is the user themselves")
	k.must(!c.Ends.IsZero(), "contract.ends", "is missing")
	if c.Restriction != "" {
		k.name("contract.restriction", c.Restriction)
	}
	for field, numbers := range map[string][]string{"contract.calls": c.Calls, "contract.numbers": c.Numbers} {
		k.list(field, len(numbers), 0, maxList)
		k.each(field, numbers, func(at, s string) { checkPattern(k, at, s) })
	}
	k.must(!slices.ContainsFunc(u.Roles, func(r Role) bool { return slices.Contains(unfit, r) }), "roles", "are not for somebody with a contract")
}

// checkPattern is a number of 1 to 20 digits, perhaps after +, or the beginning of one and *.
func checkPattern(c *check, field, s string) {
	bare := strings.TrimPrefix(strings.TrimSuffix(s, "*"), "+")
	c.must(bare != "" && len(bare) <= 20 && only(bare, digits), field, "must be a number, or the beginning of one and *")
}

// Refs of a user: the class of the contract. The sponsor is none, so that whoever leaves can be removed: that is an alarm then.
func (u User) Refs() []Ref {
	if u.Contract == nil || u.Contract.Restriction == "" {
		return nil
	}
	return []Ref{{"contract.restriction", KindRestriction, u.Contract.Restriction}}
}

// Check: nobody comes to hold roles that are kept apart; who becomes a sponsor is there, and is not from outside. One who was before, and is gone, stands in
// nobody's way.
func (u User) Check(r Reader, domain string) error {
	if err := keepApart(r, domain, u); err != nil || u.Contract == nil {
		return err
	}
	old, err := optional[User](r, domain, u.Name)
	if err != nil || old.Contract != nil && old.Contract.Sponsor == u.Contract.Sponsor {
		return err
	}
	s, _, err := Get[User](r, domain, u.Contract.Sponsor)
	switch {
	case errors.Is(err, ErrNotFound):
		return &Invalid{Field: "contract.sponsor", Reason: "is no user"}
	case err != nil:
		return err
	case s.Disabled || s.Contract != nil:
		return &Invalid{Field: "contract.sponsor", Reason: "cannot answer for anybody"}
	}
	return nil
}

// Check: who is from outside has the extensions of the contract only; a number that rests is nobody's.
func (e Extension) Check(r Reader, domain string) error {
	if err := e.checkMobile(r, domain); err != nil || e.User == "" {
		return err
	}
	u, err := optional[User](r, domain, e.User)
	if err == nil && !u.Contract.MayBe(e.Number) {
		err = &Invalid{Field: "user", Reason: "may not have this number by the contract"}
	}
	return err
}
