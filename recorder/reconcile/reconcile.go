// Package reconcile holds catalogue, sealed manifests and stored objects against each other and says what does not fit. It mends what can be mended
// without losing anything: rows that only the catalogue lost, objects that somebody hid, locks that are less than they should be. It never deletes,
// and never changes an object.
package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"strings"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
	"naisen/recorder/remarks"
	"naisen/recorder/seal"
)

// Kind says what does not fit.
type Kind string

// The kinds. The first three are an operator's to answer, the others were mended.
const (
	Missing Kind = "missing" // the catalogue says that it is stored, and it is not there
	Altered Kind = "altered" // another size or hash than the catalogue or the manifest says, or a manifest that does not open
	Orphan  Kind = "orphan"  // nothing knows of it, and no manifest explains it

	Rebuilt   Kind = "rebuilt"   // the catalogue did not know the recording; its manifest told
	Uncovered Kind = "uncovered" // it was deleted without its version, and is back
	Unlocked  Kind = "unlocked"  // it was locked for less than it is kept for
)

// Kinds in the order of a report.
func Kinds() []Kind { return []Kind{Missing, Altered, Orphan, Uncovered, Unlocked, Rebuilt} }

// Finding is one thing that does not fit.
type Finding struct {
	Kind   Kind
	Object string
	Detail string
}

// maxFindings bounds a report; what is beyond it is counted.
const maxFindings = 1000

// Report of one run.
type Report struct {
	Objects    int // that the store listed
	Recordings int // that the catalogue calls stored
	Read       int // objects that were read to their end
	Findings   []Finding
	Counts     map[Kind]int
	Keyless    bool // manifests were not opened: the vault's identity is not here
	Began      time.Time
	Took       time.Duration
}

// Bad counts what an operator must answer.
func (r Report) Bad() int { return r.Counts[Missing] + r.Counts[Altered] + r.Counts[Orphan] }

// String is the report for people.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d in the catalogue, %d objects in the store, %d of them read to the end\n", r.Recordings, r.Objects, r.Read)
	for _, k := range Kinds() {
		if n := r.Counts[k]; n > 0 {
			fmt.Fprintf(&b, "%s: %d\n", k, n)
		}
	}
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%-9s %s %s\n", f.Kind, f.Object, f.Detail)
	}
	if len(r.Findings) == maxFindings {
		b.WriteString("and more\n")
	}
	if r.Keyless {
		b.WriteString("the vault's identity is not here: no manifest was opened\n")
	}
	if r.Bad() == 0 {
		b.WriteString("catalogue, manifests and objects agree\n")
	}
	return b.String()
}

// Config of a run. Catalogue, Store and Keys are required.
type Config struct {
	Catalogue *catalogue.Catalogue
	Store     objstore.Store
	Keys      catalogue.Opener // without the vault's identity manifests do not open: then rows cannot be rebuilt, and Deep looks at audio and locks alone
	Ignore    []string         // prefixes of other kinds of objects in the same store
	Remarks   *remarks.Reader  // of what people decided; nil: nobody decides anything about these
	// Deep says whose objects are read to their end and held against manifest and lock; nil: nobody's, only names and sizes are compared.
	Deep  func(object string) bool
	Mend  bool // what can be; else it is only told
	Log   *slog.Logger
	Clock func() time.Time
}

// run is one comparison.
type run struct {
	Config
	report Report
	seen   map[catalogue.Day]bool
}

// Run compares everything once. An error of the store or the catalogue ends it; what was found until then is in the report.
func Run(ctx context.Context, cfg Config) (Report, error) {
	if cfg.Catalogue == nil || cfg.Store == nil || cfg.Keys == nil {
		return Report{}, errors.New("reconcile: Catalogue, Store and Keys are required")
	}
	if cfg.Deep == nil {
		cfg.Deep = func(string) bool { return false }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	r := &run{cfg, Report{Counts: map[Kind]int{}, Began: cfg.Clock()}, map[catalogue.Day]bool{}}
	err := r.store(ctx)
	if err == nil {
		err = r.rest(ctx)
	}
	r.report.Took = cfg.Clock().Sub(r.report.Began)
	if err != nil {
		err = fmt.Errorf("reconcile: %w", err)
	}
	return r.report, err
}

func (r *run) found(k Kind, object, format string, args ...any) {
	r.report.Counts[k]++
	detail := fmt.Sprintf(format, args...)
	r.Log.Warn("reconcile: found", "kind", string(k), "object", object, "detail", detail)
	if len(r.report.Findings) < maxFindings {
		r.report.Findings = append(r.report.Findings, Finding{k, object, detail})
	}
}

// store walks through what is stored, a day of a domain at a time: that is what memory must hold.
func (r *run) store(ctx context.Context) error {
	var at string
	day := map[string]int64{}
	flush := func() error {
		if len(day) == 0 {
			return nil
		}
		d, ok := dayOf(at)
		if !ok {
			for name := range day {
				r.found(Orphan, name, "is no recording's name")
			}
			return nil
		}
		return r.day(ctx, d, day)
	}
	err := r.Store.List(ctx, "", func(i objstore.Info) error {
		for _, p := range r.Ignore {
			if strings.HasPrefix(i.Name, p) {
				return nil
			}
		}
		r.report.Objects++
		if i.Stray {
			r.found(Orphan, i.Name, "lies in a bucket in which nobody looks for it")
			return nil
		}
		if dir := path.Dir(i.Name); dir != at {
			if err := flush(); err != nil {
				return err
			}
			at = dir
			clear(day)
		}
		day[i.Name] = i.Size
		return nil
	})
	if err == nil {
		err = flush()
	}
	return err
}

// dayOf reads domain/2026/12/31.
func dayOf(dir string) (catalogue.Day, bool) {
	domain, date, ok := strings.Cut(dir, "/")
	start, err := time.Parse("2006/01/02", date)
	return catalogue.Day{Domain: domain, Start: start}, ok && err == nil
}

// rest looks at the days of which nothing is stored at all.
func (r *run) rest(ctx context.Context) error {
	days, err := r.Catalogue.Days(ctx)
	if err != nil {
		return err
	}
	for _, d := range days {
		if !r.seen[d] {
			if err := r.day(ctx, d, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// day compares what is stored of one day with its rows. Both were read at different moments, so what does not fit is asked for again.
func (r *run) day(ctx context.Context, d catalogue.Day, stored map[string]int64) error {
	r.seen[d] = true
	known := map[string]bool{} // objects whose row exists
	beside := besideOf(stored)
	q := catalogue.Query{Domain: d.Domain, From: d.Start, To: d.Start.AddDate(0, 0, 1), Limit: catalogue.MaxLimit}
	for {
		rows, err := r.Catalogue.List(ctx, q)
		if err != nil {
			return err
		}
		for _, row := range rows {
			known[row.Object] = true
			if row.State != recorder.Stored {
				continue
			}
			r.report.Recordings++
			if err := r.recording(ctx, row, stored, beside[row.Object]); err != nil {
				return err
			}
		}
		if len(rows) < q.Limit {
			break
		}
		q.After = catalogue.CursorOf(rows[len(rows)-1])
	}
	return r.strangers(ctx, d, stored, known, beside)
}

// strangers are objects of which no row says anything.
func (r *run) strangers(ctx context.Context, d catalogue.Day, stored map[string]int64, known map[string]bool, beside map[string][]string) error {
	done := map[string]bool{}
	for name := range stored {
		object := catalogue.ObjectOf(name)
		if object == "" {
			r.found(Orphan, name, "is no recording's name")
			continue
		}
		if known[object] || done[object] {
			continue
		}
		done[object] = true
		if err := r.stranger(ctx, d.Domain, object, beside[object]); err != nil {
			return err
		}
	}
	return nil
}

// stranger enters a recording from its manifest, if that is whole; else it is an orphan.
func (r *run) stranger(ctx context.Context, domain, object string, beside []string) error {
	ok, err := r.Catalogue.Known(ctx, domain, object)
	if err != nil || ok { // it came meanwhile, or is being destroyed
		return err
	}
	manifest := catalogue.ManifestName(object)
	m, lock, err := catalogue.ReadWhole(ctx, r.Store, r.Keys, domain, manifest)
	switch {
	case err == nil && !r.Mend:
		r.found(Orphan, object, "the catalogue does not know it; its manifest is whole and can tell")
		return nil
	case err == nil:
		if err := r.Catalogue.Restore(ctx, m, lock); err != nil {
			return err
		}
		r.found(Rebuilt, object, "from its manifest")
		r.report.Recordings++
		return r.recall(ctx, domain, m.ID, beside)
	case r.keyless(err):
		r.found(Orphan, object, "the catalogue does not know it, and its manifest does not open here")
		return nil
	case !errors.Is(err, recorder.ErrIntegrity) && !errors.Is(err, objstore.ErrNotFound) && !errors.Is(err, seal.ErrNoKey):
		return err // the store, not the manifest
	}
	if _, gone := r.Store.Stat(ctx, object); errors.Is(gone, objstore.ErrNotFound) {
		if _, gone := r.Store.Stat(ctx, manifest); errors.Is(gone, objstore.ErrNotFound) {
			return nil // it was deleted since it was listed
		}
	}
	r.found(Orphan, object, "no whole manifest: %v", err)
	return nil
}
