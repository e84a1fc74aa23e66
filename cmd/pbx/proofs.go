package main

import (
	"strconv"
	"strings"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/directory"
)

// The proofs of a registration, a subscription, a leg. proofToken is followed by the person whose token it was, and then by fingerprints of what else it
// said, so that it can be told later whether it was revoked. Behind a space stands the device's, as the telephone itself names it, where that is kept.
const (
	proofDigest      = "digest"
	proofSoftphone   = "softphone:" // and the name of its account
	proofCertificate = "certificate"
	proofToken       = "token:"
	proofDevice      = "device:" // followed by the MAC of a telephone of the inventory, a dot and the generation of its password
)

// tokenProof is how a token is remembered: no part of it can be used again.
func tokenProof(who provisioning.Subject) string {
	return strings.Join([]string{proofToken + who.User, provisioning.Fingerprint(provisioning.IssuedName(who.Issuer, who.Session)),
		provisioning.Fingerprint(provisioning.DeviceName(who.Device)), provisioning.Fingerprint(provisioning.IssuedName(who.Issuer, who.Token)),
		strconv.FormatInt(who.Issued.Unix(), 36)}, "/")
}

// deviceProof is how a telephone of the inventory is remembered.
func deviceProof(mac, generation string) string { return proofDevice + mac + "." + generation }

// from adds the device, by its +sip.instance.
func from(proof, instance string) string {
	if instance == "" {
		return proof
	}
	return proof + " " + provisioning.Fingerprint(provisioning.DeviceName(instance))
}

// proof is one that is read again.
type proof struct {
	kind, owner            string // proofDigest, ...; of proofSoftphone owner is the name of its account
	session, device, token string // fingerprints
	instance               string // likewise
	mac, generation        string // of proofDevice
	issued                 time.Time
}

func readProof(s string) (p proof) {
	s, p.instance, _ = strings.Cut(s, " ")
	if login, app := strings.CutPrefix(s, proofSoftphone); app {
		p.kind, p.owner = proofSoftphone, login
		return p
	}
	if rest, ok := strings.CutPrefix(s, proofDevice); ok {
		p.kind = proofDevice
		p.mac, p.generation, _ = strings.Cut(rest, ".")
		return p
	}
	rest, token := strings.CutPrefix(s, proofToken)
	if !token {
		p.kind = s
		return p
	}
	p.kind = proofToken
	words := append(strings.Split(rest, "/"), "", "", "", "") // one of before says who it was and no more: it is the oldest of all
	p.owner, p.session, p.device, p.token = words[0], words[1], words[2], words[3]
	if at, err := strconv.ParseInt(words[4], 36, 64); err == nil {
		p.issued = time.Unix(at, 0)
	}
	return p
}

// revoked says that a proof, made at a time, is worth nothing any more, whatever the extension's password is. Of a token it counts when that was issued.
func (p proof) revoked(s *directory.Snapshot, domain, owner string, made time.Time) bool {
	if s.RevocationOf(domain, provisioning.RevokedDevice, p.instance).Covers(made) {
		return true
	}
	user := s.Revocation(domain, provisioning.RevokedUser, owner)
	if p.kind != proofToken {
		return user.Barred != "" || !user.Phones.IsZero() && !made.After(user.Phones)
	}
	return user.Covers(p.issued) || s.RevocationOf(domain, provisioning.RevokedSession, p.session).Covers(p.issued) ||
		s.RevocationOf(domain, provisioning.RevokedDevice, p.device).Covers(p.issued) || s.RevocationOf(domain, provisioning.RevokedToken, p.token).Covers(p.issued)
}
