package retention

import (
	"context"
	"errors"
	"time"

	"naisen/recorder/catalogue"
)

// MonthForm is how a month is written.
const MonthForm = "2006-01"

// ErrMonth says that a month is none, or that nobody can agree to it yet.
var ErrMonth = errors.New("retention: is no month, or lies too far ahead")

// Disposal is the list of what falls due in one month (廃棄予定).
type Disposal struct {
	Month string
	catalogue.DueTally
}

// months that the list of lists may have: what fell due a century ago was seen by somebody.
const maxMonths = 1200

// window is a month of a domain as times.
func (k *Keeper) window(domain, month string) (catalogue.Due, error) {
	from, err := time.ParseInLocation(MonthForm, month, k.cfg.Zone)
	if err != nil {
		return catalogue.Due{}, ErrMonth
	}
	return catalogue.Due{Domain: domain, From: from, To: from.AddDate(0, 1, 0)}, nil
}

// Disposals are the lists of a domain that have something in them, from the first recording that is due to the month after this one.
func (k *Keeper) Disposals(ctx context.Context, domain string) ([]Disposal, error) {
	first, err := k.cfg.Catalogue.FirstDue(ctx, domain)
	if err != nil || first.IsZero() {
		return nil, err
	}
	last := k.last()
	var all []Disposal
	for range maxMonths {
		month := first.In(k.cfg.Zone).Format(MonthForm)
		if month > last {
			break
		}
		d, err := k.Disposal(ctx, domain, month)
		if err != nil {
			return nil, err
		}
		if d.Due > 0 {
			all = append(all, d)
		}
		w, err := k.window(domain, month)
		if err != nil {
			return nil, err
		}
		first = w.To
	}
	return all, nil
}

// last is the month after this one: nobody agrees to what lies further ahead, since nobody would look at it.
func (k *Keeper) last() string {
	now := k.cfg.Now().In(k.cfg.Zone)
	return time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, k.cfg.Zone).Format(MonthForm)
}

// Disposal is one of them; it may be empty. ErrMonth.
func (k *Keeper) Disposal(ctx context.Context, domain, month string) (Disposal, error) {
	w, err := k.window(domain, month)
	if err != nil {
		return Disposal{}, err
	}
	t, err := k.cfg.Catalogue.TallyDue(ctx, w)
	return Disposal{month, t}, err
}

// Items are a part of a list, behind a recording of it; at most limit. ErrMonth.
func (k *Keeper) Items(ctx context.Context, domain, month, after string, limit int) ([]catalogue.Row, error) {
	w, err := k.window(domain, month)
	if err != nil {
		return nil, err
	}
	w.Limit = limit
	if after != "" {
		row, err := k.cfg.Catalogue.Get(ctx, domain, after)
		if err != nil {
			return nil, err
		}
		w.After, w.AfterDue = row.ID, row.RetainUntil
	}
	return k.cfg.Catalogue.Due(ctx, w)
}

// Approve agrees to the destruction of what stands in a list as it was read: all that nobody holds, when its time has come. catalogue.ErrChanged,
// ErrMonth.
func (k *Keeper) Approve(ctx context.Context, domain, month, digest, by string) (Disposal, error) {
	w, err := k.window(domain, month)
	if err == nil && month > k.last() {
		err = ErrMonth
	}
	if err != nil {
		return Disposal{}, err
	}
	n, err := k.cfg.Catalogue.Approve(ctx, w, digest, by)
	if err != nil {
		return Disposal{}, err
	}
	k.cfg.Log.Info("retention: approved", "domain", domain, "month", month, "recordings", n, "by", by)
	k.soon()
	return k.Disposal(ctx, domain, month)
}
