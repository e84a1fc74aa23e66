package rest

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// shortLine is one short number that an extension can dial, with the list that it is from.
type shortLine struct {
	provisioning.ShortNumber
	List string `json:"list"`
}

// registerShortNumbers: the lists, and what one extension can dial of them.
func (a *api) registerShortNumbers() {
	lists := resource[provisioning.ShortNumbers]{plural: "short-numbers", one: "short-numbers-list", read: policy.ShortNumbersRead, put: policy.ShortNumbersPut,
		del: policy.ShortNumbersDelete, setKey: func(s *provisioning.ShortNumbers, k string) { s.List = k }, owner: provisioning.ShortNumbers.Owner}
	entities(a, lists)
	putPlain(a, lists)
	huma.Register(a.huma, operation(http.MethodGet, "/v1/domains/{domain}/extensions/{key}/short-numbers", "list-extension-short-numbers",
		"Short numbers that an extension can dial: its owner's, its department's, everybody's",
		rule{action: policy.ExtensionRead, kind: provisioning.KindExtension, key: "key", domain: "domain"}), a.shortNumbersOf)
}

func (a *api) shortNumbersOf(ctx context.Context, in *ItemPath) (*pageOutput[shortLine], error) {
	return ofExtension(ctx, a, in, shortLines)
}

func shortLines(r provisioning.Reader, domain string, e provisioning.Extension) ([]shortLine, error) {
	out := []shortLine{}
	for _, key := range []string{provisioning.UserList(e.User), provisioning.DepartmentList(e.Department), provisioning.SystemList} {
		l, _, err := provisioning.Get[provisioning.ShortNumbers](r, domain, key)
		if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
			return nil, err
		}
		for _, s := range l.Entries {
			out = append(out, shortLine{s, key})
		}
	}
	return out, nil
}

// ofExtension lists what belongs to an extension, for whoever may read it.
func ofExtension[T any](ctx context.Context, a *api, in *ItemPath,
	lines func(provisioning.Reader, string, provisioning.Extension) ([]T, error)) (*pageOutput[T], error) {
	out := &pageOutput[T]{}
	err := a.Store.View(ctx, func(r provisioning.Reader) error {
		e, _, err := provisioning.Get[provisioning.Extension](r, in.Domain, in.Key)
		if err != nil {
			return err
		}
		if err := a.may(ctx, policy.ExtensionRead, extensionObject(in.Domain, e)); err != nil {
			return err
		}
		out.Body.Items, err = lines(r, in.Domain, e)
		return err
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return out, nil
}
