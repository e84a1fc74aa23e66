package book

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"naisen/provisioning"
)

func contact(id, name, reading string, numbers ...string) provisioning.Contact {
	c := provisioning.Contact{ID: id, Name: name, Reading: reading}
	for _, n := range numbers {
		c.Numbers = append(c.Numbers, provisioning.ContactNumber{Kind: provisioning.NumberWork, Number: n})
	}
	return c
}

func bookOf(contacts ...provisioning.Contact) *Book {
	var list []*Entry
	for _, c := range contacts {
		list = append(list, Of(c, "81"))
	}
	return (&Book{}).With(list, nil)
}

func names(p Page) string {
	var out []string
	for _, e := range p.Entries {
		out = append(out, e.Name)
	}
	return strings.Join(out, " ")
}

// TestForms: what is said alike is found alike, however it is written.
func TestForms(t *testing.T) {
	for _, c := range []struct{ in, plain, loose, roman string }{
		{"ヤマダ", "やまだ", "やまた", "yamada"},
		{"ﾔﾏﾀﾞ ﾀﾛｳ", "やまだたろう", "やまたたろ", "yamadataro"},
		{"サトー", "さとお", "さと", "sato"},
		{"さとう", "さとう", "さと", "sato"},
		{"きょうと", "きようと", "きよと", "kyoto"},
		{"ジョージ", "じよおじ", "しよし", "zyozi"},
		{"はっとり", "はつとり", "はつとり", "hattori"},
		{"しんばし", "しんばし", "しんはし", "sinbasi"},
		{"ヴァイオリン", "ばいおりん", "はいおりん", "baiorin"},
		{"いすゞ", "いすず", "いすす", "isuzu"},
		{"こヽろ", "こころ", "こころ", "kokoro"},
		{"けい・えー", "けいええ", "け", "kei" + "e"},
		{"ＮＴＴ", "ntt", "ntt", "ntt"},
		{"つづき", "つずき", "つすき", "tuzuki"},
		{"", "", "", ""}, {"ー", "", "", ""}, {"っ", "つ", "つ", ""},
	} {
		h := hiragana(c.in)
		if got := [3]string{plain(h), loose(h), roman(h)}; got != [3]string{c.plain, c.loose, c.roman} {
			t.Errorf("%s: %q, want %q %q %q", c.in, got, c.plain, c.loose, c.roman)
		}
	}
	for typed, want := range map[string]string{"Chiba": "tiba", "tiba": "tiba", "Shimbashi": "sinbasi", "Honma": "honma", "homma": "honma", "ohno": "ono", "Ōno": "ono",
		"Katō": "kato", "jun'ichi": "zyuniti", "Matcha": "mattya", "sh": "s", "ch": "t", "ts": "t", "fujii": "huzi", "cho": "tyo", "ohashi": "ohasi"} {
		if got := latin(hiragana(typed)); got != want {
			t.Errorf("typed %s: %q, want %q", typed, got, want)
		}
	}
}

func TestNormal(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"+81 3-1234-5678", "0312345678"}, {"03(1234)5678", "0312345678"}, {"０３－１２３４－５６７８", "0312345678"}, {"+81 (0)3 1234 5678", "0312345678"},
		{"010813 1234 5678", "0312345678"}, {"0081312345678", "0081312345678"}, {"010 1 212 555 0100", "+12125550100"}, {"+1 (212) 555-0100", "+12125550100"},
		{"2001", "2001"}, {"184 090-1234-5678", "09012345678"}, {"1840", "1840"}, {"0120-000-000", "0120000000"}, {"110", "110"}, {"*60", "*60"}, {"", ""}, {"+", ""}, {"anonymous", ""},
	} {
		if got := Normal("", c.in); got != c.want {
			t.Errorf("%s: %q, want %q", c.in, got, c.want)
		}
	}
	if got := Normal("49", "0049 30 123456"); got != "030123456" {
		t.Errorf("Germany: %q", got)
	}
}

func TestSearch(t *testing.T) {
	yamazaki := contact("3", "山崎 花子", "やまざき はなこ", "090-1111-2222")
	yamazaki.Department = "福祉課"
	b := bookOf(contact("1", "山田 太郎", "ヤマダ タロウ", "03-1234-5678"), contact("2", "佐藤", "さとう"), yamazaki, contact("4", "山﨑電機", "やまさきでんき", "+81 6-7777-8888"),
		contact("5", "Acme Ltd.", "", "+1 212 555 0100"), contact("6", "大野", "おおの"), contact("7", "東京都庁", "とうきょうとちょう"))
	for _, c := range []struct{ q, want string }{
		{"", "Acme Ltd. 大野 佐藤 東京都庁 山﨑電機 山崎 花子 山田 太郎"},
		{"やま", "山﨑電機 山崎 花子 山田 太郎"},
		{"ﾔﾏﾀﾞ", "山田 太郎"}, {"ヤマダタロウ", "山田 太郎"}, {"たろう", "山田 太郎"}, {"太郎", "山田 太郎"}, {"山田太郎", "山田 太郎"},
		{"yamada", "山田 太郎"}, {"TARO", "山田 太郎"}, {"tarou", "山田 太郎"}, {"tokyo", "東京都庁"}, {"satou", "佐藤"}, {"ohno", "大野"},
		{"サトー", "佐藤"}, {"おーの", "大野"}, {"おうの", "大野"},
		{"やまさき", "山﨑電機 山崎 花子"}, // the second by its near form
		{"やまざき", "山崎 花子 山﨑電機"},
		{"とうきょう", "東京都庁"}, {"ちょう", "東京都庁"}, {"ちよう", "東京都庁"},
		{"福祉", "山崎 花子"}, {"福祉　やまざき", "山崎 花子"}, {"福祉 やまだ", ""},
		{"0312345678", "山田 太郎"}, {"+81312345678", "山田 太郎"}, {"813123", "山田 太郎"}, {"０３－１２３４", "山田 太郎"}, {"5678", "山田 太郎"}, {"090", "山崎 花子"}, {"2125", "Acme Ltd."},
		{"acme", "Acme Ltd."}, {"ＡＣＭＥ", "Acme Ltd."}, {"うえ", ""}, {"どこにもない", ""},
	} {
		p, err := b.Search(Query{Text: c.q}, Viewer{})
		if err != nil || names(p) != c.want {
			t.Errorf("%q: %q, want %q (%v)", c.q, names(p), c.want, err)
		}
	}
	for row, want := range map[string]string{"や": "山﨑電機 山崎 花子 山田 太郎", "あ": "大野", "A": "Acme Ltd.", "さ": "佐藤", "た": "東京都庁", "ま": "", "他": ""} {
		if p, _ := b.Search(Query{Row: row}, Viewer{}); names(p) != want {
			t.Errorf("row %s: %q, want %q", row, names(p), want)
		}
	}
	if got := b.Counts(Viewer{}); fmt.Sprint(got) != "map[A:1 あ:1 さ:1 た:1 や:3]" {
		t.Errorf("counts: %v", got)
	}
	if p, _ := b.Search(Query{Department: "福祉課"}, Viewer{}); names(p) != "山崎 花子" {
		t.Errorf("department: %q", names(p))
	}
	var bad *provisioning.Invalid
	if _, err := b.Search(Query{Row: "ん"}, Viewer{}); !errors.As(err, &bad) || bad.Field != "row" {
		t.Errorf("row ん: %v", err)
	}
	if _, err := b.Search(Query{Text: strings.Repeat("あ", MaxText)}, Viewer{}); !errors.As(err, &bad) || bad.Field != "q" {
		t.Errorf("long text: %v", err)
	}
}

func TestPages(t *testing.T) {
	var all []provisioning.Contact
	for i := range 25 {
		all = append(all, contact(fmt.Sprintf("c%02d", i), fmt.Sprintf("人%02d", i), "ひと"))
	}
	b := bookOf(all...)
	var got []string
	for q := (Query{Limit: 10}); ; {
		p, err := b.Search(q, Viewer{})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range p.Entries {
			got = append(got, e.ID)
		}
		if q.After = p.Next; p.Next == "" {
			break
		}
	}
	if len(got) != 25 || len(slices.Compact(slices.Sorted(slices.Values(got)))) != 25 || !slices.IsSorted(got) {
		t.Errorf("pages: %v", got)
	}
	if _, err := b.Search(Query{After: "contact/none"}, Viewer{}); !errors.Is(err, provisioning.ErrNotFound) {
		t.Errorf("after what is gone: %v", err)
	}
}

// TestWhoSees: in a search, in counts, in all, and by number.
func TestWhoSees(t *testing.T) {
	private := contact("p", "市長", "しちょう", "090-9999-0000")
	private.Visible = provisioning.Visibility{Roles: []provisioning.Role{provisioning.RoleAuditor}, Departments: []string{"秘書課"}}
	b := bookOf(private, contact("o", "代表", "だいひょう", "03-0000-0000"))
	for name, c := range map[string]struct {
		v    Viewer
		sees bool
	}{
		"a stranger":        {Viewer{}, false},
		"another role":      {Viewer{Roles: []provisioning.Role{provisioning.RoleStaff}, Departments: []string{"福祉課"}}, false},
		"the role":          {Viewer{Roles: []provisioning.Role{provisioning.RoleStaff, provisioning.RoleAuditor}}, true},
		"the department":    {Viewer{Departments: []string{"秘書課"}}, true},
		"who cares for all": {Viewer{All: true}, true},
	} {
		p, _ := b.Search(Query{Text: "しちょう"}, c.v)
		_, named := b.Named("81", "+819099990000", c.v)
		listed := 0
		for range b.All(c.v) {
			listed++
		}
		if counted := b.Counts(c.v)["さ"] == 1; (len(p.Entries) == 1) != c.sees || named != c.sees || counted != c.sees || (listed == 2) != c.sees {
			t.Errorf("%s: found %d, named %v, counted %v, listed %d", name, len(p.Entries), named, counted, listed)
		}
	}
}

// TestChanges: entries that come, change and go, and numbers that two have; the book before stays as it was.
func TestChanges(t *testing.T) {
	b := bookOf(contact("a", "甲", "こう", "03-1111-1111"), contact("b", "乙", "おつ", "03-1111-1111"))
	name := func(b *Book, n string) string {
		e, ok := b.Named("", n, Viewer{})
		if !ok {
			return ""
		}
		return e.Name
	}
	if got := name(b, "+81311111111"); got != "乙" { // the first in order
		t.Errorf("two have the number: %q", got)
	}
	ext := OfExtension(provisioning.Extension{Number: "2001", Display: "内線"}, "")
	next := b.With([]*Entry{Of(contact("a", "甲", "こう", "03-2222-2222"), ""), Of(contact("c", "偽", "あ", "2001"), ""), ext}, []string{ContactID("b"), "contact/none"})
	if name(next, "0311111111") != "" || name(next, "0322222222") != "甲" || name(next, "2001") != "内線" || next.Len() != 3 {
		t.Errorf("after the change: %q %q %q, %d", name(next, "0311111111"), name(next, "0322222222"), name(next, "2001"), next.Len())
	}
	if name(b, "0311111111") != "乙" || b.Len() != 2 || name(b, "2001") != "" {
		t.Error("the book before has changed")
	}
	p, _ := next.Search(Query{}, Viewer{})
	if names(p) != "偽 甲 内線" {
		t.Errorf("order: %q", names(p))
	}
	if OfExtension(provisioning.Extension{Number: "1", Unlisted: true}, "") != nil || OfExtension(provisioning.Extension{Number: "1", Disabled: true}, "") != nil {
		t.Error("an extension is listed that is not to be")
	}
	if e := OfExtension(provisioning.Extension{Number: "7"}, ""); e.Name != "7" {
		t.Errorf("an extension without a name: %q", e.Name)
	}
	var none *Book
	if _, ok := none.Named("", "1", Viewer{}); ok || none.Len() != 0 || len(none.Counts(Viewer{})) != 0 {
		t.Error("no book")
	}
	if p, err := none.Search(Query{Text: "a"}, Viewer{}); err != nil || len(p.Entries) != 0 {
		t.Error("no book")
	}
}

// TestSharedNumber: thousands who have one number cost what as many with numbers of their own do, when they come and when they are replaced.
func TestSharedNumber(t *testing.T) {
	const many = 5000
	var list []*Entry
	for i := range many {
		list = append(list, Of(contact(fmt.Sprint("c", many-i), "山田", "やまだ", "03-1111-1111"), ""))
	}
	before := &Book{}
	for _, what := range []string{"new", "again"} {
		var from, to runtime.MemStats
		runtime.ReadMemStats(&from)
		b := before.With(list, nil)
		runtime.ReadMemStats(&to)
		if made := (to.TotalAlloc - from.TotalAlloc) >> 20; made > 16 {
			t.Errorf("%s: %d MiB", what, made)
		}
		if !slices.IsSortedFunc(b.numbers["0311111111"], byRank) || len(b.numbers["0311111111"]) != many || b.Len() != many {
			t.Errorf("%s: %d of the number, %d in all", what, len(b.numbers["0311111111"]), b.Len())
		}
		before = b
	}
	first := Of(contact("first", "青木", "あおき", "03-1111-1111"), "")
	if b := before.With([]*Entry{first}, nil); b.numbers["0311111111"][0] != first || slices.Contains(before.numbers["0311111111"], first) {
		t.Error("one more is not the first of the new book alone")
	}
	if b := before.With(nil, []string{list[0].ID}); len(b.numbers["0311111111"]) != many-1 || len(before.numbers["0311111111"]) != many {
		t.Error("one is gone from both books, or from none")
	}
}

func FuzzSearch(f *testing.F) {
	for _, s := range []string{"やまだ", "ﾔﾏﾀﾞ", "+81 3", "ー", "ゝ", "ゞ", "っ", "\n", "sh'", "ＴＳ", "ゔぁ", "o\u0304"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, name, q string) {
		c := contact("x", name, name, name)
		b := bookOf(c, contact("y", "山田", "やまだ"))
		p, err := b.Search(Query{Text: q}, Viewer{})
		if err == nil && len(p.Entries) > 2 {
			t.Fatal("more than there is")
		}
		if len(name) > 0 && len(name) <= MaxText && len(wishes(name)) == 1 && strings.Trim(name, "+*#0123456789-().") != "" && !strings.Contains(name, "@") {
			if p, err := b.Search(Query{Text: name}, Viewer{}); err != nil || !slices.ContainsFunc(p.Entries, func(e *Entry) bool { return e.Name == name }) {
				t.Fatalf("%q is not found by itself: %+v %q", name, wishes(name), Of(c, "").exact)
			}
		}
		Normal("", name)
	})
}

func BenchmarkSearch(b *testing.B) {
	var list []*Entry
	for i := range 5000 {
		list = append(list, Of(contact(fmt.Sprint("c", i), "山田 太郎", "やまだ たろう", fmt.Sprintf("03-%04d-5678", i)), ""))
	}
	book := (&Book{}).With(list, nil)
	for _, q := range []string{"やまだ", "ヤマタ゛", "どこにもない", "034999"} {
		b.Run(q, func(b *testing.B) {
			for b.Loop() {
				if _, err := book.Search(Query{Text: q, Limit: 50}, Viewer{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("with one more", func(b *testing.B) {
		e := []*Entry{Of(contact("new", "新", "しん", "110"), "")}
		for b.Loop() {
			book.With(e, nil)
		}
	})
	b.Run("named", func(b *testing.B) {
		for b.Loop() {
			book.Named("", "+81349995678", Viewer{})
		}
	})
}
