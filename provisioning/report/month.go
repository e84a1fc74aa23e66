package report

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/audit"
)

// maxPeople bounds the lines of one section; whoever is more is counted together.
const maxPeople = 5000

// ErrMonth says that a text names no month.
var ErrMonth = errors.New("report: no month such as 2026-11")

// Month is what the audit log of a domain says of one month. It is counted entry by entry: each number is that of entries, but where an entry stands for many,
// and but of reviews that were open.
type Month struct {
	Domain   string    `json:"domain"`
	Month    string    `json:"month"` // "2026-11"
	From     time.Time `json:"from"`
	Until    time.Time `json:"until" doc:"Exclusive"`
	Made     time.Time `json:"made"`
	Entries  int64     `json:"entries"`
	Archived bool      `json:"archived,omitempty" doc:"Entries of it are archived and not counted: the report that was kept when the month was over has all"`
	Sections []Section `json:"sections" nullable:"false"`
}

// Section is one table of a month's report.
type Section struct {
	Key     string  `json:"key"`
	JA      string  `json:"ja"`
	EN      string  `json:"en"`
	Columns []Label `json:"columns" nullable:"false" doc:"Of what the lines are by; the count follows"`
	Lines   []Count `json:"lines" nullable:"false"`
	Total   int64   `json:"total"`
}

// Label is a word in both languages.
type Label struct {
	JA string `json:"ja"`
	EN string `json:"en"`
}

// Count is one line of a section.
type Count struct {
	By    []string `json:"by" nullable:"false"`
	Count int64    `json:"count"`
}

// MonthOf is the beginning of a month and of the next one, in a zone.
func MonthOf(month string, zone *time.Location) (from, until time.Time, err error) {
	if from, err = time.ParseInLocation("2006-01", month, zone); err != nil || from.Format("2006-01") != month {
		return from, until, ErrMonth
	}
	return from, from.AddDate(0, 1, 0), nil
}

// section says what is counted, and by what.
type section struct {
	key, ja, en string
	columns     []string
	of          func(e provisioning.AuditEntry, noun, verb string) bool
}

var columns = map[string]Label{
	"kind": {"種類", "Kind"}, "outcome": {"結果", "Outcome"}, "action": {"操作", "Action"}, "person": {"利用者", "Person"}, "thing": {"対象の種類", "Of what"}, "object": {"対象", "Object"}, "why": {"理由", "Why"},
}

// looking are the verbs of administration that change nothing.
var looking = []string{"read", "watch", "report", "hear"}

// openReviews is the one section that is no count of entries: what waits is what the store has, see Counter.Open.
const openReviews = "open-reviews"

var sections = []section{
	{"all", "全記録(種類・結果別)", "All entries by kind and outcome", []string{"kind", "outcome"}, func(provisioning.AuditEntry, string, string) bool { return true }},
	{"sign-ins", "サインイン", "Sign-ins", []string{"action", "outcome"}, func(e provisioning.AuditEntry, _, _ string) bool { return e.Kind == string(audit.KindSignIn) }},
	{"refusals", "拒否された操作", "Refusals", []string{"action", "why"}, func(e provisioning.AuditEntry, _, _ string) bool { return e.Outcome == "denied" }},
	{"changes", "設定変更(対象・利用者別)", "Changes by what and by whom", []string{"thing", "person"}, func(e provisioning.AuditEntry, _, verb string) bool {
		return e.Kind == string(audit.KindAdmin) && e.Outcome == "ok" && !slices.Contains(looking, verb)
	}},
	{"listenings", "録音の聴取・持ち出し(利用者別)", "Listenings by person", []string{"action", "person"}, func(e provisioning.AuditEntry, noun, verb string) bool {
		return (verb == "listen" || verb == "download" || verb == "monitor") && (noun == "recording" || noun == "message" || noun == "call") && e.Outcome == "allowed"
	}},
	{"exports", "証拠パックの作成(利用者別)", "Evidence packs by person", []string{"person"}, func(e provisioning.AuditEntry, _, _ string) bool {
		return e.Action == "recording.export" && e.Outcome == "allowed"
	}},
	{"destructions", "録音の廃棄", "Recordings destroyed", []string{"person"}, func(e provisioning.AuditEntry, _, _ string) bool { return e.Action == "recording.destroyed" }},
	{"break-glass", "承認なしの緊急聴取(利用者別)", "Listenings without an approval by person", []string{"person", "why"}, func(e provisioning.AuditEntry, _, _ string) bool {
		return e.Action == "listening.break-glass" && e.Outcome == "allowed"
	}},
	{"reviews", "緊急聴取の事後確認(利用者別)", "Reviews of them by person", []string{"person"}, func(e provisioning.AuditEntry, _, _ string) bool {
		return e.Action == "listening.review" && e.Outcome != "denied"
	}},
	{openReviews, "期間末に未完了の事後確認", "Reviews that were open at its end", []string{"thing", "object", "person"}, func(provisioning.AuditEntry, string, string) bool { return false }},
	{"devices", "電話機の新しい登録元", "Telephones that registered from somewhere new", []string{"object"}, func(e provisioning.AuditEntry, _, _ string) bool { return e.Action == "device.register" }},
	{"emergency", "緊急通報", "Calls for help", []string{"object"}, func(e provisioning.AuditEntry, _, _ string) bool { return e.Action == "call.emergency" }},
	{"alarms", "警報", "Alarms", []string{"object"}, func(e provisioning.AuditEntry, _, _ string) bool { return e.Action == "alarm.raised" }},
}

// Counter counts a month.
type Counter struct {
	month  Month
	counts []map[string]int64 // by section: by its columns, joined
}

// NewCounter begins one.
func NewCounter(domain, month string, from, until, made time.Time) *Counter {
	c := &Counter{month: Month{Domain: domain, Month: month, From: from, Until: until, Made: made}, counts: make([]map[string]int64, len(sections))}
	for i := range c.counts {
		c.counts[i] = map[string]int64{}
	}
	return c
}

// others is the line of who has no line of their own.
const others = "…"

// Add counts one entry; those of another time or domain are passed over.
func (c *Counter) Add(e provisioning.AuditEntry) {
	if e.Domain != c.month.Domain || e.Time.Before(c.month.From) || !e.Time.Before(c.month.Until) {
		return
	}
	if e.Kind == "" {
		e.Kind = string(audit.KindOf(e.Action))
	}
	c.month.Entries++
	n := int64(1)
	if many, ok := e.Detail["count"].(float64); ok && e.Subject == "many" && many >= 1 {
		n = int64(many)
	}
	noun, _, _ := strings.Cut(e.Action, ".")
	verb := e.Action[strings.LastIndexByte(e.Action, '.')+1:]
	for i, s := range sections {
		if !s.of(e, noun, verb) {
			continue
		}
		by := make([]string, len(s.columns))
		for j, column := range s.columns {
			by[j] = map[string]string{"kind": e.Kind, "outcome": e.Outcome, "action": e.Action, "person": e.Subject, "thing": noun, "object": e.Object, "why": cmp.Or(e.Reason, e.Rule)}[column]
		}
		c.count(i, by, n)
	}
}

func (c *Counter) count(section int, by []string, n int64) {
	key := strings.Join(by, "\x1f")
	if _, known := c.counts[section][key]; !known && len(c.counts[section]) >= maxPeople {
		key = strings.Repeat(others+"\x1f", len(by)-1) + others
	}
	c.counts[section][key] += n
}

// Archived says after when the log has entries; zero: all are there.
func (c *Counter) Archived(from time.Time) { c.month.Archived = from.After(c.month.From) }

// Open counts what somebody else has to review, where that had begun and was not reviewed when the month ended: a report that is made later says the same. kind
// is that of the entity.
func (c *Counter) Open(kind, object, person string, began time.Time, reviewed *provisioning.Review) {
	if !began.Before(c.month.Until) || reviewed != nil && reviewed.At.Before(c.month.Until) {
		return
	}
	i := slices.IndexFunc(sections, func(s section) bool { return s.key == openReviews })
	c.count(i, []string{kind, object, person}, 1)
}

// Month is what was counted: in each section the largest first.
func (c *Counter) Month() Month {
	m := c.month
	m.Sections = make([]Section, 0, len(sections))
	for i, s := range sections {
		out := Section{Key: s.key, JA: s.ja, EN: s.en, Lines: []Count{}}
		for _, name := range s.columns {
			out.Columns = append(out.Columns, columns[name])
		}
		for _, key := range slices.Sorted(maps.Keys(c.counts[i])) {
			out.Lines = append(out.Lines, Count{strings.Split(key, "\x1f"), c.counts[i][key]})
			out.Total += c.counts[i][key]
		}
		slices.SortStableFunc(out.Lines, func(a, b Count) int { return cmp.Compare(b.Count, a.Count) })
		m.Sections = append(m.Sections, out)
	}
	return m
}

// in is a label in a language.
func (l Label) in(language string) string {
	if language == "en" {
		return l.EN
	}
	return l.JA
}

// words of the report beside its sections.
var monthWords = map[string]Label{
	"title": {"監査ログ月次報告", "Monthly report of the audit log"}, "count": {"件数", "Count"}, "total": {"合計", "Total"}, "none": {"なし", "None"},
	"domain": {"ドメイン", "Domain"}, "month": {"対象月", "Month"}, "entries": {"記録数", "Entries"}, "made": {"作成日時", "Made"},
	"archived": {"一部の記録は保管先へ移され、数えていません", "Some entries are archived, and not counted here"},
}

func monthWord(name, language string) string { return monthWords[name].in(language) }

// head is what stands above the sections.
func (m Month) head(language string) [][]string {
	head := [][]string{{monthWord("title", language)}, {monthWord("domain", language), m.Domain}, {monthWord("month", language), m.Month},
		{monthWord("entries", language), strconv.FormatInt(m.Entries, 10)}, {monthWord("made", language), m.Made.In(m.From.Location()).Format("2006-01-02 15:04 -07:00")}}
	if m.Archived {
		head = append(head, []string{monthWord("archived", language)})
	}
	return head
}
