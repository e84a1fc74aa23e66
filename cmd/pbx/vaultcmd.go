package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"naisen/recorder/apart"
	"naisen/recorder/seal"
)

// vaultCmd is the process that has the private keys where vault.separate is set. It answers no call, and decides nothing: the switch does, and signs.
type vaultCmd struct{ configFlag }

// Run implements `pbx vault`.
func (c vaultCmd) Run(ctx context.Context, out io.Writer) error {
	config, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	if !config.Vault.Separate {
		return invalid("vault.separate", "is not set: the switch has the vault's keys itself")
	}
	if err := noCore(); err != nil {
		return err
	}
	gate := newLogGate(os.Stderr)
	defer gate.Close()
	return serveVault(ctx, config, out, slog.New(flushing{logger(config.Log, gate).Handler(), gate}))
}

// serveVault opens what permits name until ctx ends.
func serveVault(ctx context.Context, c Config, out io.Writer, log *slog.Logger) error {
	files, err := openKeys(c)
	if err != nil {
		return err
	}
	if c.Storage.Kind == "dir" { // the switch may not have made it yet
		if err := os.MkdirAll(c.objectsPath(), 0o700); err != nil {
			return err
		}
	}
	store, err := storeBeside(c)
	if err != nil {
		return err
	}
	s, err := apart.Listen(apart.ServerConfig{Socket: c.vaultSocket(), Keys: c.path("keys"), Sealer: seal.New(files), Store: store,
		Parts: []string{messagesPart}, Status: files.Ask, Log: log})
	if err != nil {
		return err
	}
	for _, path := range files.Created() {
		fmt.Fprintln(out, "made", path)
	}
	if path, here := files.RecoveryPath(); here {
		fmt.Fprintf(out, "Move %s to a safe place off this machine: it opens every recording when the vault's key is lost.\n", path)
	}
	if files.Unprotected() {
		log.Warn("vault: the key lies in a plain file although a safe is configured: pbx recording protect")
	}
	log.Info("vault: ready", "socket", c.vaultSocket())
	<-ctx.Done()
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err = s.Close(closing)
	log.Info("vault: stopped", "served", s.Served.Load(), "refused", s.Refused.Load())
	return err
}
