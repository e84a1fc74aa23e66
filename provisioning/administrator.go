package provisioning

import (
	"errors"
	"slices"
)

// ErrLastAdmin says that a change would leave a domain without anybody who can administer it: 409.
var ErrLastAdmin = errors.New("provisioning: the domain's last enabled administrator")

// Administers says whether the user can administer their domain.
func (u User) Administers() bool { return !u.Disabled && slices.Contains(u.Roles, RoleAdmin) }

// KeepAdministrator is asked within the Update that has changed or deleted a user, with the user as it was: ErrLastAdmin when that was the
// domain's last administrator; the break-glass account is nobody's to work with. A domain whose administrators are not in the store (their roles come from an outside provider) has none to lose.
func KeepAdministrator(r Reader, domain string, was User) error {
	if !was.Administers() || was.Name == SealedAccount {
		return nil
	}
	users, err := List[User](r, domain, "", 0)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(users, func(u User) bool { return u.Administers() && u.Name != SealedAccount }) {
		return ErrLastAdmin
	}
	return nil
}
