package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"naisen/provisioning"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
	"naisen/recorder/reconcile"
	"naisen/recorder/remarks"
)

// decidedAction is the audit log's word for an object beside a recording with what people decided: who wrote what when stands under other words, this says
// that it is stored, and which is the newest.
const decidedAction = "recording.remarks"

// enterDecided enters one. The same one is entered once.
func enterDecided(s provisioning.Store) func(context.Context, remarks.Entry) error {
	return func(ctx context.Context, e remarks.Entry) error {
		return s.Update(ctx, provisioning.Subject{System: true}, func(w provisioning.Writer) error {
			return w.AddAudit(provisioning.AuditEntry{Domain: e.Domain, Subject: "system", Action: decidedAction, Object: recordingObject(e.Recording), Outcome: "ok",
				Detail: map[string]any{"number": e.Number, "sealed_sha256": e.SHA256}})
		})
	}
}

// enteredDecided asks the audit log for the number of the newest one of a recording.
func enteredDecided(s provisioning.Store) func(context.Context, string, string) (int, error) {
	return func(ctx context.Context, domain, recording string) (number int, err error) {
		err = s.View(ctx, func(r provisioning.Reader) error {
			all, err := r.Audit(domain, provisioning.AuditQuery{Action: decidedAction, Object: recordingObject(recording), Newest: true, Limit: 1})
			for _, e := range all {
				n, _ := e.Detail["number"].(float64)
				number = int(n)
			}
			return err
		})
		return number, err
	}
}

// deciding makes what puts people's decisions beside recordings, and what finds them there again.
func (p *pbx) deciding() (*remarks.Keeper, error) {
	key, err := evidenceKey(p.config.evidencePath())
	if err != nil {
		return nil, err
	}
	p.vault.decided = p.vault.reader(key, enteredDecided(p.store))
	cfg := remarks.Config{Catalogue: p.vault.catalogue, Store: p.vault.store, Keys: p.vault.sealer, Key: key, Enter: enterDecided(p.store), Log: p.log}
	if p.nodes != nil {
		others := p.vault.comparisons(true, nil, p.log)[0].cfg
		cfg.Follow = func(ctx context.Context, domain, id, object string) error {
			return reconcile.Recall(ctx, others, domain, id, object)
		}
	}
	return remarks.New(cfg)
}

func (v *vault) reader(key ed25519.PrivateKey, entered func(context.Context, string, string) (int, error)) *remarks.Reader {
	return &remarks.Reader{Store: v.store, Keys: v.sealer, Key: key.Public().(ed25519.PublicKey), Entered: entered}
}

func (c Config) evidencePath() string { return c.path("keys", "evidence.key") }

// decidedBeside is the same for a command beside a switch that may be running. Without its key there is nothing to be read, and without its log no label is
// lowered by what was read.
func (v *vault) decidedBeside(ctx context.Context, c Config) (done func() error, err error) {
	done = func() error { return nil }
	if _, err := os.Stat(c.evidencePath()); errors.Is(err, fs.ErrNotExist) {
		return done, nil
	}
	key, err := evidenceKey(c.evidencePath())
	if err != nil {
		return done, err
	}
	v.decided = v.reader(key, nil)
	if databaseThere(c) != nil {
		return done, nil
	}
	ring, err := secret.OpenKeyring(c.path("keys", "secrets.key"))
	if err != nil {
		return done, err
	}
	s, err := openDatabase(ctx, c, store.Config{Sealer: ring})
	if err != nil {
		return done, fmt.Errorf("audit log: %w", err)
	}
	v.decided.Entered = enteredDecided(s)
	return s.Close, nil
}

// decidedLate is how long what people decided may wait for the store before that is an alarm.
const decidedLate = 15 * time.Minute

func (p *pbx) decidedMetrics(c *collector) {
	stats := p.archive.decisions.Stats
	c.add("naisen_remarks_written_total", "Objects put beside recordings with what people decided.", prometheus.CounterValue, func() float64 { return float64(stats().Written) })
	c.add("naisen_remarks_failed_total", "Attempts of that which failed.", prometheus.CounterValue, func() float64 { return float64(stats().Failed) })
}
