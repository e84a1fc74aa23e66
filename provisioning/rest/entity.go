package rest

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
	"naisen/provisioning/secret"
)

// resource says how an entity appears in the API. The handlers are the same for all.
type resource[T provisioning.Entity] struct {
	plural         string // "extensions": the path
	one            string // "extension": operation ids
	read, put, del provisioning.Action
	setKey         func(*T, string)
	owner          func(T) string                                       // nil: nobody's
	ownerIn        func(provisioning.Reader, string, T) string          // in place of owner: it stands with another entity
	hidden         func(context.Context, string, T) bool                // nil: not; for whom may read T there is none, since they may not know what it is about
	ownKeys        func(user string) (first, last string)               // nil: anywhere; the keys of a person's own are behind first and before last
	created        func(provisioning.Writer, string, T) (any, error)    // after a create, in its transaction; what it returns is shown once
	check          func(T) error                                        // before a PUT; nil: Validate says all. *provisioning.Invalid
	keep           func(provisioning.Reader, string, T) error           // after a change or deletion of T, in its transaction: what must still hold
	done           func(ctx context.Context, domain string, old, now T) // after a PUT was committed; old is the zero value where there was none
}

// ItemPath names one object. It is exported only because huma passes over embedded types that are not.
type ItemPath struct {
	Domain string `path:"domain" maxLength:"253"`
	Key    string `path:"key" maxLength:"128"`
}

type getInput struct {
	ItemPath
	IfNoneMatch string `header:"If-None-Match" maxLength:"256"`
}

type putInput[T any] struct {
	ItemPath
	IfMatch     string `header:"If-Match" maxLength:"256" doc:"Entity tag that must still hold, or *"`
	IfNoneMatch string `header:"If-None-Match" maxLength:"256" doc:"* to create only"`
	Reason      string `query:"reason" maxLength:"500" doc:"Why, for whoever must agree to it"`
	Body        T
}

type deleteInput struct {
	ItemPath
	IfMatch string `header:"If-Match" maxLength:"256"`
	Reason  string `query:"reason" maxLength:"500" doc:"Why, for whoever must agree to it"`
}

type pageInput struct {
	Domain string `path:"domain" maxLength:"253"`
	After  string `query:"after" maxLength:"256" doc:"next of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

func (in *pageInput) unfiltered() *listInput {
	return &listInput{Domain: in.Domain, After: in.After, Limit: in.Limit}
}

type listInput struct {
	Domain string   `path:"domain" maxLength:"253"`
	After  string   `query:"after" maxLength:"256" doc:"next of the page before"`
	Limit  int      `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Filter []string `query:"filter,explode" maxItems:"8" doc:"field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka"`
}

// page is one part of a list.
type page[T any] struct {
	Items []T    `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"Give it as after to read on; absent on the last page"`
}

type pageOutput[T any] struct{ Body page[T] }

type itemOutput[T any] struct {
	Status int
	ETag   string `header:"ETag"`
	Link   string `header:"Link" doc:"With 202: the proposal that waits for others to agree"`
	Body   T
}

type emptyOutput struct{}

// deleteOutput: 204, or 202 where the deletion waits.
type deleteOutput struct {
	Status int
	Link   string `header:"Link" doc:"With 202: the proposal that waits for others to agree"`
}

func (res resource[T]) object(r provisioning.Reader, domain string, e T) provisioning.Object {
	o := provisioning.Object{Domain: domain, Kind: e.Kind(), Key: e.Key()}
	switch {
	case res.ownerIn != nil:
		o.Owner = res.ownerIn(r, domain, e)
	case res.owner != nil:
		o.Owner = res.owner(e)
	}
	o.Departments = departments(provisioning.DepartmentOf(r, domain, e))
	return o
}

// entities registers list, get, put and delete of T.
func entities[T provisioning.Entity](a *api, res resource[T]) {
	var zero T
	kind := zero.Kind()
	list := "/v1/domains/{domain}/" + res.plural
	item := list + "/{key}"
	huma.Register(a.huma, operation(http.MethodGet, list, "list-"+res.plural, "List "+res.plural,
		rule{action: res.read, kind: kind, domain: "domain"}),
		func(ctx context.Context, in *listInput) (*pageOutput[T], error) { return listEntities(ctx, a, res, in) })
	huma.Register(a.huma, operation(http.MethodGet, item, "get-"+res.one, "Read one of "+res.plural,
		rule{action: res.read, kind: kind, key: "key", domain: "domain"}),
		func(ctx context.Context, in *getInput) (*itemOutput[T], error) { return getEntity(ctx, a, res, in) })
	huma.Register(a.huma, mayWait(operation(http.MethodDelete, item, "delete-"+res.one, "Delete one of "+res.plural,
		rule{action: res.del, kind: kind, key: "key", domain: "domain"}, 409, 412)),
		func(ctx context.Context, in *deleteInput) (*deleteOutput, error) {
			return deleteEntity(ctx, a, res, in)
		})
}

// putPlain registers a PUT that answers with the entity as it is stored, a PATCH, and the kind as files.
func putPlain[T provisioning.Entity](a *api, res resource[T]) {
	var zero T
	patch(a, res)
	files(a, res)
	huma.Register(a.huma, mayWait(operation(http.MethodPut, "/v1/domains/{domain}/"+res.plural+"/{key}", "put-"+res.one, "Create or replace one of "+res.plural,
		rule{action: res.put, kind: zero.Kind(), key: "key", domain: "domain"}, 409, 412, 413, 415, 422)),
		func(ctx context.Context, in *putInput[T]) (*itemOutput[T], error) {
			out, err := putEntity(ctx, a, res, in)
			if err != nil {
				return nil, err
			}
			return &itemOutput[T]{Status: out.status, ETag: etag(out.etag), Link: out.link, Body: out.entity}, nil
		})
}

// listEntities answers with a page of what the asker may see. What they may not leaves no trace: a page is as full, and says as much of what follows, as
// if there were nothing else.
func listEntities[T provisioning.Entity](ctx context.Context, a *api, res resource[T], in *listInput) (*pageOutput[T], error) {
	out := &pageOutput[T]{Body: page[T]{Items: []T{}}}
	matches, err := filterOf[T](in.Filter)
	if err != nil {
		return nil, err
	}
	after, last := in.After, ""
	var zero T
	if res.ownKeys != nil && !a.sees(ctx, res.read, provisioning.Object{Domain: in.Domain, Kind: zero.Kind()}) { // not those of others
		var first string
		first, last = res.ownKeys(subjectOf(ctx).User)
		after = max(after, first)
	}
	for {
		rows, next, err := res.some(ctx, a, in.Domain, after, last, max(in.Limit+1, 100))
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		for _, e := range rows {
			switch {
			case res.hidden != nil && res.hidden(ctx, in.Domain, e), !matches(e):
			case len(out.Body.Items) == in.Limit:
				out.Body.Next = out.Body.Items[in.Limit-1].Key()
				return out, nil
			default:
				out.Body.Items = append(out.Body.Items, e)
			}
		}
		if next == "" {
			return out, nil
		}
		after = next
	}
}

// some of the rows behind a key, and before last, that the asker has a right to; next is where they go on, if they do.
func (res resource[T]) some(ctx context.Context, a *api, domain, after, last string, step int) (out []T, next string, err error) {
	err = a.Store.View(ctx, func(r provisioning.Reader) error {
		rows, err := provisioning.List[T](r, domain, after, step)
		for _, e := range rows {
			if last != "" && e.Key() >= last {
				return err
			}
			if a.sees(ctx, res.read, res.object(r, domain, e)) {
				out = append(out, e)
			}
		}
		if len(rows) == step {
			next = rows[step-1].Key()
		}
		return err
	})
	return out, next, err
}

func getEntity[T provisioning.Entity](ctx context.Context, a *api, res resource[T], in *getInput) (*itemOutput[T], error) {
	var e T
	var tag string
	var object provisioning.Object
	err := a.Store.View(ctx, func(r provisioning.Reader) (err error) {
		e, tag, err = provisioning.Get[T](r, in.Domain, in.Key)
		object = res.object(r, in.Domain, e)
		return err
	})
	if err == nil {
		err = a.may(ctx, res.read, object)
	}
	if err == nil && res.hidden != nil && res.hidden(ctx, in.Domain, e) {
		err = provisioning.ErrNotFound
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	if in.IfNoneMatch == etag(tag) {
		return nil, huma.ErrorWithHeaders(huma.Status304NotModified(), http.Header{"Etag": {etag(tag)}})
	}
	return &itemOutput[T]{Status: http.StatusOK, ETag: etag(tag), Body: e}, nil
}

// put is what a PUT did.
type put[T any] struct {
	status int
	etag   string
	link   string // of the proposal that waits
	entity T
	once   any // what created returned
}

func (res resource[T]) checked(e T) error {
	if res.check == nil {
		return nil
	}
	return res.check(e)
}

func putEntity[T provisioning.Entity](ctx context.Context, a *api, res resource[T], in *putInput[T]) (put[T], error) {
	var out put[T]
	ifMatch, err := condition(in.IfMatch, in.IfNoneMatch)
	if err != nil {
		return out, err
	}
	if key := in.Body.Key(); key != "" && key != in.Key {
		return out, invalidAt(http.StatusUnprocessableEntity, "body", "has another key than the path")
	}
	res.setKey(&in.Body, in.Key)
	if err := res.checked(in.Body); err != nil {
		return out, a.problem(ctx, err)
	}
	var old T
	err = a.Store.Update(ctx, subjectOf(ctx), func(w provisioning.Writer) error {
		before, err := found[T](w, in.Domain, in.Key)
		if err != nil {
			return err
		}
		if out, err = res.write(a, w, subjectOf(ctx), in.Domain, before, in.Body, ifMatch, in.Reason); err != nil || before == nil {
			return err
		}
		old = *before
		return res.kept(w, in.Domain, old)
	})
	a.auditDenied(ctx, subjectOf(ctx), res.put, provisioning.Object{Domain: in.Domain, Kind: in.Body.Kind(), Key: in.Key}, err)
	if err == nil && res.done != nil {
		res.done(ctx, in.Domain, old, out.entity)
	}
	return out, a.problem(ctx, err)
}

// found is an entity as it is now; nil: there is none.
func found[T provisioning.Entity](r provisioning.Reader, domain, key string) (*T, error) {
	e, _, err := provisioning.Get[T](r, domain, key)
	switch {
	case errors.Is(err, provisioning.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &e, nil
}

// write puts next in a transaction in the place of before, which is nil where there is nothing. What must still hold afterwards is kept's to say.
func (res resource[T]) write(a *api, w provisioning.Writer, s provisioning.Subject, domain string, before *T, next T, ifMatch, reason string) (put[T], error) {
	out := put[T]{status: http.StatusOK, entity: next}
	if before == nil {
		out.status = http.StatusCreated
	}
	if err := res.mayPut(a, s, w, domain, before, next); err != nil {
		return out, err
	}
	var waits *provisioning.Proposal
	var err error
	if out.etag, waits, err = provisioning.PutGuarded(w, domain, before, next, ifMatch, a.wish(s, reason)); err != nil {
		return out, err
	}
	if out.link = waiting(domain, waits); waits != nil {
		out.status = http.StatusAccepted
	}
	if before == nil && res.created != nil {
		if out.once, err = res.created(w, domain, next); err != nil {
			return out, err
		}
	}
	out.entity, out.etag, err = provisioning.Get[T](w, domain, next.Key()) // as it is now: with what is derived
	return out, err
}

// kept asks, after a change of old or its deletion, for what must still hold.
func (res resource[T]) kept(r provisioning.Reader, domain string, old T) error {
	if res.keep == nil {
		return nil
	}
	return res.keep(r, domain, old)
}

// remove deletes an entity in a transaction, or proposes that.
func (res resource[T]) remove(a *api, w provisioning.Writer, s provisioning.Subject, domain string, old T, ifMatch, reason string) (waits *provisioning.Proposal, err error) {
	rule, err := a.rules(s, res.del, res.object(w, domain, old))
	if err == nil {
		err = a.confined(s, w, domain, rule, old, nil)
	}
	if err != nil {
		return nil, err
	}
	return provisioning.DeleteGuarded(w, domain, old, ifMatch, a.wish(s, reason))
}

func deleteEntity[T provisioning.Entity](ctx context.Context, a *api, res resource[T], in *deleteInput) (*deleteOutput, error) {
	ifMatch, err := condition(in.IfMatch, "")
	if err != nil {
		return nil, err
	}
	out := &deleteOutput{}
	err = a.Store.Update(ctx, subjectOf(ctx), func(w provisioning.Writer) error {
		old, _, err := provisioning.Get[T](w, in.Domain, in.Key)
		if err != nil {
			return err
		}
		waits, err := res.remove(a, w, subjectOf(ctx), in.Domain, old, ifMatch, in.Reason)
		out.Status, out.Link = http.StatusNoContent, waiting(in.Domain, waits)
		if waits != nil {
			out.Status = http.StatusAccepted
		}
		if err != nil || waits != nil {
			return err
		}
		return res.kept(w, in.Domain, old)
	})
	if err != nil {
		var none T
		a.auditDenied(ctx, subjectOf(ctx), res.del, provisioning.Object{Domain: in.Domain, Kind: none.Kind(), Key: in.Key}, err)
		return nil, a.problem(ctx, err)
	}
	return out, nil
}

// registerEntities: what differs between the entities, as data.
func (a *api) registerEntities() {
	users := resource[provisioning.User]{plural: "users", one: "user", read: policy.UserRead, put: policy.UserPut, del: policy.UserDelete,
		setKey: func(u *provisioning.User, k string) { u.Name = k }, owner: func(u provisioning.User) string { return u.Name }, keep: provisioning.KeepAdministrator, done: a.appointed}
	entities(a, users)
	putPlain(a, users)
	dids := resource[provisioning.DID]{plural: "dids", one: "did", read: policy.DIDRead, put: policy.DIDPut, del: policy.DIDDelete,
		setKey: func(d *provisioning.DID, k string) { d.Number = k }}
	entities(a, dids)
	putPlain(a, dids)
	trunks := resource[provisioning.Trunk]{plural: "trunks", one: "trunk", read: policy.TrunkRead, put: policy.TrunkPut, del: policy.TrunkDelete,
		setKey: func(t *provisioning.Trunk, k string) { t.Name, t.HasSecret = k, false }}
	entities(a, trunks)
	putPlain(a, trunks)
	sites := resource[provisioning.Site]{plural: "sites", one: "site", read: policy.SiteRead, put: policy.SitePut, del: policy.SiteDelete,
		setKey: func(s *provisioning.Site, k string) { s.Name = k }}
	entities(a, sites)
	putPlain(a, sites)
	a.registerPolicies()
	a.registerSitePolicies()
	a.registerProposals()
	a.registerConferences()
	a.registerExtensions()
	a.registerFeatureCodes()
	a.registerMenus()
	a.registerWebhooks()
	a.registerDomains()
	a.registerDesk()
}

// appointed tells of a recording manager whom one person made, since there was nobody to ask.
func (a *api) appointed(ctx context.Context, domain string, old, now provisioning.User) {
	if !old.Manages() && now.Manages() {
		a.alone(ctx, domain, now.Name)
	}
}

// alone tells of what one person did that makes a recording manager of whoever it is.
func (a *api) alone(ctx context.Context, domain, manager string) {
	a.Log.WarnContext(ctx, "rest: one person made a recording manager", "request", requestID(ctx), "user", manager)
	if a.ManagerAlone != nil {
		a.ManagerAlone(domain, manager, who(subjectOf(ctx)))
	}
}

// extensionOnce is an extension with its SIP password, which is shown only in the answer that makes it.
type extensionOnce struct {
	provisioning.Extension
	Secret string `json:"secret,omitempty" readOnly:"true" doc:"SIP password; only in the answer that makes it"`
}

func (a *api) registerExtensions() {
	res := resource[provisioning.Extension]{plural: "extensions", one: "extension", read: policy.ExtensionRead, put: policy.ExtensionPut,
		del: policy.ExtensionDelete, setKey: func(e *provisioning.Extension, k string) { e.Number = k },
		owner: func(e provisioning.Extension) string { return e.User },
		created: func(w provisioning.Writer, domain string, e provisioning.Extension) (any, error) {
			return newSIPSecret(w, domain, e.Number)
		}}
	entities(a, res)
	patch(a, res)
	files(a, res)
	huma.Register(a.huma, mayWait(operation(http.MethodPut, "/v1/domains/{domain}/extensions/{key}", "put-extension",
		"Create or replace an extension; a new one's answer holds its SIP password",
		rule{action: policy.ExtensionPut, kind: provisioning.KindExtension, key: "key", domain: "domain"}, 412, 413, 415, 422)),
		func(ctx context.Context, in *putInput[provisioning.Extension]) (*itemOutput[extensionOnce], error) {
			out, err := putEntity(ctx, a, res, in)
			if err != nil {
				return nil, err
			}
			body := extensionOnce{Extension: out.entity}
			if s, ok := out.once.(secret.Secret); ok {
				body.Secret = s.Reveal()
			}
			return &itemOutput[extensionOnce]{Status: out.status, ETag: etag(out.etag), Link: out.link, Body: body}, nil
		})
}

func newSIPSecret(w provisioning.Writer, domain, number string) (secret.Secret, error) {
	plain, cred := secret.NewSIPSecret(number, domain)
	return plain, w.PutSecret(domain, provisioning.SecretSIP, number, cred.Encode())
}
