package main

import (
	"context"
	"errors"
	"io"

	"naisen/prompts"
	"naisen/provisioning"
	"naisen/provisioning/rest"
)

// promptAPI offers the announcement library to REST, in REST's words.
type promptAPI struct{ library *prompts.Library }

var _ rest.Prompts = promptAPI{}

// List implements rest.Prompts.
func (a promptAPI) List(_ context.Context, domain string) ([]rest.PromptInfo, error) {
	list := a.library.List(domain)
	out := make([]rest.PromptInfo, len(list))
	for i, p := range list {
		out[i] = rest.PromptInfo(p)
	}
	return out, nil
}

// Get implements rest.Prompts.
func (a promptAPI) Get(_ context.Context, domain, name, language string) (io.ReadCloser, rest.PromptInfo, error) {
	info, r, err := a.library.Get(domain, name, language)
	return r, rest.PromptInfo(info), promptError(err)
}

// Put implements rest.Prompts.
func (a promptAPI) Put(ctx context.Context, domain, name, language string, wav io.Reader) (rest.PromptInfo, error) {
	info, err := a.library.Put(ctx, domain, name, language, "", wav)
	return rest.PromptInfo(info), promptError(err)
}

// Delete implements rest.Prompts.
func (a promptAPI) Delete(ctx context.Context, domain, name, language string) error {
	return promptError(a.library.Delete(ctx, domain, name, language))
}

// promptError maps the library's errors to those that REST answers with.
func promptError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, prompts.ErrNotFound):
		return provisioning.ErrNotFound
	case errors.Is(err, prompts.ErrBuiltin):
		return provisioning.ErrInUse
	case errors.Is(err, prompts.ErrBadName):
		return &provisioning.Invalid{Field: "name", Reason: err.Error()}
	case errors.Is(err, prompts.ErrBadAudio), errors.Is(err, prompts.ErrTooLarge), errors.Is(err, prompts.ErrFull):
		return &provisioning.Invalid{Field: "body", Reason: err.Error()}
	}
	return err
}
