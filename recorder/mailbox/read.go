package mailbox

import (
	"context"
	"strings"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
)

// Messages lists what can be heard in a mailbox, the newest first.
func (p *Post) Messages(ctx context.Context, domain, mailbox string) ([]Message, error) {
	return p.list(ctx, domain, mailbox, messagePolicy)
}

func (p *Post) list(ctx context.Context, domain, mailbox, policy string) ([]Message, error) {
	var out []Message
	q := catalogue.Query{Domain: domain, Number: mailbox, Policy: policy, State: recorder.Stored, Limit: catalogue.MaxLimit}
	for len(out) < MaxKept {
		rows, err := p.cfg.Catalogue.List(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			out = append(out, messageOf(r))
		}
		if len(rows) < q.Limit {
			break
		}
		q.After = catalogue.CursorOf(rows[len(rows)-1])
	}
	return out, nil
}

func messageOf(r catalogue.Row) Message {
	m := Message{ID: r.ID, Domain: r.Domain, Mailbox: r.Number, Left: r.Started, Length: r.Duration, Heard: r.Heard, SHA256: r.SealedSHA256}
	m.Mode, _ = strings.CutPrefix(r.Policy, greetingPolicy)
	if r.Policy == messagePolicy {
		m.Mode = ""
	}
	if len(r.Parties) > 0 {
		m.From, m.Name = r.Parties[0].Number, r.Parties[0].Name
	}
	return m
}

// Message is one of a mailbox; ErrNotFound also while it is not stored yet.
func (p *Post) Message(ctx context.Context, domain, mailbox, id string) (Message, error) {
	r, err := p.row(ctx, domain, mailbox, id)
	return messageOf(r), err
}

func (p *Post) row(ctx context.Context, domain, mailbox, id string) (catalogue.Row, error) {
	r, err := p.cfg.Catalogue.Get(ctx, domain, id)
	if err == nil && (r.Number != mailbox || r.State != recorder.Stored) {
		return catalogue.Row{}, recorder.ErrNotFound
	}
	return r, err
}

// Await waits until what a Take recorded can be heard; ErrNotFound when ctx ends before.
func (p *Post) Await(ctx context.Context, domain, mailbox, id string) (Message, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		m, err := p.Message(ctx, domain, mailbox, id)
		if err == nil || failed(err) {
			return m, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return m, recorder.ErrNotFound
		}
	}
}

// Mark says that a message was heard, or is to be new again. ErrNotFound.
func (p *Post) Mark(ctx context.Context, domain, mailbox, id string, heard bool) error {
	m, err := p.Message(ctx, domain, mailbox, id)
	if err != nil || m.Heard.IsZero() != heard { // it is so already
		return err
	}
	var at time.Time
	if heard {
		at = p.cfg.Now()
	}
	if err := p.cfg.Catalogue.Mark(ctx, domain, id, at); err != nil {
		return err
	}
	p.cfg.Changed()
	return nil
}

// Remove deletes a message or a greeting: at once for whoever lists, and soon in the store. ErrNotFound.
func (p *Post) Remove(ctx context.Context, domain, mailbox, id string) error {
	if _, err := p.row(ctx, domain, mailbox, id); err != nil {
		return err
	}
	if err := p.cfg.Catalogue.Remove(ctx, domain, id); err != nil {
		return err
	}
	p.cfg.Changed()
	p.purgeSoon()
	return nil
}

// Clear deletes what a mailbox got before a time: its messages, and with greetings those too.
func (p *Post) Clear(ctx context.Context, domain, mailbox string, before time.Time, greetings bool) error {
	policies := []string{messagePolicy}
	if greetings {
		for _, m := range Modes() {
			policies = append(policies, greetingPolicy+m)
		}
	}
	for _, policy := range policies {
		all, err := p.list(ctx, domain, mailbox, policy)
		if err != nil {
			return err
		}
		for _, m := range all {
			if !m.Left.Before(before) {
				continue
			}
			if err := p.Remove(ctx, domain, mailbox, m.ID); failed(err) {
				return err
			}
		}
	}
	return nil
}
