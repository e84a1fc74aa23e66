package siem

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"naisen/provisioning"
	"naisen/provisioning/audit"
)

// parsed is a message as the test's own reader takes it apart, strictly by RFC 5424.
type parsed struct {
	pri             int
	time            time.Time
	host, app, proc string
	id, text        string
	sequence        int64
	utf8Mark        bool
}

var header = regexp.MustCompile(`^<([1-9][0-9]{0,2}|0)>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) `)

var elements = regexp.MustCompile(`^\[meta sequenceId="(\d+)"\]\[origin software="([^"\\\]]+)" swVersion="([^"\\\]]+)"\] `)

func parse(t *testing.T, b []byte) parsed {
	t.Helper()
	var p parsed
	h := header.FindSubmatch(b)
	if h == nil {
		t.Fatalf("no header of RFC 5424: %q", b[:min(len(b), 120)])
	}
	p.pri, _ = strconv.Atoi(string(h[1]))
	var err error
	if p.time, err = time.Parse("2006-01-02T15:04:05.999999Z", string(h[2])); err != nil || p.pri > 191 {
		t.Fatalf("%q: %v", h[0], err)
	}
	p.host, p.app, p.proc, p.id = string(h[3]), string(h[4]), string(h[5]), string(h[6])
	b = b[len(h[0]):]
	e := elements.FindSubmatch(b)
	if e == nil {
		t.Fatalf("no structured data: %q", b[:min(len(b), 120)])
	}
	p.sequence, _ = strconv.ParseInt(string(e[1]), 10, 64)
	if p.sequence < 1 || p.sequence > 2147483647 {
		t.Errorf("sequenceId %d (RFC 5424 section 7.3.1)", p.sequence)
	}
	text, marked := bytes.CutPrefix(b[len(e[0]):], []byte("\xEF\xBB\xBF"))
	if !utf8.Valid(text) || marked == (strings.IndexFunc(string(text), func(r rune) bool { return r > 127 }) < 0) {
		t.Errorf("UTF-8 %v, marked as such %v: %q", utf8.Valid(text), marked, text)
	}
	p.utf8Mark, p.text = marked, string(text)
	return p
}

// cefFields reads a CEF message strictly: seven bars that are not escaped, then keys and values.
func cefFields(t *testing.T, text string) (head []string, fields map[string]string) {
	t.Helper()
	var part strings.Builder
	rest := text
	for len(head) < 7 {
		if rest == "" {
			t.Fatalf("a header of %d parts: %q", len(head), text)
		}
		switch {
		case rest[0] == '\\':
			if len(rest) < 2 || rest[1] != '\\' && rest[1] != '|' {
				t.Fatalf("a wrong escape in the header: %q", rest)
			}
			part.WriteByte(rest[1])
			rest = rest[2:]
		case rest[0] == '|':
			head = append(head, part.String())
			part.Reset()
			rest = rest[1:]
		default:
			part.WriteByte(rest[0])
			rest = rest[1:]
		}
	}
	fields = map[string]string{}
	key := regexp.MustCompile(`(?:^| )([A-Za-z][A-Za-z0-9]*)=`)
	at := key.FindAllStringSubmatchIndex(strings.ReplaceAll(rest, `\=`, `\~`), -1)
	for i, m := range at {
		end := len(rest)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		name, value := rest[m[2]:m[3]], rest[m[1]:end]
		if strings.ContainsAny(value, "\n\r") || regexp.MustCompile(`(^|[^\\])(\\\\)*\\[^\\=nr]`).MatchString(value) {
			t.Errorf("%s is not escaped: %q", name, value)
		}
		fields[name] = strings.NewReplacer(`\\`, `\`, `\=`, `=`, `\n`, "\n", `\r`, "\r").Replace(value)
	}
	return head, fields
}

// TestMessages: every event of the table as RFC 5424, in both formats, read by parsers of the test; what strangers wrote stays inside its field.
func TestMessages(t *testing.T) {
	evil := "x] \\ \" | = \n<13>1 a=b 山田 \U0001F4DE"
	seq := int64(0)
	for action := range audit.Events() {
		for _, outcome := range []string{"ok", "denied"} {
			seq++
			_, e, err := audit.Canonical(provisioning.AuditEntry{Seq: seq, Time: time.Unix(1_800_000_000, 123456789), Domain: "a.example", Subject: evil, Action: action, Object: "extension/" + evil, Outcome: outcome,
				Rule: evil, Source: "192.0.2.1", Client: evil, Session: "s", Reason: evil, Detail: map[string]any{"x": evil}})
			if err != nil {
				t.Fatal(err)
			}
			p := parse(t, writer{"pbx 1.example", "1.0", CEF}.message(e))
			head, fields := cefFields(t, p.text)
			if p.pri/8 != 13 || p.host != "pbx_1.example" || p.sequence != seq || p.time.Nanosecond() != 123456000 || !slices.Equal(head[:4], []string{"CEF:0", "Naisen", "pbx", "1.0"}) || head[4] != action {
				t.Errorf("%+v %q", p, head)
			}
			if fields["suser"] != e.Subject || fields["reason"] != e.Reason || fields["externalId"] != fmt.Sprint(seq) || fields["cs1"] != e.Object || fields["outcome"] != outcome || fields["cs1Label"] != "object" {
				t.Errorf("%s: %q", action, fields)
			}
			checkOCSF(t, parse(t, writer{"pbx", "1.0", OCSF}.message(e)), e)
		}
	}
}

// required are what the schema wants of each class, beside what it wants of all (OCSF 1.1.0).
var required = map[int][]string{3001: {"user"}, 3002: {"user", "service"}, 3004: {"entity"}, 6003: {"actor", "api", "src_endpoint"}, 2004: {"finding_info"}}

// highest activity of each class.
var highest = map[int]int{3001: 11, 3002: 5, 3004: 4, 6003: 4, 2004: 3}

func checkOCSF(t *testing.T, p parsed, e provisioning.AuditEntry) {
	t.Helper()
	var event map[string]any
	if err := json.Unmarshal([]byte(p.text), &event); err != nil || p.utf8Mark {
		t.Fatalf("%s: %v", p.text, err)
	}
	number := func(name string) int { n, _ := event[name].(float64); return int(n) }
	class, activity := number("class_uid"), number("activity_id")
	for _, name := range append([]string{"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"}, required[class]...) {
		if event[name] == nil {
			t.Errorf("%s: class %d has no %s", e.Action, class, name)
		}
	}
	if required[class] == nil || activity != 99 && (activity < 1 || activity > highest[class]) || number("type_uid") != class*100+activity || number("category_uid") != class/1000 || number("time") != int(e.Time.UnixMilli()) {
		t.Errorf("%s: %v", e.Action, event)
	}
	meta, _ := event["metadata"].(map[string]any)
	product, _ := meta["product"].(map[string]any)
	if meta["version"] != "1.1.0" || product["vendor_name"] == nil || meta["uid"] != float64(e.Seq) {
		t.Errorf("metadata %v", meta)
	}
	if (number("status_id") == 2) != (e.Outcome == "denied") {
		t.Errorf("%s %s has status %d", e.Action, e.Outcome, number("status_id"))
	}
	more, _ := event["unmapped"].(map[string]any)
	detail, _ := more["detail"].(map[string]any)
	if detail["x"] != e.Detail["x"] || more["rule"] != e.Rule {
		t.Errorf("%s: what has no place of its own reads %v", e.Action, more)
	}
}

// TestLongEntry: an entry of any length is sent, shorter than receivers must take, and says that its detail is left out.
func TestLongEntry(t *testing.T) {
	_, e, err := audit.Canonical(provisioning.AuditEntry{Seq: 1 << 40, Action: "extension.put", Domain: "a.example", Subject: strings.Repeat("山", 300), Object: strings.Repeat("=", 300), Reason: strings.Repeat("\\", 2000),
		Rule: strings.Repeat("|", 300), Detail: map[string]any{"x": strings.Repeat("x", 4000), "y": strings.Repeat("山", 1300)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []Format{CEF, OCSF} {
		m := writer{"pbx", "1.0", f}.message(e)
		p := parse(t, m)
		if len(m) > maxMessage || !strings.Contains(p.text, "too long") {
			t.Errorf("%s: %d octets", f, len(m))
		}
		if f == OCSF && !json.Valid([]byte(p.text)) {
			t.Error("the shorter event is no JSON")
		}
	}
}
