package identity

import "slices"

// Authentication context classes (the acr claim): how sure the embedded service is of who signed in. Each includes those before it.
const (
	// ACRPassword: a password and nothing else.
	ACRPassword = "urn:naisen:acr:password"
	// ACRMFA: two factors, of which one may be a code that a person can be talked out of.
	ACRMFA = "urn:naisen:acr:mfa"
	// ACRPhishingResistant: a passkey, beside the password or with the person verified by it (OpenID Connect Extended Authentication Profile
	// ACR Values 1.0, section 2).
	ACRPhishingResistant = "phr"
	// ACRSealed: the credential of the break-glass account, out of its envelope. It is none of those above: nobody asks for it, and for its hour it stands
	// in place of any of them (see Requirement.Check).
	ACRSealed = "urn:naisen:acr:sealed"
)

// Methods (the amr claim) by RFC 8176 section 2.
const (
	amrPassword = "pwd"
	amrCode     = "otp"
	amrDevice   = "hwk" // a key that stays in its device
	amrSynced   = "swk" // a key that its maker copies between a person's devices
	amrPresence = "user"
	amrTwo      = "mfa"
)

// level orders the classes; 0 is none of ours.
type level int

const (
	levelPassword level = iota + 1
	levelTwo
	levelPasskey
)

func acrs() []string { return []string{ACRPassword, ACRMFA, ACRPhishingResistant} }

func levelOf(acr string) level { return level(slices.Index(acrs(), acr) + 1) }

// level that a session has reached.
func (v session) level() level {
	if v.sealed {
		return levelPasskey
	}
	return levelOf(v.acr)
}

// levelWanted is what acr_values asks for (OpenID Connect Core section 3.1.2.1): any of them does, so it is the least that is known here. False: none
// is, and the sign-in cannot be what the client needs (RFC 9470 section 5).
func levelWanted(values []string) (least level, ok bool) {
	for _, v := range values {
		if l := levelOf(v); l > 0 && (least == 0 || l < least) {
			least = l
		}
	}
	if len(values) == 0 {
		return levelPassword, true
	}
	return least, least > 0
}

// withMethods adds methods that are not there yet.
func withMethods(amr []string, more ...string) []string {
	amr = slices.Clone(amr)
	for _, m := range more {
		if !slices.Contains(amr, m) {
			amr = append(amr, m)
		}
	}
	return amr
}
