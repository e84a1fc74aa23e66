package retention

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
)

// Certificate says what was destroyed, when, and by which rule. It holds no number and no name of a caller.
type Certificate struct {
	Recording   string    `json:"recording"`
	Domain      string    `json:"domain"`
	Call        string    `json:"call"`
	Number      string    `json:"number"` // the recorded number
	Policy      string    `json:"policy"` // whose class of retention it was
	Started     time.Time `json:"started"`
	Ended       time.Time `json:"ended"`
	RetainUntil time.Time `json:"retain_until"`
	ApprovedBy  string    `json:"approved_by"`
	Approved    time.Time `json:"approved"`
	Destroyed   time.Time `json:"destroyed"`
	Objects     []Object  `json:"objects"`           // all that was stored of it, the manifest last
	Altered     bool      `json:"altered,omitempty"` // the audio was not what was stored once, or was not there
}

// Object is one sealed object as it was before it was deleted.
type Object struct {
	Name    string `json:"name"`
	Bytes   int64  `json:"bytes"`
	SHA256  string `json:"sha256"`
	Missing bool   `json:"missing,omitempty"`
	Journal bool   `json:"journal,omitempty"` // of a recording that failed: on this machine, encrypted, and not in the store
}

// errKept says that a lock in the store stands.
var errKept = errors.New("a lock in the store stands")

// destroy begins: nothing is deleted before the certificate is written into the row.
func (k *Keeper) destroy(ctx context.Context, r catalogue.Row, now time.Time) error {
	names, err := k.stored(ctx, r)
	if err != nil {
		return err
	}
	if err := k.unlocked(ctx, names, now); err != nil {
		return err
	}
	c := Certificate{Recording: r.ID, Domain: r.Domain, Call: r.Call, Number: r.Number, Policy: r.Policy, Started: r.Started, Ended: r.Ended,
		RetainUntil: r.RetainUntil, ApprovedBy: r.ApprovedBy, Approved: r.Approved}
	if r.State == recorder.Failed {
		j, err := k.journal(r.ID)
		if err != nil {
			return err
		}
		c.Objects = append(c.Objects, j)
	}
	for _, name := range names {
		o, err := describe(name, false, func() (io.ReadCloser, error) { return k.cfg.Store.Get(ctx, name, 0, -1) })
		if err != nil {
			return err
		}
		c.Objects = append(c.Objects, o)
	}
	c.Altered = r.State == recorder.Stored && c.Objects[0].SHA256 != r.SealedSHA256
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	err = k.cfg.Catalogue.BeginDestroy(ctx, r, now, string(text))
	if errors.Is(err, recorder.ErrNotFound) { // somebody held it, or gave it more time, while it was read
		return nil
	}
	if err != nil {
		return err
	}
	r.Certificate = string(text)
	return k.finish(ctx, r)
}

// unlocked looks at the locks before anything is done: the store would refuse in the middle.
func (k *Keeper) unlocked(ctx context.Context, names []string, now time.Time) error {
	for _, name := range names {
		lock, err := k.cfg.Store.Locked(ctx, name)
		switch {
		case errors.Is(err, objstore.ErrNotFound):
		case err != nil:
			return err
		case lock.Stands(now):
			k.count.refused.Add(1)
			return fmt.Errorf("%s: %w", name, errKept)
		}
	}
	return nil
}

func describe(name string, journal bool, open func() (io.ReadCloser, error)) (Object, error) {
	o := Object{Name: name, Journal: journal}
	body, err := open()
	if errors.Is(err, objstore.ErrNotFound) {
		o.Missing = true
		return o, nil
	}
	if err != nil {
		return o, err
	}
	defer body.Close()
	h := sha256.New()
	if o.Bytes, err = io.Copy(h, body); err != nil {
		return o, err
	}
	o.SHA256 = hex.EncodeToString(h.Sum(nil))
	return o, nil
}

// finish goes on where a destruction stands, whatever of it was done before.
func (k *Keeper) finish(ctx context.Context, r catalogue.Row) error {
	var c Certificate
	if err := json.Unmarshal([]byte(r.Certificate), &c); err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	names, err := catalogue.Objects(ctx, k.cfg.Store, r.Object) // a wrap, or what people decided, may have come since the certificate was written
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !catalogue.IsBeside(n) })
	for _, o := range c.Objects {
		if !o.Journal {
			names = append(names, o.Name)
		} else if err := k.removeJournal(r.ID); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := k.cfg.Store.Delete(ctx, name); err != nil && !gone(err) {
			if errors.Is(err, objstore.ErrLocked) {
				k.count.refused.Add(1)
			}
			return err
		}
	}
	left, err := k.left(ctx, r.Object)
	if err != nil {
		return err
	}
	if left != "" {
		return fmt.Errorf("%s is still there", left)
	}
	c.Destroyed = k.cfg.Now().UTC()
	if err := k.cfg.Certify(ctx, c); err != nil {
		return fmt.Errorf("certify: %w", err)
	}
	if err := k.cfg.Catalogue.Forget(ctx, r.Domain, r.ID); err != nil {
		return err
	}
	k.count.destroyed.Add(1)
	k.cfg.Log.Info("retention: destroyed", "recording", r.ID, "domain", r.Domain, "call", r.Call, "due", r.RetainUntil, "approved_by", r.ApprovedBy)
	return nil
}

// left names something that the store still has of a recording, by a question of its own; empty: nothing.
func (k *Keeper) left(ctx context.Context, object string) (string, error) {
	names, err := catalogue.Objects(ctx, k.cfg.Store, object)
	if err != nil {
		return "", err
	}
	for _, name := range names {
		if _, err := k.cfg.Store.Stat(ctx, name); !gone(err) {
			return name, err
		}
	}
	return "", nil
}
