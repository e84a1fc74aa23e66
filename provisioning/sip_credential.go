package provisioning

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
)

// Kinds of secrets known to the switch. Others choose "<entity kind>/<what>", see SecretOwner.
const (
	SecretSIP   = "sip"   // key: Extension.Number; SIPCredential.Encode
	SecretTrunk = "trunk" // key: Trunk.Name; the digest password towards the carrier, as text
)

// SIPCredential is what verifies an extension's digest: H(number ":" realm ":" password) per algorithm, lower-case hex (RFC 8760).
// The realm is the domain's name. It is as good as the password within the realm: it prints and marshals as "[redacted]".
type SIPCredential struct {
	HA1MD5    string
	HA1SHA256 string
}

func (SIPCredential) String() string               { return "[redacted]" }
func (SIPCredential) Format(f fmt.State, _ rune)   { _, _ = f.Write([]byte("[redacted]")) } // every verb, %d too
func (SIPCredential) LogValue() slog.Value         { return slog.StringValue("[redacted]") }
func (SIPCredential) MarshalJSON() ([]byte, error) { return []byte(`"[redacted]"`), nil }

type sipCredentialJSON struct {
	MD5    string `json:"ha1_md5"`
	SHA256 string `json:"ha1_sha256"`
}

// Encode is the form that is sealed: JSON.
func (c SIPCredential) Encode() []byte {
	b, err := json.Marshal(sipCredentialJSON{MD5: c.HA1MD5, SHA256: c.HA1SHA256})
	if err != nil { // two strings: cannot fail
		return nil
	}
	return b
}

// DecodeSIPCredential reads what Encode wrote.
func DecodeSIPCredential(b []byte) (SIPCredential, error) {
	var j sipCredentialJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return SIPCredential{}, errors.New("provisioning: SIP credential is not readable") // the cause could quote it
	}
	return SIPCredential{HA1MD5: j.MD5, HA1SHA256: j.SHA256}, nil
}

// SIPCredentialOf reads an extension's credential; ErrNotFound.
func SIPCredentialOf(r Reader, domain, number string) (SIPCredential, error) {
	b, err := Secret(r, domain, SecretSIP, number)
	if err != nil {
		return SIPCredential{}, err
	}
	return DecodeSIPCredential(b)
}
