package rest

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
	"naisen/provisioning/secret"
)

type mailboxPINInput struct {
	ItemPath
	Body struct {
		PIN string `json:"pin" required:"true" maxLength:"12" writeOnly:"true" doc:"4 to 12 digits, not all the same"`
	}
}

// registerMailboxes: mailboxes, their PINs, which are written and never read back, and what is in them.
func (a *api) registerMailboxes() {
	res := resource[provisioning.Mailbox]{plural: "mailboxes", one: "mailbox", read: policy.MailboxRead, put: policy.MailboxPut,
		del: policy.MailboxDelete, setKey: func(m *provisioning.Mailbox, k string) { m.Number = k }, ownerIn: mailboxOwner}
	entities(a, res)
	putPlain(a, res)
	pin := func(a provisioning.Action) rule {
		return rule{action: a, kind: provisioning.KindMailbox, key: "key", domain: "domain"}
	}
	huma.Register(a.huma, operation(http.MethodPut, "/v1/domains/{domain}/mailboxes/{key}/pin", "put-mailbox-pin", "Set the PIN of a mailbox; its owners alone may",
		pin(policy.MailboxSecret), 413, 415, 422), a.putMailboxPIN)
	huma.Register(a.huma, operation(http.MethodDelete, "/v1/domains/{domain}/mailboxes/{key}/pin", "delete-mailbox-pin",
		"Forget the PIN: the owner sets a new one at the own telephone", pin(policy.MailboxForget)), a.deleteMailboxPIN)
	if a.Messages != nil {
		a.registerMessages()
	}
}

// mailboxOwner is whose the mailbox is first: its extension's owner.
func mailboxOwner(r provisioning.Reader, domain string, m provisioning.Mailbox) string {
	e, _, err := provisioning.Get[provisioning.Extension](r, domain, m.Number)
	if err != nil {
		return ""
	}
	return e.User
}

// heardBy says whether a user is one of those for whom a mailbox takes messages.
func heardBy(r provisioning.Reader, domain string, m provisioning.Mailbox, user string) (bool, error) {
	for _, number := range m.Owners() {
		e, _, err := provisioning.Get[provisioning.Extension](r, domain, number)
		if err == nil && e.User == user && user != "" {
			return true, nil
		}
		if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
			return false, err
		}
	}
	return false, nil
}

// ownMailbox is a mailbox as an object of the asker's, where it is one.
func (a *api) ownMailbox(ctx context.Context, at ItemPath, kind string) (provisioning.Object, error) {
	o := provisioning.Object{Domain: at.Domain, Kind: kind, Key: at.Key}
	err := a.Store.View(ctx, func(r provisioning.Reader) error {
		m, _, err := provisioning.Get[provisioning.Mailbox](r, at.Domain, at.Key)
		if err != nil {
			return err
		}
		user := subjectOf(ctx).User
		own, err := heardBy(r, at.Domain, m, user)
		if own {
			o.Owner = user
		}
		return err
	})
	return o, err
}

func (a *api) putMailboxPIN(ctx context.Context, in *mailboxPINInput) (*emptyOutput, error) {
	out, err := a.mailboxPIN(ctx, in.ItemPath, policy.MailboxSecret, func() ([]byte, error) { return secret.NewPIN(in.Body.PIN) })
	if errors.Is(err, secret.ErrPIN) {
		return nil, invalidAt(http.StatusUnprocessableEntity, "body.pin", "must be 4 to 12 digits, not all the same")
	}
	return out, err
}

func (a *api) deleteMailboxPIN(ctx context.Context, in *ItemPath) (*emptyOutput, error) {
	return a.mailboxPIN(ctx, *in, policy.MailboxForget, func() ([]byte, error) { return nil, nil })
}

func (a *api) mailboxPIN(ctx context.Context, at ItemPath, action provisioning.Action, make func() ([]byte, error)) (*emptyOutput, error) {
	o, err := a.ownMailbox(ctx, at, provisioning.KindMailbox)
	if err == nil {
		err = a.may(ctx, action, o)
	}
	var kept []byte
	if err == nil {
		if kept, err = make(); errors.Is(err, secret.ErrPIN) {
			return nil, err
		}
	}
	if err == nil {
		err = a.Store.Update(ctx, subjectOf(ctx), func(w provisioning.Writer) error {
			return w.PutSecret(at.Domain, provisioning.SecretMailbox, at.Key, kept)
		})
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &emptyOutput{}, nil
}

// modes of greetings that can be deleted.
func greetingMode(all []provisioning.Message, mode string) (string, bool) {
	i := slices.IndexFunc(all, func(m provisioning.Message) bool { return m.Mode == mode })
	if i < 0 {
		return "", false
	}
	return all[i].ID, true
}
