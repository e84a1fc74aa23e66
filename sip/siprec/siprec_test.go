package siprec_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"naisen/sip/siprec"
)

var noon = time.Date(2026, 4, 1, 3, 0, 0, 0, time.UTC)

// call is a call of two, as our own client describes it.
func call() siprec.Metadata {
	return siprec.Metadata{
		Groups:   []siprec.Group{{ID: "g", Associated: noon}},
		Sessions: []siprec.Session{{ID: "s", Group: "g", SIPSessions: []string{"ab30317f1a784dc48ff824d0d3715d86;remote=0"}, Started: noon}},
		Participants: []siprec.Participant{{ID: "a", AOR: "sip:+81312345678@example.jp", Name: `区民 <"&'>`},
			{ID: "b", AOR: "sip:2001@example.jp", Name: "窓口"}},
		Streams: []siprec.Stream{{ID: "1st", Session: "s", Label: "1"}, {ID: "2nd", Session: "s", Label: "2"}},
		Memberships: []siprec.Membership{{Participant: "a", Session: "s", Associated: noon},
			{Participant: "b", Session: "s", Associated: noon}},
		Flows: []siprec.Flow{{Participant: "a", Send: []siprec.ID{"1st"}, Receive: []siprec.ID{"2nd"}, Associated: noon},
			{Participant: "b", Send: []siprec.ID{"2nd"}, Receive: []siprec.ID{"1st"}, Associated: noon}},
	}
}

func TestDocument(t *testing.T) {
	m := call()
	text := m.Document()
	got, err := siprec.Parse(text)
	if err != nil || !reflect.DeepEqual(got, m) {
		t.Errorf("%v\n%+v\n%s", err, got, text)
	}
	for _, want := range []string{"<datamode>complete</datamode>", `<stream stream_id="1st" session_id="s">`, "<label>1</label>",
		`<nameID aor="sip:+81312345678@example.jp">`, "&lt;&quot;&amp;'&gt;", "<associate-time>2026-04-01T03:00:00Z</associate-time>"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	m.Partial, m.Memberships[0].Parted = true, noon.Add(time.Minute)
	if got, err = siprec.Parse(m.Document()); err != nil || !reflect.DeepEqual(got, m) {
		t.Errorf("%v\n%+v", err, got)
	}
}

// What strangers are called cannot break a document.
func TestForeignNames(t *testing.T) {
	for _, name := range []string{"\x00\x1b[2J", "]]><x/>", "<!ENTITY", "\xff\xfe", "\uffff", "a\r\nb", `"/><participant`} {
		m := siprec.Metadata{Participants: []siprec.Participant{{ID: "p", AOR: "sip:" + name, Name: name}}}
		got, err := siprec.Parse(m.Document())
		if err != nil || len(got.Participants) != 1 {
			t.Errorf("%q: %v, %+v", name, err, got)
		}
	}
}

func TestNewID(t *testing.T) {
	id := siprec.NewID()
	raw, err := base64.StdEncoding.DecodeString(string(id))
	if err != nil || len(id) != 24 || raw[6]>>4 != 4 || raw[8]>>6 != 2 || id == siprec.NewID() {
		t.Errorf("%q: %v", id, err)
	}
}

// Documents of other makers, as they publish them, cut to what matters.
func TestOtherMakers(t *testing.T) {
	for name, text := range map[string]string{
		"the RFC's own": `<?xml version="1.0" encoding="UTF-8"?>
			<recording xmlns='urn:ietf:params:xml:ns:recording:1'><datamode>complete</datamode>
			<session session_id="hVpd7YQgRW2nD22h7q60JQ=="><sipSessionID>ab30317f1a784dc48ff824d0d3715d86;remote=47755a9de7794ba387653f2099600ef2</sipSessionID></session>
			<participant participant_id="srfBElmCRp2QB23b7Mpk0w=="><nameID aor="sip:bob@biloxi.com"><name xml:lang="it">Bob</name></nameID></participant>
			<stream stream_id="UAAMm5GRQKSCMVvLyl4rFw==" session_id="hVpd7YQgRW2nD22h7q60JQ=="><label>96</label></stream>
			<participantsessionassoc participant_id="srfBElmCRp2QB23b7Mpk0w==" session_id="hVpd7YQgRW2nD22h7q60JQ=="><associate-time>2010-12-16T23:41:07Z</associate-time></participantsessionassoc>
			<participantstreamassoc participant_id="srfBElmCRp2QB23b7Mpk0w=="><send>UAAMm5GRQKSCMVvLyl4rFw==</send><recv>other</recv></participantstreamassoc></recording>`,
		"an SBC that keeps to a draft": `<?xml version='1.0' encoding='UTF-8'?><recording xmlns='urn:ietf:params:xml:ns:recording'><dataMode>complete</dataMode>
			<session id="S"><start-time>2011-06-27T17:03:57</start-time></session>
			<participant id="P" session="S"><aor>sip:bob@biloxi.com</aor><name>Bob </name><send>T</send><start-time>2011-06-27T17:03:57</start-time>
			<extensiondata xmlns:apkt="http://acmepacket.com/siprec/extensiondata"><apkt:callingParty>true</apkt:callingParty></extensiondata></participant>
			<stream id="T" session="S"><mode>separate</mode><label>96</label></stream></recording>`,
		"no associations but one, an extension, dissociate": `<recording xmlns="urn:ietf:params:xml:ns:recording:1"><datamode>complete</datamode><group group_id="g"/>
			<session session_id="2026"><group-ref>g</group-ref></session><participant participant_id="p"><nameID aor="sip:bob@biloxi.com"><name>Bob</name></nameID></participant>
			<stream stream_id="w" session_id="2026"><label>96</label></stream><participantsessionassoc participant_id="p" session_id="2026"/>
			<participantstreamassoc participant_id="p"><send>w</send></participantstreamassoc>
			<participantstreamassoc participant_id="q"><send>w</send><dissociate-time>2026-01-01T00:00:00Z</dissociate-time></participantstreamassoc>
			<x xmlns="http://example.com" version="1.1"><user userID="1"/></x></recording>`,
	} {
		m, err := siprec.Parse([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		s, ok := m.StreamOf("96")
		if !ok || len(m.Sessions) != 1 {
			t.Errorf("%s: %+v", name, m)
		}
		if p, ok := m.Speaker(s.ID); !ok || p.AOR != "sip:bob@biloxi.com" || p.Name != "Bob" {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func TestRefusedDocuments(t *testing.T) {
	wrap := func(s string) string { return `<recording xmlns="` + siprec.Namespace + `">` + s + `</recording>` }
	for what, text := range map[string]string{
		"empty":                "",
		"no XML":               "v=0",
		"cut":                  wrap("")[:20],
		"two roots":            wrap("") + wrap(""),
		"another root":         "<session/>",
		"another namespace":    `<recording xmlns="urn:x"/>`,
		"document type":        "<!DOCTYPE recording>" + wrap(""),
		"entities":             `<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>` + wrap("<reason>&b;</reason>"),
		"entity from a file":   `<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]>` + wrap("&a;"),
		"unknown entity":       wrap("<datamode>&x;</datamode>"),
		"another encoding":     `<?xml version="1.0" encoding="Shift_JIS"?>` + wrap(""),
		"not UTF-8":            wrap("<reason>\xff</reason>"),
		"datamode":             wrap("<datamode>some</datamode>"),
		"participant":          wrap("<participant/>"),
		"session":              wrap("<session/>"),
		"stream":               wrap("<stream/>"),
		"group":                wrap("<group/>"),
		"association":          wrap("<participantstreamassoc/>"),
		"deep":                 wrap(strings.Repeat("<a>", 20) + strings.Repeat("</a>", 20)),
		"many elements":        wrap(strings.Repeat("<a/>", 2000)),
		"many of one kind":     wrap(strings.Repeat(`<stream stream_id="x"/>`, 65)),
		"long":                 wrap("<!--" + strings.Repeat("x", siprec.MaxSize) + "-->"),
		"unquoted attribute":   wrap("<stream stream_id=x/>"),
		"tags in wrong order":  wrap("<group group_id='x'><session></group></session>"),
		"something behind it":  wrap("") + "<x/>",
		"more than an element": "<recording xmlns='" + siprec.Namespace + "'/><recording/>",
	} {
		if m, err := siprec.Parse([]byte(text)); !errors.Is(err, siprec.ErrMetadata) {
			t.Errorf("%s: %+v, %v", what, m, err)
		}
	}
}

// A call's story by partial documents: hold, resume, transfer.
func TestApply(t *testing.T) {
	m := call()
	step := func(what string, u siprec.Metadata, first, second string) {
		t.Helper()
		u.Partial = true
		parsed, err := siprec.Parse(u.Document())
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Apply(parsed); err != nil {
			t.Fatal(err)
		}
		for stream, want := range map[siprec.ID]string{"1st": first, "2nd": second} {
			if p, _ := m.Speaker(stream); string(p.ID) != want {
				t.Errorf("%s: %s speaks in %s, want %q", what, p.ID, stream, want)
			}
		}
	}
	step("nothing", siprec.Metadata{}, "a", "b")
	step("hold", siprec.Metadata{Flows: []siprec.Flow{{Participant: "b", Receive: []siprec.ID{"1st"}}}}, "a", "")
	step("resume", siprec.Metadata{Flows: []siprec.Flow{{Participant: "b", Send: []siprec.ID{"2nd"}}}}, "a", "b")
	step("transfer", siprec.Metadata{
		Participants: []siprec.Participant{{ID: "c", AOR: "sip:2002@example.jp"}},
		Memberships: []siprec.Membership{{Participant: "b", Session: "s", Parted: noon.Add(time.Minute)},
			{Participant: "c", Session: "s", Associated: noon.Add(time.Minute)}},
		Flows: []siprec.Flow{{Participant: "c", Send: []siprec.ID{"2nd"}}}}, "a", "c")
	step("back", siprec.Metadata{Memberships: []siprec.Membership{{Participant: "c", Session: "s", Parted: noon.Add(2 * time.Minute)},
		{Participant: "b", Session: "s", Associated: noon.Add(2 * time.Minute)}}}, "a", "b")
	if m.Memberships[1].Associated != noon.Add(2*time.Minute) || m.Sessions[0].Started != noon || len(m.Participants) != 3 {
		t.Errorf("%+v", m)
	}
	if err := m.Apply(call()); err != nil || !reflect.DeepEqual(m, call()) {
		t.Errorf("a complete document: %v, %+v", err, m)
	}
}

func TestApplyIsBounded(t *testing.T) {
	m := call()
	for n := range 40 {
		before := len(m.Participants)
		err := m.Apply(siprec.Metadata{Partial: true, Participants: []siprec.Participant{{ID: siprec.ID(fmt.Sprint(n, "x"))}, {ID: siprec.ID(fmt.Sprint(n, "y"))}}})
		if err != nil {
			if !errors.Is(err, siprec.ErrMetadata) || before != 64 || len(m.Participants) != 64 {
				t.Errorf("%v with %d participants", err, len(m.Participants))
			}
			return
		}
	}
	t.Errorf("%d participants", len(m.Participants))
}

func TestKnows(t *testing.T) {
	m := call()
	for want, u := range map[bool]siprec.Metadata{
		true:  {Flows: []siprec.Flow{{Participant: "a", Send: []siprec.ID{"1st"}}}},
		false: {Flows: []siprec.Flow{{Participant: "stranger", Send: []siprec.ID{"1st"}}}},
	} {
		if m.Knows(u) != want {
			t.Errorf("%+v: %v", u, !want)
		}
	}
	if m.Knows(siprec.Metadata{Flows: []siprec.Flow{{Participant: "a", Send: []siprec.ID{"3rd"}}}}) {
		t.Error("a stream that nobody named is known")
	}
}

// FuzzParse: nothing panics, and what was read is what a second reading of our own print gives.
func FuzzParse(f *testing.F) {
	f.Add(call().Document())
	f.Add([]byte(`<recording><participant id="&#65;"><nameID aor="x"/></participant></recording>`))
	f.Add([]byte(`<a:recording xmlns:a="urn:ietf:params:xml:ns:recording"><a:stream id=" "/></a:recording>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := siprec.Parse(text)
		if err != nil {
			return
		}
		printed := m.Document()
		again, err := siprec.Parse(printed)
		if err != nil && len(printed) <= siprec.MaxSize && !strings.Contains(err.Error(), "too many") { // what was left out comes in
			t.Fatalf("own print refused: %v\n%s", err, printed)
		}
		if err == nil && len(again.Streams) != len(m.Streams) {
			t.Fatalf("%+v\n%+v", m, again)
		}
		if err := m.Apply(again); err != nil && !errors.Is(err, siprec.ErrMetadata) {
			t.Fatal(err)
		}
	})
}
