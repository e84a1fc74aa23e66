package auth

import (
	"fmt"
	"log/slog"
)

const redacted = "[redacted]"

// Credential is what a Verifier knows about a user: H(user:realm:password) in lower-case hex, per algorithm; empty where there is
// none. It is as good as the password for this realm and prints "[redacted]".
type Credential struct {
	HA1MD5    string
	HA1SHA256 string
	AllowMD5  bool // the device record accepts MD5 (RFC 8760 section 2.4); Config.OfferMD5 must allow it as well
	Disabled  bool // refused with 403, and only to whom knows the password
}

// String hides the hashes.
func (Credential) String() string { return redacted }

// GoString hides the hashes from %#v.
func (Credential) GoString() string { return redacted }

// Format hides the hashes from every verb.
func (Credential) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue hides the hashes from slog.
func (Credential) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON hides the hashes from slog's JSON handler and from any dump.
func (Credential) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// Verifier looks a user up in memory. It is called on a signalling goroutine: it must not block. It takes about the same time for
// a user that exists and one that does not.
type Verifier interface {
	Lookup(realm, user string) (Credential, bool)
}

// ClientCredential is what we answer a challenge of a peer with.
type ClientCredential struct {
	User   string
	Secret string // the password
	// Realm is the only realm that is answered; AnyRealm answers all. Empty answers none: a challenge that a called party
	// relays must never get a digest of a trunk's password (threats B13).
	Realm string
}

// AnyRealm as ClientCredential.Realm: use it only towards a peer that is authenticated by other means, or on a closed line.
const AnyRealm = "*"

// String hides the password.
func (ClientCredential) String() string { return redacted }

// GoString hides the password from %#v.
func (ClientCredential) GoString() string { return redacted }

// Format hides the password from every verb.
func (ClientCredential) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue hides the password from slog.
func (ClientCredential) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON hides the password from slog's JSON handler and from any dump.
func (ClientCredential) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
