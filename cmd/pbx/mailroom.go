package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"naisen/cmd/pbx/internal/app"
	"naisen/media"
	"naisen/provisioning"
	"naisen/provisioning/policy"
	"naisen/provisioning/secret"
	"naisen/recorder/mailbox"
)

// mailroom is the post office as scripts see it.
type mailroom struct{ *postOffice }

var _ app.Mailboxes = mailroom{}

// Box implements app.Mailboxes.
func (m mailroom) Box(domain, number string, now time.Time) (app.Mailbox, bool) {
	snap := m.directory.Snapshot()
	box, ok := snap.Mailbox(domain, number)
	if !ok {
		return app.Mailbox{}, false
	}
	out := app.Mailbox{Number: box.Number, Off: box.Off, Language: box.Language, Longest: box.Longest(), OwnPhone: box.OwnPhone,
		Prompts: map[string]string{"usual": box.Greetings.Usual, "busy": box.Greetings.Busy, "no-answer": box.Greetings.NoAnswer,
			"night": box.Greetings.Night, "holiday": box.Greetings.Holiday}}
	if e, ok := snap.Extension(domain, number); ok && !e.Disabled {
		out.Own = number
	}
	if c, ok := snap.Calendar(domain, box.Calendar); ok {
		if mode := c.Mode(now); mode != provisioning.ModeDay {
			out.Mode = mode
		}
	}
	out.Full = m.full(domain, box)
	return out, true
}

// full says whether a mailbox holds as many messages as it may, those counted that are still spoken or wait for the store.
func (m mailroom) full(domain string, box provisioning.Mailbox) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.held[boxKey{domain, box.Contents()}] >= box.Most()
}

// errRefused is a message that its mailbox does not take: it is full, or gone since the greeting.
var errRefused = errors.New("voicemail: the mailbox takes no message")

// voice is one message or greeting being recorded.
type voice struct {
	take  *mailbox.Take
	clock func() time.Time
}

// ID implements app.Recording.
func (v voice) ID() string { return v.take.ID }

// Tap implements app.Recording.
func (v voice) Tap() media.Tap { return v.take.Tap() }

// Stop implements app.Recording.
func (v voice) Stop(why string) { v.take.Stop(v.clock(), why) }

// Record implements app.Mailboxes.
func (m mailroom) Record(v app.Voice) (app.Recording, error) {
	box, ok := m.directory.Snapshot().Mailbox(v.Domain, v.Mailbox)
	if !ok || v.Occasion == "" && m.full(v.Domain, box) { // many may have heard the greeting at once
		return nil, errRefused
	}
	id := "m" + newID()
	if v.Occasion != "" {
		id = draftID + newID()
	}
	take, err := m.post.Record(mailbox.Letter{ID: id, Domain: v.Domain, Mailbox: box.Contents(), Call: v.Call, From: v.From, Name: v.Name, Mode: v.Occasion})
	if err != nil {
		m.log.Error("voicemail: nothing can be recorded", "domain", v.Domain, "mailbox", v.Mailbox, "call", v.Call, "err", err)
		m.alarm("voicemail-failed", v.Domain, v.Mailbox, "")
		return nil, err
	}
	take.OnFailure(func(err error) {
		m.log.Error("voicemail: a message is not whole", "domain", v.Domain, "mailbox", v.Mailbox, "call", v.Call, "err", err)
		m.alarm("voicemail-failed", v.Domain, v.Mailbox, "")
	})
	return voice{take, m.clock}, nil
}

// Greeting implements app.Mailboxes. Whoever calls may hear it: it leaves no trace.
func (m mailroom) Greeting(ctx context.Context, domain, number, occasion string, c media.Codec) (media.Source, bool, error) {
	in, err := m.contents(domain, number)
	if err != nil {
		return nil, false, err
	}
	g, ok, err := m.post.Greeting(ctx, domain, in, occasion)
	if err != nil || !ok {
		return nil, false, err
	}
	src, err := m.post.Source(ctx, domain, in, g.ID, c)
	return src, err == nil, err
}

// Guess implements app.Mailboxes.
func (m mailroom) Guess(ctx context.Context, g app.Guess) (app.Verdict, error) {
	who := guesser{boxKey{g.Domain, g.Mailbox}, g.Extension}
	box, there := m.directory.Snapshot().Mailbox(g.Domain, g.Mailbox)
	bucket, colleague := m.guesses[g.Extension == ""], g.Extension != "" && !slices.Contains(box.Owners(), g.Extension)
	if !bucket.Allow(who) || colleague && !m.shared.Allow(who.box) {
		m.alarm("voicemail-guessing", g.Domain, g.Mailbox, "")
		return app.PINClosed, nil
	}
	var kept []byte
	err := m.store.View(ctx, func(r provisioning.Reader) (err error) {
		kept, err = provisioning.Secret(r, g.Domain, provisioning.SecretMailbox, g.Mailbox)
		return err
	})
	if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
		return app.PINWrong, err
	}
	if secret.MatchPIN(kept, g.PIN) {
		bucket.Give(who)
		if colleague {
			m.shared.Give(who.box)
		}
		return app.PINRight, nil
	}
	if !m.wrongs.Allow(who.box) {
		m.alarm("voicemail-guessing", g.Domain, g.Mailbox, "")
	}
	slow := time.NewTimer(m.delay)
	defer slow.Stop()
	select {
	case <-slow.C:
	case <-ctx.Done():
	}
	if err := m.note(context.WithoutCancel(ctx), g.Caller, policy.MailboxSecret, g.Mailbox, "", "denied", nil); err != nil {
		return app.PINWrong, err
	}
	if there && kept == nil {
		return app.PINUnset, nil
	}
	return app.PINWrong, nil
}

// note writes what a caller did into the audit log.
func (m mailroom) note(ctx context.Context, who app.Caller, action provisioning.Action, number, id, outcome string, detail map[string]any) error {
	subject := "telephone " + who.From
	if who.Extension != "" {
		subject = "extension " + who.Extension + "@" + who.Domain
	}
	object := provisioning.KindMailbox + "/" + number
	if id != "" {
		object = policy.KindMessage + "/" + number + "/" + id
	}
	if detail == nil {
		detail = map[string]any{}
	}
	detail["call"] = who.Call
	return m.audit(ctx, who.Domain, subject, action, object, outcome, detail)
}

// SetPIN implements app.Mailboxes.
func (m mailroom) SetPIN(ctx context.Context, who app.Caller, number, pin string) error {
	kept, err := secret.NewPIN(pin)
	if err != nil {
		return err
	}
	subject := provisioning.Subject{Domain: who.Domain, User: "extension " + who.Extension, Device: who.Extension}
	if who.Extension == "" {
		subject.User = "telephone " + who.From
	}
	return m.store.Update(ctx, subject, func(w provisioning.Writer) error {
		return w.PutSecret(who.Domain, provisioning.SecretMailbox, number, kept)
	})
}

// Messages implements app.Mailboxes.
func (m mailroom) Messages(ctx context.Context, who app.Caller, number string) ([]app.Message, error) {
	in, err := m.contents(who.Domain, number)
	if err != nil {
		return nil, err
	}
	all, err := m.post.Messages(ctx, who.Domain, in)
	out := make([]app.Message, len(all))
	for i, v := range all {
		out[i] = app.Message{ID: v.ID, From: v.From, Left: v.Left, New: v.Heard.IsZero()}
	}
	return out, err
}

// Listen implements app.Mailboxes. Without its audit entry nothing is heard.
func (m mailroom) Listen(ctx context.Context, who app.Caller, number, id string, c media.Codec) (media.Source, error) {
	in, err := m.there(ctx, who.Domain, number, id)
	if err != nil {
		return nil, err
	}
	if err := m.note(ctx, who, policy.MessageListen, number, id, "allowed", nil); err != nil {
		return nil, err
	}
	return m.post.Source(ctx, who.Domain, in, id, c)
}

// draftID begins the id of a greeting.
const draftID = "g"

// there says whether a mailbox holds that, and names its contents. A greeting that was spoken just now is waited for.
func (m mailroom) there(ctx context.Context, domain, number, id string) (in string, err error) {
	if in, err = m.contents(domain, number); err != nil {
		return "", err
	}
	if strings.HasPrefix(id, draftID) {
		_, err = m.post.Await(ctx, domain, in, id)
	} else {
		_, err = m.post.Message(ctx, domain, in, id)
	}
	return in, err
}

// Mark implements app.Mailboxes.
func (m mailroom) Mark(ctx context.Context, who app.Caller, number, id string) error {
	in, err := m.contents(who.Domain, number)
	if err == nil {
		err = m.post.Mark(ctx, who.Domain, in, id, true)
	}
	if err != nil {
		return err
	}
	return m.note(ctx, who, policy.MessageMark, number, id, "ok", map[string]any{"heard": true})
}

// Remove implements app.Mailboxes.
func (m mailroom) Remove(ctx context.Context, who app.Caller, number, id string) error {
	if err := m.note(ctx, who, policy.MessageDelete, number, id, "allowed", nil); err != nil {
		return err
	}
	in, err := m.there(ctx, who.Domain, number, id)
	if err != nil {
		return err
	}
	return m.post.Remove(ctx, who.Domain, in, id)
}

// KeepGreeting implements app.Mailboxes.
func (m mailroom) KeepGreeting(ctx context.Context, who app.Caller, number, id string) error {
	in, err := m.there(ctx, who.Domain, number, id)
	if err == nil {
		err = m.post.KeepGreeting(ctx, who.Domain, in, id)
	}
	if err != nil {
		return err
	}
	return m.note(ctx, who, policy.MailboxPut, number, id, "ok", map[string]any{"greeting": "spoken"})
}
