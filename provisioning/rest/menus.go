package rest

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// maxRehearsed are the keys of one rehearsal.
const maxRehearsed = 64

type activateInput struct {
	ItemPath
	Version int `query:"version" minimum:"0" doc:"Go back to this version; left out: the draft becomes a new one"`
}

type rehearseInput struct {
	ItemPath
	Body struct {
		Keys     []string  `json:"keys" maxItems:"64" nullable:"false" doc:"What the caller presses, one after the other; an empty text is nothing in time"`
		Time     time.Time `json:"time,omitzero" doc:"When it calls; left out: now"`
		Language string    `json:"language,omitempty" enum:"ja,en"`
		Active   bool      `json:"active,omitempty" doc:"Try the active version, not the draft"`
	}
}

type rehearsal struct {
	Path []rehearsed            `json:"path" nullable:"false"`
	Out  *provisioning.MenuGoto `json:"out,omitempty" doc:"Where the caller leaves; absent: it still waits for a key"`
}

type rehearsed struct {
	Pressed *string `json:"pressed,omitempty" doc:"What led here; absent at the start"`
	provisioning.MenuStep
}

func (a *api) registerMenus() {
	menus := resource[provisioning.Menu]{plural: "menus", one: "menu", read: policy.MenuRead, put: policy.MenuPut, del: policy.MenuDelete,
		setKey: func(m *provisioning.Menu, k string) { m.Name = k }}
	entities(a, menus)
	putPlain(a, menus)
	const item = "/v1/domains/{domain}/menus/{key}"
	huma.Register(a.huma, operation(http.MethodGet, item+"/versions", "list-menu-versions", "Read what was activated, and what callers hear",
		rule{action: policy.MenuRead, kind: provisioning.KindMenu, key: "key", domain: "domain"}), a.menuVersions)
	huma.Register(a.huma, operation(http.MethodPost, item+"/activate", "activate-menu", "Let callers hear the draft, or a version before",
		rule{action: policy.MenuActivate, kind: provisioning.KindMenu, key: "key", domain: "domain"}, 409, 422), a.activateMenu)
	huma.Register(a.huma, operation(http.MethodPost, item+"/test", "test-menu", "Press keys in a menu and see where they lead; nobody is called",
		rule{action: policy.MenuRead, kind: provisioning.KindMenu, key: "key", domain: "domain"}, 413, 415, 422), a.rehearseMenu)
}

func (a *api) menuVersions(ctx context.Context, in *ItemPath) (*itemOutput[provisioning.MenuVersions], error) {
	var v provisioning.MenuVersions
	var tag string
	err := a.Store.View(ctx, func(r provisioning.Reader) (err error) {
		v, tag, err = provisioning.Get[provisioning.MenuVersions](r, in.Domain, in.Key)
		return err
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &itemOutput[provisioning.MenuVersions]{Status: http.StatusOK, ETag: etag(tag), Body: v}, nil
}

func (a *api) activateMenu(ctx context.Context, in *activateInput) (*itemOutput[provisioning.MenuVersions], error) {
	var v provisioning.MenuVersions
	var tag string
	s := subjectOf(ctx)
	err := a.Store.Update(ctx, s, func(w provisioning.Writer) error {
		draft, _, err := provisioning.Get[provisioning.Menu](w, in.Domain, in.Key)
		if err != nil {
			return err
		}
		v, _, err = provisioning.Get[provisioning.MenuVersions](w, in.Domain, in.Key)
		if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
			return err
		}
		v.Menu = in.Key
		if in.Version == 0 {
			v = v.Activate(draft, s.User)
		} else {
			v.Active = in.Version
		}
		tag, err = w.Put(in.Domain, v, "")
		return err
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &itemOutput[provisioning.MenuVersions]{Status: http.StatusOK, ETag: etag(tag), Body: v}, nil
}

func (a *api) rehearseMenu(ctx context.Context, in *rehearseInput) (*struct{ Body rehearsal }, error) {
	var m provisioning.Menu
	calendars := map[string]provisioning.Calendar{}
	err := a.Store.View(ctx, func(r provisioning.Reader) (err error) {
		d, _, err := provisioning.Get[provisioning.Domain](r, in.Domain, in.Domain)
		if err != nil {
			return err
		}
		if in.Body.Language == "" {
			in.Body.Language = d.Language
		}
		if m, _, err = provisioning.Get[provisioning.Menu](r, in.Domain, in.Key); err != nil {
			return err
		}
		if in.Body.Active {
			v, _, err := provisioning.Get[provisioning.MenuVersions](r, in.Domain, in.Key)
			if err != nil {
				return err
			}
			m, _ = v.Live()
		}
		for _, n := range m.Nodes {
			if n.Calendar == "" {
				continue
			}
			if calendars[n.Calendar], _, err = provisioning.Get[provisioning.Calendar](r, in.Domain, n.Calendar); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	now := in.Body.Time
	if now.IsZero() {
		now = time.Now()
	}
	of := func(name string) (provisioning.Calendar, bool) { c, ok := calendars[name]; return c, ok }
	return &struct{ Body rehearsal }{rehearse(m, in.Body.Keys, in.Body.Language, now, of)}, nil
}

// rehearse walks a menu as a caller would.
func rehearse(m provisioning.Menu, keys []string, language string, now time.Time, of provisioning.Calendars) rehearsal {
	walk, step := m.Walk(language, now, of)
	out := rehearsal{Path: []rehearsed{{nil, step}}, Out: step.Out}
	for i := range keys[:min(len(keys), maxRehearsed)] {
		if out.Out != nil {
			break
		}
		step = walk.Press(keys[i], now)
		out.Path = append(out.Path, rehearsed{&keys[i], step})
		out.Out = step.Out
	}
	return out
}
