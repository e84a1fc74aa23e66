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

// Clear deletes what a mailbox got before a time: its messages, and with greetings those too. What is still being spoken or stored counts: it is
// gone for whoever lists, and is deleted as soon as the recorder has done with it.
func (p *Post) Clear(ctx context.Context, domain, mailbox string, before time.Time, greetings bool) error {
	return p.clear(ctx, catalogue.Query{Domain: domain, Number: mailbox, To: before}, func(r catalogue.Row) bool {
		return greetings || r.Policy == messagePolicy
	})
}

// ClearDrafts deletes greetings that were spoken before a time and never put to use.
func (p *Post) ClearDrafts(ctx context.Context, domain, mailbox string, before time.Time) error {
	return p.clear(ctx, catalogue.Query{Domain: domain, Number: mailbox, To: before}, func(r catalogue.Row) bool {
		return r.Policy != messagePolicy && r.Heard.IsZero()
	})
}

// clear removes the rows of q that go, however many there are.
func (p *Post) clear(ctx context.Context, q catalogue.Query, goes func(catalogue.Row) bool) error {
	q.Limit = catalogue.MaxLimit
	for {
		rows, err := p.cfg.Catalogue.List(ctx, q)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if !goes(r) {
				continue
			}
			if err := p.cfg.Catalogue.Remove(ctx, r.Domain, r.ID); failed(err) {
				return err
			}
			p.cfg.Changed()
			p.purgeSoon()
		}
		if len(rows) < q.Limit {
			return nil
		}
		q.After = catalogue.CursorOf(rows[len(rows)-1])
	}
}
