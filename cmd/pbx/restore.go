package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"naisen/cmd/pbx/internal/backup"
	"naisen/provisioning"
	"naisen/provisioning/approval"
	"naisen/provisioning/audit"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
)

// What keeps a restore from beginning, each by its name.
var (
	errNotEmpty   = errors.New("there is a switch's data already: restore into an empty directory, or say --overwrite, which puts aside what is there")
	errMissingKey = errors.New("a key is missing")
	errOtherKey   = errors.New("a key is another one than when the backup was made")
	errOtherPlace = errors.New("the backup is of another switch")
	errUnopened   = errors.New("secrets of the backup do not open with keys/secrets.key")
	errServing    = errors.New("a switch is running on this data")
	errUnfinished = errors.New("a restore was begun here and not finished: begin it again with --overwrite")
)

const (
	stageName = ".restore" // below the data directory, until everything in it is checked
	asideName = "before-restore-"
	formerKey = "audit-former.key.pub" // checks checkpoints and archives of the log before
)

// vitalKeys are those without which what is restored is of no use. With another approval key no rule that two people agreed to would count.
var vitalKeys = []string{"keys/secrets.key", "keys/approval.key"}

// restoring puts a copy into the place of the configuration.
type restoring struct {
	config    Config
	from      sealedCopy
	escrow    *sealedCopy       // where the keys come from; nil: they lie in their place
	key       ed25519.PublicKey // of who signed; nil: as the keys say
	overwrite bool
	now       func() time.Time
}

// restored says what was done.
type restored struct {
	Manifest backup.Manifest
	Count    backup.Count
	Report   audit.Report
	Known    int64    // entries that the log had, as far as a checkpoint elsewhere says; 0: none says more than the backup
	Warnings []string // for the operator
}

// run restores. Until everything is checked nothing is changed but below .restore; where the database is a PostgreSQL it is filled last but one.
func (r *restoring) run(ctx context.Context) (done restored, err error) {
	unlock, err := lockServing(r.config, true)
	if err != nil {
		return done, err
	}
	defer unlock()
	if err := r.empty(); err != nil {
		return done, err
	}
	stage := r.config.path(stageName)
	if err := errors.Join(os.RemoveAll(stage), os.MkdirAll(filepath.Join(stage, "files"), 0o700)); err != nil {
		return done, err
	}
	if err := r.into(ctx, stage, &done); err != nil {
		return done, errors.Join(err, os.RemoveAll(stage))
	}
	if err := r.settle(stage); err != nil { // what is left says that it was not finished
		return done, err
	}
	if r.config.Storage.Kind == "dir" { // recordings come back into it, if they do, before anything serves
		if err := os.MkdirAll(r.config.objectsPath(), 0o700); err != nil {
			return done, err
		}
	}
	return done, os.RemoveAll(stage)
}

// into does all of it below stage.
func (r *restoring) into(ctx context.Context, stage string, done *restored) error {
	if err := r.takeKeys(ctx, stage); err != nil {
		return err
	}
	if err := r.trust(stage); err != nil {
		return err
	}
	m, n, err := r.from.read(ctx, r.key, onlyCheck{}) // all of it, before anything of it is believed
	if err != nil {
		return err
	}
	done.Manifest, done.Count = m, n
	if m.Kind != backup.KindBackup {
		return fmt.Errorf("%s: %w: it holds keys", r.from.name, errCopyNone)
	}
	if m.Domain != r.config.Domain {
		return fmt.Errorf("%w: its domain is %s, and that of the configuration %s", errOtherPlace, m.Domain, r.config.Domain)
	}
	if done.Warnings, err = checkKeys(m, r.keysRoot(stage)); err != nil {
		return err
	}
	if err := r.load(ctx, stage); err != nil {
		return err
	}
	if err := r.putMarks(stage); err != nil {
		return err
	}
	return r.newLog(ctx, stage, done)
}

// empty wants no data of a switch in the place. Keys may lie there, and recordings.
func (r *restoring) empty() error {
	for _, name := range append([]string{"pbx.db", stageName}, foldersCopied...) {
		if exists(r.config.path(name)) && !r.overwrite {
			if name == stageName {
				return errUnfinished
			}
			return fmt.Errorf("%w (%s)", errNotEmpty, r.config.path(name))
		}
	}
	return nil
}

// keysRoot is the directory that has keys and certificates.
func (r *restoring) keysRoot(stage string) string {
	if r.escrow == nil {
		return r.config.Data
	}
	return filepath.Join(stage, "escrow")
}

// takeKeys opens the escrow. What it holds is trusted as far as its seal and who gave it: its signature is by a key that lies in it.
func (r *restoring) takeKeys(ctx context.Context, stage string) error {
	if r.escrow == nil {
		return nil
	}
	root := r.keysRoot(stage)
	if err := os.MkdirAll(root, 0o700); err != nil {
		return err
	}
	files := &fileTaker{root: root, allowed: func(name string) bool {
		return strings.HasPrefix(name, keysName+"/") || strings.HasPrefix(name, certsName+"/")
	}}
	m, _, err := r.escrow.read(ctx, nil, files)
	if err = errors.Join(files.close(), err); !errors.Is(err, errCopySigner) { // the signature is looked at last, with the key that is known then
		return errors.Join(fmt.Errorf("%s: no escrow of keys", r.escrow.name), err)
	}
	key, err := publicOf(root)
	if err != nil {
		return fmt.Errorf("%s: %w", r.escrow.name, err)
	}
	if m.Kind != backup.KindKeys {
		return fmt.Errorf("%s: %w: it is no escrow of keys", r.escrow.name, errCopyNone)
	}
	_, _, err = r.escrow.read(ctx, key, onlyCheck{})
	return err
}

// publicOf is the public half of the key that signs, of the keys in a directory.
func publicOf(root string) (ed25519.PublicKey, error) {
	path := filepath.Join(root, keysName, "evidence.key")
	if !exists(path) { // it would be made
		return nil, fmt.Errorf("%w: keys/evidence.key, which signs backups", errMissingKey)
	}
	key, err := evidenceKey(path)
	if err != nil {
		return nil, err
	}
	return key.Public().(ed25519.PublicKey), nil
}

// trust finds who must have signed.
func (r *restoring) trust(stage string) (err error) {
	if r.key == nil {
		r.key, err = publicOf(r.keysRoot(stage))
	}
	return err
}

// checkKeys names every key that was there when the backup was made and is not here now, or is another one.
func checkKeys(m backup.Manifest, root string) (warnings []string, err error) {
	for _, k := range m.Keys {
		vital := slices.Contains(vitalKeys, k.Name)
		print, e := keyFingerprint(filepath.Join(root, filepath.FromSlash(k.Name)))
		switch {
		case e != nil && vital:
			err = errors.Join(err, fmt.Errorf("%w: %s, fingerprint %s", errMissingKey, k.Name, k.Fingerprint))
		case e != nil:
			warnings = append(warnings, fmt.Sprintf("%s (fingerprint %s) is missing", k.Name, k.Fingerprint))
		case print != k.Fingerprint && k.Name == "keys/approval.key":
			err = errors.Join(err, fmt.Errorf("%w: %s is %s, and was %s", errOtherKey, k.Name, print, k.Fingerprint))
		case print != k.Fingerprint:
			warnings = append(warnings, fmt.Sprintf("%s is another one (%s) than when the backup was made (%s)", k.Name, print, k.Fingerprint))
		}
	}
	return warnings, err
}

// load fills the database, and puts the files beside it. Every secret is opened on its way.
func (r *restoring) load(ctx context.Context, stage string) error {
	ring, err := secret.OpenKeyring(filepath.Join(r.keysRoot(stage), keysName, "secrets.key"))
	if err != nil {
		return err
	}
	files := &fileTaker{root: filepath.Join(stage, "files"), allowed: func(name string) bool {
		folder, _, _ := strings.Cut(name, "/")
		return slices.Contains(foldersCopied, folder) || name == configName || name == keysName+"/"+marksName
	}}
	secrets := &secretCheck{ring: ring}
	give := func(ctx context.Context, to store.DumpSink) error {
		_, _, err := r.from.read(ctx, r.key, newTableTaker(ctx, to, files, secrets))
		return errors.Join(files.close(), err)
	}
	pg, err := r.config.Store.postgres()
	switch {
	case err != nil:
		return err
	case pg != nil:
		err = store.LoadPostgres(ctx, *pg, give)
	default:
		err = store.Load(ctx, filepath.Join(stage, "pbx.db"), give)
	}
	if errors.Is(err, store.ErrNewer) {
		err = fmt.Errorf("%w: %w", errCopyNewer, err)
	}
	return err
}

// putMarks keeps how far lists had counted, where nobody knows better: marks that lie beside the keys are never lowered.
func (r *restoring) putMarks(stage string) error {
	from, to := filepath.Join(stage, "files", keysName, marksName), filepath.Join(r.keysRoot(stage), keysName, marksName)
	if !exists(from) || exists(to) {
		return nil
	}
	return os.Rename(from, to)
}

// database opens what was loaded, to write the first entry into it.
func (r *restoring) database(ctx context.Context, stage string) (*store.Store, error) {
	keys := filepath.Join(r.keysRoot(stage), keysName)
	ring, err := secret.OpenKeyring(filepath.Join(keys, "secrets.key"))
	if err != nil {
		return nil, err
	}
	k, err := approval.Open(keys)
	if err != nil {
		return nil, err
	}
	staged := r.config
	staged.Data = stage
	return openDatabase(ctx, staged, store.Config{Sealer: ring, Approver: k})
}

// newLog holds the restored log against its checkpoints, and ends it there: from here on it has another signing key, since what followed in the old log is not here
// and nobody shall see one name under two histories. Its first entry says so.
func (r *restoring) newLog(ctx context.Context, stage string, done *restored) (err error) {
	m := done.Manifest
	s, err := r.database(ctx, stage)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	folder := filepath.Join(stage, "files", "checkpoints")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	past, err := audit.LoadCheckpoints(folder, m.Log)
	if err != nil {
		return err
	}
	if done.Report, err = audit.Verify(ctx, s, past...); err != nil {
		return err
	}
	if done.Report.Size != m.Entries || done.Report.Root.String() != m.Root {
		return fmt.Errorf("%w: the log has %d entries and root %s, and the backup says %d and %s", audit.ErrBroken, done.Report.Size, done.Report.Root, m.Entries, m.Root)
	}
	if done.Known, err = r.known(ctx, folder, m.Log); err != nil {
		done.Warnings = append(done.Warnings, "the object store could not be asked how far the log had come: "+err.Error())
	}
	key, err := audit.OpenKey(filepath.Join(stage, "audit.key"))
	if err != nil {
		return err
	}
	note := logRestored{Former: m.Log, Log: key.Public(), Entries: m.Entries, Root: m.Root, Made: m.Made, At: r.now().UTC().Truncate(time.Second), Known: done.Known}
	if err := errors.Join(putFormer(folder, m.Entries), note.write(folder), os.WriteFile(filepath.Join(stage, formerKey), []byte(m.Log+"\n"), 0o644)); err != nil {
		return err
	}
	return s.Update(ctx, provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		return w.AddAudit(provisioning.AuditEntry{Domain: m.Domain, Subject: "system", Action: "backup.restored", Object: "backup/" + filepath.Base(r.from.name), Outcome: "ok",
			Detail: map[string]any{"made": m.Made, "entries": m.Entries, "root": m.Root, "former_log": m.Log, "log": note.Log, "known_entries": done.Known}})
	})
}

// known asks checkpoints that are not in the backup how many entries the log had: those that lie in the place, and those of the object store.
func (r *restoring) known(ctx context.Context, staged, public string) (most int64, err error) {
	var all []audit.Checkpoint
	if here, err := audit.LoadCheckpoints(r.config.path("checkpoints"), public); err == nil {
		all = here
	}
	folder := staged
	if exists(r.config.path("checkpoints", restoredName)) {
		folder = r.config.path("checkpoints")
	}
	kept, err := storedBeside(ctx, r.config, logPart(folder), public)
	for _, c := range append(all, kept...) {
		most = max(most, c.Size)
	}
	return most, err
}

// unused is a name that nothing has yet: the one given, or that with a number. Two restores within a second do not share a folder.
func unused(path string) string {
	name := path
	for n := 2; ; n++ {
		if _, err := os.Lstat(name); err != nil {
			return name
		}
		name = fmt.Sprintf("%s-%d", path, n)
	}
}

// settle puts everything into its place, the database last: without it nothing here is a switch. What was there is put aside.
func (r *restoring) settle(stage string) error {
	aside := unused(r.config.path(asideName + r.now().UTC().Format(backupStamp)))
	for _, name := range append([]string{"pbx.db", "pbx.db-wal", "pbx.db-shm", "audit-index.db", "audit-index.db-wal", "audit-index.db-shm"}, foldersCopied...) {
		if err := moveAside(r.config.path(name), aside); err != nil {
			return err
		}
	}
	if r.escrow != nil {
		for _, name := range []string{keysName, certsName} {
			if err := errors.Join(moveAside(r.config.path(name), aside), moveIfThere(filepath.Join(r.keysRoot(stage), name), r.config.path(name))); err != nil {
				return err
			}
		}
	}
	for _, name := range []string{"audit.key", "audit.key.pub", formerKey} {
		if err := errors.Join(os.MkdirAll(r.config.path(keysName), 0o700), os.Rename(filepath.Join(stage, name), r.config.path(keysName, name))); err != nil {
			return err
		}
	}
	for _, name := range foldersCopied {
		if err := moveIfThere(filepath.Join(stage, "files", name), r.config.path(name)); err != nil {
			return err
		}
	}
	if err := moveIfThere(filepath.Join(stage, "files", configName), r.config.path("restored-"+configName)); err != nil {
		return err
	}
	return errors.Join(moveIfThere(filepath.Join(stage, "pbx.db"), r.config.path("pbx.db")), syncFolder(r.config.Data))
}

func moveIfThere(from, to string) error {
	if !exists(from) {
		return nil
	}
	return os.Rename(from, to)
}

func moveAside(path, aside string) error {
	if !exists(path) {
		return nil
	}
	if err := os.MkdirAll(aside, 0o700); err != nil {
		return err
	}
	return os.Rename(path, filepath.Join(aside, filepath.Base(path)))
}

type restoreCmd struct {
	configFlag
	fromFlags
	Keys         string `type:"existingfile" help:"Escrow of the keys, of pbx backup keys; otherwise they must lie in their place already." placeholder:"FILE"`
	KeysIdentity string `type:"existingfile" help:"Identity that opens the escrow; otherwise the same." placeholder:"FILE"`
	Key          string `type:"existingfile" help:"Public key of who signed the backup; otherwise that of the keys." placeholder:"FILE"`
	Overwrite    bool   `help:"There is a switch's data already: put it aside, as before-restore-TIME."`
}

// Run implements `pbx restore`.
func (c restoreCmd) Run(ctx context.Context, out io.Writer) error {
	config, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(config.Data, 0o700); err != nil {
		return err
	}
	r, err := c.restoring(ctx, config)
	if err != nil {
		return err
	}
	done, err := r.run(ctx)
	if err != nil {
		return err
	}
	m := done.Manifest
	fmt.Fprintf(out, "restored: the state of %s, %d entries of the audit log, root %s\n", m.Made.Local().Format(time.DateTime), m.Entries, m.Root)
	for _, w := range done.Warnings {
		fmt.Fprintln(out, "WARNING", w)
	}
	if done.Known > m.Entries {
		fmt.Fprintf(out, "NOT IN IT: entries %d to %d of the former log, and whatever came after; a checkpoint says that they were there\n", m.Entries+1, done.Known)
	}
	fmt.Fprintln(out, "The audit log goes on under a new key: make a new escrow (pbx backup keys). The alarm audit-restored stands until pbx change accept.")
	fmt.Fprintln(out, "Catalogues of recordings are made anew of the object store: pbx recording reconcile.")
	if config.file != "" {
		fmt.Fprintf(out, "The configuration of then lies in %s.\n", config.path("restored-"+configName))
	}
	return nil
}

func (c restoreCmd) restoring(ctx context.Context, config Config) (*restoring, error) {
	r := &restoring{config: config, overwrite: c.Overwrite, now: time.Now}
	var err error
	if r.from, err = openCopy(ctx, config, c.fromFlags); err != nil {
		return nil, err
	}
	if c.Key != "" {
		if r.key, err = signerKey(config, c.Key); err != nil {
			return nil, err
		}
	}
	if c.Keys == "" {
		return r, nil
	}
	id := c.KeysIdentity
	if id == "" {
		id = c.Identity
	}
	escrow, err := openCopy(ctx, config, fromFlags{Identity: id, From: c.Keys})
	r.escrow = &escrow
	return r, err
}
