package number

import (
	"encoding/csv"
	"os"
	"testing"
)

// TestJapan is the numbering plan as a table: testdata/japan.csv has a row for each form that a number is dialled or received in.
func TestJapan(t *testing.T) {
	f, err := os.Open("testdata/japan.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) < 301 {
		t.Fatalf("%d rows, want 300 and the head", len(rows))
	}
	wishes := map[string]Presentation{"": PresentDefault, "withheld": PresentWithheld, "shown": PresentShown}
	for _, r := range rows[1:] {
		want := Info{Number: r[2], Class: Class(r[1]), Code: r[3], Country: r[4], HighRisk: r[5] == "r", Carrier: r[6], Wish: wishes[r[7]]}
		want.E164 = len(r[2]) > 1 && r[2][0] == '+' && want.Class != Invalid
		if got := Japan.Classify(r[0]); got != want {
			t.Errorf("%q:\n got %+v\nwant %+v", r[0], got, want)
		}
	}
}

// FuzzClassify: any text has a class, what is called E.164 reads back as itself and as the same class, and nothing before an emergency
// number hides it.
func FuzzClassify(f *testing.F) {
	for _, s := range []string{"0312345678", "184010442079460000", "0184110", "%2B81110", "００４４", "\xff", "0091"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		i := Japan.Classify(s)
		if i.Class == "" || len(i.Number) > 65 {
			t.Fatalf("%q: %+v", s, i)
		}
		if i.E164 {
			if again := Japan.Classify(i.Number); again.Class != i.Class || again.Number != i.Number || again.Country != i.Country {
				t.Fatalf("%q: %+v, then %+v", s, i, again)
			}
		}
		if n, ok := Japan.Urgent("184" + s); i.Class == Emergency && len(Clean(s)) <= 8 && (!ok || n != i.Number) {
			t.Fatalf("184 before %q: %q %v", s, n, ok)
		}
	})
}
