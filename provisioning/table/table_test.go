package table

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

type inner struct {
	Busy  string        `json:"busy,omitempty"`
	After time.Duration `json:"after,omitempty"`
}

type base struct {
	Number string `json:"number"`
}

type thing struct {
	base
	Name    string            `json:"name,omitempty"`
	Seconds int               `json:"seconds,omitempty"`
	On      bool              `json:"on,omitempty"`
	Roles   []string          `json:"roles,omitempty"`
	Forward *inner            `json:"forward,omitempty"`
	Nets    []netip.Prefix    `json:"nets,omitempty"`
	Since   time.Time         `json:"since,omitzero"`
	Parts   []inner           `json:"parts,omitempty"`
	Tags    map[string]string `json:"tags,omitempty"`
	Made    string            `json:"made,omitempty" readOnly:"true"`
	Secret  string            `json:"-"`
}

func paths(cols []Column) (out []string) {
	for _, c := range cols {
		out = append(out, c.Path)
	}
	return out
}

func TestColumns(t *testing.T) {
	want := []string{"number", "name", "seconds", "on", "roles", "forward.busy", "forward.after", "nets", "since", "parts", "tags", "made"}
	got := Columns(reflect.TypeFor[thing]())
	if !slices.Equal(paths(got), want) {
		t.Fatalf("columns %v, want %v", paths(got), want)
	}
	if i := slices.IndexFunc(got, func(c Column) bool { return c.ReadOnly }); got[i].Path != "made" {
		t.Errorf("%s is read-only, want made", got[i].Path)
	}
}

// roundTrip writes things, reads them again and applies each line to an empty object.
func roundTrip(t *testing.T, charset string, things ...thing) []thing {
	t.Helper()
	cols := Columns(reflect.TypeFor[thing]())
	var file bytes.Buffer
	w, err := NewWriter(&file, cols, charset)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range things {
		body, _ := json.Marshal(one)
		if err := w.Write(body); err != nil {
			t.Fatal(err)
		}
	}
	records, faults := Read(file.Bytes(), cols, "number", 100)
	if faults != nil {
		t.Fatalf("%v in\n%s", faults, file.String())
	}
	var out []thing
	for _, r := range records {
		body, err := r.Apply([]byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		var one thing
		if err := json.Unmarshal(body, &one); err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		out = append(out, one)
	}
	return out
}

func TestRoundTrip(t *testing.T) {
	things := []thing{
		{base: base{"2001"}, Name: "髙橋 ①, \"窓口\"\r\nの隣", Seconds: -5, On: true, Roles: []string{"staff", "admin"}, Forward: &inner{Busy: "+81312345678", After: 3 * time.Second},
			Nets: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Since: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC), Parts: []inner{{Busy: "=1+1"}, {}}, Tags: map[string]string{"k": "v;w"}},
		{base: base{"'=2002"}, Name: "''=cmd|' /C calc'!A0", Roles: []string{"a;b", "c"}},
		{base: base{"+2003"}, Name: "'tis", Roles: []string{"[x"}},
		{base: base{"2004"}},
	}
	for _, charset := range []string{UTF8, ShiftJIS} {
		got := roundTrip(t, charset, things...)
		for i := range things {
			want := things[i]
			want.Name = strings.ReplaceAll(want.Name, "\r\n", "\n") // encoding/csv reads a line break of a cell so
			if !reflect.DeepEqual(got[i], want) {
				t.Errorf("%s: %+v came back as %+v", charset, want, got[i])
			}
		}
	}
}

func TestReadOnlyIsNotRead(t *testing.T) {
	got := roundTrip(t, UTF8, thing{base: base{"1"}, Made: "by somebody"})
	if got[0].Made != "" {
		t.Errorf("a read-only column was read: %q", got[0].Made)
	}
}

func TestNoCellIsAFormula(t *testing.T) {
	for _, s := range []string{"=1", "+1", "-1", "@x", "\t=1", "'=1", "''@x"} {
		if g := Guarded(s); g[0] != '\'' || Bare(g) != s {
			t.Errorf("%q is written as %q and read as %q", s, g, Bare(g))
		}
	}
	for _, s := range []string{"", "a=1", "'a", "2001", "'"} {
		if g := Guarded(s); g != s || Bare(s) != s {
			t.Errorf("%q is written as %q and read as %q", s, g, Bare(s))
		}
	}
}

func TestNotInShiftJIS(t *testing.T) {
	var file bytes.Buffer
	w, err := NewWriter(&file, Columns(reflect.TypeFor[thing]()), ShiftJIS)
	if err != nil {
		t.Fatal(err)
	}
	before := file.Len()
	var no *Unwritable
	if err := w.Write([]byte(`{"number":"1","name":"𠮷野家"}`)); !errors.As(err, &no) || no.Field != "name" {
		t.Errorf("error %v, want name", err)
	}
	if file.Len() != before {
		t.Error("a part of the line was written")
	}
}

// TestApplyKeepsTheRest: a file is about its own columns.
func TestApplyKeepsTheRest(t *testing.T) {
	cols := Columns(reflect.TypeFor[thing]())
	records, faults := Read([]byte("number,forward.busy,roles\n1,,\n2,2009,a\n"), cols, "number", 10)
	if faults != nil {
		t.Fatal(faults)
	}
	for i, want := range []string{`{"name":"n","number":"1"}`, `{"forward":{"after":5,"busy":"2009"},"name":"n","number":"2","roles":["a"]}`} {
		object := `{"name":"n","roles":["b"],"forward":{"busy":"1"}}`
		if i == 1 {
			object = `{"name":"n","roles":["b"],"forward":{"after":5}}`
		}
		if got, err := records[i].Apply([]byte(object)); string(got) != want || err != nil {
			t.Errorf("line %d: %s, want %s (%v)", records[i].Line, got, want, err)
		}
	}
}

func TestReadFaults(t *testing.T) {
	cols := Columns(reflect.TypeFor[thing]())
	for _, c := range []struct {
		name, file string
		want       []Fault
	}{
		{"empty", "", []Fault{{1, "", "must name the columns"}}},
		{"charset", "number\n\xff\xff", []Fault{{1, "", "is neither UTF-8 nor Shift_JIS"}}},
		{"unknown column", "number,=cmd\n", []Fault{{1, "=cmd", "is no column that is known"}}},
		{"column twice", "number,name,name\n", []Fault{{1, "name", "is there twice"}}},
		{"no key", "name\nx\n", []Fault{{1, "number", "is missing"}}},
		{"fields", "number,name\n1\n2,b\n3,c,d\n", []Fault{{2, "", "has 1 fields, the first line 2"}, {4, "", "has 3 fields, the first line 2"}}},
		{"quotation mark", "number,name\n1,a\"b\n", []Fault{{2, "", "has a quotation mark in the wrong place"}}},
		{"empty key", "number,name\n,x\n", []Fault{{2, "number", "is empty"}}},
		{"key twice", "number\n1\n\n1\n", []Fault{{4, "number", "is that of line 2 too"}}},
		{"too many", "number\n1\n2\n3\n", []Fault{{4, "", "is one more than the 2 that a file may have"}}},
		{"number", "number,seconds\n1,x\n2,1e999\n", []Fault{{2, "seconds", "is no number"}, {3, "seconds", "is no number"}}},
		{"yes", "number,on\n1,はい\n", []Fault{{2, "on", "must be true or false"}}},
		{"JSON", "number,parts\n1,[\n2,[] x\n", []Fault{{2, "parts", "is no JSON"}, {3, "parts", "is no JSON"}}},
	} {
		if _, got := Read([]byte(c.file), cols, "number", 2); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if _, got := Read([]byte("number,seconds\n"+strings.Repeat("1,x\n", 1000)), cols, "number", 2000); len(got) != MaxFaults {
		t.Errorf("%d faults, want %d", len(got), MaxFaults)
	}
}

func TestFilter(t *testing.T) {
	cols := Columns(reflect.TypeFor[thing]())
	object := []byte(`{"number":"2001","name":"Tax Office","seconds":20,"roles":["staff","admin"],"forward":{"busy":"2009"}}`)
	for text, want := range map[string]bool{
		"number=2001": true, "number=200": false, "number~00": true, "name~tax": true, "name=tax office": false, "seconds=20": true, "roles=admin": true,
		"roles=adm": false, "roles~adm": true, "forward.busy=2009": true, "forward.busy=": false, "on=false": true, "on=true": false, "nets=": true, "name~=": false, "made=": true,
	} {
		f, err := ParseFilter([]string{"number~2", text}, cols)
		if err != nil || f.Matches(object) != want {
			t.Errorf("%s: %v, want %v (%v)", text, !want, want, err)
		}
	}
	for _, text := range []string{"", "name", "secret=x", "forward=x", "=x"} {
		if _, err := ParseFilter([]string{text}, cols); err == nil {
			t.Errorf("%q is taken for a filter", text)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("number,name,roles,on,seconds,parts\n1,a,b;c,true,5,[]\n"))
	f.Add([]byte("number,forward.busy\n1,'=2\n"))
	f.Add([]byte("number,name\n1,\x8d\x82\n"))
	cols := Columns(reflect.TypeFor[thing]())
	f.Fuzz(func(t *testing.T, raw []byte) {
		records, faults := Read(raw, cols, "number", 50)
		if (records == nil) == (faults == nil) && len(records) > 0 {
			t.Fatalf("%d records and %d faults", len(records), len(faults))
		}
		if len(records) > 50 || len(faults) > MaxFaults {
			t.Fatalf("%d records, %d faults", len(records), len(faults))
		}
		for _, r := range records { // what was read can be written and read again
			body, err := r.Apply([]byte("{}"))
			if err != nil {
				t.Fatal(err)
			}
			var file bytes.Buffer
			w, err := NewWriter(&file, cols, UTF8)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Write(body); err != nil {
				t.Fatal(err)
			}
			again, faults := Read(file.Bytes(), cols, "number", 50)
			if faults != nil || len(again) != 1 {
				t.Fatalf("%v of %q", faults, file.String())
			}
		}
	})
}
