package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
)

// An office of 40 departments: each has five recorded numbers, a group and twelve extensions. Departments of low numbers are called more.
const (
	departments    = 40
	ofDepartment   = 5  // numbers
	deskCount      = 12 // extensions
	recordingEvery = 30 * time.Second
	often          = 50 // people who make a tenth of all calls
	cases          = 300
)

func numberOf(department, i int) string {
	return fmt.Sprintf("03123450%02d", department*ofDepartment+i)
}
func groupOf(department int) string           { return fmt.Sprint(6000 + department) }
func deskOf(department, i int) string         { return fmt.Sprint(2000 + department*deskCount + i) }
func oftenCaller(i int) string                { return fmt.Sprintf("0901111%04d", i) }
func caseOf(i int) string                     { return fmt.Sprint("R8-", i) }
func startOf(from time.Time, i int) time.Time { return from.Add(time.Duration(i) * recordingEvery) }

// callerOf is the number of who made the call of a row; every tenth is by one of those who call often.
func callerOf(i int) string {
	if i%10 == 0 {
		return oftenCaller(i / 10 * 7919 % often)
	}
	return fmt.Sprintf("090%08d", uint64(i)*2654435761%100_000_000)
}

var (
	families = []string{"山田", "佐藤", "鈴木", "高橋", "田中", "渡辺", "伊藤", "中村", "小林", "加藤", "森", "林", "ヤマダ", "サトウ", "スズキ", "タカハシ"}
	givens   = []string{"太郎", "花子", "一郎", "さくら", "健", "美咲", "翔", "陽菜", "タロウ", "ハナコ"}
	remarks  = []string{"苦情の電話。折り返しを希望", "税の相談", "情報公開の請求あり", "大声で長時間、複数回"}
)

// filled is a catalogue and what is in it.
type filled struct {
	c      *catalogue.Catalogue
	domain string
	rows   int
	from   time.Time
	rnd    *rand.Rand
}

// fillCatalogue makes the file of a switch that does not run, and says how large it is in the end.
func fillCatalogue(ctx context.Context, path, domain string, rows int) (f *filled, size int64, err error) {
	words := catalogue.Words{Fold: hiragana} // as the switch folds what is in here, and its numbers are normal
	c, err := catalogue.OpenWith(ctx, path, nil, words)
	if err != nil {
		return nil, 0, err
	}
	f = &filled{c: c, domain: domain, rows: rows, rnd: rand.New(rand.NewPCG(1, 6))}
	f.from = time.Now().Add(-time.Duration(rows) * recordingEvery).UTC().Truncate(time.Minute)
	err = f.fill(ctx)
	if closed := c.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return nil, 0, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// fill enters rows in parts.
func (f *filled) fill(ctx context.Context) error {
	const part = 20_000
	batch := make([]recorder.Manifest, 0, part)
	for i := range f.rows {
		if batch = append(batch, f.manifest(i)); len(batch) < part && i < f.rows-1 {
			continue
		}
		if err := f.c.StoredAll(ctx, batch); err != nil {
			return err
		}
		batch = batch[:0]
	}
	for i := 0; i < f.rows; i += max(f.rows/500, 40) { // notes are written one by one
		id := fmt.Sprintf("c%08d", i)
		if _, err := f.c.AddNote(ctx, f.domain, id, "taro", remarks[f.rnd.IntN(len(remarks))]); err != nil {
			return err
		}
		if err := f.c.SetCase(ctx, f.domain, id, "taro", caseOf(f.rnd.IntN(cases))); err != nil {
			return err
		}
	}
	_, err := f.c.Tidy(ctx) // as a switch does from minute to minute
	return err
}

// manifest of the i-th row. The domain's first key opens it: what an older key than the newest opens, the switch would bring to the newest meanwhile.
func (f *filled) manifest(i int) recorder.Manifest {
	department := min(f.rnd.IntN(departments), f.rnd.IntN(departments))
	caller := recorder.Party{Role: "caller", Number: callerOf(i)}
	if i%2 == 0 {
		caller.Name = families[f.rnd.IntN(len(families))] + " " + givens[f.rnd.IntN(len(givens))]
	}
	k := recorder.Case{ID: fmt.Sprintf("c%08d", i), Domain: f.domain, Call: fmt.Sprint("call", i), DID: numberOf(department, f.rnd.IntN(ofDepartment)), Direction: "inbound", Policy: "always",
		Started: startOf(f.from, i), Label: recorder.Labels()[i%3], Groups: []string{groupOf(department)}, RetentionDays: 1825,
		Parties: []recorder.Party{caller, {Role: "called", Number: deskOf(department, f.rnd.IntN(deskCount)), Name: "区民課"}}}
	return recorder.Manifest{Version: 1, Case: k, Ended: k.Started.Add(3 * time.Minute), DurationMS: 180_000, Why: "bye", SealedBytes: 6_000_000,
		SealedSHA256: fmt.Sprintf("%064d", i), AudioBytes: 5_900_000, Epoch: 1}
}

// hiragana brings a name to the form in which the switch searches: without blanks, katakana as hiragana.
func hiragana(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return -1
		case r >= 'ァ' && r <= 'ヶ':
			return r - ('ァ' - 'ぁ')
		}
		return r
	}, name)
}
