package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"naisen/provisioning/audit"
	"naisen/provisioning/store"
)

type auditCmd struct {
	Verify auditVerifyCmd `cmd:"" help:"Check every entry against the Merkle tree and the signed checkpoints; name the first bad one."`
	Export auditExportCmd `cmd:"" help:"Write the log as text that verify reads without the database."`
}

// auditVerifyCmd needs no key but the public one, and changes nothing.
type auditVerifyCmd struct {
	configFlag
	DB         string   `name:"db" type:"existingfile" help:"Database file, as a copy or of a switch that runs; otherwise that of the configuration." placeholder:"FILE" xor:"source"`
	Export     string   `type:"existingfile" help:"An export instead of a database." placeholder:"FILE" xor:"source"`
	Archive    []string `type:"existingfile" help:"Archives of entries that left the database, as they lie in the object store (the vault's key is needed) or opened." placeholder:"FILE"`
	Checkpoint []string `type:"existingfile" help:"Signed checkpoints that were kept elsewhere, beside those of the configuration." placeholder:"FILE"`
	Key        string   `type:"existingfile" help:"The log's public key; otherwise keys/audit.key.pub of the configuration." placeholder:"FILE"`
	Store      bool     `help:"Hold the log against the checkpoints in the object store too."`
}

// Run implements `pbx audit verify`. It reads the database of a running or a stopped switch, or what was taken from one.
func (c auditVerifyCmd) Run(ctx context.Context, out io.Writer) error {
	config, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	report, err := c.verify(ctx, config, out)
	if err != nil && !errors.Is(err, audit.ErrBroken) && !errors.Is(err, audit.ErrSegment) {
		return err
	}
	fmt.Fprintln(out, report)
	if r, there, e := readRestored(config.path("checkpoints")); c.DB == "" && c.Export == "" && there && e == nil {
		fmt.Fprintln(out, "This log was", r)
	}
	return err
}

// verify tells of each archive on out. A log that is whole with an archive that is not is ErrSegment, with the log's report.
func (c auditVerifyCmd) verify(ctx context.Context, config Config, out io.Writer) (r audit.Report, err error) {
	public, err := c.public(config)
	if err != nil {
		return r, err
	}
	log, closeLog, err := c.open(ctx, config)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	checkpoints, err := c.checkpoints(ctx, config, public)
	if err != nil {
		return r, err
	}
	if r, err = audit.Verify(ctx, log, checkpoints...); err != nil && !errors.Is(err, audit.ErrBroken) {
		return r, err
	}
	return r, errors.Join(err, c.archives(ctx, config, log, public, out))
}

// archives holds each one that was named against the log.
func (c auditVerifyCmd) archives(ctx context.Context, config Config, log audit.Log, public string, out io.Writer) error {
	hashes, ok := log.(audit.Hashes)
	if !ok && len(c.Archive) > 0 {
		return errors.New("an archive is held against a database")
	}
	var bad error
	for _, path := range c.Archive {
		s, err := holdArchive(ctx, config, hashes, public, path)
		if err != nil {
			bad = errors.Join(bad, fmt.Errorf("%s: %w", filepath.Base(path), err))
			continue
		}
		fmt.Fprintf(out, "%s: entries %d to %d good\n", filepath.Base(path), s.First, s.Last)
	}
	return bad
}

// public is the log's key.
func (c auditVerifyCmd) public(config Config) (string, error) {
	path := c.Key
	if path == "" {
		path = config.path("keys", "audit.key.pub")
	}
	key, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("the log's public key: %w", err)
	}
	return strings.TrimSpace(string(key)), nil
}

// open opens what is to be checked.
func (c auditVerifyCmd) open(ctx context.Context, config Config) (audit.Log, func() error, error) {
	if c.Export == "" {
		open := func() (*store.Log, error) { return openAuditLog(ctx, config) }
		if c.DB != "" {
			open = func() (*store.Log, error) { return store.OpenLog(ctx, c.DB) }
		}
		log, err := open()
		if err != nil {
			return nil, nil, err
		}
		return log, log.Close, nil
	}
	f, err := os.Open(c.Export)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	log, err := audit.OpenExport(f, info.Size())
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return log, f.Close, nil
}

// checkpoints are those that were named, and, for the switch of the configuration itself, its own.
func (c auditVerifyCmd) checkpoints(ctx context.Context, config Config, public string) (all []audit.Checkpoint, err error) {
	if c.DB == "" && c.Export == "" {
		if all, err = audit.LoadCheckpoints(config.path("checkpoints"), public); err != nil {
			return nil, err
		}
	}
	for _, path := range c.Checkpoint {
		signed, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		one, err := audit.OpenCheckpoint(signed, public)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
		all = append(all, one)
	}
	if c.Store {
		kept, err := storedCheckpoints(ctx, config, public)
		if err != nil {
			return nil, err
		}
		all = append(all, kept...)
	}
	return all, nil
}

// auditExportCmd copies the log out.
type auditExportCmd struct {
	configFlag
	Out string `required:"" type:"path" help:"File to write; it must not be there." placeholder:"FILE"`
}

// Run implements `pbx audit export`.
func (c auditExportCmd) Run(ctx context.Context, out io.Writer) (err error) {
	config, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	log, err := openAuditLog(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	f, err := os.OpenFile(c.Out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(audit.Export(ctx, log, f), f.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, "ok")
	return err
}
