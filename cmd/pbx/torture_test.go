package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"naisen/sip"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// torture is one message of RFC 4475 or RFC 5118, made anew after what its section says, and what the RFC permits as an answer. In its file
// lines end in LF, \xHH is a byte, and {words} are put in when it is sent.
type torture struct {
	name    string
	permits []string // statuses, classes as "4xx", "drop", "close"; after "but" those that are not
	is      string   // what the switch does, one of those
	auth    string   // extension that answers a challenge
	via     []string
	has     string // in the final response
	parses  string // "yes" or "no": what the parser must make of it by itself
	text    string
}

func readTorture(t *testing.T, path string) torture {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m := torture{name: strings.TrimSuffix(filepath.Base(path), ".sip"), via: []string{"udp", "tcp"}}
	head, rest, _ := strings.Cut(string(text), "\n\n")
	m.text = rest
	for _, line := range strings.Split(head, "\n") {
		key, value, _ := strings.Cut(strings.TrimPrefix(line, "# "), ": ")
		switch key {
		case "permits":
			m.permits = strings.Fields(value)
		case "is":
			m.is = value
		case "auth":
			m.auth = value
		case "via":
			m.via = strings.Fields(value)
		case "has":
			m.has = value
		case "parses":
			m.parses = value
		}
	}
	if len(m.permits) == 0 {
		t.Fatalf("%s says nothing of what is permitted", path)
	}
	return m
}

// allows tells whether the RFC permits an outcome.
func (m torture) allows(outcome string) bool {
	yes, no := m.permits, []string(nil)
	if i := slices.Index(yes, "but"); i >= 0 {
		yes, no = yes[:i], yes[i+1:]
	}
	in := func(list []string) bool {
		return slices.Contains(list, outcome) || len(outcome) == 3 && slices.Contains(list, outcome[:1]+"xx")
	}
	return in(yes) && !in(no)
}

// bytes puts in the words. extra are header lines that stand before the others.
func (m torture) bytes(words map[string]string, extra string) []byte {
	text := m.text
	for word, value := range words {
		text = strings.ReplaceAll(text, "{"+word+"}", value)
	}
	line, rest, _ := strings.Cut(text, "\n")
	text = strings.ReplaceAll(line+"\n"+extra+rest, "\n", "\r\n")
	text = escape.ReplaceAllStringFunc(text, func(s string) string {
		n, _ := strconv.ParseUint(s[2:], 16, 8)
		return string([]byte{byte(n)})
	})
	_, body, _ := strings.Cut(text, "\r\n\r\n")
	return []byte(strings.ReplaceAll(text, "{length}", strconv.Itoa(len(body))))
}

// wire is one connection, or datagram socket, to the switch.
type wire struct {
	net.Conn
	transport string
	pending   []byte
}

var errQuiet = errors.New("nothing came")

// reply is a response as it came: some echo what does not parse.
type reply struct {
	status int
	callID string
	raw    []byte
}

var (
	lengthLine = regexp.MustCompile(`(?i)\r\nContent-Length: (\d+)`)
	callIDLine = regexp.MustCompile(`(?i)\r\nCall-ID: ([^\r]*)`)
	escape     = regexp.MustCompile(`\\x[0-9A-Fa-f]{2}`)
)

// next reads the next response. Errors: errQuiet, and those of a connection that ended.
func (l *wire) next(within time.Duration) (reply, error) {
	deadline := time.Now().Add(within)
	buf := make([]byte, 65536)
	for {
		if i := bytes.Index(l.pending, []byte("\r\n\r\n")); i >= 0 {
			n := i + 4
			if length := lengthLine.FindSubmatch(l.pending[:n]); length != nil {
				body, _ := strconv.Atoi(string(length[1]))
				n += body
			}
			if len(l.pending) >= n && n > 12 {
				r := reply{raw: bytes.Clone(l.pending[:n])}
				l.pending = bytes.Clone(l.pending[n:])
				r.status, _ = strconv.Atoi(string(r.raw[8:11]))
				if id := callIDLine.FindSubmatch(r.raw); id != nil {
					r.callID = string(id[1])
				}
				return r, nil
			}
		}
		_ = l.SetReadDeadline(deadline)
		n, err := l.Read(buf)
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			return reply{}, errQuiet
		} else if err != nil {
			return reply{}, err
		}
		l.pending = append(l.pending, buf[:n]...)
	}
}

// tortured sends the messages of one transport, one after another.
type tortured struct {
	t     *testing.T
	l     *lab
	count int
}

func (x *tortured) dial(transport string) *wire {
	x.t.Helper()
	c, err := net.Dial(transport, x.l.at(transport).String())
	if err != nil {
		x.t.Fatal(err)
	}
	return &wire{Conn: c, transport: transport}
}

func (x *tortured) words(c *wire) map[string]string {
	x.count++
	n := strconv.Itoa(x.count)
	return map[string]string{"domain": x.l.p.config.Domain, "transport": strings.ToUpper(c.transport), "from": c.LocalAddr().String(),
		"branch": "z9hG4bK" + c.transport + n, "tag": "t" + n, "cseq": n, "callid": c.transport + n + "@torture"}
}

// outcome sends the message, once more with credentials if it has any, and says what became of it. It gives the final response too.
func (x *tortured) outcome(m torture, transport string) (outcome string, last reply, words map[string]string) {
	c := x.dial(transport)
	defer func() { _ = c.Close() }()
	words = x.words(c)
	if outcome, last = x.exchange(c, m.bytes(words, ""), m.is); outcome != "401" || m.auth == "" {
		return outcome, last, words
	}
	again := x.words(c)
	again["callid"], again["tag"] = words["callid"], words["tag"]
	req, _, _ := stack.Parse(m.bytes(again, ""))
	_, challenge, err := stack.Parse(last.raw)
	if req == nil || err != nil {
		x.t.Fatal("a message that was challenged does not parse, or its challenge", err)
	}
	if err := siptest.Digest(m.auth, x.l.p.first.Extensions[m.auth].Reveal())(req, challenge); err != nil {
		x.t.Fatal(err)
	}
	outcome, last = x.exchange(c, m.bytes(again, "Authorization: "+req.Get("Authorization")+"\n"), m.is)
	return outcome, last, again
}

// exchange sends one message and then a request that must be answered. A drop is proven by that answer; where an answer to the message is
// expected it is waited for.
func (x *tortured) exchange(c *wire, b []byte, expected string) (string, reply) {
	if _, err := c.Write(b); err != nil {
		x.t.Fatal(err)
	}
	probe := "probe" + strings.TrimSuffix(x.words(c)["callid"], "@torture")
	text := fmt.Sprintf("OPTIONS sip:probe SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\nFrom: <sip:p@p>;tag=p\r\nTo: <sip:p@p>\r\n"+
		"Call-ID: %s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n", strings.ToUpper(c.transport), c.LocalAddr(), probe, probe)
	_, _ = c.Write([]byte(text)) // a connection that is closed shows when it is read
	probed, within := false, 20*time.Second
	for {
		r, err := c.next(within)
		switch {
		case errors.Is(err, errQuiet) && probed:
			return "drop", r
		case errors.Is(err, errQuiet):
			x.t.Fatal("the switch no longer answers")
		case err != nil:
			return "close", r
		case r.callID == probe:
			probed = true
			if expected == "drop" {
				within = 30 * time.Millisecond // whatever comes late is not wanted
			}
		case r.status >= 200 && !strings.HasPrefix(r.callID, "probe"): // an earlier one may come late
			return strconv.Itoa(r.status), r
		}
	}
}

// RFC 4475 in full and RFC 5118, each message at the listening switch, over UDP and TCP, with credentials where it takes them to get
// further: it gets what the RFC permits, and always the same.
func TestTorture(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "torture", "*.sip"))
	if err != nil || len(files) != 60 { // 49 of RFC 4475, 11 of RFC 5118
		t.Fatalf("%d files, %v", len(files), err)
	}
	l := newLab(t, func(c *Config) { c.SIP.SourceRate = 10000 })
	x := &tortured{t: t, l: l}
	for _, f := range files {
		m := readTorture(t, f)
		for _, transport := range m.via {
			t.Run(m.name+"/"+transport, func(t *testing.T) {
				x.t = t
				got, last, words := x.outcome(m, transport)
				if !m.allows(got) {
					t.Errorf("%s: the RFC permits %v", got, m.permits)
				}
				if got != m.is && !(transport == "tcp" && got == "close" && m.is == "400") {
					t.Errorf("%s, and it was %s", got, m.is)
				}
				if has := strings.ReplaceAll(m.has, "{from}", words["from"]); !bytes.Contains(last.raw, []byte(has)) {
					t.Errorf("the answer lacks %q:\n%s", has, last.raw)
				}
			})
		}
		if m.parses != "" {
			_, resp, err := stack.Parse(m.bytes(map[string]string{"transport": "UDP"}, ""))
			if (m.parses == "yes") != (err == nil && resp != nil) {
				t.Errorf("%s: parsed %v, %v", m.name, resp, err)
			}
		}
	}
	if n := l.p.stack.Stats().Panics; n != 0 {
		t.Errorf("%d panics", n)
	}
	for _, b := range l.p.registrar.Lookup("2001@" + l.p.config.Domain) {
		if b.Contact.Host != "127.0.0.1" {
			t.Errorf("a message left the binding %s", b.Contact)
		}
	}
}

// The table's own rules bite: what is not permitted is seen.
func TestTortureTableBites(t *testing.T) {
	m := torture{permits: []string{"2xx", "4xx", "drop", "but", "400"}}
	for outcome, want := range map[string]bool{"200": true, "486": true, "drop": true, "400": false, "500": false, "close": false} {
		if got := m.allows(outcome); got != want {
			t.Errorf("%s: %v", outcome, got)
		}
	}
	if _, err := sip.ParseURI("sip:[2001:db8:::192.0.2.1]"); err == nil {
		t.Error("three colons are an address")
	}
}
