package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"naisen/cmd/pbx/internal/backup"
	"naisen/provisioning"
	"naisen/provisioning/audit"
	"naisen/recorder/objstore"
)

type backupCmd struct {
	Make  backupMakeCmd  `cmd:"" default:"withargs" help:"Copy everything but recordings and keys now, sealed; the switch may be running."`
	List  backupListCmd  `cmd:"" help:"The copies that there are."`
	Check backupCheckCmd `cmd:"" help:"Open a copy and check all of it, without writing anything."`
	Keys  backupKeysCmd  `cmd:"" help:"Put the keys themselves into an escrow, sealed to whoever is to keep it apart from the copies."`
}

// recipientsFlag says who can open what is made.
type recipientsFlag struct {
	Recipients string `type:"existingfile" help:"Who can open it, one age1pq... in a line; otherwise as the configuration says, or the recovery key." placeholder:"FILE"`
}

type backupMakeCmd struct {
	configFlag
	recipientsFlag
	Out string `type:"path" help:"File to write; it must not be there. Otherwise it goes to backup.to." placeholder:"FILE"`
}

// Run implements `pbx backup`.
func (c backupMakeCmd) Run(ctx context.Context, out io.Writer) (err error) {
	m, done, err := c.maker(ctx, c.Recipients)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	enter := func(e provisioning.AuditEntry) {
		err = errors.Join(err, m.store.Update(ctx, provisioning.Subject{System: true}, func(w provisioning.Writer) error { return w.AddAudit(e) }))
	}
	if c.Out == "" {
		shelf, err := besideShelf(m.config)
		if err != nil {
			return err
		}
		b := &backups{maker: m, shelf: shelf, audit: enter, log: logger(LogConfig{Level: "error"}, os.Stderr)}
		name, made, err := b.Make(ctx)
		if err == nil {
			tellMade(out, name, made)
		}
		return err
	}
	made, err := writeWhole(c.Out, func(w io.Writer) (backupMade, error) { return m.write(ctx, w) })
	if err != nil {
		return err
	}
	enter(backupEntry(m.config.Domain, "backup.made", "ok", filepath.Base(c.Out), made))
	tellMade(out, c.Out, made)
	return err
}

func tellMade(out io.Writer, name string, made backupMade) {
	fmt.Fprintf(out, "%s: %d bytes, schema %d, %d entries of the audit log, root %s\n", name, made.Bytes, made.Manifest.Schema, made.Manifest.Entries, made.Manifest.Root)
	fmt.Fprintf(out, "signed by %s; %d keys are named in it and not in it (pbx backup keys)\n", made.Manifest.Signer, len(made.Manifest.Keys))
}

// maker opens what a backup is made of, beside a switch that may be running.
func (c configFlag) maker(ctx context.Context, recipients string) (m backupMaker, done func() error, err error) {
	config, err := loadConfig(c.Config)
	if err != nil {
		return m, nil, err
	}
	if recipients == "" {
		recipients = config.Backup.Recipients
	}
	m = backupMaker{config: config, now: time.Now}
	if m.to, err = config.recipients(recipients); err != nil {
		return m, nil, err
	}
	if m.store, _, err = databaseBeside(ctx, config); err != nil {
		return m, nil, err
	}
	log, err := audit.OpenKey(config.path(keysName, "audit.key"))
	if err == nil {
		m.log = log.Public()
		m.key, err = evidenceKey(config.evidencePath())
	}
	if err != nil {
		return m, nil, errors.Join(err, m.store.Close())
	}
	return m, m.store.Close, nil
}

// besideShelf opens the shelf of a switch that may be running.
func besideShelf(c Config) (objstore.Store, error) {
	if c.Backup.To == "" {
		return nil, errors.New("backup.to says nothing in the configuration: name a file with --out")
	}
	if c.Backup.To != backupToStore {
		return c.Backup.shelf(nil, c.Domain)
	}
	objects, err := storeBeside(c)
	if err != nil {
		return nil, err
	}
	return c.Backup.shelf(objects, c.Domain)
}

// writeWhole makes a file that is whole or not there: a draft beside it, synced, gets the name last, and never over another file.
func writeWhole(path string, write func(io.Writer) (backupMade, error)) (made backupMade, err error) {
	if exists(path) {
		return made, fmt.Errorf("%s is there already", path)
	}
	draft, err := os.CreateTemp(filepath.Dir(path), backupDraft) // mode 0600
	if err != nil {
		return made, err
	}
	defer func() { err = errors.Join(err, os.Remove(draft.Name())) }()
	made, err = write(draft)
	if err == nil {
		err = draft.Sync()
	}
	if err = errors.Join(err, draft.Close()); err != nil {
		return made, err
	}
	if err := os.Link(draft.Name(), path); err != nil { // unlike a rename, a link refuses to overwrite
		return made, err
	}
	return made, syncFolder(filepath.Dir(path))
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

type backupListCmd struct{ configFlag }

// Run implements `pbx backup list`.
func (c backupListCmd) Run(ctx context.Context, out io.Writer) error {
	config, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	shelf, err := besideShelf(config)
	if err != nil {
		return err
	}
	all, err := copiesOn(ctx, shelf)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tBYTES\tLOCKED UNTIL")
	for _, one := range slices.Backward(all) {
		lock, err := shelf.Locked(ctx, one.name)
		if err != nil {
			return err
		}
		until := "-"
		if !lock.Until.IsZero() {
			until = lock.Until.Local().Format(time.DateTime)
		}
		fmt.Fprintf(w, "%s\t%d\t%s\n", one.name, one.size, until)
	}
	return w.Flush()
}

type backupKeysCmd struct {
	configFlag
	recipientsFlag
	Out string `type:"path" required:"" help:"File to write; it must not be there." placeholder:"FILE"`
}

// Run implements `pbx backup keys`.
func (c backupKeysCmd) Run(ctx context.Context, out io.Writer) (err error) {
	m, done, err := c.maker(ctx, c.Recipients)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	made, err := writeWhole(c.Out, func(w io.Writer) (backupMade, error) { return writeEscrow(m.config, m.key, m.to, m.now(), w) })
	if err != nil {
		return err
	}
	names := make([]string, 0, len(made.Manifest.Keys))
	for _, k := range made.Manifest.Keys {
		names = append(names, k.Name)
	}
	err = m.store.Update(ctx, provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		return w.AddAudit(provisioning.AuditEntry{Domain: m.config.Domain, Subject: "system", Action: "backup.keys", Object: "backup/" + filepath.Base(c.Out), Outcome: "ok",
			Detail: map[string]any{"keys": len(names), "recipients": m.to.Fingerprints()}})
	})
	for _, k := range made.Manifest.Keys {
		fmt.Fprintf(out, "%s  %s\n", k.Fingerprint, k.Name)
	}
	fmt.Fprintf(out, "%s: %d keys. It opens with the identity of recipient %v alone: keep it apart from the backups.\n", c.Out, len(names), m.to.Fingerprints())
	return err
}

// fromFlags say which copy, and what opens it.
type fromFlags struct {
	Identity string `type:"existingfile" required:"" help:"Identity file of a recipient." placeholder:"FILE"`
	From     string `arg:"" help:"The copy: a file, or a name of pbx backup list."`
}

type backupCheckCmd struct {
	configFlag
	fromFlags
	Key string `type:"existingfile" help:"Public key of who signed it, as keys/evidence.pub.pem; otherwise that of the configuration." placeholder:"FILE"`
}

// Run implements `pbx backup check`.
func (c backupCheckCmd) Run(ctx context.Context, out io.Writer) error {
	config, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	key, err := signerKey(config, c.Key)
	if err != nil {
		return err
	}
	src, err := openCopy(ctx, config, c.fromFlags)
	if err != nil {
		return err
	}
	m, n, err := src.read(ctx, key, onlyCheck{})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "whole and signed by %s: made %s by %s, schema %d, %d entries of the audit log, %d files\n", m.Signer, m.Made.Local().Format(time.DateTime), m.Program, m.Schema, m.Entries, n.Files)
	return nil
}

// onlyCheck takes everything and keeps nothing.
type onlyCheck struct{}

// Manifest implements backup.Visitor.
func (onlyCheck) Manifest(backup.Manifest) error { return nil }

// Table implements backup.Visitor.
func (onlyCheck) Table(string, []string) error { return nil }

// Row implements backup.Visitor.
func (onlyCheck) Row([]any) error { return nil }

// File implements backup.Visitor.
func (onlyCheck) File(string, int64) error { return nil }

// Data implements backup.Visitor.
func (onlyCheck) Data([]byte) error { return nil }
