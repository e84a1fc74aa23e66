package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/secret"
	"naisen/provisioning/table"
)

// Bounds of a file that is imported.
const (
	maxFile     = 8 << 20 // bytes
	maxRows     = 10_000
	maxPreview  = 1_000 // fields that a rehearsal tells of
	importTime  = 2 * time.Minute
	importAgain = 10 * time.Second // when to ask again while somebody else's file is read
)

type exportInput struct {
	Domain  string   `path:"domain" maxLength:"253"`
	Format  string   `query:"format" enum:"csv,json" default:"csv"`
	Charset string   `query:"charset" enum:"utf-8,shift_jis" default:"utf-8" doc:"Of CSV"`
	Filter  []string `query:"filter,explode" maxItems:"8" doc:"As of the list"`
}

type fileInput struct {
	Domain      string `path:"domain" maxLength:"253"`
	ContentType string `header:"Content-Type" maxLength:"256" doc:"text/csv, in UTF-8 or Shift_JIS, or application/json: an array of what PUT takes"`
	Replace     bool   `query:"replace" doc:"Those that the file does not have are deleted"`
	DryRun      bool   `query:"dry_run" doc:"Only say what would happen, field by field"`
	Reason      string `query:"reason" maxLength:"500" doc:"Why, for whoever must agree to it"`
	RawBody     []byte `contentType:"text/csv"`
}

type fileOutput struct{ Body filed }

// filed says what a file did.
type filed struct {
	imported
	Waiting int                        `json:"waiting,omitempty" doc:"Changes that wait for others to agree: see proposals"`
	Changes []provisioning.FieldChange `json:"changes,omitempty" doc:"Of a rehearsal: what would change, the first thousand fields"`
	Made    []shownOnce                `json:"made,omitempty" doc:"Secrets of what was made; only in this answer"`
}

// files registers a kind of entities as a file: written as CSV or JSON, and read, all of it or nothing.
func files[T provisioning.Entity](a *api, res resource[T]) {
	var zero T
	huma.Register(a.huma, operation(http.MethodGet, "/v1/domains/{domain}/exports/"+res.plural, "export-"+res.plural,
		"Write "+res.plural+" as a file; cells that a spreadsheet would take for formulas begin with a quote",
		rule{action: res.read, kind: zero.Kind(), domain: "domain", time: importTime}, 422),
		func(ctx context.Context, in *exportInput) (*csvOutput, error) { return exportFile(ctx, a, res, in) })
	op := operation(http.MethodPost, "/v1/domains/{domain}/imports/"+res.plural, "import-"+res.plural+"-file",
		"Create or change "+res.plural+" from a file, all or none. A CSV file is about the columns that it has; an empty cell takes its field away",
		rule{action: res.put, kind: zero.Kind(), domain: "domain", time: importTime}, 409, 413, 415, 422)
	op.MaxBodyBytes = maxFile
	op.BodyReadTimeout = importTime / 2
	huma.Register(a.huma, op, func(ctx context.Context, in *fileInput) (*fileOutput, error) { return importFile(ctx, a, res, in) })
}

// keyColumn is the JSON name of the field that is an entity's key.
func (res resource[T]) keyColumn() string {
	const mark = "key-column"
	var e T
	res.setKey(&e, mark)
	body, _ := json.Marshal(e) // entities are data: nothing in them can fail
	var fields map[string]any
	_ = json.Unmarshal(body, &fields)
	for name, v := range fields {
		if v == mark {
			return name
		}
	}
	return ""
}

func filterOf[T provisioning.Entity](texts []string) (func(T) bool, error) {
	filter, err := table.ParseFilter(texts, table.Columns(reflect.TypeFor[T]()))
	if err != nil {
		return nil, invalidAt(http.StatusUnprocessableEntity, "query.filter", err.Error())
	}
	return func(e T) bool {
		if len(filter) == 0 {
			return true
		}
		body, err := json.Marshal(e)
		return err == nil && filter.Matches(body)
	}, nil
}

func exportFile[T provisioning.Entity](ctx context.Context, a *api, res resource[T], in *exportInput) (*csvOutput, error) {
	var file bytes.Buffer
	add, end := func(body []byte) error {
		file.WriteString(map[bool]string{true: "[\n", false: ",\n"}[file.Len() == 0])
		file.Write(body)
		return nil
	}, "\n]\n"
	if in.Format == "csv" {
		w, err := table.NewWriter(&file, table.Columns(reflect.TypeFor[T]()), in.Charset)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		add, end = w.Write, ""
	}
	count := 0
	for after := ""; ; {
		rows, err := listEntities(ctx, a, res, &listInput{Domain: in.Domain, After: after, Limit: maxLimit, Filter: in.Filter})
		if err != nil {
			return nil, err
		}
		count += len(rows.Body.Items)
		for _, e := range rows.Body.Items {
			body, err := json.Marshal(e)
			if err == nil {
				err = add(body)
			}
			var no *table.Unwritable
			if errors.As(err, &no) {
				return nil, invalidAt(http.StatusUnprocessableEntity, "query.charset", no.Field+" of "+e.Key()+" has signs that Shift_JIS has not")
			}
			if err != nil {
				return nil, a.problem(ctx, err)
			}
		}
		if after = rows.Body.Next; after == "" {
			break
		}
	}
	if file.Len() == 0 {
		end = "[]\n"
	}
	file.WriteString(end)
	if err := a.exported(ctx, in, res.plural, count); err != nil {
		return nil, a.problem(ctx, err)
	}
	kind := map[string]string{"csv": "text/csv; charset=" + in.Charset, "json": "application/json"}[in.Format]
	return &csvOutput{kind, `attachment; filename="` + res.plural + "." + in.Format + `"`, file.Bytes()}, nil
}

// exported tells the audit log that a list left as a file: whoever has it needs no right any more.
func (a *api) exported(ctx context.Context, in *exportInput, plural string, count int) error {
	return a.Store.Update(ctx, subjectOf(ctx), func(w provisioning.Writer) error {
		return w.AddAudit(fileEvent("file.exported", in.Domain, plural, map[string]any{"objects": count, "format": in.Format}))
	})
}

func fileEvent(action, domain, plural string, detail map[string]any) provisioning.AuditEntry {
	return provisioning.AuditEntry{Domain: domain, Action: action, Object: plural, Outcome: "ok", Detail: detail}
}

// entry is one object of a file.
type entry[T provisioning.Entity] struct {
	at   string // where it is in the file, for people: "body.line[12]"
	key  string
	next func(before *T) (T, error) // what the file makes of what is there
}

func importFile[T provisioning.Entity](ctx context.Context, a *api, res resource[T], in *fileInput) (*fileOutput, error) {
	select {
	case a.importing <- struct{}{}:
		defer func() { <-a.importing }()
	default: // a file costs memory, and nobody else writes meanwhile
		return nil, a.problem(ctx, &provisioning.NotNow{After: importAgain})
	}
	entries, err := entriesOf(res, in)
	if err != nil {
		return nil, err
	}
	var im importer[T]
	err = a.Store.Update(ctx, subjectOf(ctx), func(w provisioning.Writer) error {
		im = importer[T]{a: a, res: res, in: in, who: subjectOf(ctx), w: w, named: make(map[string]bool, len(entries))}
		err := im.all(ctx, entries)
		switch {
		case err != nil:
			return err
		case in.DryRun:
			return errNotWanted
		}
		return w.AddAudit(fileEvent("file.imported", in.Domain, res.plural, map[string]any{
			"created": im.out.Created, "changed": im.out.Changed, "deleted": im.out.Deleted, "waiting": im.out.Waiting}))
	})
	if err != nil && !errors.Is(err, errNotWanted) {
		var none T
		a.auditDenied(ctx, subjectOf(ctx), res.put, provisioning.Object{Domain: in.Domain, Kind: none.Kind()}, err)
		return nil, a.inFile(ctx, im.at, err)
	}
	if err == nil && res.done != nil {
		for _, c := range im.written {
			res.done(ctx, in.Domain, c.old, c.now)
		}
	}
	return &fileOutput{im.out}, nil
}

// inFile is a problem that says where in a file it is.
func (a *api) inFile(ctx context.Context, at string, err error) error {
	problem := a.problem(ctx, err)
	var p *huma.ErrorModel
	if at == "" || !errors.As(problem, &p) || p.Status >= 500 {
		return problem
	}
	for _, e := range p.Errors {
		if inside, ok := cutBody(e.Location); ok {
			e.Location = at + inside
		}
	}
	if len(p.Errors) == 0 {
		p.Errors = []*huma.ErrorDetail{{Location: at, Message: http.StatusText(p.Status)}}
	}
	return problem
}

func cutBody(location string) (string, bool) {
	const body = "body"
	if len(location) < len(body) || location[:len(body)] != body {
		return "", false
	}
	return location[len(body):], true
}

// entriesOf a file, or everything that is wrong with its form.
func entriesOf[T provisioning.Entity](res resource[T], in *fileInput) ([]entry[T], error) {
	kind, _, err := mime.ParseMediaType(in.ContentType)
	switch {
	case err == nil && kind == "text/csv":
		return csvEntries(res, in.RawBody)
	case err == nil && kind == "application/json":
		return jsonEntries(res, in.RawBody)
	}
	return nil, huma.NewError(http.StatusUnsupportedMediaType, "")
}

func csvEntries[T provisioning.Entity](res resource[T], raw []byte) (out []entry[T], err error) {
	column := res.keyColumn()
	records, faults := table.Read(raw, table.Columns(reflect.TypeFor[T]()), column, maxRows)
	if len(faults) > 0 {
		return nil, faulty(faults)
	}
	for _, r := range records {
		key := r.Text(column)
		out = append(out, entry[T]{"body.line[" + strconv.Itoa(r.Line) + "]", key, func(before *T) (T, error) {
			var old T
			if before != nil {
				old = *before
			}
			return res.patched(old, key, r.Apply)
		}})
	}
	return out, nil
}

func jsonEntries[T provisioning.Entity](res resource[T], raw []byte) (out []entry[T], err error) {
	if err := scan(raw); err != nil {
		return nil, invalidBody(err)
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return nil, invalidAt(http.StatusUnprocessableEntity, "body", "is no array of objects")
	}
	if len(list) > maxRows {
		return nil, invalidAt(http.StatusUnprocessableEntity, "body", "has more than "+strconv.Itoa(maxRows)+" objects")
	}
	seen := map[string]bool{}
	for i, body := range list {
		at := "body[" + strconv.Itoa(i) + "]"
		e, err := entityOf[T](body)
		var bad *provisioning.Invalid
		switch key := e.Key(); {
		case errors.As(err, &bad):
			return nil, invalidAt(http.StatusUnprocessableEntity, at, bad.Reason)
		case err != nil:
			return nil, err
		case key == "" || seen[key]:
			return nil, invalidAt(http.StatusUnprocessableEntity, at+"."+res.keyColumn(), "is missing, or in the file twice")
		default:
			seen[key] = true
			res.setKey(&e, key)
			out = append(out, entry[T]{at, key, func(*T) (T, error) { return e, res.checked(e) }})
		}
	}
	return out, nil
}

// importer carries a file out in one transaction.
type importer[T provisioning.Entity] struct {
	a     *api
	res   resource[T]
	in    *fileInput
	who   provisioning.Subject
	w     provisioning.Writer
	at    string // the entry that is looked at
	named map[string]bool
	out   filed
	gone  []T // each as it was before it was changed or deleted

	written []change[T]
}

// change of an entity; old is the zero value where it was made.
type change[T any] struct{ old, now T }

func (im *importer[T]) all(ctx context.Context, entries []entry[T]) error {
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		im.at = e.at
		im.named[e.key] = true
		if err := im.one(e); err != nil {
			return err
		}
	}
	im.at = ""
	if im.in.Replace {
		if err := im.rest(ctx); err != nil {
			return err
		}
	}
	for _, old := range im.gone { // what must hold must hold at the end: between two lines of a file nobody looks
		if err := im.res.kept(im.w, im.in.Domain, old); err != nil {
			return err
		}
	}
	return nil
}

func (im *importer[T]) one(e entry[T]) error {
	before, err := found[T](im.w, im.in.Domain, e.key)
	if err != nil {
		return err
	}
	if before != nil { // before anything tells that it is there
		if _, err := im.a.rules(im.who, im.res.put, im.res.object(im.w, im.in.Domain, *before)); err != nil {
			return err
		}
	}
	next, err := e.next(before)
	if err != nil {
		return err
	}
	if before != nil {
		changes, err := provisioning.Differences(*before, next)
		if err != nil {
			return err
		}
		if len(changes) == 0 {
			im.out.Unchanged++
			return nil
		}
	}
	done, err := im.res.write(im.a, im.w, im.who, im.in.Domain, before, next, "", im.in.Reason)
	if err != nil {
		return err
	}
	return im.count(before, next, done)
}

func (im *importer[T]) count(before *T, next T, done put[T]) error {
	var old T
	var was provisioning.Entity
	switch {
	case done.link != "":
		im.out.Waiting++
	case before == nil:
		im.out.Created++
	default:
		im.out.Changed++
	}
	if before != nil {
		old, was = *before, *before
		im.gone = append(im.gone, old)
	}
	if plain, ok := done.once.(secret.Secret); ok && !im.in.DryRun {
		im.out.Made = append(im.out.Made, shownOnce{Username: next.Key(), Realm: im.in.Domain, Secret: plain.Reveal()})
	}
	im.written = append(im.written, change[T]{old, done.entity})
	return im.tell(was, next)
}

// tell of a change, of a rehearsal.
func (im *importer[T]) tell(old, next provisioning.Entity) error {
	if !im.in.DryRun || len(im.out.Changes) >= maxPreview {
		return nil
	}
	changes, err := provisioning.Differences(old, next)
	im.out.Changes = append(im.out.Changes, changes[:min(len(changes), maxPreview-len(im.out.Changes))]...)
	return err
}

// rest deletes what the file does not have, of what the asker sees.
func (im *importer[T]) rest(ctx context.Context) error {
	all, err := provisioning.List[T](im.w, im.in.Domain, "", 0)
	if err != nil {
		return err
	}
	for _, e := range all {
		if im.named[e.Key()] || !im.a.sees(ctx, im.res.read, im.res.object(im.w, im.in.Domain, e)) || im.res.hidden != nil && im.res.hidden(ctx, im.in.Domain, e) {
			continue
		}
		im.at = "body." + im.res.keyColumn() + "[" + clip(e.Key()) + "]"
		waits, err := im.res.remove(im.a, im.w, im.who, im.in.Domain, e, "", im.in.Reason)
		switch {
		case err != nil:
			return err
		case waits != nil:
			im.out.Waiting++
		default:
			im.out.Deleted++
			im.gone = append(im.gone, e)
		}
		if err := im.tell(e, nil); err != nil {
			return err
		}
	}
	im.at = ""
	return nil
}
