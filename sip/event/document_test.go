package event

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"naisen/sip/siptest"
)

var (
	noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	taro = AOR{"2001", "pbx.example.jp"}
)

type facts struct {
	dialogs  []Dialog
	contacts []Contact
	messages Messages
	open     bool
	note     string // not to be disturbed
}

func (f *facts) Dialogs(AOR) []Dialog     { return f.dialogs }
func (f *facts) Contacts(AOR) []Contact   { return f.contacts }
func (f *facts) Ended(id string) string   { return map[string]string{"k2": "deactivated"}[id] }
func (f *facts) Messages(AOR) Messages    { return f.messages }
func (f *facts) reachable(AOR) bool       { return f.open }
func (f *facts) quiet(AOR) (string, bool) { return f.note, f.note != "" }

// Each document in full, as a phone gets it.
func TestDocuments(t *testing.T) {
	hostile := `<山田 & "co">` + "\x00\x1f"
	f := &facts{open: true}
	for _, c := range []struct {
		file  string
		pkg   Package
		steps []func()
	}{
		{"dialog.xml", DialogInfo(f), []func(){
			func() {},
			func() {
				f.dialogs = []Dialog{
					{ID: "c1-2", CallID: "9c@192.0.2.9", LocalTag: "phone", RemoteTag: "switch", State: Early, Remote: Party{URI: "sip:2002@pbx.example.jp", Display: hostile}},
					{ID: "c0-1", CallID: "out", LocalTag: "a", RemoteTag: "b", Initiator: true, State: Confirmed, Held: true, Remote: Party{URI: "sip:0312345678@pbx.example.jp"}},
					{ID: "c2-2", CallID: "x", State: Trying, Remote: Party{URI: "sip:0311112222@pbx.example.jp", Display: "secret", Withheld: true}},
				}
			},
			func() { f.dialogs = f.dialogs[:1] },
			func() { f.dialogs = nil },
			func() {},
		}},
		{"reg.xml", Registrations(f, func() time.Time { return noon }), []func(){
			func() {},
			func() {
				f.contacts = []Contact{
					{ID: "k2", URI: "sip:2001@192.0.2.2:5070;ob", CallID: "r2", CSeq: 7, Q: 0.5, Expires: noon.Unix() + 300, Event: "refreshed", Display: hostile,
						Instance: "urn:uuid:00000000-0000-1000-8000-000a95a0e128", PubGRUU: "sip:2001@pbx.example.jp;gr=urn:uuid:0", TempGRUU: "sip:t!x@pbx.example.jp;gr", FirstCSeq: 3},
					{ID: "k1", URI: "sip:2001@192.0.2.1", CallID: "r1", CSeq: 1, Q: 1, Expires: noon.Unix()},
				}
			},
			func() { f.contacts = f.contacts[:1] },
			func() { f.contacts = nil },
		}},
		{"presence.xml", Presence(f.reachable, f, nil, f.quiet), []func(){
			func() { f.open = false },
			func() { f.open = true },
			func() { f.dialogs = []Dialog{{ID: "x", State: Confirmed}} },
			func() { f.note = "着信拒否中" },
			func() { f.dialogs = nil },
		}},
		{"summary.txt", MessageSummary(f), []func(){
			func() {},
			func() { f.messages = Messages{New: 2, Old: 8, UrgentOld: 1} },
		}},
	} {
		t.Run(c.file, func(t *testing.T) {
			var all strings.Builder
			v := c.pkg.View(taro)
			for i, step := range c.steps {
				step()
				doc := v.Document(i == 0 || i == len(c.steps)-1)
				if doc.Same {
					t.Errorf("step %d: nothing new", i)
				}
				if strings.HasSuffix(c.pkg.Type(), "+xml") {
					wellFormed(t, doc.Body)
				}
				all.WriteString(strings.ReplaceAll(string(doc.Body), "><", ">\n<"))
				if doc.Again {
					all.WriteString("(and another one is due)\n")
				}
				all.WriteByte('\n')
			}
			if strings.Contains(all.String(), "secret") || strings.Contains(all.String(), "0311112222") {
				t.Error("a withheld identity is told")
			}
			siptest.Golden(t, c.file, all.String())
			f.dialogs, f.contacts = nil, nil
		})
	}
}

// wellFormed reads a document back, strictly.
func wellFormed(t *testing.T, b []byte) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(string(b)))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, b)
		}
	}
}

// The same state twice is told once, in every package.
func TestSame(t *testing.T) {
	f := &facts{dialogs: []Dialog{ringing}, contacts: []Contact{{ID: "1"}}, messages: Messages{New: 1}, open: true}
	for _, p := range []Package{DialogInfo(f), Registrations(f, nil), Presence(f.reachable, f, nil, f.quiet), MessageSummary(f)} {
		v := p.View(taro)
		if v.Document(true).Same || !v.Document(false).Same || v.Document(true).Same {
			t.Errorf("%s: a change is not told, or what is none is", p.Name())
		}
	}
}

func TestManyDialogs(t *testing.T) {
	f := &facts{}
	for i := range 100 {
		f.dialogs = append(f.dialogs, Dialog{ID: itoa(i), State: Early})
	}
	if n := strings.Count(string(DialogInfo(f).View(taro).Document(true).Body), "<dialog "); n != maxDialogs {
		t.Errorf("%d dialogs in one document", n)
	}
}

const goodPIDF = `<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:x="urn:x" entity="sip:2001@pbx.example.jp">
 <tuple id="a"><status><basic>closed</basic><x:basic>open</x:basic></status><note xml:lang="ja">会議中 &amp; 外出</note></tuple>
 <x:note>not this</x:note>
</presence>`

func TestParsePIDF(t *testing.T) {
	deep := strings.Repeat("<a>", 20) + strings.Repeat("</a>", 20)
	wrap := func(s string) string { return `<presence xmlns="urn:ietf:params:xml:ns:pidf">` + s + `</presence>` }
	laughs := `<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]>` + wrap("<note>&lol2;</note>")
	for _, c := range []struct {
		name, in string
		want     published
		err      bool
	}{
		{"good", goodPIDF, published{"closed", "会議中 & 外出"}, false},
		{"one open", wrap(`<tuple><status><basic>open</basic></status></tuple><tuple><status><basic>closed</basic></status></tuple>`), published{"open", ""}, false},
		{"nothing said", wrap(""), published{}, false},
		{"prefixed", `<p:presence xmlns:p="urn:ietf:params:xml:ns:pidf"><p:tuple><p:status><p:basic>open</p:basic></p:status></p:tuple></p:presence>`, published{"open", ""}, false},
		{"long note", wrap("<note>" + strings.Repeat("語", 100) + "</note>"), published{"", strings.Repeat("語", 66)}, false},
		{"billion laughs", laughs, published{}, true},
		{"entity", wrap("<note>&xxe;</note>"), published{}, true},
		{"external", `<!DOCTYPE p SYSTEM "file:///etc/passwd">` + wrap(""), published{}, true},
		{"other basic", wrap("<tuple><status><basic>busy</basic></status></tuple>"), published{}, true},
		{"no namespace", "<presence/>", published{}, true},
		{"two roots", wrap("") + wrap(""), published{}, true},
		{"text before", "hello" + wrap(""), published{}, true},
		{"unclosed", `<presence xmlns="urn:ietf:params:xml:ns:pidf">`, published{}, true},
		{"deep", wrap(deep), published{}, true},
		{"long", wrap(strings.Repeat("<a/>", 1000)), published{}, true},
		{"big", wrap(strings.Repeat(" ", maxPIDF)), published{}, true},
		{"stylesheet", `<?xml-stylesheet href="x"?>` + wrap(""), published{}, true},
		{"other charset", `<?xml version="1.0" encoding="EBCDIC"?>` + wrap(""), published{}, true},
		{"not UTF-8", wrap("<note>\xff</note>"), published{}, true},
		{"empty", "", published{}, true},
	} {
		got, err := parsePIDF([]byte(c.in))
		if got != c.want || (err != nil) != c.err {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
	}
}

func FuzzPIDF(f *testing.F) {
	f.Add([]byte(goodPIDF))
	f.Add([]byte(`<!DOCTYPE a [<!ENTITY b "c">]><presence xmlns="urn:ietf:params:xml:ns:pidf"><note>&b;</note></presence>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parsePIDF(b)
		if err != nil && p != (published{}) {
			t.Error("an error, and something beside it")
		}
		if len(p.note) > maxNote || p.basic != "" && p.basic != "open" && p.basic != "closed" {
			t.Errorf("%+v", p)
		}
		wellFormed(t, render(pidf(taro, status{Note: p.note})))
	})
}
