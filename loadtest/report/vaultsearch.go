package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"naisen/recorder"
	"naisen/recorder/catalogue"
)

const vaultDomain = "ward.example"

// filled is a catalogue and what is in it.
type filled struct {
	c    *catalogue.Catalogue
	rows int
	from time.Time
	rnd  *rand.Rand
}

// measureSearch fills a catalogue and searches in it.
func measureSearch(ctx context.Context, l *lab, t *table) error {
	dir, err := os.MkdirTemp("", "naisen-vault-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c, err := catalogue.Open(ctx, filepath.Join(dir, "catalogue.db"), nil)
	if err != nil {
		return err
	}
	defer c.Close()
	f := &filled{c: c, rows: scale(l, 1_000_000, 20_000), from: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), rnd: rand.New(rand.NewPCG(1, 6))}
	began := time.Now()
	if err := f.fill(ctx); err != nil {
		return err
	}
	spent := time.Since(began)
	if info, err := os.Stat(filepath.Join(dir, "catalogue.db")); err == nil {
		t.add("catalogue: rows", "", "1,000,000", float64(f.rows)).note = fmt.Sprintf("%d MiB; filled in %v, %.0f µs a row", info.Size()>>20, spent.Round(time.Second),
			float64(spent.Microseconds())/float64(f.rows))
	}
	for range l.runs {
		var all, spent []time.Duration
		for _, kind := range searches() {
			for _, scope := range []struct {
				name  string
				scope recorder.Scope
			}{{"of all", recorder.Scope{All: true}}, {"of five numbers", recorder.Scope{Numbers: []string{numberOf(0), numberOf(1), numberOf(50), numberOf(120), numberOf(199)}}}} {
				times, processor, found, err := f.search(ctx, kind, scope.scope, scale(l, 100, 20))
				if err != nil {
					return err
				}
				all, spent = append(all, times...), append(spent, processor...)
				t.add("search "+scope.name+" by "+kind.name+", p99", "ms", "", milliseconds(times, 0.99)).note = fmt.Sprintf("median %s ms, processor time of both %s and %s ms, %.0f rows a page",
					number(milliseconds(times, 0.5)), number(milliseconds(processor, 0.99)), number(milliseconds(processor, 0.5)), found)
			}
		}
		t.add("search, all kinds: p50", "ms", "", milliseconds(all, 0.5))
		t.add("search, all kinds: p99", "ms", "100", milliseconds(all, 0.99))
		t.add("search, all kinds: processor time, p50", "ms", "", milliseconds(spent, 0.5))
		t.add("search, all kinds: processor time, p99", "ms", "", milliseconds(spent, 0.99)).note = "what the clock shows is this where nobody else wants the processor"
	}
	return ctx.Err()
}

// milliseconds is a percentile of durations.
func milliseconds(d []time.Duration, share float64) float64 {
	if len(d) == 0 {
		return 0
	}
	d = slices.Sorted(slices.Values(d))
	return float64(d[min(int(float64(len(d))*share), len(d)-1)].Microseconds()) / 1000
}

func numberOf(i int) string { return fmt.Sprintf("03123450%02d", i) }

// fill enters rows in parts, a recording every half minute.
func (f *filled) fill(ctx context.Context) error {
	const part = 2000
	names := []string{"山田", "佐藤", "鈴木", "高橋", "田中", "渡辺", "伊藤", "中村", "小林", "加藤", "森", "林"}
	given := []string{"太郎", "花子", "一郎", "さくら", "健", "美咲", "翔", "陽菜"}
	notes := []string{"苦情の電話。折り返しを希望", "税の相談", "情報公開の請求あり", "大声で長時間、複数回"}
	for at := 0; at < f.rows; at += part {
		batch := make([]recorder.Manifest, 0, part)
		for i := at; i < min(at+part, f.rows); i++ {
			k := recorder.Case{ID: fmt.Sprintf("c%08d", i), Domain: vaultDomain, Call: fmt.Sprint("call", i), DID: numberOf(min(f.rnd.IntN(200), f.rnd.IntN(200))), Direction: "inbound", Policy: "always",
				Started: f.from.Add(time.Duration(i) * 30 * time.Second), Label: recorder.Labels()[i%3], Groups: []string{fmt.Sprint(6000 + f.rnd.IntN(40))}}
			caller := recorder.Party{Role: "caller", Number: fmt.Sprintf("090%08d", f.rnd.IntN(100_000_000))}
			if i%10 == 0 { // who calls often
				caller.Number = fmt.Sprintf("0901111%04d", f.rnd.IntN(50))
			}
			if i%2 == 0 {
				caller.Name = names[f.rnd.IntN(len(names))] + " " + given[f.rnd.IntN(len(given))]
			}
			k.Parties = []recorder.Party{caller, {Role: "called", Number: fmt.Sprint(2000 + f.rnd.IntN(500)), Name: "区民課"}}
			batch = append(batch, recorder.Manifest{Version: 1, Case: k, Ended: k.Started.Add(3 * time.Minute), DurationMS: 180_000, Why: "bye", SealedBytes: 6_000_000,
				SealedSHA256: fmt.Sprintf("%064d", i), AudioBytes: 5_900_000})
		}
		if err := f.c.StoredAll(ctx, batch); err != nil {
			return err
		}
	}
	for i := 0; i < f.rows; i += max(f.rows/500, 40) { // notes are written one by one
		if _, err := f.c.AddNote(ctx, vaultDomain, fmt.Sprintf("c%08d", i), "taro", notes[f.rnd.IntN(len(notes))]); err != nil {
			return err
		}
		if err := f.c.SetCase(ctx, vaultDomain, fmt.Sprintf("c%08d", i), "taro", fmt.Sprint("R8-", f.rnd.IntN(300))); err != nil {
			return err
		}
	}
	return nil
}

// searching is a kind of search.
type searching struct {
	name string
	make func(f *filled, s *catalogue.Search)
}

func searches() []searching {
	day := func(f *filled) time.Time {
		return f.from.Add(time.Duration(f.rnd.IntN(f.rows)) * 30 * time.Second)
	}
	return []searching{
		{"nothing: the newest", func(*filled, *catalogue.Search) {}},
		{"number", func(f *filled, s *catalogue.Search) { s.Number = numberOf(f.rnd.IntN(200)) }},
		{"caller who called once", func(f *filled, s *catalogue.Search) { s.Party = fmt.Sprintf("090%08d", f.rnd.IntN(100_000_000)) }},
		{"caller who calls often", func(f *filled, s *catalogue.Search) { s.Party = fmt.Sprintf("0901111%04d", f.rnd.IntN(50)) }},
		{"extension and a day", func(f *filled, s *catalogue.Search) {
			s.Party, s.From = fmt.Sprint(2000+f.rnd.IntN(500)), day(f)
			s.To = s.From.Add(24 * time.Hour)
		}},
		{"name", func(_ *filled, s *catalogue.Search) { s.Name = "山田 さくら" }},
		{"name of one letter", func(_ *filled, s *catalogue.Search) { s.Name = "森" }},
		{"name that nobody has", func(_ *filled, s *catalogue.Search) { s.Name = "田山太郎" }},
		{"group, label and extension", func(f *filled, s *catalogue.Search) {
			s.Group, s.Label, s.Party = fmt.Sprint(6000+f.rnd.IntN(40)), recorder.Restricted, fmt.Sprint(2000+f.rnd.IntN(500))
		}},
		{"group, name and number that never meet", func(_ *filled, s *catalogue.Search) { s.Group, s.Name, s.Party = "6001", "山田", "2999" }},
		{"note", func(_ *filled, s *catalogue.Search) { s.Note = "折り返し" }},
		{"case", func(f *filled, s *catalogue.Search) { s.Case = fmt.Sprint("R8-", f.rnd.IntN(300)) }},
		{"a month's failed ones, of which there are none", func(f *filled, s *catalogue.Search) {
			s.State, s.From = recorder.Failed, day(f)
			s.To = s.From.AddDate(0, 1, 0)
		}},
	}
}

// search does one kind of search some times: by the clock, and in this process's processor time; found is the mean of what a page had.
func (f *filled) search(ctx context.Context, kind searching, scope recorder.Scope, times int) (took, spent []time.Duration, found float64, err error) {
	for range times {
		s := catalogue.Search{Domain: vaultDomain, Scope: scope, Limit: 50}
		kind.make(f, &s)
		before, err := processTime()
		if err != nil {
			return nil, nil, 0, err
		}
		began := time.Now()
		rows, _, err := f.c.Search(ctx, s)
		if err != nil {
			return nil, nil, 0, err
		}
		took = append(took, time.Since(began))
		after, err := processTime()
		if err != nil {
			return nil, nil, 0, err
		}
		spent = append(spent, after-before)
		found += float64(len(rows)) / float64(times)
	}
	return took, spent, found, nil
}

// processTime is the processor time of all threads of this process.
func processTime() (time.Duration, error) {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0, err
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}
