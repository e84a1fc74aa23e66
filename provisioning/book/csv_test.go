package book

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/text/encoding/japanese"

	"naisen/provisioning"
)

func TestReadCSV(t *testing.T) {
	text := "\ufeff氏名,フリガナ,電話番号,携帯,部署,公開部署,メール\r\n" +
		"山田 太郎,ヤマダ タロウ,03-1234-5678; 03-1234-5679,090-1111-2222,福祉課,,taro@example.jp\r\n" +
		"\"市長, 秘書\",シチョウ,,080-0000-0000,,秘書課；総務課,\r\n"
	want := []provisioning.Contact{
		{Name: "山田 太郎", Reading: "ヤマダ タロウ", Department: "福祉課", Email: "taro@example.jp", Numbers: []provisioning.ContactNumber{
			{Kind: "work", Number: "03-1234-5678"}, {Kind: "work", Number: "03-1234-5679"}, {Kind: "mobile", Number: "090-1111-2222"}}},
		{Name: "市長, 秘書", Reading: "シチョウ", Numbers: []provisioning.ContactNumber{{Kind: "mobile", Number: "080-0000-0000"}},
			Visible: provisioning.Visibility{Departments: []string{"秘書課", "総務課"}}},
	}
	sjis, err := japanese.ShiftJIS.NewEncoder().String(strings.TrimPrefix(text, "\ufeff"))
	if err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]string{"UTF-8": text, "Shift_JIS": sjis} {
		got, faults := ReadCSV([]byte(in))
		if len(faults) > 0 || len(got) != 2 {
			t.Fatalf("%s: %v %v", name, got, faults)
		}
		for i := range got {
			if !strings.HasPrefix(got[i].ID, "c-") {
				t.Errorf("%s: ID %q", name, got[i].ID)
			}
			got[i].ID = ""
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	again, _ := ReadCSV([]byte(text))
	once, _ := ReadCSV([]byte(text))
	if !reflect.DeepEqual(again, once) || again[0].ID == again[1].ID {
		t.Error("the ids are not the same each time, or not apart")
	}
}

func TestReadCSVFaults(t *testing.T) {
	for _, c := range []struct {
		in   string
		want string
	}{
		{"", "1//must name the columns"},
		{"name,salary\nx,1\n", "1/salary/is no column that is known"},
		{"name,氏名\n", "1/氏名/is there twice"},
		{"reading\nあ\n", "1/name/is missing"},
		{"name,reading\nx,漢字\nok,かな\n,かな\n", "2/reading/must be written in kana; 4/name/is missing"},
		{"id,name\na,x\na,y\n", "3/id/is that of line 2 too"},
		{"id,name\nA B,x\n", "2/id/must be 1 to 64 of a-z 0-9 . _ + @ -, beginning with a letter or digit"},
		{"name,携帯\nx,abc\n", "2/携帯/must be 2 to 32 digits, perhaps with +, hyphens, brackets and blanks"},
		{"name,roles\nx,king\n", "2/roles/is no role"},
		{"name,email\nx\ny,z@example.jp\n", "2//has 1 fields, the first line 2"},
		{"name\n\"x\nfoo", "2//has a quotation mark in the wrong place"},
		{"name\nx\x01\n", "2/name/holds a control character"},
		{"name\n\xff\xff\n", "1//is neither UTF-8 nor Shift_JIS"},
	} {
		got, faults := ReadCSV([]byte(c.in))
		var list []string
		for _, f := range faults {
			list = append(list, fmt.Sprintf("%d/%s/%s", f.Line, f.Column, f.Reason))
		}
		if s := strings.Join(list, "; "); s != c.want || got != nil {
			t.Errorf("%q: %q, want %q (%v)", c.in, s, c.want, got)
		}
	}
	bad := "name,reading\n" + strings.Repeat("x,漢字\n", 1000)
	if _, faults := ReadCSV([]byte(bad)); len(faults) != MaxFaults {
		t.Errorf("%d faults are told", len(faults))
	}
	var many strings.Builder
	many.WriteString("id,name\n")
	for i := range provisioning.MaxContacts + 1 {
		fmt.Fprintf(&many, "c%d,x\n", i)
	}
	if _, faults := ReadCSV([]byte(many.String())); len(faults) != 1 || faults[0].Line != provisioning.MaxContacts+2 {
		t.Errorf("too many: %v", faults)
	}
}

// TestReadCSVLongFields: a field of very many parts is refused before all of them are made.
func TestReadCSVLongFields(t *testing.T) {
	for column, told := range map[string]string{"work": "numbers", "roles": "roles", "departments": "departments"} {
		text := []byte("name," + column + "\nx," + strings.Repeat("110;", 100_000) + "\n")
		var faults []Fault
		made := testing.AllocsPerRun(1, func() { _, faults = ReadCSV(text) })
		if len(faults) != 1 || faults[0].Column != told || made > 5_000 {
			t.Errorf("%s: %v, %.0f allocations", column, faults, made)
		}
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add([]byte("name,reading,work\n山田,やまだ,03-1234-5678\n"))
	f.Add([]byte("氏名\n\"x\ny\"\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, faults := ReadCSV(text)
		if len(faults) > 0 && list != nil || len(faults) > MaxFaults+1 {
			t.Fatal("half a file")
		}
		for _, c := range list {
			if err := c.Validate(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
