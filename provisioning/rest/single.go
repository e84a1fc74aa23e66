package rest

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
)

// Of some entities a domain has exactly one, such as its feature codes. As long as nobody wrote it the defaults hold, which have a tag too.
const unwritten = "default"

type singleInput struct {
	Domain      string `path:"domain" maxLength:"253"`
	IfNoneMatch string `header:"If-None-Match" maxLength:"256"`
}

type putSingleInput[T any] struct {
	Domain  string `path:"domain" maxLength:"253"`
	IfMatch string `header:"If-Match" maxLength:"256" doc:"Entity tag that must still hold, or *"`
	Body    T
}

// single is the one of a domain as it is stored, and its tag; the zero value where nobody wrote any.
func single[T provisioning.Entity](r provisioning.Reader, domain string) (one T, tag string, err error) {
	if _, _, err := provisioning.Get[provisioning.Domain](r, domain, domain); err != nil {
		return one, "", err
	}
	stored, tag, err := provisioning.Get[T](r, domain, one.Key())
	if errors.Is(err, provisioning.ErrNotFound) {
		return one, unwritten, nil
	}
	return stored, tag, err
}

// getSingle answers with what show makes of it.
func getSingle[T provisioning.Entity, S any](ctx context.Context, a *api, in *singleInput, show func(T) S) (*itemOutput[S], error) {
	var one T
	var tag string
	err := a.Store.View(ctx, func(r provisioning.Reader) (err error) {
		one, tag, err = single[T](r, in.Domain)
		return err
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	if in.IfNoneMatch == etag(tag) {
		return nil, huma.ErrorWithHeaders(huma.Status304NotModified(), http.Header{"Etag": {etag(tag)}})
	}
	return &itemOutput[S]{Status: http.StatusOK, ETag: etag(tag), Body: show(one)}, nil
}

// putSingle writes it, by the rights of who may read and write.
func putSingle[T provisioning.Entity, S any](ctx context.Context, a *api, read, write provisioning.Action, in *putSingleInput[T], show func(T) S) (*itemOutput[S], error) {
	match, none := in.IfMatch, ""
	if match == etag(unwritten) { // what was read was nobody's yet
		match, none = "", "*"
	}
	out, err := putEntity(ctx, a, resource[T]{read: read, put: write, setKey: func(*T, string) {}},
		&putInput[T]{ItemPath: ItemPath{Domain: in.Domain, Key: in.Body.Key()}, IfMatch: match, IfNoneMatch: none, Body: in.Body})
	if err != nil {
		return nil, err
	}
	status := http.StatusOK // also of the first: before it there were the defaults
	if out.link != "" {
		status = http.StatusAccepted
	}
	return &itemOutput[S]{Status: status, ETag: etag(out.etag), Link: out.link, Body: show(out.entity)}, nil
}
