package provisioning

import (
	"errors"
	"slices"
	"strings"
)

// Manages says whether the user is a recording manager, who agrees to what others propose.
func (u User) Manages() bool { return !u.Disabled && slices.Contains(u.Roles, RoleManager) }

// ErrLastManager says that a program's change would leave a domain without a recording manager: then the next one could be made by one person alone. 409.
var ErrLastManager = errors.New("provisioning: the domain's last recording manager")

// KeepManager is asked within the Update in which a program has changed or deleted a user, with the user as it was: see KeepAdministrator.
func KeepManager(r Reader, domain string, was User) error {
	if !was.Manages() {
		return nil
	}
	left, err := managersBut(r, domain)
	if err == nil && len(left) == 0 {
		err = ErrLastManager
	}
	return err
}

// unmanaging is the user without that role.
func (u User) unmanaging() User {
	u.Roles = slices.DeleteFunc(slices.Clone(u.Roles), func(r Role) bool { return r == RoleManager })
	return u
}

// managersBut are the recording managers of a domain but those named.
func managersBut(r Reader, domain string, names ...string) ([]User, error) {
	users, err := List[User](r, domain, "", 0)
	return slices.DeleteFunc(users, func(u User) bool { return !u.Manages() || slices.Contains(names, u.Name) }), err
}

// who is the name of who wishes, in the domain.
func (w Wish) who(domain string) string { return strings.TrimSuffix(w.By, "@"+domain) }

// appointed is what is loosened where somebody becomes a recording manager, since whoever makes two of them could be both; and where nobody would be left
// whom somebody else is, since then the next one would be made alone. Where there is nobody to ask it is one person's.
func appointed(r Reader, domain string, by Wish, old, next User) ([]Weakening, error) {
	if old.Manages() == next.Manages() {
		return nil, nil
	}
	var out []Weakening
	add := func(field, what, name string) {
		out = append(out, Weakening{field, field + ": " + name + " " + what, onePerson, ""})
	}
	if next.Manages() {
		others, err := managersBut(r, domain, by.who(domain), next.Name)
		if err != nil || len(others) == 0 {
			return nil, err
		}
		field := "disabled"
		if !slices.Contains(old.Roles, RoleManager) {
			field = "roles"
		}
		add(field, "becomes a recording manager", next.Name)
		return out, nil
	}
	ask, err := managersBut(r, domain, by.who(domain))
	if err != nil || !slices.ContainsFunc(ask, func(u User) bool { return u.Name == old.Name }) || len(ask) > 1 {
		return nil, err
	}
	if !slices.Contains(next.Roles, RoleManager) {
		add("roles", "was the last recording manager", old.Name)
	}
	if next.Disabled {
		add("disabled", "was the last recording manager", old.Name)
	}
	return out, nil
}

// Unmanage takes the role of a recording manager away from a user whose password somebody else replaces, and proposes to give it back: else who replaces
// it could be that manager. nil: the user was none, or nobody else could agree, and alone says which.
func Unmanage(w Writer, domain, user string, by Wish) (waits *Proposal, alone bool, err error) {
	u, _, err := Get[User](w, domain, user)
	if err != nil || !u.Manages() || by.who(domain) == user {
		return nil, false, err
	}
	others, err := managersBut(w, domain, by.who(domain), user)
	if err != nil || len(others) == 0 {
		return nil, err == nil, err
	}
	if _, err := w.Put(domain, u.unmanaging(), ""); err != nil {
		return nil, false, err
	}
	old := u.unmanaging()
	_, waits, err = PutGuarded(w, domain, &old, u, "", by)
	return waits, false, err
}
