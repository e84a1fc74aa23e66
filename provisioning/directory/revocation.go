package directory

import (
	"time"

	"naisen/provisioning"
)

// barred: who owns an extension is out, or nothing of theirs is accepted. Nobody ("") is not.
func (d *domain) barred(user string, now time.Time) bool {
	switch {
	case user == "":
		return false
	case d.users[user].Out(now):
		return true
	}
	return len(d.revocations) > 0 && d.revocations[provisioning.RevocationKey(provisioning.RevokedUser, user)].Barred != ""
}

// Revocation of something; the zero value, which covers nothing, where there is none.
func (s *Snapshot) Revocation(domainName, of, name string) provisioning.Revocation {
	d := s.domains[domainName]
	if d == nil || len(d.revocations) == 0 || name == "" {
		return provisioning.Revocation{}
	}
	return d.revocations[provisioning.RevocationKey(of, name)]
}

// RevocationOf a session, a device or a token by its provisioning.Fingerprint.
func (s *Snapshot) RevocationOf(domainName, of, fingerprint string) provisioning.Revocation {
	d := s.domains[domainName]
	if d == nil || len(d.revocations) == 0 || fingerprint == "" {
		return provisioning.Revocation{}
	}
	return d.revocations[of+":"+fingerprint]
}

// Revoked says why the token of a subject is worth nothing any more: its person, session, device or itself was revoked. Empty: it is.
func (s *Snapshot) Revoked(who provisioning.Subject) string {
	if d := s.domains[who.Domain]; d == nil || len(d.revocations) == 0 {
		return ""
	}
	for _, at := range [...][2]string{{provisioning.RevokedUser, who.User}, {provisioning.RevokedSession, provisioning.IssuedName(who.Issuer, who.Session)},
		{provisioning.RevokedDevice, provisioning.DeviceName(who.Device)}, {provisioning.RevokedToken, provisioning.IssuedName(who.Issuer, who.Token)}} {
		if s.Revocation(who.Domain, at[0], at[1]).Covers(who.Issued) {
			return at[0] + " revoked"
		}
	}
	return ""
}

// RevokedAt is a revocation with its domain.
type RevokedAt struct {
	Domain string
	provisioning.Revocation
}

// RevokedSince are the revocations that are new or others than in an earlier snapshot. It looks at all of a domain that changed.
func (s *Snapshot) RevokedSince(before *Snapshot) (out []RevokedAt) {
	for name, d := range s.domains {
		old := before.domains[name]
		if old == d {
			continue
		}
		for key, r := range d.revocations {
			if old == nil || old.revocations[key] != r {
				out = append(out, RevokedAt{name, r})
			}
		}
	}
	return out
}

// LeftSince are the users, by domain and name, who were there at a moment by an earlier snapshot, which may be the same one, and are gone or out now.
func (s *Snapshot) LeftSince(before *Snapshot, then, now time.Time) (out [][2]string) {
	for name, old := range before.domains {
		d := s.domains[name]
		for user, u := range old.users {
			if d == old && u.Contract == nil || u.Out(then) {
				continue
			}
			if d == nil {
				out = append(out, [2]string{name, user})
				continue
			}
			if next, there := d.users[user]; !there || next.Out(now) || next.Person() != u.Person() {
				out = append(out, [2]string{name, user})
			}
		}
	}
	return out
}

// Stale are the revocations, by domain and key, that can refuse nothing any more.
func (s *Snapshot) Stale(now time.Time) (out [][2]string) {
	for name, d := range s.domains {
		for key, r := range d.revocations {
			if !r.Until.IsZero() && now.After(r.Until) && r.Barred == "" {
				out = append(out, [2]string{name, key})
			}
		}
	}
	return out
}

// Revocations counts those of a domain.
func (s *Snapshot) Revocations(domainName string) int {
	d := s.domains[domainName]
	if d == nil {
		return 0
	}
	return len(d.revocations)
}
