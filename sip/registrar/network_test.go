package registrar_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"naisen/sip"
	"naisen/sip/auth"
	"naisen/sip/registrar"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

const realm = "192.0.2.100" // siptest phones take their proxy's address for their domain

// pbx is as much of a switch as registration needs.
type pbx struct {
	a *auth.Authenticator
	r *registrar.Registrar
}

func (p *pbx) Request(tx *stack.ServerTx) {
	req := tx.Request()
	switch o := p.a.Check(req, realm, 401).(type) {
	case auth.OK:
		if to := req.To().URI; to.User != o.User {
			_ = tx.Respond(stack.NewResponse(req, 403, ""))
			return
		}
		p.r.Register(tx, registrar.Right{AOR: o.User + "@" + realm, Domain: realm})
	case auth.Challenge:
		_ = tx.Challenge(o.Response)
	case auth.Refused:
		_ = tx.Respond(o.Response)
	}
}

func (p *pbx) Ack(*stack.Request)            {}
func (p *pbx) Cancel(*stack.ServerTx)        {}
func (p *pbx) StrayResponse(*stack.Response) {}
func (p *pbx) FlowClosed(f *stack.Flow)      { p.r.FlowClosed(f) }

type book struct{}

func (book) Lookup(r, user string) (auth.Credential, bool) {
	return auth.Credential{HA1SHA256: auth.HA1(auth.SHA256, user, r, "secret")}, user == "alice"
}

type world struct {
	*siptest.Network
	t     *testing.T
	r     *registrar.Registrar
	alice *siptest.Phone
}

var (
	pbxAddr   = netip.MustParseAddrPort("192.0.2.100:5060")
	aliceAddr = netip.MustParseAddrPort("192.0.2.1:5060")
)

func inBubble(t *testing.T, f func(*world)) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(1)
		n.Usual(siptest.Link{Delay: 10 * time.Millisecond})
		w := &world{Network: n, t: t, alice: n.Phone(t, "alice", aliceAddr, pbxAddr)}
		w.alice.Auth = siptest.Digest("alice", "secret")
		n.Host("pbx", pbxAddr.Addr())
		w.r = registrar.New(registrar.Config{}, nil, slog.New(slog.DiscardHandler))
		p := &pbx{a: auth.New(auth.Config{}, book{}), r: w.r}
		s, err := stack.New(n.Config(stack.Listen{Transport: "udp", Addr: pbxAddr}, stack.Listen{Transport: "tcp", Addr: pbxAddr}), p, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.r.Start(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { ended <- s.Serve(ctx) }()
		f(w)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := w.r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func (w *world) bindings(want int) []registrar.Binding {
	w.t.Helper()
	b := w.r.Lookup("alice@" + realm)
	if len(b) != want {
		w.t.Fatalf("%d bindings, want %d", len(b), want)
	}
	return b
}

func TestPhoneRegistersWithDigest(t *testing.T) {
	inBubble(t, func(w *world) {
		w.alice.Register(300)
		if b := w.bindings(1)[0]; b.Target().Flow.Remote() != aliceAddr || b.Contact.User != "alice" {
			t.Errorf("%+v", b)
		}
		w.alice.Register(0)
		w.bindings(0)
		siptest.Golden(t, "register.ladder", w.Ladder())
	})
}

func TestWrongPasswordAndForeignAOR(t *testing.T) {
	inBubble(t, func(w *world) {
		w.alice.Auth = siptest.Digest("alice", "guess")
		if _, resp := w.alice.Do(w.alice.NewRequest("REGISTER", "")); resp.Status != 401 {
			t.Errorf("wrong password: %d", resp.Status)
		}
		w.alice.Auth = siptest.Digest("alice", "secret")
		r := w.alice.NewRequest("REGISTER", "")
		to := r.To()
		to.URI.User = "boss"
		r.SetTo(to)
		if _, resp := w.alice.Do(r); resp.Status != 403 { // B6
			t.Errorf("another's AOR: %d", resp.Status)
		}
		if w.r.Count() != 0 {
			t.Error("a binding was made")
		}
	})
}

// D10 on a real connection of the stack: the phone's process dies, and its binding with it.
func TestConnectionTakesItsBindingAlong(t *testing.T) {
	inBubble(t, func(w *world) {
		w.Host("tcp phone", netip.MustParseAddr("192.0.2.7"))
		conn, err := w.DialStream(t.Context(), netip.MustParseAddr("192.0.2.7"), pbxAddr)
		if err != nil {
			t.Fatal(err)
		}
		first := exchange(t, conn, "")
		exchange(t, conn, authorization(t, first))
		if b := w.bindings(1)[0]; b.Transport != "tcp" || !b.Target().Flow.Alive() {
			t.Errorf("%+v", b)
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		<-time.NewTimer(time.Second).C
		synctest.Wait()
		w.bindings(0)
		if w.r.Count() != 0 {
			t.Error("the binding is still in the table")
		}
	})
}

// TestFlowTimer: a phone that promised to keep its connection alive (RFC 5626 section 4.4.1) and does not loses it, with its binding, a quarter
// later than it was told; pings keep it, and one that promised nothing may be silent.
func TestFlowTimer(t *testing.T) {
	const outbound = "Supported: outbound\r\n"
	for name, tc := range map[string]struct {
		contact, supported string
		pings              int // each after 110 s
		lives              time.Duration
	}{
		"silent":           {";reg-id=1;+sip.instance=\"<urn:uuid:1>\"", outbound, 0, 150 * time.Second},
		"pings for a time": {";reg-id=1;+sip.instance=\"<urn:uuid:1>\"", outbound, 3, 3*110*time.Second + 150*time.Second},
		"without promise":  {"", "", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				w.Host("tcp phone", netip.MustParseAddr("192.0.2.7"))
				conn, err := w.DialStream(t.Context(), netip.MustParseAddr("192.0.2.7"), pbxAddr)
				if err != nil {
					t.Fatal(err)
				}
				extra := tc.supported + "Expires: 1800\r\n"
				first := exchangeAs(t, conn, tc.contact, extra)
				resp := exchangeAs(t, conn, tc.contact, extra+authorization(t, first))
				if told := resp.Get("Flow-Timer"); (told == "120") != (tc.supported != "") {
					t.Fatalf("Flow-Timer %q", told)
				}
				for range tc.pings {
					<-time.NewTimer(110 * time.Second).C
					if _, err := conn.Write([]byte("\r\n\r\n")); err != nil {
						t.Fatal(err)
					}
				}
				if tc.lives == 0 {
					<-time.NewTimer(20 * time.Minute).C
					w.bindings(1)
					return
				}
				<-time.NewTimer(tc.lives - time.Duration(tc.pings)*110*time.Second - time.Second).C
				w.bindings(1)
				<-time.NewTimer(2 * time.Second).C
				synctest.Wait()
				w.bindings(0)
			})
		})
	}
}

// The phone's connection ends in a call and it registers over a new one: that is where the rest of the call goes. A stranger who
// registers the same contact from another host gets nothing of it.
func TestRerouteToTheNewConnection(t *testing.T) {
	inBubble(t, func(w *world) {
		dial := func(host string) net.Conn {
			w.Host(host, netip.MustParseAddr(host))
			conn, err := w.DialStream(t.Context(), netip.MustParseAddr(host), pbxAddr)
			if err != nil {
				t.Fatal(err)
			}
			return conn
		}
		sign := func(conn net.Conn) registrar.Binding {
			exchange(t, conn, authorization(t, exchange(t, conn, "")))
			return w.bindings(1)[0]
		}
		first := dial("192.0.2.7")
		old := sign(first)
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		<-time.NewTimer(time.Second).C
		if to, ok := w.r.Reroute(old.Contact, old.Flow); ok {
			t.Errorf("nobody is there: %+v", to)
		}
		stranger := dial("192.0.2.8")
		sign(stranger)
		if to, ok := w.r.Reroute(old.Contact, old.Flow); ok {
			t.Errorf("a call goes to another host: %+v", to)
		}
		if err := stranger.Close(); err != nil {
			t.Fatal(err)
		}
		<-time.NewTimer(time.Second).C
		again := dial("192.0.2.7")
		now := sign(again)
		if to, ok := w.r.Reroute(old.Contact, old.Flow); !ok || to.Flow != now.Flow || to.Flow == old.Flow {
			t.Errorf("%+v %v, want the new connection", to, ok)
		}
		if to, ok := w.r.Reroute(sip.URI{Scheme: "sip", User: "bob", Host: "192.0.2.7"}, old.Flow); ok {
			t.Errorf("another contact: %+v", to)
		}
	})
}

// D9 for the rest of a call: the phone's NAT gives it another port, and its REGISTER moves the dialog along. A UDP pair may be somebody
// else's later, so that there the contact has to be the phone's, and a registration over the old pair ends it.
func TestDialogFollowsThePortOfItsPhone(t *testing.T) {
	inBubble(t, func(w *world) {
		sign := func(p *siptest.Phone, instance string) {
			r := p.NewRequest("REGISTER", "")
			r.Set("Contact", "<sip:alice@10.0.0.9>;reg-id=1;+sip.instance=\"<urn:uuid:"+instance+">\"")
			r.Add("Supported", "outbound")
			r.Set("Call-ID", p.Addr.String()+"-"+instance) // both phones count alike
			if _, resp := p.Do(r); resp.Status != 200 || resp.Get("Require") != "outbound" {
				t.Fatal(resp.Status, resp.Lines("Require"))
			}
		}
		phone := func(port uint16) *siptest.Phone {
			p := w.Phone(w.t, "alice", netip.AddrPortFrom(aliceAddr.Addr(), port), pbxAddr)
			p.Auth = siptest.Digest("alice", "secret")
			return p
		}
		own, other := sip.URI{Scheme: "sip", User: "alice", Host: "10.0.0.9"}, sip.URI{Scheme: "sip", User: "bob", Host: "10.0.0.9"}
		first, second := phone(6001), phone(6002)
		sign(first, "1")
		old := w.bindings(1)[0].Flow
		if to, ok := w.r.Reroute(own, old); ok {
			t.Errorf("moved without a reason: %+v", to)
		}
		sign(second, "1")
		if to, ok := w.r.Reroute(own, old); !ok || to.Flow.Remote() != second.Addr {
			t.Errorf("%+v %v, want the new port", to, ok)
		}
		if to, ok := w.r.Reroute(other, old); ok {
			t.Errorf("somebody else's dialog: %+v", to)
		}
		sign(first, "2")
		if to, ok := w.r.Reroute(own, old); ok {
			t.Errorf("the pair has a new owner: %+v", to)
		}
	})
}

func register(extra string) string { return registerAs("", extra) }

func registerAs(contact, extra string) string {
	return "REGISTER sip:192.0.2.100 SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.7:5060;branch=z9hG4bK" + fmt.Sprint(len(extra)) + "\r\n" +
		"From: <sip:alice@192.0.2.100>;tag=a\r\nTo: <sip:alice@192.0.2.100>\r\nCall-ID: tcp\r\nCSeq: " + fmt.Sprint(len(extra)+1) + " REGISTER\r\n" +
		"Max-Forwards: 70\r\nContact: <sip:alice@192.0.2.7;transport=tcp>" + contact + "\r\n" + extra + "Content-Length: 0\r\n\r\n"
}

func exchange(t *testing.T, conn net.Conn, extra string) *stack.Response {
	t.Helper()
	return exchangeAs(t, conn, "", extra)
}

func exchangeAs(t *testing.T, conn net.Conn, contact, extra string) *stack.Response {
	t.Helper()
	if _, err := conn.Write([]byte(registerAs(contact, extra))); err != nil {
		t.Fatal(err)
	}
	var text []byte
	for b := make([]byte, 4096); !strings.HasSuffix(string(text), "\r\n\r\n"); {
		n, err := conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, b[:n]...)
	}
	_, resp, err := stack.Parse(text)
	if err != nil || resp == nil {
		t.Fatalf("%v: %s", err, text)
	}
	return resp
}

func authorization(t *testing.T, challenge *stack.Response) string {
	t.Helper()
	req, _, err := stack.Parse([]byte(register("")))
	if err != nil {
		t.Fatal(err)
	}
	if err := auth.Authorize(req, challenge, auth.ClientCredential{User: "alice", Secret: "secret", Realm: realm}, nil); err != nil {
		t.Fatal(err)
	}
	return "Authorization: " + req.Get("Authorization") + "\r\n"
}
