package main

import (
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// twins are two switches on one PostgreSQL.
type twins struct {
	t    *testing.T
	a, b *lab
}

func newTwins(t *testing.T) *twins {
	t.Helper()
	_, database := postgres(t)
	mounted := t.TempDir()
	share := func(c *Config, node string) {
		c.Store, c.Node, c.Storage.Path, c.Recording.Journals = database, node, filepath.Join(mounted, "objects"), filepath.Join(mounted, "journals")
	}
	a := newLab(t, func(c *Config) { share(c, "a") })
	dir := t.TempDir()
	shareKeys(t, a.p.config.path("keys"), filepath.Join(dir, "keys"))
	b := newLab(t, func(c *Config) { share(c, "b"); c.Data = dir })
	p := &twins{t, a, b}
	until(t, "they know each other", func() bool { return p.know(a, "b") && p.know(b, "a") })
	return p
}

// shareKeys does what an operator does for another node.
func shareKeys(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := filepath.Join(to, strings.TrimPrefix(path, from))
		if d.IsDir() {
			return os.MkdirAll(name, 0o700)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(name, text, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (p *twins) know(l *lab, other string) bool {
	_, ok := l.p.nodes.Other(other)
	return ok
}

// phone of an extension at one of them, registered.
func (p *twins) phone(l *lab, number string) *siptest.Phone {
	p.t.Helper()
	x := siptest.NewPhone(p.t, number, l.socket(netip.MustParseAddr("127.0.0.1")), l.at("udp"))
	x.Domain, x.Steady = l.p.config.Domain, true
	x.Auth = siptest.Digest(number, p.a.p.first.Extensions[number].Reveal())
	x.Register(3600)
	return x
}

// has waits until a switch knows that the telephone of a number is another one's.
func (p *twins) has(l *lab, number, node string) {
	p.t.Helper()
	until(p.t, number+" is reached by "+node, func() bool {
		found := l.p.registrar.Lookup(number + "@" + l.p.config.Domain)
		return len(found) == 1 && found[0].Node == node
	})
}

// TestTwoNodes: a telephone that is registered at one switch is reached by a call that enters at the other, with everything that belongs to a call, and what is
// changed at one is live at the other.
func TestTwoNodes(t *testing.T) {
	t.Parallel()
	p := newTwins(t)
	alice, bob := p.phone(p.a, "2001"), p.phone(p.b, "2002")
	p.has(p.a, "2002", "b")
	p.has(p.b, "2001", "a")
	p.a.calls(alice, bob)()
	p.b.calls(bob, alice)()
	p.rest()
	p.bobsPart(alice, bob)
	p.strangers(bob)
	p.pretends(alice)
	if p.a.p.nodes.Mine() == p.b.p.nodes.Mine() {
		t.Errorf("what one node does: a %v, b %v", p.a.p.nodes.Mine(), p.b.p.nodes.Mine())
	}
	p.changes()
	until(t, "call records", func() bool { return len(p.b.records()) == 5 })
	carol := p.moves()
	p.b.stop()
	until(t, "b has left", func() bool { return !p.know(p.a, "b") && p.a.p.nodes.Mine() })
	if n := len(p.a.p.registrar.Lookup("2002@" + p.a.p.config.Domain)); n != 1 {
		t.Errorf("2002 has %d telephones, not the one that is here", n)
	}
	if p.a.alarmed("node-away") {
		t.Error("who leaves in order is missed")
	}
	p.a.calls(alice, carol)()
}

// bobsPart: the called side re-invites and hangs up, a call is cancelled, and one is declined.
func (p *twins) bobsPart(alice, bob *siptest.Phone) {
	p.t.Helper()
	inv := p.a.authorised(alice, callTo(alice, "2002"))
	in := bob.Expect("INVITE")
	if list, err := in.RecordRoutes(); err != nil || len(list) != 2 {
		p.t.Errorf("Record-Route %v, %v", list, err)
	}
	answer := bob.Reply(in, 200, func(r *stack.Response) { r.SetBody("application/sdp", offer(bob.Addr.Addr())) })
	alice.Ack(inv, alice.ExpectStatus(200, "INVITE"))
	bob.Expect("ACK")
	again := bob.FromCallee("INVITE", in, answer)
	again.SetBody("application/sdp", offer(bob.Addr.Addr()))
	bob.Send(again)
	bob.Ack(again, bob.ExpectStatus(200, "INVITE"))
	bob.Send(bob.FromCallee("BYE", in, answer))
	alice.Reply(alice.Expect("BYE"), 200, nil)
	bob.ExpectStatus(200, "BYE")

	inv = p.a.authorised(alice, callTo(alice, "2002"))
	in = bob.Expect("INVITE")
	bob.Reply(in, 180, nil)
	alice.ExpectStatus(180, "INVITE")
	alice.Cancel(inv)
	alice.ExpectStatus(200, "CANCEL")
	calledOff(bob, in)
	alice.Ack(inv, alice.ExpectStatus(487, "INVITE"))

	inv = p.a.authorised(alice, callTo(alice, "2002"))
	bob.Reply(bob.Expect("INVITE"), 486, nil)
	bob.Expect("ACK")
	alice.Ack(inv, alice.ExpectStatus(486, "INVITE"))
}

// strangers: nobody who is no node says where a node sends what to a telephone, and nobody talks to a node by way of another but in a dialog.
func (p *twins) strangers(bob *siptest.Phone) {
	p.t.Helper()
	found := p.b.p.registrar.Lookup("2002@" + p.b.p.config.Domain)
	_, by, ok := p.a.p.signalling.way(p.a.p.registrar.Lookup(found[0].AOR)[0])
	if !ok || len(by) != 1 {
		p.t.Fatalf("way %v, %v", by, ok)
	}
	for _, route := range []string{by[0].String(), "<sip:to-node.0.AAAA.a@127.0.0.1;lr>"} {
		r := bob.NewRequest("MESSAGE", "2002")
		r.Set("Route", route)
		r.SetTo(sip.Address{URI: r.To().URI}.WithTag("x"))
		bob.Send(r)
		bob.ExpectStatus(403, "MESSAGE")
	}
}

// changes: what is put at one is live at the other.
func (p *twins) changes() {
	p.t.Helper()
	slowest := time.Duration(0)
	for i, at := range []*lab{p.a, p.b, p.a, p.b, p.a} {
		other := p.b
		if at == p.b {
			other = p.a
		}
		number := "210" + string(rune('0'+i))
		began := time.Now()
		at.put(provisioning.Extension{Number: number})
		if err := other.p.directory.WaitVersion(p.t.Context(), at.p.directory.Snapshot().Version()); err != nil {
			p.t.Fatal(err)
		}
		if _, ok := other.p.directory.Snapshot().Extension(p.a.p.config.Domain, number); !ok {
			p.t.Errorf("%s is not live at the other switch", number)
		}
		slowest = max(slowest, time.Since(began))
	}
	p.t.Logf("the slowest of 5 changes was live at the other switch, with its transaction, after %s", slowest)
}

// moves: a second telephone of a number, at the other switch.
func (p *twins) moves() *siptest.Phone {
	p.t.Helper()
	bob := p.phone(p.a, "2002") // another port: another contact
	until(p.t, "both telephones of 2002 are known at b", func() bool {
		own, foreign := 0, 0
		for _, x := range p.b.p.registrar.Lookup("2002@" + p.b.p.config.Domain) {
			if x.Node == "a" {
				foreign++
			} else {
				own++
			}
		}
		return own == 1 && foreign == 1
	})
	return bob
}
