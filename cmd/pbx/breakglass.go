package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"naisen/provisioning"
	"naisen/provisioning/identity"
)

// breakGlassCmd is about the account whose credential lies in an envelope.
type breakGlassCmd struct {
	Seal sealCmd `cmd:"" help:"Make the account, or give it a new credential, and print that once. The old one and what it is signed in with end."`
}

type sealCmd struct {
	configFlag
	Domain string `help:"Of the account; the configuration's when missing."`
}

// Run implements `pbx break-glass seal`, beside a running or a stopped switch. Whoever may run it can read the switch's keys, so it asks for no more.
func (c sealCmd) Run(ctx context.Context, out io.Writer) (err error) {
	config, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	s, _, err := databaseBeside(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	domain := cmp.Or(c.Domain, config.Domain)
	credential, err := identity.SealAccount(ctx, s, domain)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "Break-glass account %s@%s at %s/identity\nCredential: %s\n"+
		"It is shown this once: write it down, seal it in an envelope, and keep that where two people must open it.\n"+
		"この資格情報は一度だけ表示されます。書き留めて封筒に封緘し、二人の立会いで開封する場所に保管してください。\n",
		provisioning.SealedAccount, domain, config.HTTP.URL, credential)
	return err
}
