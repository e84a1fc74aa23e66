package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"naisen/recorder/catalogue"
	"naisen/recorder/reconcile"
)

type recordingCmd struct {
	Reconcile reconcileCmd `cmd:"" help:"Compare catalogue, manifests and stored objects, and say what does not fit."`
	Failed    failedCmd    `cmd:"" help:"List journals that could not be rendered, and try them again."`
	Export    exportCmd    `cmd:"" help:"Fetch an evidence pack: audio, manifest, notice, audit log, signed."`
	Trace     traceCmd     `cmd:"" help:"Say by its watermark whose copy of a recording a file is. Exit codes: 3 no mark, 4 a mark that names nobody in the audit log."`

	Keys        keysCmd        `cmd:"" help:"The keys that recordings are sealed to, and what each is needed for."`
	Rotate      rotateCmd      `cmd:"" help:"Give a domain, or all of them, a new key: what is recorded from now on is sealed to it."`
	Rewrap      rewrapCmd      `cmd:"" help:"Bring what is stored to the newest keys now; a running switch does it by itself."`
	Retire      retireCmd      `cmd:"" help:"Take an old key away for good, if nothing needs it any more."`
	Protect     protectCmd     `cmd:"" help:"Bring the vault's key from a plain file into the safe of the configuration."`
	RecoveryKey recoveryKeyCmd `cmd:"" help:"Make a recovery key, on a machine that is not the switch's."`
}

// reconcileCmd looks at a running or a stopped switch. It changes nothing unless it is told to.
type reconcileCmd struct {
	configFlag
	Deep bool `help:"Read every object to its end and hold it against manifest and lock."`
	Mend bool `help:"Rebuild rows that the catalogue lost from their sealed manifests, bring back what was hidden, lock what is not locked."`
}

// errDiffer ends the command with a failure.
var errDiffer = errors.New("catalogue and store differ")

// Run implements `pbx recording reconcile`.
func (c reconcileCmd) Run(ctx context.Context, out io.Writer) error {
	config, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	v, err := openBeside(ctx, config)
	if err != nil {
		return err
	}
	defer v.catalogue.Close()
	defer v.messages.Close()
	done, err := v.decidedBeside(ctx, config)
	if err != nil {
		return err
	}
	defer done()
	bad := 0
	for _, one := range v.comparisons(c.Mend, func(string) bool { return c.Deep }, nil) {
		r, err := reconcile.Run(ctx, one.cfg)
		fmt.Fprintf(out, "%s: %s", one.what, r)
		if err != nil {
			return err
		}
		bad += r.Bad()
	}
	if bad > 0 {
		return errDiffer
	}
	return nil
}

// openBeside opens keys, store and catalogues of a switch that may be running. Where there is no switch it makes nothing; a catalogue that is lost is
// made anew, since that is what its rebuilding begins with.
func openBeside(ctx context.Context, c Config) (*vault, error) {
	if _, err := os.Stat(c.path("keys", "vault")); err != nil {
		return nil, err
	}
	v := &vault{spools: []string{c.recorderPath(), c.path("mailbox")}}
	if err := v.openRing(c); err != nil {
		return nil, err
	}
	var err error
	if v.store, err = storeBeside(c); err != nil {
		return nil, err
	}
	if v.catalogue, err = catalogue.OpenWith(ctx, c.path("catalogue.db"), time.Now, catalogueWords()); err != nil {
		return nil, err
	}
	if v.messages, err = catalogue.Open(ctx, c.path("messages.db"), time.Now); err != nil {
		return nil, errors.Join(err, v.catalogue.Close())
	}
	return v, nil
}
