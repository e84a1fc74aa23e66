package scim

import (
	"strings"
	"testing"
)

var somebody = document{"userName": "Taro@Example.jp", "externalId": "X-1", "active": true, "name": map[string]any{"familyName": "山田"},
	"emails":      []any{map[string]any{"value": "taro@example.jp", "type": "work", "primary": true}, map[string]any{"value": "t@home.example", "type": "home"}},
	urnEnterprise: map[string]any{"department": "税務課"}, urnNaisen: map[string]any{"endDate": "2027-03-31T15:00:00Z", "calls": []any{"2100"}}}

func TestFilter(t *testing.T) {
	for text, want := range map[string]bool{
		`userName eq "taro@example.jp"`: true, `USERNAME EQ "TARO@example.jp"`: true, `userName ne "x"`: true, `userName ne "taro@example.jp"`: false,
		`userName co "@EXAMPLE"`: true, `userName sw "taro"`: true, `userName ew ".jp"`: true, `userName sw "x"`: false,
		`externalId eq "X-1"`: true, `externalId eq "x-1"`: false, // letters count there
		`active eq true`: true, `active eq "True"`: true, `active eq false`: false, `active ne true`: false,
		`title pr`: false, `userName pr`: true, `emails pr`: true, `not (title pr)`: true, `title eq null`: true, `userName eq null`: false, `title ne "x"`: true,
		`emails eq "t@home.example"`: true, `emails.value eq "t@home.example"`: true, `emails.type eq "home"`: true, `emails co "nobody"`: false,
		`emails[type eq "work" and value co "@example.jp"]`: true, `emails[type eq "home" and value co "@example.jp"]`: false, `emails[primary eq "True"]`: true,
		`name.familyName eq "山田"`: true, `name.familyname sw "山"`: true,
		urnEnterprise + `:department eq "税務課"`: true, strings.ToLower(urnEnterprise) + `:Department pr`: true, urnUser + `:userName pr`: true,
		urnNaisen + `:endDate gt "2027-01-01T00:00:00Z"`: true, urnNaisen + `:endDate lt "2027-01-01"`: false, urnNaisen + `:endDate eq "2027-04-01T00:00:00+09:00"`: true,
		urnNaisen + `:calls eq "2100"`:                   true,
		`userName eq "x" or active eq true and title pr`: false, `(userName eq "x" or active eq true) and emails pr`: true, `userName eq "x" or active eq true`: true,
		`not (userName eq "x") and not(title pr)`: true, `userName eq "a\"b"`: false, `  userName   eq   "taro@example.jp"  `: true,
	} {
		f, fault := parseFilter(text, userType.find)
		if fault != nil {
			t.Errorf("%s: %v", text, fault)
		} else if f.matches(somebody) != want {
			t.Errorf("%s: %v, want %v", text, !want, want)
		}
	}
	for _, text := range []string{``, `userName`, `userName eq`, `userName eq x`, `userName eq "x`, `userName like "x"`, `nobody eq "x"`, `emails[nobody eq "x"]`, `emails[type eq "x"`, `userName[type eq "x"]`,
		`(userName pr`, `userName pr)`, `userName pr and`, `not userName pr`, `userName eq {"a":1}`, `userName eq "x" userName pr`, `name.nothing pr`, `emails.value.more pr`,
		strings.Repeat("(", 100) + "userName pr" + strings.Repeat(")", 100), strings.Repeat(`id pr or `, 150) + `id pr`, `userName eq "` + strings.Repeat("x", maxFilter) + `"`,
		strings.Repeat("not (", 50) + "title pr" + strings.Repeat(")", 50)} {
		if _, fault := parseFilter(text, userType.find); fault == nil || fault.scimType != invalidFilter {
			t.Errorf("%.60s: %v, want invalidFilter", text, fault)
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, s := range []string{`userName eq "a" and (emails[type eq "work"] or not (title pr))`, urnNaisen + `:endDate gt "2027-01-01"`, `emails[type eq "work"].value`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if g, fault := parseFilter(s, userType.find); fault == nil {
			g.matches(somebody)
		}
		if p, fault := userType.parsePath(s); fault == nil {
			d := somebody.clone()
			_ = d.remove(p, nil)
		}
	})
}
