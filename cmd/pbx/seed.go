package main

import (
	"context"
	"errors"
	"fmt"

	"naisen/provisioning"
	"naisen/provisioning/identity"
	"naisen/provisioning/secret"
)

// What a fresh machine starts with. The carrier is a loopback address of its own, so that a softphone on the same machine is not
// taken for it.
const (
	seedDID     = "+81312345678"
	seedPolicy  = "citizens"
	seedTrunk   = "carrier"
	seedCarrier = "127.0.0.2"
	seedNotice  = "notice/recording"
)

// seeded is what the first run made and prints once: the passwords are kept nowhere in clear.
type seeded struct {
	Sealed     secret.Secret            // credential of the break-glass account; zero: the domain was there already
	Admin      secret.Secret            // one-time password of the administrator; zero: there was one already
	Extensions map[string]secret.Secret // number -> SIP password
}

// seed makes the first domain with an administrator, two extensions, a DID that is recorded after a notice, and a trunk.
// On a store that has the domain it only makes sure of the administrator.
func seed(ctx context.Context, store provisioning.Store, c Config) (seeded, error) {
	out, fresh := seeded{Extensions: map[string]secret.Secret{}}, false
	err := store.Update(ctx, provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		clear(out.Extensions)
		fresh = false
		_, _, err := provisioning.Get[provisioning.Domain](w, c.Domain, c.Domain)
		if !errors.Is(err, provisioning.ErrNotFound) {
			return err // there already, or the store failed
		}
		fresh = true
		return seedDomain(w, c, out.Extensions)
	})
	if err != nil {
		return out, fmt.Errorf("first run: %w", err)
	}
	if c.embedded() {
		password, err := identity.Bootstrap(ctx, store, c.Domain)
		if err != nil {
			return out, err
		}
		if password != "" {
			out.Admin = secret.New(password)
		}
	}
	if !fresh {
		return out, nil
	}
	credential, err := identity.SealAccount(ctx, store, c.Domain)
	if err == nil {
		out.Sealed = secret.New(credential)
	}
	return out, err
}

func seedDomain(w provisioning.Writer, c Config, made map[string]secret.Secret) error {
	entities := []provisioning.Entity{
		provisioning.Domain{Name: c.Domain, Title: "Naisen", Language: c.Language, AllowMD5: true, CountryCode: "81"},
		provisioning.RecordingPolicy{Name: seedPolicy, Record: provisioning.RecordAlways, Notice: "early-media", Prompt: seedNotice, OnFailure: "continue", RetentionDays: 365},
		provisioning.Extension{Number: "2001", Display: "Extension 2001", AllowMD5: true, Media: "srtp-preferred"},
		provisioning.Extension{Number: "2002", Display: "Extension 2002", AllowMD5: true, Media: "srtp-preferred"},
		provisioning.DID{Number: seedDID, Title: "Recorded line", To: []string{"2001", "2002"}, Policy: seedPolicy},
		provisioning.Trunk{Name: seedTrunk, Host: seedCarrier + ":5060", Transport: "udp", Sources: []string{seedCarrier + "/32"},
			Prefixes: []string{"0"}, Media: "srtp-forbidden", DIDFrom: []string{"p-called-party-id", "request-uri", "to"}, CallerID: seedDID},
	}
	for _, e := range entities {
		if _, err := w.Put(c.Domain, e, "!"); err != nil {
			return err
		}
	}
	for _, n := range []string{"2001", "2002"} {
		plain, cred := secret.NewSIPSecret(n, c.Domain)
		if err := w.PutSecret(c.Domain, provisioning.SecretSIP, n, cred.Encode()); err != nil {
			return err
		}
		made[n] = plain
	}
	return nil
}
