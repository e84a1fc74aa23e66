package ldap

import (
	"encoding/hex"
	"fmt"
	"testing"

	"naisen/provisioning"
	"naisen/provisioning/book"
)

func TestBER(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 255, 256, 65535, 1 << 24, 1<<31 - 1} {
		r := &reader{rest: putInteger(tagInteger, n)}
		if got := r.integer(tagInteger); got != n || r.err != nil {
			t.Errorf("%d is read as %d: %v", n, got, r.err)
		}
	}
	for _, s := range []string{"020100", "0202ffff", "020180", "0200", "02060000000000ff", "0205ffffffffff"} {
		b, _ := hex.DecodeString(s)
		r := &reader{rest: b}
		if n := r.integer(tagInteger); s != "020100" && r.err == nil {
			t.Errorf("%s is read as %d", s, n)
		}
	}
	for _, n := range []int{0, 127, 128, 255, 256, 16000} {
		if e, rest, err := cut(append(put(tagOctets, make([]byte, n)), 1)); err != nil || len(e.body) != n || len(rest) != 1 {
			t.Errorf("%d octets: %d, %d, %v", n, len(e.body), len(rest), err)
		}
	}
	if e, _, err := cut([]byte{4, 0x84, 0, 0, 0, 1, 'x'}); err != nil || string(e.body) != "x" { // as Windows writes lengths
		t.Errorf("a long form of a short length: %v", err)
	}
}

func FuzzMessage(f *testing.F) {
	f.Add(put(tagSequence, putInteger(tagInteger, 1), bindRequest(3, deskDN, "x")))
	f.Add(put(tagSequence, putInteger(tagInteger, 2), searchRequest(baseDN, scopeSubtree, 0, present), put(0xa0, put(tagSequence, putText(tagOctets, "1.2"), put(tagBoolean, []byte{1})))))
	f.Add([]byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseMessage(b)
		if err != nil {
			return
		}
		_, _ = parseBind(m.op.body)
		if q, err := parseSearch(m.op.body); err == nil {
			plainDN(q.base)
			for e := range people().All(book.Viewer{}) {
				q.filter.match(e)
				entryMessage(m.id, dnOf(e, baseDN), chosen(e, q.want), q.typesOnly)
			}
		}
	})
}

func FuzzFilter(f *testing.F) {
	f.Add(put(filterAnd, present, put(filterNot, present)))
	f.Add(put(filterSubstrings, putText(tagOctets, "cn"), put(tagSequence, putText(0x80, "や"), putText(0x81, "ま"), putText(0x82, "だ"))))
	f.Add(put(filterEqual, putText(tagOctets, "telephoneNumber"), putText(tagOctets, "+81")))
	all := people()
	f.Fuzz(func(t *testing.T, b []byte) {
		e, _, err := cut(b)
		if err != nil {
			return
		}
		items := 0
		q, err := parseFilter(e, 0, &items)
		if err != nil {
			return
		}
		if items > maxFilter {
			t.Fatal("too many items")
		}
		not := filter{kind: filterNot, parts: []filter{q}}
		for e := range all.All(book.Viewer{All: true}) {
			if a, b := q.match(e), not.match(e); a+b != yes {
				t.Fatal(fmt.Sprint(a, b))
			}
		}
	})
}

// BenchmarkSearch: one telephone's search among 5,000 people, by name and number.
func BenchmarkSearch(b *testing.B) {
	var list []*book.Entry
	for i := range 5000 {
		list = append(list, book.Of(provisioning.Contact{ID: fmt.Sprint("c", i), Name: "山田 太郎", Reading: "やまだ たろう",
			Numbers: []provisioning.ContactNumber{{Kind: provisioning.NumberWork, Number: fmt.Sprintf("03-%04d-5678", i)}}}, ""))
	}
	people := (*book.Book)(nil).With(list, nil)
	part := func(name, s string) []byte {
		return put(filterSubstrings, putText(tagOctets, name), put(tagSequence, putText(0x80, s)))
	}
	items := 0
	e, _, _ := cut(put(filterOr, part("cn", "さとう"), part("sn", "さとう"), part("telephoneNumber", "034999")))
	f, err := parseFilter(e, 0, &items)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		found := 0
		for e := range people.All(book.Viewer{}) {
			if f.match(e) == yes {
				found++
			}
		}
		if found != 1 {
			b.Fatal(found)
		}
	}
}
