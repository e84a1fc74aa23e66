package registrar

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"naisen/sip/stack"
)

const aor = "1001@example.test"

// bench is a Registrar and one user with phones.
type bench struct {
	t *testing.T
	r *Registrar
	n int // CSeq
}

func newBench(t *testing.T, cfg Config) *bench {
	return &bench{t: t, r: New(cfg, nil, slog.New(slog.DiscardHandler))}
}

var udp = source{
	transport: "udp", received: netip.MustParseAddrPort("192.0.2.1:5060"), local: netip.MustParseAddrPort("203.0.113.1:5060"), flow: &stack.Flow{},
}

func tcp() source {
	return source{transport: "tcp", received: netip.MustParseAddrPort("192.0.2.1:40000"), local: netip.MustParseAddrPort("203.0.113.1:5060"), flow: &stack.Flow{}}
}

// message makes a REGISTER with the given fields. "Call-ID" and "CSeq" among them replace the usual ones.
func message(t testing.TB, cseq int, lines ...string) *stack.Request {
	t.Helper()
	req, _, err := stack.Parse([]byte("REGISTER sip:example.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n" +
		"From: <sip:1001@example.test>;tag=a\r\nTo: <sip:1001@example.test>\r\nMax-Forwards: 70\r\nCall-ID: phone-1\r\n" +
		"CSeq: " + fmt.Sprint(cseq) + " REGISTER\r\nContent-Length: 0\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Call-ID" || name == "CSeq" {
			req.Del(name)
		}
		req.Add(name, value)
	}
	return req
}

// pass lets virtual time go by.
func pass(d time.Duration) {
	<-time.NewTimer(d).C
	synctest.Wait()
}

func (b *bench) register(from source, lines ...string) *stack.Response {
	b.t.Helper()
	b.n++
	return b.r.register(message(b.t, b.n, lines...), from, Right{AOR: aor, Domain: "example.test"})
}

func (b *bench) expect(status int, from source, lines ...string) *stack.Response {
	b.t.Helper()
	resp := b.register(from, lines...)
	if resp.Status != status {
		b.t.Fatalf("%q: %d %s, want %d", lines, resp.Status, resp.Reason, status)
	}
	return resp
}

// users are the user parts of the contacts, best first.
func (b *bench) users() string {
	var u []string
	for _, x := range b.r.Lookup(aor) {
		u = append(u, x.Contact.User)
	}
	return strings.Join(u, " ")
}

func (b *bench) holds(want string) {
	b.t.Helper()
	if got := b.users(); got != want {
		b.t.Fatalf("bindings %q, want %q", got, want)
	}
}

const inst = `;+sip.instance="<urn:uuid:1c2e882b-b9ba-7524-0000-000000000001>"`

func TestRegisterAnswers(t *testing.T) {
	many := make([]string, 6)
	for i := range many {
		many[i] = fmt.Sprintf("<sip:p%d@192.0.2.1>", i)
	}
	long := strings.Repeat("x", 2000)
	for _, c := range []struct {
		name   string
		lines  []string
		status int
		header string // "Name: value" of the answer
	}{
		{"one contact", []string{"Contact: <sip:p@192.0.2.1>;expires=120"}, 200, "Contact: <sip:p@192.0.2.1>;expires=120"},
		{"expiry in the header", []string{"Contact: <sip:p@192.0.2.1>", "Expires: 180"}, 200, "Contact: <sip:p@192.0.2.1>;expires=180"},
		{"parameter wins over header", []string{"Contact: <sip:p@192.0.2.1>;expires=120", "Expires: 180"}, 200, "Contact: <sip:p@192.0.2.1>;expires=120"},
		{"no expiry", []string{"Contact: <sip:p@192.0.2.1>"}, 200, "Contact: <sip:p@192.0.2.1>;expires=300"},
		{"malformed expiry", []string{"Contact: <sip:p@192.0.2.1>;expires=soon"}, 200, "Contact: <sip:p@192.0.2.1>;expires=300"},
		{"cut to the longest", []string{"Contact: <sip:p@192.0.2.1>;expires=99999999999999999999"}, 200, "Contact: <sip:p@192.0.2.1>;expires=3600"},
		{"too short", []string{"Contact: <sip:p@192.0.2.1>;expires=30"}, 423, "Min-Expires: 60"},
		{"query", nil, 200, "Supported: path, outbound, gruu, gin"},
		{"all as sent", []string{`Contact: "Al <1>" <sip:1001%2d1@192.0.2.1:5061;transport=UDP;ob;pn-prid=a:b>` + inst + `;reg-id=1;q=0.5;expires=60;x="<>;"`}, 200,
			`Contact: <sip:1001%2d1@192.0.2.1:5061;transport=UDP;ob;pn-prid=a:b>` + inst + `;reg-id=1;x="<>;";q=0.5;expires=60`},
		{"no brackets", []string{"Contact: sip:p@192.0.2.1;expires=60"}, 200, "Contact: <sip:p@192.0.2.1>;expires=60"},
		{"Path", []string{"Contact: <sip:p@192.0.2.1>", "Path: <sip:edge.test;lr>"}, 200, "Path: <sip:edge.test;lr>"},
		{"Require: path", []string{"Contact: <sip:p@192.0.2.1>", "Require: path"}, 200, ""},
		{"Require of the unknown", []string{"Contact: <sip:p@192.0.2.1>", "Require: path, nothing"}, 420, "Unsupported: nothing"},
		{"C20 * with Expires 300", []string{"Contact: *", "Expires: 300"}, 400, ""},
		{"C20 * without Expires", []string{"Contact: *"}, 400, ""},
		{"C20 * and another", []string{"Contact: *, <sip:p@192.0.2.1>", "Expires: 0"}, 400, ""},
		{"* twice", []string{"Contact: *", "Contact: *", "Expires: 0"}, 400, ""},
		{"*", []string{"Contact: *", "Expires: 0"}, 200, ""},
		{"B18 too many at once", []string{"Contact: " + strings.Join(many, ", ")}, 403, ""},
		{"malformed contact", []string{"Contact: <sip:p@192.0.2.1"}, 400, ""},
		{"not a SIP contact", []string{"Contact: <mailto:a@example.test>"}, 400, ""},
		{"tel contact", []string{"Contact: <tel:+81312345678>"}, 400, ""},
		{"headers in the contact", []string{"Contact: <sip:p@192.0.2.1?Replaces=a>"}, 400, ""},
		{"q above 1", []string{"Contact: <sip:p@192.0.2.1>;q=1.5"}, 400, ""},
		{"q is NaN", []string{"Contact: <sip:p@192.0.2.1>;q=NaN"}, 400, ""},
		{"reg-id 0", []string{"Contact: <sip:p@192.0.2.1>" + inst + ";reg-id=0"}, 400, ""},
		{"one instance and reg-id twice", []string{"Contact: <sip:p@192.0.2.1>" + inst + ";reg-id=1, <sip:q@192.0.2.1>" + inst + ";reg-id=1"}, 400, ""},
		{"one contact twice", []string{"Contact: <sip:p@192.0.2.1>, <sip:p@192.0.2.1;x=1>"}, 400, ""},
		{"long contact", []string{"Contact: <sip:" + long + "@192.0.2.1>"}, 400, ""},
		{"long Call-ID", []string{"Contact: <sip:p@192.0.2.1>", "Call-ID: " + long}, 400, ""},
		{"long Path", []string{"Contact: <sip:p@192.0.2.1>", "Path: <sip:" + long + ";lr>"}, 400, ""},
		{"malformed Path", []string{"Contact: <sip:p@192.0.2.1>", "Path: <sip:"}, 400, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, Config{})
			resp := b.expect(c.status, udp, c.lines...)
			if name, value, ok := strings.Cut(c.header, ": "); ok && !slices.Contains(resp.Lines(name), value) {
				t.Errorf("%s: %q, want %q", name, resp.Lines(name), value)
			}
			if c.status != 200 && b.r.Count() != 0 {
				t.Errorf("refused, but %d bindings", b.r.Count())
			}
		})
	}
}

func TestRequestURIScheme(t *testing.T) {
	b := newBench(t, Config{})
	req := message(t, 1, "Contact: <sip:p@192.0.2.1>")
	req.URI.Scheme = "tel"
	if resp := b.r.register(req, udp, Right{AOR: aor, Domain: "example.test"}); resp.Status != 416 {
		t.Errorf("got %d, want 416", resp.Status)
	}
}

func TestAnswerCarriesTheDate(t *testing.T) {
	b := newBench(t, Config{Clock: func() time.Time { return time.Date(2026, 11, 23, 21, 5, 9, 0, time.FixedZone("JST", 9*3600)) }})
	if got := b.expect(200, udp).Get("Date"); got != "Mon, 23 Nov 2026 12:05:09 GMT" {
		t.Errorf("Date: %s", got)
	}
}

func TestUpdateIsAllOrNothing(t *testing.T) {
	b := newBench(t, Config{})
	b.expect(200, udp, "Contact: <sip:a@192.0.2.1>")
	b.expect(423, udp, "Contact: <sip:b@192.0.2.1>, <sip:c@192.0.2.1>;expires=1")
	b.expect(400, udp, "Contact: <sip:a@192.0.2.1>;expires=0, <sip:c@192.0.2.1>;q=7")
	b.holds("a")
	b.expect(200, udp, "Contact: <sip:a@192.0.2.1>;expires=0, <sip:b@192.0.2.1>;q=0.2, <sip:c@192.0.2.1>;q=0.8")
	b.holds("c b")
	b.expect(200, udp, "Contact: *", "Expires: 0")
	b.holds("")
	if s := b.r.Stats(); s.Bindings != 0 || s.AORs != 0 || s.Registered != 3 || s.Removed != 3 || s.Refused != 2 {
		t.Errorf("%+v", s)
	}
}

// C19, RFC 3261 section 10.3 step 7.
func TestOrderOfRequests(t *testing.T) {
	b := newBench(t, Config{})
	b.expect(200, udp, "Contact: <sip:a@192.0.2.1>", "CSeq: 10 REGISTER")
	b.expect(500, udp, "Contact: <sip:a@192.0.2.1>;expires=0", "CSeq: 9 REGISTER")
	b.expect(500, udp, "Contact: <sip:a@192.0.2.1>;expires=0", "CSeq: 10 REGISTER")
	b.expect(500, udp, "Contact: *", "Expires: 0", "CSeq: 10 REGISTER")
	b.expect(500, udp, "Contact: <sip:b@192.0.2.1>, <sip:a@192.0.2.1>", "CSeq: 10 REGISTER")
	b.holds("a")
	b.expect(200, udp, "CSeq: 3 REGISTER") // a query changes nothing
	b.expect(200, udp, "Contact: <sip:a@192.0.2.1>;expires=0", "CSeq: 1 REGISTER", "Call-ID: after-reboot")
	b.holds("")
}

func TestReplaceRules(t *testing.T) {
	other := strings.Replace(inst, "0001", "0002", 1)
	for _, c := range []struct{ name, first, second, want string }{
		{"same URI", "<sip:a@192.0.2.1>", "<sip:a@192.0.2.1>", "a"},
		{"host in capitals, other parameter", "<sip:a@phone.test;ob>", "<sip:a@PHONE.test>", "a"},
		{"another user", "<sip:a@192.0.2.1>", "<sip:b@192.0.2.1>", "b a"},
		{"another transport", "<sip:a@192.0.2.1>", "<sip:a@192.0.2.1;transport=tcp>", "a a"},
		{"same instance, new URI", "<sip:a@192.0.2.1>" + inst, "<sip:b@192.0.2.1>" + inst, "b"},
		{"same instance and reg-id", "<sip:a@192.0.2.1>" + inst + ";reg-id=1", "<sip:b@192.0.2.9>" + inst + ";reg-id=1", "b"},
		{"same instance, second flow", "<sip:a@192.0.2.1>" + inst + ";reg-id=1", "<sip:b@192.0.2.9>" + inst + ";reg-id=2", "b a"},
		{"another instance, same URI", "<sip:a@192.0.2.1>" + inst, "<sip:a@192.0.2.1>" + other, "a a"},
		{"instance appears", "<sip:a@192.0.2.1>", "<sip:a@192.0.2.1>" + inst, "a"},
		{"instance disappears", "<sip:a@192.0.2.1>" + inst, "<sip:a@192.0.2.1>", "a"},
		{"two contacts of one instance", "<sip:a@192.0.2.1>" + inst, "<sip:b@192.0.2.1>" + inst + ",<sip:c@192.0.2.1>" + inst, "c b a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, Config{})
			b.expect(200, udp, "Contact: "+c.first)
			b.expect(200, udp, "Contact: "+c.second)
			b.holds(c.want)
		})
	}
}

func TestOneBindingMatchedTwice(t *testing.T) {
	b := newBench(t, Config{})
	b.expect(200, udp, "Contact: <sip:a@192.0.2.1>"+inst)
	b.expect(400, udp, "Contact: <sip:b@192.0.2.1>"+inst+", <sip:a@192.0.2.1>;expires=0")
	b.holds("a")
}

// B18: the one registered longest ago gives way.
func TestCap(t *testing.T) {
	b := newBench(t, Config{MaxContacts: 3})
	for i := range 60 {
		b.expect(200, udp, fmt.Sprintf("Contact: <sip:p%d@192.0.2.1>", i))
		if i == 58 {
			b.expect(200, udp, "Contact: <sip:p56@192.0.2.1>")
		}
	}
	b.holds("p59 p56 p58")
	if s := b.r.Stats(); s.Evicted != 57 || s.Bindings != 3 {
		t.Errorf("%+v", s)
	}
	resp := b.r.register(message(t, 99, "Contact: <sip:one@192.0.2.1>"), udp, Right{AOR: aor, Domain: "example.test", MaxContacts: 1})
	if got := resp.Lines("Contact"); len(got) != 1 {
		t.Errorf("with a cap of one: %q", got)
	}
}

func TestTotal(t *testing.T) {
	b := newBench(t, Config{Total: 2})
	b.expect(200, udp, "Contact: <sip:a@192.0.2.1>, <sip:b@192.0.2.1>")
	if got := b.expect(503, udp, "Contact: <sip:c@192.0.2.1>").Get("Retry-After"); got != "60" {
		t.Errorf("Retry-After: %q", got)
	}
	b.expect(200, udp, "Contact: <sip:a@192.0.2.1>")
	b.holds("a b")
}

func TestRemoveAndOnChange(t *testing.T) {
	b := newBench(t, Config{})
	var seen []string
	b.r.OnChange(func(aor string, n int) { seen = append(seen, fmt.Sprint(aor, " ", n)) })
	b.expect(200, udp, "Contact: <sip:a@192.0.2.1>, <sip:b@192.0.2.1>")
	b.expect(200, udp, "Contact: <sip:a@192.0.2.1>") // a refresh is no change
	b.r.Remove("nobody@example.test", EventRejected)
	b.r.Remove(aor, EventRejected)
	b.holds("")
	if want := []string{aor + " 2", aor + " 0"}; !slices.Equal(seen, want) {
		t.Errorf("told %q, want %q", seen, want)
	}
}

// D9: the phone's NAT gave it another port.
func TestBindingMovesWithTheSource(t *testing.T) {
	b := newBench(t, Config{})
	b.expect(200, udp, "Contact: <sip:a@10.0.0.9:5060>")
	moved := udp
	moved.received, moved.flow = netip.MustParseAddrPort("192.0.2.1:1024"), &stack.Flow{}
	b.expect(200, moved, "Contact: <sip:a@10.0.0.9:5060>")
	got := b.r.Lookup(aor)
	if len(got) != 1 || got[0].Target().Flow != moved.flow || got[0].Target().Addr != moved.received {
		t.Errorf("%+v", got)
	}
}

// D10: a connection takes its bindings with it, and only its own.
func TestFlowClosed(t *testing.T) {
	b := newBench(t, Config{})
	one, two := tcp(), tcp()
	b.expect(200, one, "Contact: <sip:a@192.0.2.1;transport=tcp>")
	b.expect(200, one, "Contact: <sip:b@192.0.2.1;transport=tcp>")
	b.expect(200, udp, "Contact: <sip:c@192.0.2.1>")
	b.expect(200, two, "Contact: <sip:b@192.0.2.1;transport=tcp>") // reconnected before the old connection was seen to end
	b.r.FlowClosed(one.flow)
	b.holds("b c")
	b.r.FlowClosed(one.flow)
	b.r.FlowClosed(udp.flow)
	b.holds("b c")
	b.r.FlowClosed(two.flow)
	b.holds("c")
	if len(b.r.flows) != 0 {
		t.Errorf("%d flows left", len(b.r.flows))
	}
}

func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Config{})
		if err := b.r.Start(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if err := b.r.Start(t.Context(), nil); err != ErrStarted {
			t.Errorf("second Start: %v", err)
		}
		var changes int
		b.r.onChange = append(b.r.onChange, func(string, int) { changes++ })
		b.expect(200, udp, "Contact: <sip:a@192.0.2.1>;expires=60, <sip:b@192.0.2.1>;expires=120")
		pass(30 * time.Second)
		resp := b.expect(200, udp)
		if got, want := resp.Lines("Contact"), []string{"<sip:a@192.0.2.1>;expires=30", "<sip:b@192.0.2.1>;expires=90"}; !slices.Equal(got, want) {
			t.Errorf("Contact %q, want %q", got, want)
		}
		pass(30*time.Second - time.Nanosecond)
		b.holds("b a")
		pass(time.Nanosecond)
		b.holds("b")
		if n := b.r.Count(); n != 1 {
			t.Errorf("%d bindings in the table, want 1", n)
		}
		b.expect(200, udp, "Contact: <sip:b@192.0.2.1>;expires=300") // a refresh puts the end off
		pass(299 * time.Second)
		b.holds("b")
		pass(time.Second)
		b.holds("")
		if s := b.r.Stats(); s.Expired != 2 || s.AORs != 0 || changes != 3 {
			t.Errorf("%d changes, %+v", changes, s)
		}
		if err := b.r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// network counts keep-alives by flow.
type network struct {
	pings map[*stack.Flow]int
	flows map[netip.AddrPort]*stack.Flow
}

func (n *network) Flow(_ string, _, remote netip.AddrPort) *stack.Flow { return n.flows[remote] }
func (n *network) Keepalive(f *stack.Flow) error                       { n.pings[f]++; return nil }

func TestKeepalive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Config{})
		n := &network{pings: make(map[*stack.Flow]int)}
		if err := b.r.Start(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		nat, open, stream := udp, udp, tcp()
		nat.flow, open.flow = &stack.Flow{}, &stack.Flow{}
		b.expect(200, nat, "Contact: <sip:nat@10.0.0.9:5060>;expires=3600")
		b.expect(200, open, "Contact: <sip:open@192.0.2.1>;expires=3600")
		b.expect(200, stream, "Contact: <sip:tcp@10.0.0.9;transport=tcp>;expires=3600")
		pass(250 * time.Second)
		if n.pings[nat.flow] != 10 || n.pings[open.flow] != 0 || n.pings[stream.flow] != 0 {
			t.Errorf("pings in 250 s: NAT %d, open %d, TCP %d", n.pings[nat.flow], n.pings[open.flow], n.pings[stream.flow])
		}
		b.expect(200, nat, "Contact: <sip:nat@10.0.0.9:5060>;expires=0")
		pass(time.Minute)
		if n.pings[nat.flow] != 10 {
			t.Error("pinged after it was gone")
		}
		if err := b.r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}
