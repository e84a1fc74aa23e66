package provisioning

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestShortNumbersValidate(t *testing.T) {
	one := func(code, number string) []ShortNumber { return []ShortNumber{{Code: code, Number: number}} }
	many := func(n int) (out []ShortNumber) {
		for i := range n {
			out = append(out, ShortNumber{Code: fmt.Sprint(1000 + i), Number: "2001"})
		}
		return out
	}
	for _, c := range []struct {
		s     ShortNumbers
		field string // empty: valid
	}{
		{ShortNumbers{List: "system", Entries: one("1", "2001")}, ""},
		{ShortNumbers{List: "department:税務課", Entries: one("12", "+442071838750")}, ""},
		{ShortNumbers{List: "user:taro", Entries: many(100)}, ""},
		{ShortNumbers{List: "system", Entries: many(1000)}, ""},
		{ShortNumbers{List: "user:taro", Entries: many(101)}, "entries"},
		{ShortNumbers{List: "department:x", Entries: many(201)}, "entries"},
		{ShortNumbers{List: "user:"}, "list"}, {ShortNumbers{List: "department:"}, "list"}, {ShortNumbers{List: "all"}, "list"}, {ShortNumbers{}, "list"}, {ShortNumbers{List: "department:a/b"}, "list"},
		{ShortNumbers{List: "system", Entries: one("", "2001")}, "entries[0].code"}, {ShortNumbers{List: "system", Entries: one("12345", "2001")}, "entries[0].code"},
		{ShortNumbers{List: "system", Entries: one("1*", "2001")}, "entries[0].code"},
		{ShortNumbers{List: "system", Entries: one("1", "*72")}, "entries[0].number"}, {ShortNumbers{List: "system", Entries: one("1", "03-1234")}, "entries[0].number"},
		{ShortNumbers{List: "system", Entries: one("1", "119")}, "entries[0].number"}, {ShortNumbers{List: "system", Entries: one("1", "184110")}, "entries[0].number"},
		{ShortNumbers{List: "system", Entries: one("1", "0119")}, "entries[0].number"}, {ShortNumbers{List: "system", Entries: one("1", "+81118")}, "entries[0].number"},
		{ShortNumbers{List: "system", Entries: append(one("12", "2001"), ShortNumber{Code: "123", Number: "2002"})}, "entries[1].code"},
		{ShortNumbers{List: "system", Entries: append(one("12", "2001"), ShortNumber{Code: "1", Number: "2002"})}, "entries[1].code"},
		{ShortNumbers{List: "system", Entries: append(one("12", "2001"), ShortNumber{Code: "12", Number: "2002"})}, "entries[1].code"},
		{ShortNumbers{List: "system", Entries: []ShortNumber{{Code: "1", Number: "2001", Title: strings.Repeat("x", 200)}}}, "entries[0].title"},
	} {
		var bad *Invalid
		if err := c.s.Validate(); errors.As(err, &bad) != (c.field != "") || bad != nil && bad.Field != c.field {
			t.Errorf("%s %.60v: %v, want %q", c.s.List, c.s.Entries, err, c.field)
		}
	}
}
