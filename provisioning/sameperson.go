package provisioning

import "strings"

// passwordOf is the object of the audit entries about a user's password: see Writer.PutSecret.
const passwordOf = KindUser + "/password/"

// Keeps says that somebody has set another one's password, or that of whoever did: then both may be one person, at two logins. A user who chose the
// own password did nothing of the kind. Both are "user@domain". People whose accounts are an outside provider's have no password here.
func Keeps(r Reader, domain, keeper, other string) (bool, error) {
	seen := map[string]bool{other: true}
	for wait := []string{other}; len(wait) > 0; wait = wait[1:] {
		name, at, ok := strings.Cut(wait[0], "@")
		if !ok || at != domain {
			continue
		}
		set, err := r.Audit(domain, AuditQuery{Object: passwordOf + name, Action: "secret.put"})
		if err != nil {
			return false, err
		}
		for _, e := range set {
			if e.Subject == wait[0] || seen[e.Subject] {
				continue
			}
			if e.Subject == keeper {
				return true, nil
			}
			seen[e.Subject] = true
			wait = append(wait, e.Subject)
		}
	}
	return false, nil
}

// OtherPerson refuses who agrees to the wish of somebody whose account it keeps, or beside one who agreed before: *Denied.
func (p Proposal) OtherPerson(r Reader, domain string, by Wish) error {
	others := []string{p.By}
	for _, a := range p.Agreed {
		others = append(others, a.By)
	}
	for _, other := range others {
		if other == by.By {
			continue // Agree knows
		}
		kept, err := Keeps(r, domain, by.By, other)
		if err == nil && kept {
			err = &Denied{Rule: RuleTwoPeople}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
