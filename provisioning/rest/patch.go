package rest

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
)

// mergeType is the form of a PATCH (RFC 7396).
const mergeType = "application/merge-patch+json"

type patchInput struct {
	ItemPath
	ContentType string `header:"Content-Type" maxLength:"256"`
	IfMatch     string `header:"If-Match" maxLength:"256" doc:"Entity tag that must still hold, or *"`
	Reason      string `query:"reason" maxLength:"500" doc:"Why, for whoever must agree to it"`
	RawBody     []byte `contentType:"application/merge-patch+json"`
}

// patch registers a PATCH that changes some fields of an entity that is there (RFC 5789, RFC 7396).
func patch[T provisioning.Entity](a *api, res resource[T]) {
	var zero T
	huma.Register(a.huma, mayWait(operation(http.MethodPatch, "/v1/domains/{domain}/"+res.plural+"/{key}", "patch-"+res.one,
		"Change fields of one of "+res.plural+"; null takes a field away", rule{action: res.put, kind: zero.Kind(), key: "key", domain: "domain"}, 409, 412, 413, 415, 422)),
		func(ctx context.Context, in *patchInput) (*itemOutput[T], error) {
			out, err := patchEntity(ctx, a, res, in)
			if err != nil {
				return nil, err
			}
			return &itemOutput[T]{Status: out.status, ETag: etag(out.etag), Link: out.link, Body: out.entity}, nil
		})
}

func patchEntity[T provisioning.Entity](ctx context.Context, a *api, res resource[T], in *patchInput) (put[T], error) {
	var out put[T]
	if kind, _, err := mime.ParseMediaType(in.ContentType); err != nil || kind != mergeType {
		return out, huma.ErrorWithHeaders(huma.NewError(http.StatusUnsupportedMediaType, ""), http.Header{"Accept-Patch": {mergeType}})
	}
	ifMatch, err := condition(in.IfMatch, "")
	if err != nil {
		return out, err
	}
	if err := scan(in.RawBody); err != nil {
		return out, invalidBody(err)
	}
	var old T
	err = a.Store.Update(ctx, subjectOf(ctx), func(w provisioning.Writer) error {
		var err error
		if old, _, err = provisioning.Get[T](w, in.Domain, in.Key); err != nil {
			return err
		}
		if _, err = a.rules(subjectOf(ctx), res.put, res.object(w, in.Domain, old)); err != nil { // before anything tells that it is there
			return err
		}
		next, err := res.patched(old, in.Key, func(before []byte) ([]byte, error) { return provisioning.MergePatch(before, in.RawBody) })
		if err != nil {
			return err
		}
		if out, err = res.write(a, w, subjectOf(ctx), in.Domain, &old, next, ifMatch, in.Reason); err != nil {
			return err
		}
		return res.kept(w, in.Domain, old)
	})
	a.auditDenied(ctx, subjectOf(ctx), res.put, provisioning.Object{Domain: in.Domain, Kind: old.Kind(), Key: in.Key}, err)
	if err == nil && res.done != nil {
		res.done(ctx, in.Domain, old, out.entity)
	}
	return out, a.problem(ctx, err)
}

// patched is an entity after a change of its JSON. *provisioning.Invalid: it is none any more, or another one.
func (res resource[T]) patched(old T, key string, change func([]byte) ([]byte, error)) (next T, err error) {
	before, err := json.Marshal(old)
	if err != nil {
		return next, err
	}
	after, err := change(before)
	if err != nil {
		return next, &provisioning.Invalid{Field: "", Reason: "is no JSON object"}
	}
	e, err := entityOf[T](after)
	if err != nil {
		return next, err
	}
	if got := e.Key(); got != "" && got != key {
		return next, &provisioning.Invalid{Field: "", Reason: "has another key than the path"}
	}
	res.setKey(&e, key)
	return e, res.checked(e)
}

// entityOf is an entity out of JSON that has been looked at already. *provisioning.Invalid with the field, or "" for the whole.
func entityOf[T provisioning.Entity](body []byte) (T, error) {
	var zero T
	e, err := provisioning.EntityOf(zero.Kind(), body)
	var bad *provisioning.Invalid
	if errors.As(err, &bad) && bad.Field == "body" {
		err = &provisioning.Invalid{Reason: bad.Reason}
	}
	one, _ := e.(T)
	return one, err
}

// invalidBody is 422 with the place of what is wrong.
func invalidBody(err error) error {
	var bad *bodyError
	if errors.As(err, &bad) {
		return invalidAt(http.StatusUnprocessableEntity, bad.at, bad.reason)
	}
	return invalidAt(http.StatusUnprocessableEntity, "body", "is not JSON")
}
