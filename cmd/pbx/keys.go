package main

import (
	"os"
	"time"

	"naisen/recorder/seal"
	"naisen/recorder/seal/hsm"
	"naisen/recorder/seal/transit"
)

// KeysConfig says where the vault's key is kept, and when recordings get new ones.
type KeysConfig struct {
	Safe       string        `yaml:"safe"`       // "file" (default), "passphrase", "transit" or "pkcs11"
	Passphrase Secret        `yaml:"passphrase"` // passphrase
	Transit    TransitConfig `yaml:"transit"`
	PKCS11     PKCS11Config  `yaml:"pkcs11"`
	Hold       Duration      `yaml:"hold"`     // how long what transit or pkcs11 gave is used when they do not answer; 10m
	Recovery   string        `yaml:"recovery"` // file with the recipient of a recovery key made elsewhere; empty: one is made here, to be moved away
	Rotate     Duration      `yaml:"rotate"`   // how old a domain's key gets before the next is made; 0: until somebody says
}

// TransitConfig is a key of OpenBao's or HashiCorp Vault's transit engine.
type TransitConfig struct {
	URL       string `yaml:"url"`
	Mount     string `yaml:"mount"` // "transit"
	Key       string `yaml:"key"`
	Namespace string `yaml:"namespace"`
	CA        string `yaml:"ca"` // PEM file; the system's when empty
	Token     Secret `yaml:"token"`
}

// PKCS11Config is an AES key of a token.
type PKCS11Config struct {
	Module string `yaml:"module"`
	Token  string `yaml:"token"` // label
	Key    string `yaml:"key"`   // label
	PIN    Secret `yaml:"pin"`
}

// VaultConfig says whether the vault is a process of its own, `pbx vault`, with the private keys of recordings.
type VaultConfig struct {
	Separate bool   `yaml:"separate"`
	Socket   string `yaml:"socket"` // vault.sock below data
	Keys     string `yaml:"keys"`   // directory of its private keys; keys/vault below data. The switch need not be able to read it
}

func (c *Config) vaultSocket() string {
	if c.Vault.Socket != "" {
		return c.Vault.Socket
	}
	return c.path("vault.sock")
}

// Safes of the vault's key.
const (
	safeFile       = "file"
	safePassphrase = "passphrase"
	safeTransit    = "transit"
	safePKCS11     = "pkcs11"
)

// leastRotate keeps a typing error from making a key for each recording.
const leastRotate = 24 * time.Hour

func (k KeysConfig) validate() error {
	if k.Hold < 0 || k.Hold > Duration(24*time.Hour) {
		return invalid("keys.hold", "is from 1s to 24h")
	}
	if k.Rotate != 0 && k.Rotate < Duration(leastRotate) {
		return invalid("keys.rotate", "is a day or more")
	}
	switch k.Safe {
	case "", safeFile:
		return nil
	case safePassphrase:
		if k.Passphrase.ref == "" {
			return invalid("keys.passphrase", "is missing")
		}
		return nil
	case safeTransit:
		if k.Transit.URL == "" || k.Transit.Key == "" || k.Transit.Token.ref == "" {
			return invalid("keys.transit", "needs url, key and token")
		}
		return nil
	case safePKCS11:
		if k.PKCS11.Module == "" || k.PKCS11.Token == "" || k.PKCS11.Key == "" || k.PKCS11.PIN.ref == "" {
			return invalid("keys.pkcs11", "needs module, token, key and pin")
		}
		return nil
	}
	return invalid("keys.safe", `is "file", "passphrase", "transit" or "pkcs11"`)
}

// safe is what keeps the vault's key; nil: a plain file.
func (k KeysConfig) safe() (seal.Safe, error) {
	switch k.Safe {
	case safePassphrase:
		return seal.NewPassphrase(k.Passphrase.value)
	case safeTransit:
		t := transit.Config{URL: k.Transit.URL, Mount: k.Transit.Mount, Key: k.Transit.Key, Namespace: k.Transit.Namespace, Token: k.Transit.Token.now}
		if k.Transit.CA != "" {
			var err error
			if t.CA, err = os.ReadFile(k.Transit.CA); err != nil {
				return nil, err
			}
		}
		return transit.New(t)
	case safePKCS11:
		return hsm.Open(hsm.Config{Module: k.PKCS11.Module, Token: k.PKCS11.Token, Key: k.PKCS11.Key, PIN: k.PKCS11.PIN.now})
	}
	return nil, nil
}

// openPublic opens what the switch has of the ring where the vault is a process of its own.
func openPublic(c Config) (*seal.Files, error) {
	return seal.Open(seal.Config{Dir: c.path("keys", "vault"), Public: true, Now: time.Now})
}

// openKeys opens the ring of the configuration, with its private keys.
func openKeys(c Config) (*seal.Files, error) {
	safe, err := c.Keys.safe()
	if err != nil {
		return nil, err
	}
	hold := time.Duration(c.Keys.Hold)
	if c.Keys.Safe == safePassphrase { // it is in this process anyway
		hold = -1
	}
	return seal.Open(seal.Config{Dir: c.path("keys", "vault"), Private: c.Vault.Keys, Safe: safe, Hold: hold, Recovery: c.Keys.Recovery, Now: time.Now})
}
