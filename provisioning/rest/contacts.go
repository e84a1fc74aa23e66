package rest

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/book"
	"naisen/provisioning/policy"
	"naisen/provisioning/secret"
)

// Books shows the shared directories as calls see them now.
type Books interface {
	// Book of a domain; nil is an empty one.
	Book(domain string) *book.Book
	// Reader is how a person sees it.
	Reader(domain, user string, roles []provisioning.Role) book.Viewer
	// Named is who has a number, as v may see it.
	Named(domain, number string, v book.Viewer) (*book.Entry, bool)
}

// maxImport bounds an imported file, in bytes.
const maxImport = 8 << 20

type importInput struct {
	Domain      string `path:"domain" maxLength:"253"`
	ContentType string `header:"Content-Type" maxLength:"256"`
	Replace     bool   `query:"replace" doc:"Contacts that the file does not have are deleted"`
	DryRun      bool   `query:"dry_run" doc:"Only say what would happen"`
	RawBody     []byte `contentType:"text/csv"`
}

type importOutput struct{ Body imported }

// imported says what a file did.
type imported struct {
	Created   int `json:"created"`
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged"`
	Deleted   int `json:"deleted"`
}

type searchInput struct {
	Domain     string `path:"domain" maxLength:"253"`
	Text       string `query:"q" maxLength:"256" doc:"Words in kana, kanji, Latin letters or digits; each must be found in a name, reading, department, address or number"`
	Row        string `query:"row" maxLength:"8" doc:"Row of the gojūon: あ か さ た な は ま や ら わ, A, 他"`
	Department string `query:"department" maxLength:"512"`
	After      string `query:"after" maxLength:"128" doc:"next of the page before"`
	Limit      int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type rowsOutput struct{ Body page[rowCount] }

type rowCount struct {
	Row   string `json:"row"`
	Count int    `json:"count"`
}

// registerContacts: the contacts of the shared directory, for those who care for it, and the directory as everybody may search it.
func (a *api) registerContacts() {
	contacts := resource[provisioning.Contact]{plural: "contacts", one: "contact", read: policy.ContactRead, put: policy.ContactPut, del: policy.ContactDelete,
		setKey: func(c *provisioning.Contact, k string) { c.ID = k }}
	entities(a, contacts)
	putPlain(a, contacts)
	op := operation(http.MethodPost, "/v1/domains/{domain}/contacts", "import-contacts", "Create or replace contacts from a CSV file, all or none",
		rule{action: policy.ContactPut, kind: provisioning.KindContact, domain: "domain"}, 413, 415, 422)
	op.MaxBodyBytes = maxImport
	huma.Register(a.huma, op, a.importContacts)
	accounts := resource[provisioning.BookAccount]{plural: "directory-accounts", one: "directory-account", read: policy.BookAccountRead, put: policy.BookAccountPut,
		del: policy.BookAccountDelete, setKey: func(x *provisioning.BookAccount, k string) { x.Name = k }}
	entities(a, accounts)
	putPlain(a, accounts)
	huma.Register(a.huma, operation(http.MethodPost, "/v1/domains/{domain}/directory-accounts/{key}/secret", "new-directory-account-secret",
		"Make a new secret for LDAP and XML; the old one ends",
		rule{action: policy.BookAccountSecret, kind: provisioning.KindBookAccount, key: "key", domain: "domain"}), a.newBookSecret)
	if a.Books == nil {
		return
	}
	r := rule{action: policy.BookRead, kind: policy.KindBook, domain: "domain"}
	huma.Register(a.huma, operation(http.MethodGet, "/v1/domains/{domain}/directory", "search-directory",
		"Search contacts and extensions; who may not see an entry does not find it", r, 422), a.searchBook)
	huma.Register(a.huma, operation(http.MethodGet, "/v1/domains/{domain}/directory/rows", "list-directory-rows",
		"Count the directory's entries by row of the gojūon", r), a.bookRows)
}

// errNotWanted rolls a rehearsal back.
var errNotWanted = errors.New("rest: only a rehearsal")

func (a *api) importContacts(ctx context.Context, in *importInput) (*importOutput, error) {
	if kind, _, err := mime.ParseMediaType(in.ContentType); err != nil || kind != "text/csv" {
		return nil, huma.NewError(http.StatusUnsupportedMediaType, "")
	}
	list, faults := book.ReadCSV(in.RawBody)
	if len(faults) > 0 {
		return nil, faulty(faults)
	}
	out := &importOutput{}
	err := a.Store.Update(ctx, subjectOf(ctx), func(w provisioning.Writer) (err error) {
		if out.Body, err = writeContacts(w, in.Domain, list, in.Replace); err == nil && in.DryRun {
			err = errNotWanted
		}
		return err
	})
	if err != nil && !errors.Is(err, errNotWanted) {
		return nil, a.problem(ctx, err)
	}
	return out, nil
}

// faulty tells what is wrong with a file, line by line.
func faulty(faults []book.Fault) error {
	var details []error
	for _, f := range faults {
		at := "body.line[" + strconv.Itoa(f.Line) + "]"
		if f.Column != "" {
			at += "." + f.Column
		}
		details = append(details, &huma.ErrorDetail{Location: at, Message: f.Reason})
	}
	return huma.NewError(http.StatusUnprocessableEntity, "", details...)
}

func writeContacts(w provisioning.Writer, domain string, list []provisioning.Contact, replace bool) (out imported, err error) {
	rows, err := w.Rows(domain, provisioning.KindContact, "", 0)
	if err != nil {
		return out, err
	}
	before := make(map[string]string, len(rows))
	for _, r := range rows {
		before[r.Key] = r.ETag
	}
	for _, c := range list {
		tag, err := w.Put(domain, c, "")
		if err != nil {
			return out, err
		}
		switch old, there := before[c.ID]; {
		case !there:
			out.Created++
		case old != tag:
			out.Changed++
		default:
			out.Unchanged++
		}
		delete(before, c.ID)
	}
	for id := range before {
		if !replace {
			break
		}
		if err := w.Delete(domain, provisioning.KindContact, id, ""); err != nil {
			return out, err
		}
		out.Deleted++
	}
	return out, nil
}

// reader is the asker as a reader of the shared directory.
func (a *api) reader(ctx context.Context, domain string) book.Viewer {
	s := subjectOf(ctx)
	return a.Books.Reader(domain, s.User, s.Roles)
}

func (a *api) searchBook(ctx context.Context, in *searchInput) (*pageOutput[*book.Entry], error) {
	found, err := a.Books.Book(in.Domain).Search(book.Query{Text: in.Text, Row: in.Row, Department: in.Department, After: in.After, Limit: in.Limit},
		a.reader(ctx, in.Domain))
	var bad *provisioning.Invalid
	if errors.As(err, &bad) {
		return nil, invalidAt(http.StatusUnprocessableEntity, "query."+bad.Field, bad.Reason)
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &pageOutput[*book.Entry]{page[*book.Entry]{Items: append([]*book.Entry{}, found.Entries...), Next: found.Next}}, nil
}

func (a *api) bookRows(ctx context.Context, in *DomainPath) (*rowsOutput, error) {
	counts := a.Books.Book(in.Domain).Counts(a.reader(ctx, in.Domain))
	out := &rowsOutput{page[rowCount]{Items: []rowCount{}}}
	for _, row := range book.Rows {
		out.Body.Items = append(out.Body.Items, rowCount{row, counts[row]})
	}
	return out, nil
}

// newBookSecret is shown once; what is kept tells only whether it is given right.
func (a *api) newBookSecret(ctx context.Context, in *ItemPath) (*secretOutput, error) {
	plain := secret.Generate()
	err := a.Store.Update(ctx, subjectOf(ctx), func(w provisioning.Writer) error {
		if _, _, err := provisioning.Get[provisioning.BookAccount](w, in.Domain, in.Key); err != nil {
			return err
		}
		return w.PutSecret(in.Domain, provisioning.SecretBookAccount, in.Key, provisioning.BookProof(plain.Reveal()))
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &secretOutput{shownOnce{Username: in.Key, Realm: in.Domain, Secret: plain.Reveal()}}, nil
}
