package mailbox

import (
	"context"

	"naisen/recorder"
)

// Modes are the occasions for which a mailbox can have a greeting of its own.
func Modes() []string { return []string{"usual", "busy", "no-answer", "night", "holiday"} }

// Greeting is the one that is in use for a mode. False: nobody spoke one.
func (p *Post) Greeting(ctx context.Context, domain, mailbox, mode string) (Message, bool, error) {
	all, err := p.list(ctx, domain, mailbox, greetingPolicy+mode)
	for _, m := range all {
		if !m.Heard.IsZero() {
			return m, true, err
		}
	}
	return Message{}, false, err
}

// KeepGreeting puts a draft to use, and deletes what was before it. ErrNotFound.
func (p *Post) KeepGreeting(ctx context.Context, domain, mailbox, id string) error {
	kept, err := p.Message(ctx, domain, mailbox, id)
	if err != nil {
		return err
	}
	if kept.Mode == "" {
		return recorder.ErrNotFound
	}
	if err := p.Mark(ctx, domain, mailbox, id, true); err != nil {
		return err
	}
	all, err := p.list(ctx, domain, mailbox, greetingPolicy+kept.Mode)
	for _, m := range all {
		if m.ID != id {
			if err := p.Remove(ctx, domain, mailbox, m.ID); failed(err) {
				return err
			}
		}
	}
	return err
}
