package provisioning

import (
	"crypto/sha256"
	"encoding/hex"
)

// BookAccount lets a telephone or a program read the shared directory by LDAP or XML, with a secret of its own that opens nothing else.
type BookAccount struct {
	Name      string `json:"name"`
	Extension string `json:"extension,omitempty" doc:"It sees what this extension may see; left out: what everybody may"`
	Disabled  bool   `json:"disabled"`
}

// SecretBookAccount is the kind of an account's secret; key: BookAccount.Name; BookProof of it.
const SecretBookAccount = KindBookAccount

// BookProof is what is kept of an account's secret. The secret has 128 random bits: nothing is gained by a slow hash.
func BookProof(plain string) []byte {
	sum := sha256.Sum256([]byte("directory-account\n" + plain))
	return []byte(hex.EncodeToString(sum[:]))
}

// ProvisionerProof is likewise of a Provisioner's secret.
func ProvisionerProof(plain string) []byte {
	sum := sha256.Sum256([]byte("provisioner\n" + plain))
	return []byte(hex.EncodeToString(sum[:]))
}

// Kind, Key: see Entity.
func (BookAccount) Kind() string  { return KindBookAccount }
func (b BookAccount) Key() string { return b.Name }

// Refs of an account: its extension.
func (b BookAccount) Refs() []Ref {
	if b.Extension == "" {
		return nil
	}
	return []Ref{{"extension", KindExtension, b.Extension}}
}

// Validate: see Entity.
func (b BookAccount) Validate() error {
	var c check
	c.name("name", b.Name)
	if b.Extension != "" {
		insideNumber(&c, "extension", b.Extension)
	}
	return c.result()
}
