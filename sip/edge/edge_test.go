package edge_test

import (
	"context"
	"log/slog"
	"maps"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"naisen/sip"
	"naisen/sip/edge"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

var (
	here  = netip.MustParseAddrPort("192.0.2.10:5060") // the node whose edge it is
	other = netip.MustParseAddrPort("192.0.2.11:5060") // the node that has the call
	bob   = netip.MustParseAddrPort("192.0.2.2:5060")
)

const (
	aor = "2002@pbx.example"
	key = "<sip:bob@192.0.2.2>"
)

// fake knows one other node by its address, and one telephone.
type fake struct{ dead, gone bool }

func (f *fake) Who(flow *stack.Flow) (string, bool) { return "b", flow.Remote() == other }
func (f *fake) Way(node string) (stack.Target, bool) {
	return stack.Target{Transport: "udp", Addr: other}, node == "b" && !f.dead
}
func (f *fake) Here(a, k string) (stack.Target, bool) {
	return stack.Target{Transport: "udp", Addr: bob}, a == aor && k == key && !f.gone
}
func (f *fake) Self() sip.URI { return sip.URI{Scheme: "sip", Host: "192.0.2.10", Port: 5060} }

// user is the stack's transaction user where there is nothing but the edge.
type user struct {
	e      *edge.Edge
	enters string          // what is said of who calls; empty: nobody's call enters elsewhere
	said   map[string]bool // by Subject: a node says who calls; nil: nobody looks
}

func (u *user) Request(tx *stack.ServerTx) {
	if u.e.Request(tx) {
		return
	}
	if u.said != nil {
		who, ok := u.e.Entered(tx.Request())
		u.said[tx.Request().Get("Subject")] = ok && who == "bob"
	}
	if u.enters == "" || !u.e.Enter(tx, "b", aor, key, u.enters) {
		_ = tx.Respond(stack.NewResponse(tx.Request(), 404, ""))
	}
}
func (u *user) Ack(r *stack.Request)          { u.e.Ack(r) }
func (u *user) Cancel(tx *stack.ServerTx)     { u.e.Cancel(tx) }
func (u *user) StrayResponse(*stack.Response) {}
func (u *user) FlowClosed(*stack.Flow)        {}

type bench struct {
	t         *testing.T
	user      *user
	nodes     *fake
	node, bob *siptest.Phone
}

func play(t *testing.T, script func(b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		network := siptest.NewNetwork(1)
		network.Usual(siptest.Link{Delay: 10 * time.Millisecond})
		u, nodes := &user{}, &fake{}
		st, err := stack.New(network.Config(stack.Listen{Transport: "udp", Addr: here}), u, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		u.e = edge.New(st, nodes, []byte("0123456789abcdef0123456789abcdef"))
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); _ = st.Serve(ctx) }()
		script(&bench{t, u, nodes, network.Phone(t, "node", other, here), network.Phone(t, "bob", bob, here)})
		pass(time.Minute)
		cancel()
		<-done
	})
}

func pass(d time.Duration) { <-time.After(d) }

// invite is what the other node sends to a telephone here.
func (b *bench) invite() *stack.Request {
	r := b.node.NewRequest("INVITE", "bob")
	r.URI = b.bob.Contact()
	r.Add("Route", edge.Route(b.nodes.Self(), aor, key).String())
	r.Add("Subject", "日本語")
	r.SetBody("application/sdp", []byte("offer"))
	b.node.Send(r)
	return r
}

// A whole call by way of the edge: it stands in the route of both sides twice, changes nothing else, and every request of the dialog passes, from either side.
func TestCall(t *testing.T) {
	play(t, func(b *bench) {
		out := b.invite()
		in := b.bob.Expect("INVITE")
		list, err := in.RecordRoutes()
		if err != nil || len(list) != 2 || list[0].URI.User == list[1].URI.User || in.Has("Route") || in.MaxForwards() != 69 || in.Get("Subject") != "日本語" ||
			string(in.Body) != "offer" || in.Get("Contact") != out.Get("Contact") || in.Get("From") != out.Get("From") {
			t.Errorf("%v, %v, %+v", list, err, in)
		}
		b.bob.Reply(in, 180, nil)
		b.node.ExpectStatus(180, "INVITE")
		answer := b.bob.Reply(in, 200, func(r *stack.Response) { r.SetBody("application/sdp", []byte("answer")) })
		resp := b.node.ExpectStatus(200, "INVITE")
		if resp.Get("To") != answer.Get("To") || string(resp.Body) != "answer" || len(resp.Lines("Via")) != 1 {
			t.Errorf("%+v", resp)
		}
		b.node.Ack(out, resp)
		b.bob.Expect("ACK")
		for _, method := range []string{"INFO", "UPDATE"} {
			b.bob.Send(b.bob.FromCallee(method, in, answer))
			r := b.node.Expect(method)
			if r.Has("Route") || r.URI.String() != b.node.Contact().String() {
				t.Errorf("%s %s by %v", method, r.URI, r.Lines("Route"))
			}
			b.node.Reply(r, 200, nil)
			b.bob.ExpectStatus(200, method)
			b.node.Send(b.node.InDialog(method, out, resp))
			b.bob.Reply(b.bob.Expect(method), 488, nil)
			b.node.ExpectStatus(488, method)
		}
		b.node.Send(b.node.InDialog("BYE", out, resp))
		b.bob.Reply(b.bob.Expect("BYE"), 200, nil)
		b.node.ExpectStatus(200, "BYE")
	})
}

func TestCancelAndRefusal(t *testing.T) {
	play(t, func(b *bench) {
		out := b.invite()
		in := b.bob.Expect("INVITE")
		b.bob.Reply(in, 180, nil)
		b.node.ExpectStatus(180, "INVITE")
		b.node.Cancel(out)
		b.node.ExpectStatus(200, "CANCEL")
		b.bob.Reply(b.bob.Expect("CANCEL"), 200, nil)
		b.bob.Reply(in, 487, nil)
		b.bob.Expect("ACK")
		b.node.Ack(out, b.node.ExpectStatus(487, "INVITE"))
		out = b.invite()
		b.bob.Reply(b.bob.Expect("INVITE"), 486, nil)
		b.bob.Expect("ACK")
		b.node.Ack(out, b.node.ExpectStatus(486, "INVITE"))
	})
}

// A telephone that is not here any more, one that does not answer, a node that is dead, and a request that goes in circles.
func TestWhatCannotPass(t *testing.T) {
	play(t, func(b *bench) {
		b.nodes.gone = true
		out := b.invite()
		b.node.Ack(out, b.node.ExpectStatus(430, "INVITE"))
		b.nodes.gone = false
		out = b.invite()
		in := b.bob.Expect("INVITE")
		answer := b.bob.Reply(in, 200, nil)
		b.node.Ack(out, b.node.ExpectStatus(200, "INVITE"))
		b.bob.Expect("ACK")
		b.nodes.dead = true
		b.bob.Send(b.bob.FromCallee("BYE", in, answer))
		b.bob.ExpectStatus(481, "BYE")
		r := b.node.NewRequest("OPTIONS", "bob")
		r.Add("Route", edge.Route(b.nodes.Self(), aor, key).String())
		r.Set("Max-Forwards", "0")
		b.node.Send(r)
		b.node.ExpectStatus(483, "OPTIONS")
		b.bob.Silence(time.Second)
	})
}

// Nobody but a node sends to a telephone by its binding. Nobody reaches a node but in a dialog that came by way of this edge: not with a mark that he made up,
// nor with that of another dialog.
func TestStrangers(t *testing.T) {
	play(t, func(b *bench) {
		out := b.invite()
		in := b.bob.Expect("INVITE")
		b.bob.Reply(in, 486, nil)
		b.node.Ack(out, b.node.ExpectStatus(486, "INVITE"))
		list, _ := in.RecordRoutes()
		mark := list[0].String()
		r := b.bob.NewRequest("INVITE", "x")
		r.Add("Route", edge.Route(b.nodes.Self(), aor, key).String())
		b.bob.Expect("ACK")
		b.bob.Send(r)
		b.bob.ExpectStatus(403, "INVITE")
		for _, c := range []struct{ route, callID, tag string }{
			{mark, in.CallID(), ""},
			{mark, "another", "t"},
			{"<sip:to-node.0.AAAAAAAAAAAAAAAAAAAAAA.b@192.0.2.10;lr>", in.CallID(), "t"},
			{"<sip:to-node.@192.0.2.10;lr>", in.CallID(), "t"},
			{"<sip:to-phone.!@192.0.2.10;lr>", in.CallID(), "t"},
		} {
			r := b.bob.NewRequest("MESSAGE", "x")
			r.Set("Call-ID", c.callID)
			if c.tag != "" {
				r.SetTo(sip.Address{URI: r.To().URI}.WithTag(c.tag))
			}
			r.Add("Route", c.route)
			b.bob.Send(r)
			b.bob.ExpectStatus(403, "MESSAGE")
		}
		r = b.bob.NewRequest("MESSAGE", "x")
		r.Add("Route", "<sip:192.0.2.10;lr>")
		b.bob.Send(r)
		b.bob.ExpectStatus(404, "MESSAGE") // not the edge's
		r = b.bob.NewRequest("MESSAGE", "x")
		r.Set("Call-ID", in.CallID())
		r.SetTo(sip.Address{URI: r.To().URI}.WithTag("t"))
		r.Add("Route", mark)
		b.bob.Send(r) // in a dialog, as far as this node knows: the other one judges
		b.node.Reply(b.node.Expect("MESSAGE"), 481, nil)
		b.bob.ExpectStatus(481, "MESSAGE")
	})
}

// TestEnter: a telephone's call begins at the other node, which is told who calls by this one alone, and every request of the dialog passes.
func TestEnter(t *testing.T) {
	play(t, func(b *bench) {
		b.user.enters = "bob, as proved here"
		out := b.bob.NewRequest("INVITE", "700")
		out.Set("X-Naisen-Caller", "the mayor")
		out.Set("Authorization", `Digest username="bob"`)
		out.Set("Route", "<sip:192.0.2.10;lr>")
		b.bob.Send(out)
		in := b.node.Expect("INVITE")
		list, err := in.RecordRoutes()
		if err != nil || len(list) != 2 || in.Has("Authorization") || in.Has("Route") || in.Get("Contact") != out.Get("Contact") {
			t.Errorf("%v, %v, %+v", list, err, in)
		}
		if got := in.Lines("X-Naisen-Caller"); len(got) != 1 || got[0] != "bob, as proved here" {
			t.Errorf("who calls: %q", got)
		}
		answer := b.node.Reply(in, 200, nil)
		resp := b.bob.ExpectStatus(200, "INVITE")
		b.bob.Ack(out, resp)
		b.node.Expect("ACK")
		b.node.Send(b.node.FromCallee("INFO", in, answer))
		r := b.bob.Expect("INFO")
		if r.Has("Route") {
			t.Errorf("INFO by %v", r.Lines("Route"))
		}
		b.bob.Reply(r, 200, nil)
		b.node.ExpectStatus(200, "INFO")
		b.bob.Send(b.bob.InDialog("BYE", out, resp))
		b.node.Reply(b.node.Expect("BYE"), 200, nil)
		b.bob.ExpectStatus(200, "BYE")

		out = b.bob.NewRequest("INVITE", "700")
		b.bob.Send(out)
		in = b.node.Expect("INVITE")
		b.node.Reply(in, 180, nil)
		b.bob.ExpectStatus(180, "INVITE")
		b.bob.Cancel(out)
		b.bob.ExpectStatus(200, "CANCEL")
		b.node.Reply(b.node.Expect("CANCEL"), 200, nil)
		b.node.Reply(in, 487, nil)
		b.node.Expect("ACK")
		b.bob.Ack(out, b.bob.ExpectStatus(487, "INVITE"))

		b.nodes.dead = true
		out = b.bob.NewRequest("INVITE", "700")
		b.bob.Send(out)
		b.bob.Ack(out, b.bob.ExpectStatus(404, "INVITE")) // it is this node's own business again
	})
}

// TestEntered: only a node says who calls, and only with the first request of a dialog.
func TestEntered(t *testing.T) {
	play(t, func(b *bench) {
		b.user.said = map[string]bool{}
		for _, x := range []struct {
			from   *siptest.Phone
			method string
			tag    string
		}{{b.node, "INVITE", ""}, {b.node, "INVITE", "x"}, {b.node, "MESSAGE", ""}, {b.bob, "INVITE", ""}} {
			r := x.from.NewRequest(x.method, "700")
			r.Set("X-Naisen-Caller", "bob")
			if x.tag != "" {
				r.SetTo(sip.Address{URI: r.To().URI}.WithTag(x.tag))
			}
			r.Set("Subject", strings.TrimSpace(x.from.Name+" "+x.method+" "+x.tag))
			x.from.Send(r)
			x.from.ExpectStatus(404, x.method)
		}
		if want := map[string]bool{"node INVITE": true, "node INVITE x": false, "node MESSAGE": false, "bob INVITE": false}; !maps.Equal(b.user.said, want) {
			t.Errorf("%v", b.user.said)
		}
	})
}
