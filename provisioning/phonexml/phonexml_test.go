package phonexml

import (
	"crypto/tls"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"naisen/provisioning"
	"naisen/provisioning/book"
)

type office struct {
	book                *book.Book
	extension, language string
}

func (o office) BookLogin(domain, account string, secret []byte) (book.Viewer, bool) {
	return book.Viewer{}, domain == "pbx.example.jp" && account == "desk" && string(secret) == "right"
}
func (o office) Book(string) *book.Book { return o.book }
func (o office) Domain(name string) (provisioning.Domain, bool) {
	return provisioning.Domain{Name: name, Language: o.language, CountryCode: "81"}, true
}
func (o office) BookExtension(_, account string) (string, bool) {
	return o.extension, o.extension != ""
}
func (o office) Named(_, n string, v book.Viewer) (*book.Entry, bool) {
	return o.book.Named("81", n, v)
}

const hostile = `</Name>]]>&"'<x a="b">`

func people(more ...provisioning.Contact) *book.Book {
	list := []*book.Entry{
		book.Of(provisioning.Contact{ID: "a", Name: "山田 太郎", Reading: "やまだ たろう", Department: "福祉課", Numbers: []provisioning.ContactNumber{{Kind: "work", Number: "03-1234-5678"}, {Kind: "mobile", Number: "090 1111 2222"}}}, ""),
		book.Of(provisioning.Contact{ID: "b", Name: hostile, Reading: hostile, Department: hostile, Email: hostile, Numbers: []provisioning.ContactNumber{{Kind: "home", Number: "+81-3-0000-0000"}}}, ""),
		book.Of(provisioning.Contact{ID: "m", Name: "市長", Numbers: []provisioning.ContactNumber{{Kind: "work", Number: "110110"}}, Visible: provisioning.Visibility{Departments: []string{"秘書課"}}}, ""),
	}
	for _, c := range more {
		list = append(list, book.Of(c, ""))
	}
	return (*book.Book)(nil).With(list, nil)
}

// ask sends one request, over TLS from another machine unless change says otherwise.
func ask(h http.Handler, path string, change func(*http.Request)) *httptest.ResponseRecorder {
	mux := http.NewServeMux()
	mux.Handle(Pattern, h)
	mux.Handle(HistoryPattern, h)
	r := httptest.NewRequest("GET", "https://pbx.example.jp/phonebook/"+path, nil)
	r.RemoteAddr, r.TLS = "192.0.2.7:4711", &tls.ConnectionState{}
	r.SetBasicAuth("desk", "right")
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return w
}

func handler(b *book.Book) *Handler {
	return New(func() Directory { return office{book: b} }, nil, nil, slog.New(slog.DiscardHandler))
}

// texts is the text of every element of a document, which must be XML.
func texts(t *testing.T, doc string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	d := xml.NewDecoder(strings.NewReader(doc))
	name := ""
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, doc)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			name = tok.Name.Local
			out["<"+name] = append(out["<"+name], fmt.Sprint(tok.Attr))
		case xml.CharData:
			out[name] = append(out[name], string(tok))
		case xml.EndElement:
			name = ""
		}
	}
}

// TestFormats: each make's document is XML, names and numbers come back as they are whatever is in them, and nobody is in it who is not shown.
func TestFormats(t *testing.T) {
	h := handler(people())
	for format, c := range map[string]struct{ root, name, number string }{
		"yealink": {"YealinkIPPhoneDirectory", "Name", "Telephone"}, "grandstream": {"AddressBook", "LastName", "phonenumber"}, "cisco.xml": {"CiscoIPPhoneDirectory", "Name", "Telephone"},
		"panasonic.xml": {"ppxml", "Name", "PhoneNum"}, "poly": {"directory", "ln", "ct"},
	} {
		w := ask(h, "pbx.example.jp/"+format, nil)
		if w.Code != 200 || w.Header().Get("Content-Type") != "text/xml; charset=utf-8" {
			t.Errorf("%s: %d %v", format, w.Code, w.Header())
		}
		got := texts(t, w.Body.String())
		names, numbers := strings.Join(got[c.name], "|"), strings.Join(got[c.number], "|")
		family, _, _ := strings.Cut(hostile, " ")
		if got["<"+c.root] == nil || got["<x"] != nil || !strings.Contains(names, family) || !strings.Contains(names, "山田") {
			t.Errorf("%s: names %q of\n%s", format, names, w.Body)
		}
		if !strings.Contains(numbers, "0312345678|09011112222") || !strings.Contains(numbers, "+81300000000") || strings.Contains(w.Body.String(), "110110") {
			t.Errorf("%s: numbers %q", format, numbers)
		}
	}
	if got := texts(t, ask(h, "pbx.example.jp/grandstream", nil).Body.String())["<Phone"]; fmt.Sprint(got) != "[[{{ type} Home}] [{{ type} Work}] [{{ type} Cell}]]" {
		t.Errorf("kinds: %v", got)
	}
}

func TestWhoIsAnswered(t *testing.T) {
	h := handler(people())
	for _, c := range []struct {
		name, path string
		change     func(*http.Request)
		want       int
	}{
		{"right", "pbx.example.jp/yealink", nil, 200},
		{"nobody", "pbx.example.jp/yealink", func(r *http.Request) { r.Header.Del("Authorization") }, 401},
		{"wrong", "pbx.example.jp/yealink", func(r *http.Request) { r.SetBasicAuth("desk", "wrong") }, 401},
		{"another domain", "other.example/yealink", nil, 401},
		{"open connection", "pbx.example.jp/yealink", func(r *http.Request) { r.TLS = nil }, 403},
		{"this machine", "pbx.example.jp/yealink", func(r *http.Request) { r.TLS, r.RemoteAddr = nil, "127.0.0.1:9" }, 200},
		{"no such make", "pbx.example.jp/nokia", nil, 404},
		{"no such row", "pbx.example.jp/poly?row=x", nil, 400},
		{"no limit", "pbx.example.jp/poly?limit=0", nil, 400},
		{"a page that is gone", "pbx.example.jp/poly?after=contact/z", nil, 404},
		{"a change", "pbx.example.jp/poly", func(r *http.Request) { r.Method = "POST" }, 405},
	} {
		w := ask(h, c.path, c.change)
		if w.Code != c.want || (c.want == 401) != (w.Header().Get("WWW-Authenticate") != "") {
			t.Errorf("%s: %d, want %d", c.name, w.Code, c.want)
		}
		if c.want != 200 && strings.Contains(w.Body.String(), "山田") {
			t.Errorf("%s: %s", c.name, w.Body)
		}
	}
	for i := range book.WrongSecrets + 2 {
		w := ask(h, "pbx.example.jp/yealink", func(r *http.Request) { r.RemoteAddr = "192.0.2.99:1"; r.SetBasicAuth(fmt.Sprint("desk-", i), "x") })
		if want := map[bool]int{true: 401, false: 429}[i < book.WrongSecrets]; w.Code != want {
			t.Errorf("guess %d: %d, want %d", i, w.Code, want)
		}
	}
	if w := ask(h, "pbx.example.jp/yealink", func(r *http.Request) { r.RemoteAddr = "192.0.2.99:1" }); w.Code != 200 { // an old telephone behind the same address may not shut it out
		t.Errorf("a right secret after many wrong ones: %d", w.Code)
	}
	for i := range book.WrongSecrets + 2 { // at another account, from everywhere
		w := ask(h, "pbx.example.jp/yealink", func(r *http.Request) { r.RemoteAddr = fmt.Sprintf("192.0.2.%d:1", i); r.SetBasicAuth("other", "x") })
		if want := map[bool]int{true: 401, false: 429}[i < book.WrongSecrets]; w.Code != want {
			t.Errorf("guess %d at one account: %d, want %d", i, w.Code, want)
		}
	}
}

func TestPagesAndSearch(t *testing.T) {
	var more []provisioning.Contact
	for i := range 100 {
		more = append(more, provisioning.Contact{ID: fmt.Sprintf("n%03d", i), Name: fmt.Sprint("人&", i), Reading: "ひと", Numbers: []provisioning.ContactNumber{{Kind: "work", Number: fmt.Sprint("03", i+10000000)}}})
	}
	h := handler(people(more...))
	seen, path := map[string]bool{}, "pbx.example.jp/cisco?q=%E3%81%B2%E3%81%A8"
	pages := 0
	for ; path != "" && pages < 10; pages++ {
		got := texts(t, ask(h, path, nil).Body.String())
		if len(got["Telephone"]) > 32 {
			t.Errorf("%d entries on a page", len(got["Telephone"]))
		}
		for _, n := range got["Telephone"] {
			seen[n] = true
		}
		path = ""
		if next := got["URL"]; len(next) == 1 {
			path = strings.TrimPrefix(next[0], "https://pbx.example.jp/phonebook/")
		}
	}
	if len(seen) != 100 || pages != 4 {
		t.Errorf("%d numbers on %d pages", len(seen), pages)
	}
	if w := ask(h, "pbx.example.jp/yealink?q=yamada", nil); strings.Count(w.Body.String(), "<DirectoryEntry>") != 1 {
		t.Errorf("search: %s", w.Body)
	}
}
