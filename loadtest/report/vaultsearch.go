package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"naisen/loadtest/callgen/process"
)

// asker is somebody who searches, and of which departments.
type asker struct {
	who, user, token string
	scope            map[string]any // nil: everything
	departments      []int
}

func askers() []*asker {
	every := make([]int, departments)
	for i := range every {
		every[i] = i
	}
	numbers := func(list ...int) (out []string) {
		for _, d := range list {
			for i := range ofDepartment {
				out = append(out, numberOf(d, i))
			}
		}
		return out
	}
	return []*asker{
		{who: "of everything", user: "kansa", departments: every},
		{who: "of a department's five numbers", user: "kakari", scope: map[string]any{"numbers": numbers(7)}, departments: []int{7}},
		{who: "of three groups, not the highest label", user: "kacho3", scope: map[string]any{"groups": []string{groupOf(2), groupOf(7), groupOf(20)}, "labels": []string{"internal", "public"}}, departments: []int{2, 7, 20}},
		{who: "of fifty numbers", user: "bucho", scope: map[string]any{"numbers": numbers(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)}, departments: []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
	}
}

// measureSearch fills the catalogue of a switch and searches in it by its API.
func measureSearch(ctx context.Context, l *lab, t *table) error {
	s, err := l.start(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	people := askers()
	if err := s.letSearch(ctx, people); err != nil {
		return err
	}
	if err := s.Terminate(ctx); err != nil {
		return err
	}
	began, rows := time.Now(), scale(l, 1_000_000, 20_000)
	f, size, err := fillCatalogue(ctx, s.Var("catalogue.db"), s.Domain, rows)
	if err != nil {
		return err
	}
	spent := time.Since(began)
	t.add("catalogue: rows", "", "1,000,000", float64(rows)).note = fmt.Sprintf("%d MiB; filled in %v, %.0f µs a row", size>>20, spent.Round(time.Second), float64(spent.Microseconds())/float64(rows))
	began = time.Now()
	if err := s.Run(ctx); err != nil {
		return err
	}
	t.add("start of the switch with that catalogue", "s", "", time.Since(began).Seconds())
	for range l.runs {
		if err := s.searches(ctx, t, f, people); err != nil {
			return err
		}
	}
	return nil
}

// letSearch makes the people, and says what each may know of.
func (s *site) letSearch(ctx context.Context, people []*asker) error {
	boss, err := s.Person(ctx, "boss", "recording-manager")
	if err != nil {
		return err
	}
	for _, a := range people {
		if _, err := s.Person(ctx, a.user, "recording-listener"); err != nil {
			return err
		}
		if a.scope == nil {
			continue
		}
		status, answer, err := s.DoAs(ctx, boss, http.MethodPut, "recording-scopes/"+a.user, a.scope)
		if err == nil && status != http.StatusOK && status != http.StatusCreated { // 202: it would wait for somebody
			err = fmt.Errorf("report: scope of %s: %d %s", a.user, status, answer)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// asked is what was measured of some searches.
type asked struct {
	took, spent []time.Duration
	found       []string
	slowest     string
	most        float64
}

func (a *asked) add(took []time.Duration, spent time.Duration, who string, found float64) {
	a.took, a.spent = append(a.took, took...), append(a.spent, spent)
	a.found = append(a.found, fmt.Sprintf("%.0f", found))
	if p99 := milliseconds(took, 0.99); p99 > a.most {
		a.slowest, a.most = who, p99
	}
}

// searches asks each kind of question as each of the people, one after the other.
func (s *site) searches(ctx context.Context, t *table, f *filled, people []*asker) error {
	kinds, whos, all := map[string]*asked{}, map[string]*asked{}, &asked{}
	for _, a := range people {
		var err error
		if a.token, err = s.Login(ctx, a.user); err != nil {
			return err
		}
		whos[a.who] = &asked{}
		for _, kind := range questions() {
			took, spent, found, err := s.askOften(ctx, f, a, kind, scale(s.lab, 60, 10))
			if err != nil {
				return err
			}
			if kinds[kind.name] == nil {
				kinds[kind.name] = &asked{}
			}
			kinds[kind.name].add(took, spent, a.who, found)
			whos[a.who].add(took, spent, kind.name, found)
			all.add(took, spent, kind.name+" "+a.who, found)
		}
	}
	for _, kind := range questions() {
		k := kinds[kind.name]
		t.add("search by "+kind.name+", p99", "ms", "", milliseconds(k.took, 0.99)).note = fmt.Sprintf("%s; rows a page: %s", k, strings.Join(k.found, ", "))
	}
	for _, a := range people {
		t.add("search "+a.who+", p99", "ms", "", milliseconds(whos[a.who].took, 0.99)).note = whos[a.who].String()
	}
	t.add("search, all kinds: p50", "ms", "", milliseconds(all.took, 0.5))
	t.add("search, all kinds: p99", "ms", "≤ 100", milliseconds(all.took, 0.99)).note = all.String()
	t.add("search, all kinds: the longest", "ms", "", milliseconds(all.took, 1))
	return ctx.Err()
}

func (a *asked) String() string {
	sum := time.Duration(0)
	for _, d := range a.spent {
		sum += d
	}
	return fmt.Sprintf("median %s ms, processor time of the switch %s ms each; the slowest, %s: %s ms", number(milliseconds(a.took, 0.5)),
		number(millis(sum/time.Duration(len(a.spent)))), a.slowest, number(a.most))
}

// askOften asks one kind of question: by the clock of who asks, and what each cost the switch; found is the mean of what a page had.
func (s *site) askOften(ctx context.Context, f *filled, a *asker, kind question, times int) (took []time.Duration, each time.Duration, found float64, err error) {
	u1, k1, err := process.CPU(s.PID())
	if err != nil {
		return nil, 0, 0, err
	}
	for range times {
		q := url.Values{}
		kind.make(f, f.rnd, a.departments[f.rnd.IntN(len(a.departments))], q)
		began := time.Now()
		status, answer, err := s.DoAs(ctx, a.token, http.MethodGet, "recordings?"+q.Encode(), nil)
		took = append(took, time.Since(began))
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("report: search by %s: %d %s", kind.name, status, answer)
		}
		var page struct{ Recordings []struct{ ID string } }
		if err == nil {
			err = json.Unmarshal(answer, &page)
		}
		if err != nil {
			return nil, 0, 0, err
		}
		found += float64(len(page.Recordings)) / float64(times)
	}
	if kind.finds && a.scope == nil && found == 0 {
		return nil, 0, 0, fmt.Errorf("report: search %s by %s finds nothing", a.who, kind.name)
	}
	u2, k2, err := process.CPU(s.PID())
	return took, (u2 - u1 + k2 - k1) / time.Duration(times), found, err
}

// milliseconds is a percentile of durations.
func milliseconds(d []time.Duration, share float64) float64 {
	if len(d) == 0 {
		return 0
	}
	d = slices.Sorted(slices.Values(d))
	return float64(d[min(int(float64(len(d))*share), len(d)-1)].Microseconds()) / 1000
}

// question is a kind of search, about a department of the asker's.
type question struct {
	name  string
	finds bool // something, for who may know of everything
	make  func(f *filled, r *rand.Rand, department int, q url.Values)
}

func questions() []question {
	span := func(f *filled, r *rand.Rand, q url.Values, length time.Duration) {
		at := startOf(f.from, r.IntN(f.rows))
		q.Set("from", at.Format(time.RFC3339))
		q.Set("to", at.Add(length).Format(time.RFC3339))
	}
	const day, month = 24 * time.Hour, 30 * 24 * time.Hour
	return []question{
		{"nothing: the newest", true, func(*filled, *rand.Rand, int, url.Values) {}},
		{"a day", true, func(f *filled, r *rand.Rand, _ int, q url.Values) { span(f, r, q, day) }},
		{"recorded number", true, func(_ *filled, r *rand.Rand, d int, q url.Values) { q.Set("number", numberOf(d, r.IntN(ofDepartment))) }},
		{"recorded number and a month", false, func(f *filled, r *rand.Rand, d int, q url.Values) {
			q.Set("number", numberOf(d, r.IntN(ofDepartment)))
			span(f, r, q, month)
		}},
		{"caller who called once", false, func(f *filled, r *rand.Rand, _ int, q url.Values) { q.Set("party", callerOf(r.IntN(f.rows))) }},
		{"caller who calls often", true, func(_ *filled, r *rand.Rand, _ int, q url.Values) { q.Set("party", oftenCaller(r.IntN(often))) }},
		{"extension and a day", false, func(f *filled, r *rand.Rand, d int, q url.Values) {
			q.Set("party", deskOf(d, r.IntN(deskCount)))
			span(f, r, q, day)
		}},
		{"name", true, func(_ *filled, r *rand.Rand, _ int, q url.Values) {
			q.Set("name", families[r.IntN(10)]+givens[r.IntN(8)])
		}},
		{"name in kana", true, func(_ *filled, _ *rand.Rand, _ int, q url.Values) { q.Set("name", "やまだ たろう") }},
		{"name of one letter", true, func(_ *filled, _ *rand.Rand, _ int, q url.Values) { q.Set("name", "森") }},
		{"name that nobody has", false, func(_ *filled, _ *rand.Rand, _ int, q url.Values) { q.Set("name", "田山太郎") }},
		{"name of eighty letters", false, func(_ *filled, _ *rand.Rand, _ int, q url.Values) {
			q.Set("name", strings.Repeat("山田太郎佐藤花子", 10))
		}},
		{"group, label and extension", false, func(_ *filled, r *rand.Rand, d int, q url.Values) {
			q.Set("group", groupOf(d))
			q.Set("label", "internal")
			q.Set("party", deskOf(d, r.IntN(deskCount)))
		}},
		{"group and an extension of another one, which never meet", false, func(_ *filled, r *rand.Rand, d int, q url.Values) {
			q.Set("group", groupOf(d))
			q.Set("party", deskOf((d+1)%departments, r.IntN(deskCount)))
		}},
		{"name, number and state", true, func(_ *filled, r *rand.Rand, d int, q url.Values) {
			q.Set("name", families[r.IntN(10)])
			q.Set("number", numberOf(d, r.IntN(ofDepartment)))
			q.Set("state", "stored")
		}},
		{"note", false, func(_ *filled, _ *rand.Rand, _ int, q url.Values) { q.Set("note", "折り返し") }},
		{"case", false, func(_ *filled, r *rand.Rand, _ int, q url.Values) { q.Set("case", caseOf(r.IntN(cases))) }},
		{"a month's failed ones, of which there are none", false, func(f *filled, r *rand.Rand, _ int, q url.Values) {
			q.Set("state", "failed")
			span(f, r, q, month)
		}},
	}
}
