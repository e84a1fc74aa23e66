package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"naisen/recorder/pipeline"
	"naisen/recorder/rewrap"
	"naisen/recorder/seal"
)

type retireCmd struct {
	configFlag
	Domain string `required:""`
	Epoch  int    `required:"" help:"Number of the key, as pbx recording keys shows it."`
}

// retireAfter is how long a key must have had a successor before it may go: a render that began before the rotation has ended by then.
const retireAfter = time.Hour

// errNeeded refuses to retire a key.
var errNeeded = errors.New("something is still sealed to this key: see pbx recording keys")

// Run implements `pbx recording retire`.
func (c retireCmd) Run(ctx context.Context, out io.Writer) error {
	v, done, err := c.beside(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := v.retire(ctx, c.Domain, c.Epoch, time.Now()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: key %d is gone; only the recovery key opens what was sealed to it alone\n", c.Domain, c.Epoch)
	return err
}

// retire takes an old key away, unless something needs it: the catalogue's word is asked first, since that is quick, and then the store's, since a
// catalogue may have been lost.
func (v *vault) retire(ctx context.Context, domain string, epoch int, now time.Time) error {
	all, err := v.keyStates(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(k keyState) bool { return k.Domain == domain && k.Epoch == epoch && epoch > 0 })
	switch {
	case i < 0:
		return fmt.Errorf("%s has no key %d", domain, epoch)
	case all[i].Current:
		return seal.ErrCurrent
	case !all[i].Retired.IsZero():
		return nil
	case all[i].Needed > 0:
		return errNeeded
	case now.Sub(all[i].Successor) < retireAfter:
		return fmt.Errorf("the next key is younger than %s: what was being sealed then may still need this one", retireAfter)
	}
	if err := v.unneeded(ctx, domain, all[i].Successor.Add(retireAfter)); err != nil {
		return err
	}
	return v.files.Retire(domain, epoch)
}

// unneeded makes sure that everything of a domain, in the store and on its way there, opens with the newest key. recent is when whatever was sealed
// on this machine had the newest key for sure.
func (v *vault) unneeded(ctx context.Context, domain string, recent time.Time) error {
	for _, dir := range v.spools {
		n, err := pipeline.SealedBefore(dir, recent)
		if err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf("%d files below %s still wait for the store: %w", n, dir, errNeeded)
		}
	}
	for _, one := range v.rewraps(nil) {
		held, err := rewrap.Prove(ctx, one, domain)
		if err != nil {
			return err
		}
		if held.Old > 0 {
			return fmt.Errorf("the store holds %d recordings that the newest key alone does not open, the first one %s "+
				"(a lost catalogue comes back by pbx recording reconcile --mend, then rewrap): %w", held.Old, held.First, errNeeded)
		}
	}
	return nil
}
