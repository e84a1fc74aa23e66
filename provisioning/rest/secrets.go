package rest

import (
	"context"
	"net/http"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
	"naisen/provisioning/secret"
)

type secretOutput struct{ Body shownOnce }

type passwordOutput struct {
	Link string `header:"Link" doc:"Of a recording manager's new password: the proposal that waits for another manager to agree that the role is given back"`
	Body shownOnce
}

// shownOnce is a generated secret in the one answer that holds it.
type shownOnce struct {
	Username string `json:"username"`
	Realm    string `json:"realm,omitempty" doc:"Of SIP digest"`
	Secret   string `json:"secret" doc:"Shown only here"`
}

type trunkSecretInput struct {
	ItemPath
	Body struct {
		Secret string `json:"secret" required:"true" minLength:"1" maxLength:"256" writeOnly:"true" doc:"Digest password towards the carrier"`
	}
}

// registerSecrets: what is written and never read back.
func (a *api) registerSecrets() {
	huma.Register(a.huma, operation(http.MethodPost, "/v1/domains/{domain}/extensions/{key}/secret", "new-extension-secret",
		"Make a new SIP password; the old one ends",
		rule{action: policy.ExtensionSecret, kind: provisioning.KindExtension, key: "key", domain: "domain"}), a.newExtensionSecret)
	huma.Register(a.huma, operation(http.MethodPut, "/v1/domains/{domain}/trunks/{key}/secret", "put-trunk-secret",
		"Set the password towards the carrier",
		rule{action: policy.TrunkSecret, kind: provisioning.KindTrunk, key: "key", domain: "domain"}, 413, 415, 422), a.putTrunkSecret)
	huma.Register(a.huma, operation(http.MethodDelete, "/v1/domains/{domain}/trunks/{key}/secret", "delete-trunk-secret",
		"Forget the password towards the carrier",
		rule{action: policy.TrunkSecret, kind: provisioning.KindTrunk, key: "key", domain: "domain"}), a.deleteTrunkSecret)
	if a.Passwords != nil {
		huma.Register(a.huma, operation(http.MethodPost, "/v1/domains/{domain}/users/{key}/password", "reset-password",
			"Replace a user's password by a one-time one; the user's sign-ins end",
			rule{action: policy.UserSecret, kind: provisioning.KindUser, key: "key", domain: "domain"}), a.resetPassword)
	}
}

func (a *api) newExtensionSecret(ctx context.Context, in *ItemPath) (*secretOutput, error) {
	var plain secret.Secret
	err := a.Store.Update(ctx, subjectOf(ctx), func(w provisioning.Writer) error {
		e, _, err := provisioning.Get[provisioning.Extension](w, in.Domain, in.Key)
		if err != nil {
			return err
		}
		o := extensionObject(in.Domain, e)
		rule, err := a.rules(subjectOf(ctx), policy.ExtensionSecret, o)
		if err == nil {
			err = a.mayTakeOver(subjectOf(ctx), w, in.Domain, rule, e)
		}
		if err != nil {
			return err
		}
		plain, err = newSIPSecret(w, in.Domain, in.Key)
		return err
	})
	if err != nil {
		a.auditDenied(ctx, subjectOf(ctx), policy.ExtensionSecret, provisioning.Object{Domain: in.Domain, Kind: provisioning.KindExtension, Key: in.Key}, err)
		return nil, a.problem(ctx, err)
	}
	return &secretOutput{shownOnce{Username: in.Key, Realm: in.Domain, Secret: plain.Reveal()}}, nil
}

func (a *api) putTrunkSecret(ctx context.Context, in *trunkSecretInput) (*emptyOutput, error) {
	if strings.ContainsFunc(in.Body.Secret, unicode.IsControl) {
		return nil, invalidAt(http.StatusUnprocessableEntity, "body.secret", "holds a control character")
	}
	return a.trunkSecret(ctx, in.ItemPath, []byte(in.Body.Secret))
}

func (a *api) deleteTrunkSecret(ctx context.Context, in *ItemPath) (*emptyOutput, error) {
	return a.trunkSecret(ctx, *in, nil)
}

func (a *api) trunkSecret(ctx context.Context, at ItemPath, plain []byte) (*emptyOutput, error) {
	err := a.Store.Update(ctx, subjectOf(ctx), func(w provisioning.Writer) error {
		if _, _, err := provisioning.Get[provisioning.Trunk](w, at.Domain, at.Key); err != nil {
			return err
		}
		return w.PutSecret(at.Domain, provisioning.SecretTrunk, at.Key, plain)
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &emptyOutput{}, nil
}

// resetPassword of a recording manager takes that role away until another manager agrees: who has the new password might be somebody else. Where there is
// no other manager, it is told.
func (a *api) resetPassword(ctx context.Context, in *ItemPath) (*passwordOutput, error) {
	waits, alone, err := a.unmanage(ctx, *in)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	oneTime, err := a.Passwords.ResetPassword(ctx, subjectOf(ctx), in.Domain, in.Key)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	if alone {
		a.alone(ctx, in.Domain, in.Key)
	}
	return &passwordOutput{waiting(in.Domain, waits), shownOnce{Username: in.Key, Secret: oneTime}}, nil
}

// unmanage takes a recording manager's role away where somebody else replaces what they sign in with, and proposes to give it back.
func (a *api) unmanage(ctx context.Context, at ItemPath) (waits *provisioning.Proposal, alone bool, err error) {
	s := subjectOf(ctx)
	err = a.Store.Update(ctx, s, func(w provisioning.Writer) (err error) {
		u, _, err := provisioning.Get[provisioning.User](w, at.Domain, at.Key)
		if err == nil {
			err = a.mayManage(s, w, at.Domain, policy.UserSecret, u)
		}
		if err != nil {
			return err
		}
		waits, alone, err = provisioning.Unmanage(w, at.Domain, at.Key, a.wish(s, ""))
		return err
	})
	a.auditDenied(ctx, s, policy.UserSecret, provisioning.Object{Domain: at.Domain, Kind: provisioning.KindUser, Key: at.Key}, err)
	return waits, alone, err
}
