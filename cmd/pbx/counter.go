package main

import (
	"context"
	"errors"

	"naisen/provisioning"
	"naisen/recorder"
	"naisen/recorder/mailbox"
)

// counter is the post office as REST sees it.
type counter struct{ *postOffice }

var _ provisioning.Messages = counter{}

// Messages implements provisioning.Messages.
func (c counter) Messages(ctx context.Context, domain, number string) ([]provisioning.Message, error) {
	in, err := c.contents(domain, number)
	if err != nil {
		return nil, missing(err)
	}
	all, err := c.post.Messages(ctx, domain, in)
	return shownMessages(all), err
}

// Message implements provisioning.Messages.
func (c counter) Message(ctx context.Context, domain, number, id string) (provisioning.Message, error) {
	in, err := c.contents(domain, number)
	if err != nil {
		return provisioning.Message{}, missing(err)
	}
	m, err := c.post.Message(ctx, domain, in, id)
	if err != nil {
		return provisioning.Message{}, missing(err)
	}
	return shownMessages([]mailbox.Message{m})[0], nil
}

// Audio implements provisioning.Messages.
func (c counter) Audio(ctx context.Context, domain, number, id string) (provisioning.MessageAudio, error) {
	in, err := c.contents(domain, number)
	if err != nil {
		return nil, missing(err)
	}
	a, err := c.post.Audio(ctx, domain, in, id)
	if err != nil {
		return nil, missing(err)
	}
	return a, nil
}

// MarkMessage implements provisioning.Messages.
func (c counter) MarkMessage(ctx context.Context, domain, number, id string, heard bool) error {
	in, err := c.contents(domain, number)
	if err == nil {
		err = c.post.Mark(ctx, domain, in, id, heard)
	}
	return missing(err)
}

// RemoveMessage implements provisioning.Messages.
func (c counter) RemoveMessage(ctx context.Context, domain, number, id string) error {
	in, err := c.contents(domain, number)
	if err == nil {
		err = c.post.Remove(ctx, domain, in, id)
	}
	return missing(err)
}

// Greetings implements provisioning.Messages.
func (c counter) Greetings(ctx context.Context, domain, number string) ([]provisioning.Message, error) {
	in, err := c.contents(domain, number)
	if err != nil {
		return nil, missing(err)
	}
	var all []mailbox.Message
	for _, mode := range mailbox.Modes() {
		g, ok, err := c.post.Greeting(ctx, domain, in, mode)
		if err != nil {
			return nil, err
		}
		if ok {
			all = append(all, g)
		}
	}
	return shownMessages(all), nil
}

func shownMessages(all []mailbox.Message) []provisioning.Message {
	out := make([]provisioning.Message, len(all))
	for i, m := range all {
		out[i] = provisioning.Message{ID: m.ID, From: m.From, Name: m.Name, Left: m.Left, Seconds: m.Length.Seconds(), Mode: m.Mode}
		if !m.Heard.IsZero() {
			heard := m.Heard
			out[i].Heard = &heard
		}
	}
	return out
}

// missing says what the recorder does not have in provisioning's word.
func missing(err error) error {
	if errors.Is(err, recorder.ErrNotFound) {
		return provisioning.ErrNotFound
	}
	return err
}
