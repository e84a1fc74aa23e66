package rest

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/enrol"
	"naisen/provisioning/policy"
	"naisen/provisioning/qr"
)

type softphoneClaimInput struct {
	ItemPath
	Body struct {
		Minutes int `json:"minutes,omitempty" minimum:"1" maximum:"1440" doc:"How long the code counts; left out: 15"`
	}
}

// softphoneClaim is a one-time code in the one answer that holds it.
type softphoneClaim struct {
	URL     string    `json:"url" doc:"What the app is given: the code is a part of it, and shown only here"`
	Expires time.Time `json:"expires"`
	SVG     string    `json:"qr_svg" doc:"url as a QR code: an SVG document"`
	PNG     []byte    `json:"qr_png" doc:"Likewise, a PNG in base64"`
}

type softphoneClaimOutput struct{ Body softphoneClaim }

type softphonePath struct {
	ItemPath
	ID string `path:"id" maxLength:"64"`
}

// registerSoftphones: apps that are enrolled by a one-time code, each with an account of its own.
func (a *api) registerSoftphones() {
	const claim, apps = "/v1/domains/{domain}/extensions/{key}/softphone-claim", "/v1/domains/{domain}/extensions/{key}/softphones"
	of := func(action provisioning.Action) rule {
		return rule{action: action, kind: provisioning.KindExtension, key: "key", domain: "domain"}
	}
	huma.Register(a.huma, operation(http.MethodPost, claim, "claim-softphone",
		"Make a one-time code by which an app is enrolled as a telephone of an extension; a code of before ends", of(policy.SoftphoneClaim), 409, 413, 415, 422), a.claimSoftphone)
	huma.Register(a.huma, operation(http.MethodDelete, claim, "withdraw-softphone-claim", "End a code that was not used", of(policy.SoftphoneClaim)), a.withdrawClaim)
	huma.Register(a.huma, operation(http.MethodGet, apps, "list-softphones", "Apps that were enrolled for an extension", of(policy.SoftphoneRead)), a.listSoftphones)
	huma.Register(a.huma, operation(http.MethodDelete, apps+"/{id}", "end-softphone", "Take an app's account away; its registrations end at once", of(policy.SoftphoneEnd)), a.endSoftphone)
}

// overSoftphones runs f if the asker may do that to an extension: an app of it hears its calls, as whoever has its password does.
func (a *api) overSoftphones(ctx context.Context, action provisioning.Action, at ItemPath, f func(w provisioning.Writer, e provisioning.Extension) error) error {
	s := subjectOf(ctx)
	err := a.Store.Update(ctx, s, func(w provisioning.Writer) error {
		e, _, err := provisioning.Get[provisioning.Extension](w, at.Domain, at.Key)
		if err != nil {
			return err
		}
		rule, err := a.rules(s, action, extensionObject(at.Domain, e))
		if err == nil {
			err = a.mayTakeOver(s, w, at.Domain, rule, e)
		}
		if err == nil {
			err = f(w, e)
		}
		if err != nil {
			return err
		}
		return w.AddAudit(provisioning.AuditEntry{Domain: at.Domain, Action: string(action), Object: provisioning.KindExtension + "/" + at.Key, Outcome: "ok"})
	})
	if err != nil {
		a.auditDenied(ctx, s, action, provisioning.Object{Domain: at.Domain, Kind: provisioning.KindExtension, Key: at.Key}, err)
		return a.problem(ctx, err)
	}
	return nil
}

func (a *api) claimSoftphone(ctx context.Context, in *softphoneClaimInput) (*softphoneClaimOutput, error) {
	life := enrol.DefaultLife
	if in.Body.Minutes > 0 {
		life = time.Duration(in.Body.Minutes) * time.Minute
	}
	now := a.Clock()
	out := softphoneClaim{Expires: now.Add(life).UTC().Truncate(time.Second)}
	err := a.overSoftphones(ctx, policy.SoftphoneClaim, in.ItemPath, func(w provisioning.Writer, _ provisioning.Extension) error {
		if a.EnrolAt == nil || !a.EnrolAt.Reached() {
			return huma.NewError(http.StatusConflict, "apps have no way to this switch: it does not listen for SIP over TLS")
		}
		code, err := enrol.Claim(w, in.Domain, in.Key, out.Expires, now)
		if err != nil {
			return err
		}
		out.URL = a.EnrolAt.Link(in.Domain, code)
		return nil
	})
	if err != nil {
		return nil, err
	}
	picture, err := qr.Draw(out.URL)
	if err == nil {
		out.SVG = picture.SVG()
		out.PNG, err = picture.PNG(8)
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &softphoneClaimOutput{out}, nil
}

func (a *api) withdrawClaim(ctx context.Context, in *ItemPath) (*emptyOutput, error) {
	err := a.overSoftphones(ctx, policy.SoftphoneClaim, *in, func(w provisioning.Writer, e provisioning.Extension) error {
		return enrol.Withdraw(w, in.Domain, e)
	})
	return &emptyOutput{}, err
}

func (a *api) listSoftphones(ctx context.Context, in *ItemPath) (*pageOutput[provisioning.Softphone], error) {
	out := &pageOutput[provisioning.Softphone]{}
	err := a.Store.View(ctx, func(r provisioning.Reader) error {
		e, _, err := provisioning.Get[provisioning.Extension](r, in.Domain, in.Key)
		if err == nil {
			err = a.may(ctx, policy.SoftphoneRead, extensionObject(in.Domain, e))
		}
		if err != nil {
			return err
		}
		apps, _, err := provisioning.Get[provisioning.Softphones](r, in.Domain, in.Key)
		if errors.Is(err, provisioning.ErrNotFound) {
			err = nil
		}
		out.Body.Items = append([]provisioning.Softphone{}, apps.Apps...)
		return err
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return out, nil
}

func (a *api) endSoftphone(ctx context.Context, in *softphonePath) (*emptyOutput, error) {
	err := a.overSoftphones(ctx, policy.SoftphoneEnd, in.ItemPath, func(w provisioning.Writer, _ provisioning.Extension) error {
		return provisioning.EndSoftphone(w, in.Domain, in.Key, in.ID)
	})
	return &emptyOutput{}, err
}
