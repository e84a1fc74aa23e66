package provisioning

import (
	"errors"
	"strings"
	"testing"
	"time"
)

var noticeDay = time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)

func wordingOf(language, by string) NoticeVersion {
	return NoticeVersion{Language: language, Text: "x", Voice: "mei", Audio: NoticeAudio + "ward/1", SHA256: strings.Repeat("0a", 32), By: by}
}

// drafted adds a wording, lets boss hear and approve it, and gives it its dates.
func drafted(t *testing.T, n Notice, language string, from, until, now time.Time) Notice {
	t.Helper()
	n.Name = "ward"
	n, _, err := n.Draft(wordingOf(language, "staff"), now)
	if err != nil {
		t.Fatal(err)
	}
	number := n.Versions[0].Number
	for _, do := range []func(Notice) (Notice, error){
		func(n Notice) (Notice, error) { return n.Hear(number, "boss", now) },
		func(n Notice) (Notice, error) { return n.Approve(number, "boss", now) },
		func(n Notice) (Notice, error) { return n.Schedule(number, from, until, now) },
	} {
		if n, err = do(n); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Validate(); err != nil {
		t.Fatal(err)
	}
	return n
}

// A wording takes its steps in order, by two people, the second of whom has heard it.
func TestNoticeSteps(t *testing.T) {
	n, _, err := Notice{Name: "ward"}.Draft(wordingOf("ja", "staff"), noticeDay)
	if err != nil {
		t.Fatal(err)
	}
	var denied *Denied
	if _, err := n.Schedule(1, time.Time{}, time.Time{}, noticeDay); !errors.Is(err, ErrUnapproved) {
		t.Errorf("dates of a draft: %v", err)
	}
	if _, err := n.Approve(1, "staff", noticeDay); !errors.As(err, &denied) || denied.Rule != RuleTwoPeople {
		t.Errorf("one's own: %v", err)
	}
	if _, err := n.Approve(1, "boss", noticeDay); !errors.Is(err, ErrUnheard) {
		t.Errorf("unheard: %v", err)
	}
	if n, err = n.Hear(1, "staff", noticeDay); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Approve(1, "boss", noticeDay); !errors.Is(err, ErrUnheard) {
		t.Errorf("heard by another: %v", err)
	}
	n, _ = n.Hear(1, "boss", noticeDay)
	if n, err = n.Approve(1, "boss", noticeDay); err != nil || n.Versions[0].ApprovedBy != "boss" {
		t.Fatalf("%+v %v", n, err)
	}
	if _, _, ok := n.At("ja", noticeDay); ok || n.InUse(noticeDay) {
		t.Error("it is heard before it has a date")
	}
	for _, c := range []struct {
		name        string
		from, until time.Time
		ok          bool
	}{
		{"now", time.Time{}, time.Time{}, true}, {"past", noticeDay.Add(-time.Hour), time.Time{}, false},
		{"a minute's slowness", noticeDay.Add(-30 * time.Second), time.Time{}, true}, {"backwards", noticeDay.Add(time.Hour), noticeDay.Add(time.Minute), false},
	} {
		if _, err := n.Schedule(1, c.from, c.until, noticeDay); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for _, number := range []int{0, 2} {
		if _, err := n.Hear(number, "boss", noticeDay); !errors.Is(err, ErrNotFound) {
			t.Errorf("version %d: %v", number, err)
		}
	}
}

// Which wording is heard: by language, and of those in effect the one that came last. What has begun keeps its beginning, and what is over stays over.
func TestNoticeDates(t *testing.T) {
	day := func(d int) time.Time { return noticeDay.AddDate(0, 0, d) }
	var n Notice
	n = drafted(t, n, "ja", day(0), time.Time{}, noticeDay) // 1
	n = drafted(t, n, "ja", day(10), day(20), noticeDay)    // 2: ten days
	n = drafted(t, n, "en", day(5), time.Time{}, noticeDay) // 3
	n, _, _ = n.Draft(wordingOf("ja", "staff"), day(1))     // 4: a draft
	for _, c := range []struct {
		at, number int
		language   string
		exact      bool
	}{
		{-1, 0, "ja", false}, {0, 1, "ja", true}, {9, 1, "ja", true}, {10, 2, "ja", true}, {19, 2, "ja", true}, {20, 1, "ja", true},
		{4, 1, "en", false}, {5, 3, "en", true}, {12, 2, "ko", false},
	} {
		v, exact, ok := n.At(c.language, day(c.at))
		if v.Number != c.number || exact != c.exact || ok != (c.number > 0) {
			t.Errorf("day %d, %s: version %d, exact %v, want %d", c.at, c.language, v.Number, exact, c.number)
		}
	}
	ended, err := n.Schedule(1, day(3), day(12), day(2))
	if v, _ := ended.Version(1); err != nil || !v.From.Equal(day(0)) || !v.Until.Equal(day(12)) {
		t.Errorf("%+v %v", v, err)
	}
	if _, err := ended.Schedule(1, time.Time{}, day(30), day(13)); err == nil {
		t.Error("what was over began again")
	}
	if !n.InUse(noticeDay) || !n.InUse(day(-5)) {
		t.Error("what will be heard is in use")
	}
}

// However many drafts there are, what is or shall be in use stays; and then no more are taken.
func TestNoticeIsBounded(t *testing.T) {
	n := drafted(t, Notice{}, "ja", noticeDay, time.Time{}, noticeDay)
	dropped := 0
	for range 3 * maxWordings {
		next, gone, err := n.Draft(wordingOf("ja", "staff"), noticeDay)
		if err != nil {
			t.Fatal(err)
		}
		n, dropped = next, dropped+len(gone)
	}
	if _, err := n.Version(1); err != nil || len(n.Versions) != maxWordings || dropped != 3*maxWordings+1-maxWordings || n.Validate() != nil {
		t.Errorf("%v, %d versions, %d dropped, %v", err, len(n.Versions), dropped, n.Validate())
	}
	n = Notice{}
	for range maxWordings {
		n = drafted(t, n, "ja", noticeDay, time.Time{}, noticeDay)
	}
	var invalid *Invalid
	if _, _, err := n.Draft(wordingOf("ja", "staff"), noticeDay); !errors.As(err, &invalid) {
		t.Errorf("%v", err)
	}
}

func TestNoticeValidate(t *testing.T) {
	good := drafted(t, Notice{}, "ja", noticeDay, time.Time{}, noticeDay)
	for name, spoil := range map[string]func(*Notice){
		"name":                 func(n *Notice) { n.Name = "../ward" },
		"no version":           func(n *Notice) { n.Versions = nil },
		"language":             func(n *Notice) { n.Versions[0].Language = "fr" },
		"hash":                 func(n *Notice) { n.Versions[0].SHA256 = "abc" },
		"audio elsewhere":      func(n *Notice) { n.Versions[0].Audio = "greeting/open" },
		"approved by oneself":  func(n *Notice) { n.Versions[0].ApprovedBy = "staff" },
		"dates without it":     func(n *Notice) { n.Versions[0].ApprovedBy = "" },
		"ends before it began": func(n *Notice) { n.Versions[0].Until = noticeDay.Add(-time.Hour) },
		"twice the number":     func(n *Notice) { n.Versions = append(n.Versions, n.Versions[0]) },
	} {
		n := Notice{Name: good.Name, Versions: append([]NoticeVersion{}, good.Versions...)}
		spoil(&n)
		if n.Validate() == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
