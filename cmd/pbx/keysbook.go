package main

import (
	"context"
	"time"

	"naisen/provisioning"
)

// The audit log's words for what happened to a domain's keys, whoever did it.
const (
	keyRotated = "recording-key.rotated"
	keyRetired = "recording-key.retired"
	keysObject = "recording-keys"
)

// keysEntered is what the audit log has of a domain's keys.
type keysEntered struct {
	newest  int // the newest key that was entered; 0: none
	retired map[int]bool
}

// keyBook is the audit log of keys. They are rotated and retired by commands too, which run beside a switch that may be stopped and never write its log:
// the switch enters what it finds, at its next look or its next start.
type keyBook interface {
	enter(ctx context.Context, domain, action string, detail map[string]any) error
	entered(ctx context.Context, domain string) (keysEntered, error)
}

// keyEntries is the keyBook in the store.
type keyEntries struct{ store provisioning.Store }

func (k keyEntries) enter(ctx context.Context, domain, action string, detail map[string]any) error {
	return k.store.Update(ctx, provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		return w.AddAudit(provisioning.AuditEntry{Domain: domain, Subject: "system", Action: action, Object: keysObject, Outcome: "ok", Detail: detail})
	})
}

func (k keyEntries) entered(ctx context.Context, domain string) (have keysEntered, err error) {
	err = k.store.View(ctx, func(r provisioning.Reader) error {
		have = keysEntered{retired: map[int]bool{}}
		for q := (provisioning.AuditQuery{Action: "recording-key.", Object: keysObject, Limit: provisioning.MaxPage}); ; {
			page, err := r.Audit(domain, q)
			if err != nil {
				return err
			}
			for _, e := range page {
				q.After = e.Seq
				epoch, _ := e.Detail["epoch"].(float64)
				switch e.Action {
				case keyRotated:
					have.newest = max(have.newest, int(epoch))
				case keyRetired:
					have.retired[int(epoch)] = true
				}
			}
			if len(page) < q.Limit {
				return nil
			}
		}
	})
	return have, err
}

// rotations makes keys that are due, and enters into the audit log what it does not have yet, whoever did it.
func (w *keyWatch) rotations(ctx context.Context, now time.Time) error {
	domains, err := w.vault.files.Domains()
	if err != nil {
		return err
	}
	if w.seen == nil {
		w.seen = map[string]keysEntered{}
	}
	for _, d := range domains {
		if _, ok := w.seen[d]; !ok {
			if w.seen[d], err = w.book.entered(ctx, d); err != nil {
				return err
			}
		}
		if err := w.domain(ctx, d, now); err != nil {
			return err
		}
	}
	return nil
}

func (w *keyWatch) domain(ctx context.Context, domain string, now time.Time) error {
	keys, err := w.vault.files.Keys(domain)
	if err != nil || len(keys) == 0 {
		return err
	}
	aged := 0 // the key that this look made
	if w.rotate > 0 && now.Sub(keys[len(keys)-1].Created) >= w.rotate {
		if aged, err = w.vault.files.Rotate(domain); err != nil {
			return err
		}
		if keys, err = w.vault.files.Keys(domain); err != nil {
			return err
		}
	}
	have := w.seen[domain]
	for _, k := range keys {
		if k.Epoch > max(have.newest, 1) { // the first one is made with the first recording
			how := "by hand"
			if k.Epoch == aged {
				how = "by its age"
			}
			if err := w.enter(ctx, domain, keyRotated, map[string]any{"epoch": k.Epoch, "how": how, "made": k.Created}); err != nil {
				return err
			}
			have.newest = k.Epoch
		}
		if !k.Retired.IsZero() && !have.retired[k.Epoch] {
			if err := w.enter(ctx, domain, keyRetired, map[string]any{"epoch": k.Epoch, "how": "by hand", "retired": k.Retired}); err != nil {
				return err
			}
			have.retired[k.Epoch] = true
		}
		w.seen[domain] = have
	}
	return nil
}

func (w *keyWatch) enter(ctx context.Context, domain, action string, detail map[string]any) error {
	if err := w.book.enter(ctx, domain, action, detail); err != nil {
		return err
	}
	w.log.Info("pbx: keys of recordings", "domain", domain, "what", action, "epoch", detail["epoch"], "how", detail["how"])
	return nil
}
