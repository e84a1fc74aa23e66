package registrar

import (
	"strings"
	"testing"

	"naisen/sip"
	"naisen/sip/stack"
)

const ob = "Supported: path, outbound, gruu"

func contact(user string, regID string) string {
	return "Contact: <sip:" + user + "@10.0.0.9;transport=tcp;ob>" + inst + ";reg-id=" + regID
}

func TestOutboundAnswers(t *testing.T) {
	proxied := "Via: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKphone" // a second one: somebody stands between
	for _, c := range []struct {
		name   string
		lines  []string
		status int
		header string
		regID  int // of the binding
	}{
		{"straight from the phone", []string{contact("a", "1"), ob}, 200, "Require: outbound", 1},
		{"keep-alive is asked for", []string{contact("a", "1"), ob}, 200, "Flow-Timer: 120", 1},
		{"Require: outbound", []string{contact("a", "1"), "Require: outbound"}, 200, "Require: outbound", 1},
		{"not asked for, but reg-id counts", []string{contact("a", "2")}, 200, "Supported: path, outbound, gruu, gin", 2},
		{"edge proxy that keeps flows", []string{proxied, contact("a", "1"), ob, "Path: <sip:core.test;lr>, <sip:edge.test;lr;ob>"}, 200, "Require: outbound", 1},
		{"the first hop is the lowest Path", []string{proxied, contact("a", "1"), ob, "Path: <sip:core.test;lr;ob>, <sip:edge.test;lr>"}, 439, "", 0},
		{"proxy without Path", []string{proxied, contact("a", "1"), ob}, 439, "", 0},
		{"proxy, and the phone does not insist", []string{proxied, contact("a", "1")}, 200, "", 0},
		{"two contacts at a time", []string{contact("a", "1"), contact("b", "2"), ob}, 400, "", 0},
		{"one moves, one goes", []string{contact("a", "1"), contact("b", "2") + ";expires=0", ob}, 200, "Require: outbound", 1},
		{"reg-id without instance", []string{"Contact: <sip:a@10.0.0.9>;reg-id=1", ob}, 200, "", 0},
		{"reg-id 0", []string{contact("a", "0"), ob}, 400, "", 0},
		{"unknown extension", []string{contact("a", "1"), "Require: outbound, sec-agree"}, 420, "Unsupported: sec-agree", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, Config{})
			resp := b.expect(c.status, udp, c.lines...)
			if name, want, _ := strings.Cut(c.header, ": "); want != "" && resp.Get(name) != want {
				t.Errorf("%s: %q, want %q", name, resp.Get(name), want)
			}
			if c.regID == 0 && (resp.Has("Require") || resp.Has("Flow-Timer")) {
				t.Error("outbound was promised")
			}
			if got := b.r.Lookup(aor); c.status == 200 && (len(got) != 1 || got[0].RegID != c.regID) {
				t.Errorf("%+v, want reg-id %d", got, c.regID)
			}
		})
	}
}

// Several flows of one instance are one device, tried in order; another instance and a plain contact ring beside it.
func TestFlowsOfOneDevice(t *testing.T) {
	b := newBench(t, Config{})
	other := strings.Replace(inst, "0001", "0002", 1)
	b.expect(200, tcp(), contact("one", "1"), ob, "Path: <sip:edge1.test;lr;ob>")
	b.expect(200, tcp(), contact("two", "2"), ob, "Call-ID: 2")
	b.expect(200, tcp(), "Contact: <sip:x@10.0.0.9>"+other+";reg-id=1", ob, "Call-ID: 3")
	b.expect(200, udp, "Contact: <sip:plain@192.0.2.1>", "Call-ID: 4")
	shape := func() string {
		var out []string
		for _, d := range b.r.Devices(aor) {
			var users []string
			for _, f := range d {
				users = append(users, f.Contact.User)
			}
			out = append(out, strings.Join(users, ">"))
		}
		return strings.Join(out, " ")
	}
	if got := shape(); got != "plain x two>one" {
		t.Errorf("devices %q", got)
	}
	b.expect(200, tcp(), contact("again", "1"), ob, "Call-ID: 5") // replaces, whatever its Call-ID and URI
	if got := shape(); got != "again>two plain x" {
		t.Errorf("devices %q", got)
	}
	b.r.FlowClosed(b.r.Devices(aor)[0][0].Flow)
	if got := shape(); got != "plain x two" {
		t.Errorf("devices %q", got)
	}
}

// A dialog follows its phone to the flow that the same AOR registered last for the same instance; nobody else can call it away.
func TestDialogFollowsItsDevice(t *testing.T) {
	uri := sip.URI{Scheme: "sip", User: "a", Host: "10.0.0.9"}
	for _, c := range []struct {
		name     string
		from, to source
		lines    []string // of the second REGISTER
		contact  sip.URI  // of the dialog
		aor      string   // of the second REGISTER
		follows  bool
	}{
		{"same binding over a new connection", tcp(), tcp(), []string{contact("a", "1")}, uri, aor, true},
		{"its other flow", tcp(), tcp(), []string{contact("a", "2"), "Call-ID: 2"}, uri, aor, true},
		{"from another host", tcp(), source{transport: "tcp", received: udp.local, flow: &stack.Flow{}}, []string{contact("b", "1")}, uri, aor, true},
		{"its GRUU is the dialog's contact", tcp(), tcp(), []string{contact("a", "1")},
			sip.URI{Scheme: "sip", User: "1001", Host: "example.test", Params: sip.Params{{Name: "gr", Value: "URN:uuid:1c2e882b-b9ba-7524-0000-000000000001"}}}, aor, true},
		{"another instance", tcp(), tcp(), []string{strings.Replace(contact("a", "1"), "0001", "0002", 1)}, uri, aor, false},
		{"the same instance of another AOR", tcp(), tcp(), []string{contact("a", "1")}, uri, "1002@example.test", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, Config{})
			b.expect(200, c.from, contact("a", "1"), ob)
			if to, ok := b.r.Reroute(c.contact, c.from.flow); ok {
				t.Fatalf("moved without a reason: %+v", to)
			}
			if c.from.transport != "udp" && !strings.Contains(c.lines[0], "reg-id=1") {
				b.r.FlowClosed(c.from.flow)
			}
			if resp := b.r.register(message(t, 9, append(c.lines, ob)...), c.to, Right{AOR: c.aor, Domain: "example.test"}); resp.Status != 200 {
				t.Fatal(resp.Status)
			}
			to, ok := b.r.Reroute(c.contact, c.from.flow)
			if ok != c.follows || ok && to.Flow != c.to.flow {
				t.Errorf("%+v %v, want %v", to, ok, c.follows)
			}
		})
	}
}

func TestWhoLeftIsBounded(t *testing.T) {
	b := newBench(t, Config{Total: 2 * maxMoved})
	for range maxMoved + 10 {
		from := tcp()
		b.expect(200, from, contact("a", "1"), ob)
	}
	if n, m := len(b.r.moves.left), len(b.r.moves.order); n > maxMoved || n != m {
		t.Errorf("%d flows remembered, %d in order", n, m)
	}
}
