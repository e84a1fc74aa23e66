package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"naisen/recorder/rewrap"
	"naisen/recorder/seal"
)

// keysCmd, rotateCmd and their neighbours look at a running or a stopped switch: keys are read anew each time that something is sealed.
type keysCmd struct{ configFlag }

type rotateCmd struct {
	configFlag
	Domain []string `help:"Whose; all that have keys when missing."`
}

type rewrapCmd struct{ configFlag }

type protectCmd struct{ configFlag }

type recoveryKeyCmd struct {
	File string `arg:"" help:"Where the key is written; its recipient goes to FILE.recipient." placeholder:"FILE"`
}

// beside opens the vault of a switch that may be running.
func (c configFlag) beside(ctx context.Context) (*vault, func(), error) {
	config, err := loadConfig(c.Config)
	if err != nil {
		return nil, nil, err
	}
	v, err := openBeside(ctx, config)
	if err != nil {
		return nil, nil, err
	}
	return v, func() { v.catalogue.Close(); v.messages.Close() }, nil
}

// Run implements `pbx recording keys`.
func (c keysCmd) Run(ctx context.Context, out io.Writer) error {
	v, done, err := c.beside(ctx)
	if err != nil {
		return err
	}
	defer done()
	all, err := v.keyStates(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "DOMAIN\tEPOCH\tMADE\tOPENS\tSTATE")
	for _, k := range all {
		made := ""
		if !k.Created.IsZero() {
			made = k.Created.Format("2006-01-02 15:04")
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%d\t%s\n", k.Domain, k.Epoch, made, k.Needed, k.state())
	}
	return w.Flush()
}

// keyState is one key of a domain and what it is needed for.
type keyState struct {
	Domain string
	seal.Key
	Needed    int64 // recordings and messages that it opens and no newer one does
	Current   bool
	Successor time.Time // when the next one was made; zero: it is current
}

func (k keyState) state() string {
	switch {
	case k.Current:
		return "current"
	case !k.Retired.IsZero():
		return "retired " + k.Retired.Format("2006-01-02")
	case k.Epoch == 0:
		return "the vault's own"
	case k.Needed > 0:
		return "being replaced"
	}
	return "may be retired"
}

// keyStates are the keys of all domains. Epoch 0 is shown where something needs it.
func (v *vault) keyStates(ctx context.Context) ([]keyState, error) {
	needed, err := v.needed(ctx)
	if err != nil {
		return nil, err
	}
	domains, err := v.files.Domains()
	if err != nil {
		return nil, err
	}
	for d := range needed {
		if !slices.Contains(domains, d) {
			domains = append(domains, d)
		}
	}
	slices.Sort(domains)
	var all []keyState
	for _, d := range domains {
		keys, err := v.files.Keys(d)
		if err != nil {
			return nil, err
		}
		if n := needed[d][0]; n > 0 {
			all = append(all, keyState{Domain: d, Needed: n})
		}
		for i, k := range keys {
			s := keyState{Domain: d, Key: k, Needed: needed[d][k.Epoch], Current: i == len(keys)-1}
			if !s.Current {
				s.Successor = keys[i+1].Created
			}
			all = append(all, s)
		}
	}
	return all, nil
}

// needed counts recordings and messages by domain and key.
func (v *vault) needed(ctx context.Context) (map[string]map[int]int64, error) {
	all, err := v.catalogue.Epochs(ctx)
	if err != nil {
		return nil, err
	}
	messages, err := v.messages.Epochs(ctx)
	for d, by := range messages {
		if all[d] == nil {
			all[d] = map[int]int64{}
		}
		for epoch, n := range by {
			all[d][epoch] += n
		}
	}
	return all, err
}

// Run implements `pbx recording rotate`.
func (c rotateCmd) Run(ctx context.Context, out io.Writer) error {
	v, done, err := c.beside(ctx)
	if err != nil {
		return err
	}
	defer done()
	domains, err := v.files.Domains()
	if err != nil {
		return err
	}
	for _, d := range c.Domain {
		if !slices.Contains(domains, d) {
			return fmt.Errorf("nothing was ever recorded in %q", d)
		}
	}
	if len(c.Domain) > 0 {
		domains = c.Domain
	}
	for _, d := range domains {
		epoch, err := v.files.Rotate(d)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: key %d is used from now on\n", d, epoch)
	}
	return nil
}

// Run implements `pbx recording rewrap`.
func (c rewrapCmd) Run(ctx context.Context, out io.Writer) error {
	v, done, err := c.beside(ctx)
	if err != nil {
		return err
	}
	defer done()
	var sum rewrap.Report
	for _, one := range v.rewraps(nil) {
		r, err := rewrap.Run(ctx, one)
		sum.Done, sum.Failed = sum.Done+r.Done, sum.Failed+r.Failed
		if err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%d brought to the newest keys, %d not\n", sum.Done, sum.Failed)
	if sum.Failed > 0 {
		return errors.New("some recordings still need an older key")
	}
	return nil
}

// Run implements `pbx recording protect`.
func (c protectCmd) Run(ctx context.Context, out io.Writer) error {
	config, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	if _, err := os.Stat(config.path("keys", "vault")); err != nil {
		return err
	}
	files, err := openKeys(config)
	if err != nil {
		return err
	}
	gone, err := files.Protect(ctx)
	for _, path := range gone {
		fmt.Fprintln(out, "in the safe, and no more in", path)
	}
	if err == nil && len(gone) == 0 {
		fmt.Fprintln(out, "the safe has the keys already")
	}
	return err
}

// Run implements `pbx recording recovery-key`.
func (c recoveryKeyCmd) Run(_ context.Context, out io.Writer) error {
	identity, recipient, err := seal.NewIdentity(time.Now())
	if err != nil {
		return err
	}
	for _, f := range []struct {
		path string
		text []byte
		mode os.FileMode
	}{{c.File, identity, 0o600}, {c.File + ".recipient", []byte(recipient + "\n"), 0o644}} {
		file, err := os.OpenFile(f.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, f.mode)
		if err != nil {
			return err
		}
		_, err = file.Write(f.text)
		if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(out, "%s opens every recording: keep it in a safe place that is not the switch.\n"+
		"Bring %s.recipient to the switch, name it as keys.recovery, and rotate: it cannot open anything.\n", c.File, c.File)
	return err
}
