package main

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"naisen/cmd/pbx/internal/demo"
	"naisen/provisioning"
	"naisen/provisioning/durable"
	"naisen/provisioning/identity"
	"naisen/provisioning/secret"
	"naisen/recorder/evidence"
	"naisen/sip/stack"
)

// drillDomain is a domain of the scratch switch alone, in which the call suite is played: so no rule of a restored domain can keep its phones from ringing.
const drillDomain = "drill.invalid"

const (
	drillUser   = "restore-drill"
	drillSample = 20 // extensions that are read by REST
)

// errDrill ends a drill that failed; the report says why.
var errDrill = errors.New("the drill failed")

type drillCmd struct {
	Run_  drillRunCmd   `cmd:"" name:"run" default:"withargs" help:"Restore a copy into a scratch switch, have it take calls, and sign what that took."`
	Check drillCheckCmd `cmd:"" help:"Check the signature of a report."`
}

type drillRunCmd struct {
	configFlag
	Identity     string        `type:"existingfile" required:"" help:"Identity file of a recipient of the backup." placeholder:"FILE"`
	From         string        `arg:"" optional:"" help:"The copy: a file, or a name of pbx backup list; the newest when missing."`
	Keys         string        `type:"existingfile" help:"Escrow of the keys; otherwise those of this machine are used, which a lost machine would not have." placeholder:"FILE"`
	KeysIdentity string        `type:"existingfile" help:"Identity that opens the escrow; otherwise the same." placeholder:"FILE"`
	Report       string        `type:"path" help:"Where the report goes: FILE.json, FILE.txt and FILE.json.sig; otherwise it is only shown." placeholder:"FILE"`
	RTO          time.Duration `name:"rto" default:"30m" help:"How long it may take until a telephone is registered again."`
	RPO          time.Duration `name:"rpo" help:"How old the copy may be; backup.late when missing."`
}

// drillReport is what a drill measured.
type drillReport struct {
	Began    time.Time `json:"began"`
	Program  string    `json:"program"`
	Domain   string    `json:"domain"`
	Backup   string    `json:"backup"`
	Made     time.Time `json:"made"`
	Engine   string    `json:"engine"` // of the database that was copied; the scratch switch has SQLite
	Schema   int64     `json:"schema"`
	Entries  int64     `json:"entries"` // of the audit log, verified
	Root     string    `json:"root"`
	Escrow   bool      `json:"escrow"` // the keys came from the escrow, not from this machine
	Warnings []string  `json:"warnings"`

	Restore float64     `json:"restore_seconds"` // until everything was verified and in its place
	Steps   []demo.Step `json:"steps"`
	RTO     float64     `json:"rto_seconds"` // from the beginning until a telephone was registered
	RPO     float64     `json:"rpo_seconds"` // between the copy and the beginning: what would be lost
	MaxRTO  float64     `json:"max_rto_seconds"`
	MaxRPO  float64     `json:"max_rpo_seconds"`

	OK     bool   `json:"ok"`
	Fault  string `json:"fault,omitempty"`
	Signer string `json:"signer"` // fingerprint of the key
}

// Run implements `pbx drill`.
func (c drillRunCmd) Run(ctx context.Context, out io.Writer) error {
	config, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	if c.RPO == 0 {
		c.RPO = time.Duration(config.Backup.Late)
	}
	key, err := evidenceKey(config.evidencePath())
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "naisen-drill-") // mode 0700
	if err != nil {
		return err
	}
	d := &drill{cmd: c, config: config, scratch: scratch}
	r := d.run(ctx)
	r.Signer = evidence.Fingerprint(key.Public().(ed25519.PublicKey))
	err = errors.Join(os.RemoveAll(scratch), c.write(r, key, out))
	if !r.OK {
		err = errors.Join(fmt.Errorf("%w: %s", errDrill, r.Fault), err)
	}
	return err
}

// drill is one of them.
type drill struct {
	cmd     drillRunCmd
	config  Config // of the switch whose copy it is
	scratch string
	shown   demo.Restored
}

// run measures. What goes wrong is in the report.
func (d *drill) run(ctx context.Context) (r drillReport) {
	r = drillReport{Began: time.Now().UTC(), Program: programVersion(), Domain: d.config.Domain, Escrow: d.cmd.Keys != "", Warnings: []string{}, Steps: []demo.Step{},
		MaxRTO: d.cmd.RTO.Seconds(), MaxRPO: d.cmd.RPO.Seconds()}
	began := time.Now()
	done, err := d.restore(ctx, &r)
	if err != nil {
		r.Fault = "restore: " + err.Error()
		return r
	}
	m := done.Manifest
	r.Made, r.Engine, r.Schema, r.Entries, r.Root = m.Made, m.Engine, m.Schema, m.Entries, m.Root
	r.Warnings = append(r.Warnings, done.Warnings...)
	r.Restore, r.RPO = time.Since(began).Seconds(), r.Began.Sub(m.Made).Seconds()
	r.RTO = r.Restore
	r.Steps = demo.Suite(ctx, demo.SuiteConfig{Config: demo.Config{Out: io.Discard, Dir: d.scratch, Start: d.start}, Restored: func() demo.Restored { return d.shown }})
	for i, s := range r.Steps {
		if i < 2 {
			r.RTO += s.Seconds
		}
		if !s.OK {
			r.Fault = s.Name + ": " + s.Fault
			return r
		}
	}
	switch {
	case r.RTO > r.MaxRTO:
		r.Fault = fmt.Sprintf("it took %.1f s until a telephone was registered, and may take %.0f", r.RTO, r.MaxRTO)
	case r.RPO > r.MaxRPO:
		r.Fault = fmt.Sprintf("the copy is %.0f s old, and may be %.0f", r.RPO, r.MaxRPO)
	default:
		r.OK = true
	}
	return r
}

// place is the configuration of the scratch switch: its own directory and loopback, nothing that reaches out, and the same keeper of keys.
func (d *drill) place() (Config, error) {
	c := Config{Data: filepath.Join(d.scratch, "var"), Domain: d.config.Domain, Language: d.config.Language, Keys: d.config.Keys, Drain: Duration(time.Second),
		SIP: SIPConfig{Listen: []string{"udp:127.0.0.1:0", "tls:127.0.0.1:0"}}, HTTP: HTTPConfig{Metrics: "off"}}
	c.Keys.Recovery = "" // its recipient is among the keys
	web, err := freePort()
	if err != nil {
		return c, err
	}
	c.HTTP.Listen = web.String()
	c.setDefaults()
	return c, errors.Join(c.Validate(), os.MkdirAll(c.Data, 0o700))
}

// restore does what pbx restore does, into the scratch place.
func (d *drill) restore(ctx context.Context, r *drillReport) (done restored, err error) {
	from := fromFlags{Identity: d.cmd.Identity, From: d.cmd.From}
	if from.From == "" {
		if from.From, err = newestCopy(ctx, d.config); err != nil {
			return done, err
		}
	}
	r.Backup = filepath.Base(from.From)
	rest, err := restoreCmd{fromFlags: from, Keys: d.cmd.Keys, KeysIdentity: d.cmd.KeysIdentity}.restoring(ctx, d.config)
	if err != nil {
		return done, err
	}
	if rest.config, err = d.place(); err != nil {
		return done, err
	}
	if d.cmd.Keys == "" {
		if err := copyKeys(d.config, rest.config); err != nil {
			return done, err
		}
	}
	if done, err = rest.run(ctx); err != nil {
		return done, err
	}
	return done, d.silence(ctx, rest.config)
}

// newestCopy is the name of the newest that there is.
func newestCopy(ctx context.Context, c Config) (string, error) {
	shelf, err := besideShelf(c)
	if err != nil {
		return "", err
	}
	all, err := copiesOn(ctx, shelf)
	if err == nil && len(all) == 0 {
		err = errCopyMissing
	}
	if err != nil {
		return "", err
	}
	return all[len(all)-1].name, nil
}

// copyKeys gives the scratch place the keys of this machine. How far lists have counted is the backup's, as it would be on a machine that has nothing else.
func copyKeys(from, to Config) error {
	files, err := keyFiles(from)
	if err != nil {
		return err
	}
	for _, f := range files {
		text, err := os.ReadFile(f.path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := durable.Create(to.path(filepath.FromSlash(f.name)), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// silence takes from the scratch switch whatever it could reach out with, makes somebody who may read, and says what there is to be read. Where the private keys of
// the vault are elsewhere, what waits for the store is sealed to a key of this drill.
func (d *drill) silence(ctx context.Context, c Config) (err error) {
	s, _, err := databaseBeside(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	d.shown = demo.Restored{Domain: c.Domain, Reader: drillUser}
	err = s.Update(ctx, provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		d.shown.Extensions = nil
		domains, err := provisioning.Domains(w)
		for _, domain := range domains {
			err = errors.Join(err, silenceDomain(w, domain.Name))
		}
		list, e := provisioning.List[provisioning.Extension](w, c.Domain, "", drillSample)
		for _, x := range list {
			d.shown.Extensions = append(d.shown.Extensions, x.Number)
		}
		_, put := w.Put(c.Domain, provisioning.User{Name: drillUser, Display: drillUser, Roles: []provisioning.Role{provisioning.RoleAdmin}}, "")
		return errors.Join(err, e, put)
	})
	if err != nil {
		return err
	}
	password, err := identity.NewOneTimePassword(ctx, s, provisioning.Subject{System: true}, c.Domain, drillUser)
	d.shown.Password = secret.New(password)
	spools, globbed := filepath.Glob(c.path(keysName, "vault", "spool.*"))
	if len(spools) == 1 { // its recipient alone
		globbed = errors.Join(globbed, os.Remove(spools[0]))
	}
	return errors.Join(err, globbed, os.RemoveAll(c.path(certsName))) // the phones of the drill know its domain by one of that name
}

// silenceDomain disables trunks and webhooks.
func silenceDomain(w provisioning.Writer, domain string) error {
	trunks, err := provisioning.List[provisioning.Trunk](w, domain, "", 0)
	if err != nil {
		return err
	}
	for _, t := range trunks {
		if t.Disabled = true; err == nil {
			t.Sources = nil
			_, err = w.Put(domain, t, "")
		}
	}
	hooks, listed := provisioning.List[provisioning.Webhook](w, domain, "", 0)
	for _, h := range hooks {
		h.Disabled = true
		_, e := w.Put(domain, h, "")
		listed = errors.Join(listed, e)
	}
	return errors.Join(err, listed)
}

// start runs the scratch switch on what was restored, with a domain of the drill beside it.
func (d *drill) start(ctx context.Context, dir string, trace func(stack.Traced)) (*demo.Switch, error) {
	c, err := d.place()
	if err != nil {
		return nil, err
	}
	c.Domain = drillDomain
	if dir != c.Data {
		return nil, fmt.Errorf("drill: %s is not where it was restored", dir)
	}
	return runForDemo(ctx, c, trace, slog.New(slog.DiscardHandler))
}

// drillHead comes before what is signed of a report.
const drillHead = "naisen drill 1\n"

// write shows the report, and keeps it signed where it was asked for.
func (c drillRunCmd) write(r drillReport, key ed25519.PrivateKey, out io.Writer) error {
	text := r.String()
	fmt.Fprint(out, text)
	body, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	body = append(body, '\n')
	signature := base64.StdEncoding.EncodeToString(ed25519.Sign(key, append([]byte(drillHead), body...))) + "\n"
	if c.Report == "" {
		_, err := fmt.Fprintf(out, "%ssignature %s", body, signature)
		return err
	}
	base := strings.TrimSuffix(c.Report, ".json")
	return errors.Join(durable.Create(base+".json", body, 0o644), durable.Create(base+".json.sig", []byte(signature), 0o644), durable.Create(base+".txt", []byte(text), 0o644))
}

// String is the report for people.
func (r drillReport) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Restore drill of %s, %s\n", r.Domain, r.Began.Format(time.RFC3339))
	fmt.Fprintf(&b, "  backup    %s, made %s: schema %d, %d entries of the audit log, root %s\n", r.Backup, r.Made.Format(time.RFC3339), r.Schema, r.Entries, r.Root)
	keys := "of this machine, which would be lost with it"
	if r.Escrow {
		keys = "from the escrow"
	}
	fmt.Fprintf(&b, "  keys      %s\n  restored  in %.1f s\n", keys, r.Restore)
	for _, s := range r.Steps {
		word := "ok"
		if !s.OK {
			word = "FAILED: " + s.Fault
		}
		fmt.Fprintf(&b, "  %-32s %6.1f s  %s\n", s.Name, s.Seconds, word)
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(&b, "  WARNING   %s\n", w)
	}
	fmt.Fprintf(&b, "  RTO       %.1f s until a telephone was registered (at most %.0f)\n", r.RTO, r.MaxRTO)
	fmt.Fprintf(&b, "  RPO       %.0f s between the copy and the drill (at most %.0f)\n", r.RPO, r.MaxRPO)
	if r.OK {
		fmt.Fprintf(&b, "OK, signed by %s\n", r.Signer)
	} else {
		fmt.Fprintf(&b, "FAILED: %s\nsigned by %s\n", r.Fault, r.Signer)
	}
	return b.String()
}

type drillCheckCmd struct {
	configFlag
	Report string `arg:"" type:"existingfile" help:"FILE.json; its signature lies beside it as FILE.json.sig."`
	Key    string `type:"existingfile" help:"Public key of who signed it; otherwise keys/evidence.pub.pem of the configuration." placeholder:"FILE"`
}

// Run implements `pbx drill check`.
func (c drillCheckCmd) Run(_ context.Context, out io.Writer) error {
	config, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	key, err := signerKey(config, c.Key)
	if err != nil {
		return err
	}
	body, err := os.ReadFile(c.Report)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(c.Report + ".sig")
	if err != nil {
		return err
	}
	signature, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || !ed25519.Verify(key, append([]byte(drillHead), body...), signature) {
		return errors.New("the report is not signed by this key, or was altered")
	}
	var r drillReport
	if err := json.Unmarshal(body, &r); err != nil {
		return err
	}
	fmt.Fprint(out, r)
	if !r.OK {
		return errDrill
	}
	return nil
}
