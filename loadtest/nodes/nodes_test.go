package nodes

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"naisen/loadtest/peer"
	"naisen/provisioning/store/postgrestest"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

var program string

func TestMain(m *testing.M) { os.Exit(peer.Main(m, &program, 1)) }

// rig is two switches, each a process, on one PostgreSQL, and a telephone at each: 2001 at a, 2002 at b.
type rig struct {
	t          *testing.T
	pg         *postgrestest.Server
	a, b       *peer.PBX
	alice, bob *siptest.Phone
	placed     int // calls that must have one record each
}

func newRig(t *testing.T, drain time.Duration) *rig { return newRigBy(t, drain, nil) }

// newRigBy leads switch a to the database by another way.
func newRigBy(t *testing.T, drain time.Duration, way func(pg *postgrestest.Server) (url string)) *rig {
	t.Helper()
	pg, err := postgrestest.Start(t.Context(), nil, nil)
	must(t, err)
	t.Cleanup(func() { must(t, pg.Close()) })
	must(t, pg.Make(t.Context(), "naisen"))
	word, err := pg.Password()
	must(t, err)
	file := filepath.Join(t.TempDir(), "password")
	must(t, os.WriteFile(file, []byte(word), 0o600))
	r := &rig{t: t, pg: pg}
	start := func(node, keys string) *peer.PBX {
		dir, url := t.TempDir(), pg.URL("naisen")
		if node == "a" && way != nil {
			url = way(pg)
		}
		p, err := peer.NewPBX(program, dir, peer.Options{YAML: fmt.Sprintf("node: %s\nstore:\n  url: %q\n  password: %q\ndrain: %s\n", node, url, "file:"+file, drain)})
		must(t, err)
		if keys != "" {
			copyKeys(t, keys, p.Var("keys"))
		}
		must(t, p.Run(t.Context()))
		t.Cleanup(func() { p.Stop() })
		return p
	}
	r.a = start("a", "")
	r.b = start("b", r.a.Var("keys"))
	r.seen(r.a, "b", true, 0)
	r.seen(r.b, "a", true, 0)
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// copyKeys does what an operator does for another node.
func copyKeys(t *testing.T, from, to string) {
	t.Helper()
	must(t, filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
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
	}))
}

// phone registers at a switch.
func (r *rig) phone(p *peer.PBX, number string) *siptest.Phone {
	r.t.Helper()
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(r.t, err)
	x := siptest.NewPhone(r.t, number, socket, netip.MustParseAddrPort(p.UDP))
	x.Domain, x.Auth = p.Domain, siptest.Digest(number, r.a.Passwords[number])
	x.Register(3600)
	return x
}

func (r *rig) told(p *peer.PBX, node string, alive bool) int {
	return strings.Count(p.Output(), fmt.Sprintf("node=%s alive=%v", node, alive))
}

// seen waits until a switch says once more than before that it sees the other one come, or go.
func (r *rig) seen(p *peer.PBX, node string, alive bool, before int) {
	r.t.Helper()
	if err := peer.Until(30*time.Second, func() bool { return r.told(p, node, alive) > before }); err != nil {
		r.t.Fatalf("%s alive %v: %v\n%s", node, alive, err, p.Output())
	}
}

// waits answers what a telephone that says nothing is asked meanwhile: whether it is there.
func (r *rig) waits(p *siptest.Phone, done func() bool) {
	r.t.Helper()
	for range 600 {
		if done() {
			return
		}
		if m, ok := p.Read(50 * time.Millisecond); ok && m.Request != nil && m.Request.Method == "OPTIONS" {
			p.Reply(m.Request, 200, nil)
		}
	}
	r.t.Fatalf("in vain\n%s", r.a.Output())
}

func offer(p *siptest.Phone) []byte {
	a := p.Addr.Addr()
	return []byte(fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n", a, a))
}

// invite places a call, which has a record whatever comes of it.
func (r *rig) invite(from *siptest.Phone, to string) *stack.Request {
	r.t.Helper()
	inv := from.NewRequest("INVITE", to)
	inv.SetBody("application/sdp", offer(from))
	from.Send(inv)
	challenge := from.ExpectStatus(401, "INVITE")
	from.Ack(inv, challenge)
	inv = from.Again(inv)
	must(r.t, from.Auth(inv, challenge))
	from.Send(inv)
	r.placed++
	return inv
}

// talk brings a call up; hangUp ends it by the caller.
func (r *rig) talk(from, to *siptest.Phone) (hangUp func(), inv *stack.Request, resp *stack.Response) {
	r.t.Helper()
	inv = r.invite(from, to.Name)
	in := to.Expect("INVITE")
	to.Reply(in, 200, func(a *stack.Response) { a.SetBody("application/sdp", offer(to)) })
	resp = from.ExpectStatus(200, "INVITE")
	from.Ack(inv, resp)
	to.Expect("ACK")
	return func() {
		r.t.Helper()
		from.Send(from.InDialog("BYE", inv, resp))
		to.Reply(to.Expect("BYE"), 200, nil)
		from.ExpectStatus(200, "BYE")
	}, inv, resp
}

func (r *rig) call(from, to *siptest.Phone) {
	r.t.Helper()
	end, _, _ := r.talk(from, to)
	end()
}

// reachable places calls until one gets through: a registration is known at the other switch after half a second, and a switch that was started after two.
func (r *rig) reachable(from, to *siptest.Phone) {
	r.t.Helper()
	for range 100 {
		if r.rings(from, to) {
			return
		}
	}
	r.t.Fatalf("%s does not reach %s", from.Name, to.Name)
}

// rings places one call, which is declined where it rings.
func (r *rig) rings(from, to *siptest.Phone) bool {
	r.t.Helper()
	inv := r.invite(from, to.Name)
	for range 100 {
		if m, ok := to.Read(100 * time.Millisecond); ok && m.Request != nil && m.Request.Method == "INVITE" {
			to.Reply(m.Request, 486, nil)
			to.Expect("ACK")
			from.Ack(inv, from.ExpectStatus(486, "INVITE"))
			return true
		}
		if m, ok := from.Read(100 * time.Millisecond); ok && m.Response != nil && m.Response.Status >= 300 {
			from.Ack(inv, m.Response)
			r.t.Logf("%s: %d %s", from.Name, m.Response.Status, m.Response.Reason)
			return false
		}
	}
	r.t.Fatalf("%s: no answer", from.Name)
	return false
}

// counted: each call has one record, and each record its rows in the index of parties; the audit log is whole.
func (r *rig) counted() {
	r.t.Helper()
	began := time.Now()
	defer func() {
		r.t.Logf("%d calls are counted after %s", r.placed, time.Since(began).Round(10*time.Millisecond))
	}()
	var got string
	want := fmt.Sprintf("%d|%d|%d", r.placed, r.placed, r.placed)
	if err := peer.Until(60*time.Second, func() bool {
		var err error
		got, err = r.pg.SQL(r.t.Context(), "naisen", `SELECT (SELECT count(*) FROM cdr), (SELECT count(DISTINCT id) FROM cdr_party WHERE number = '2001'),
			(SELECT count(DISTINCT id) FROM cdr_party WHERE number = '2002')`)
		return err == nil && got == want
	}); err != nil {
		r.t.Errorf("records and the calls of each party: %s, want %s", got, want)
	}
	if out, err := r.a.Command(r.t.Context(), "", "audit", "verify", "--config", filepath.Join(r.a.Dir, "pbx.yaml")); err != nil {
		r.t.Errorf("%v\n%s", err, out)
	}
}

// noted: there is an answered call in a's notes, which are what is known of it when a dies.
func (r *rig) noted() bool {
	text, err := os.ReadFile(r.a.Var("calls.running"))
	must(r.t, err)
	open := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		var e struct {
			Note *struct {
				CDR struct {
					ID       string
					Answered time.Time
				}
			}
			Gone string
		}
		if json.Unmarshal([]byte(line), &e) != nil {
			return false // it is being written
		}
		if e.Note != nil && !e.Note.CDR.Answered.IsZero() {
			open[e.Note.CDR.ID] = true
		}
		delete(open, e.Gone)
	}
	return len(open) > 0
}

// upgrade: a switch is restarted in order, and the calls that go by way of it go on: either side still hangs up.
func (r *rig) upgrade() {
	r.t.Helper()
	gone := r.told(r.a, "b", false)
	endFirst, _, _ := r.talk(r.alice, r.bob)
	inv := r.invite(r.alice, "2002")
	in := r.bob.Expect("INVITE")
	answer := r.bob.Reply(in, 200, func(a *stack.Response) { a.SetBody("application/sdp", offer(r.bob)) })
	r.alice.Ack(inv, r.alice.ExpectStatus(200, "INVITE"))
	r.bob.Expect("ACK")
	r.b.Stop()
	must(r.t, r.b.Run(r.t.Context()))
	r.seen(r.b, "a", true, 0)
	if r.told(r.a, "b", false) != gone {
		r.t.Error("a switch that left in order counts as dead")
	}
	r.bob.Send(r.bob.FromCallee("BYE", in, answer))
	r.alice.Reply(r.alice.Expect("BYE"), 200, nil)
	r.bob.ExpectStatus(200, "BYE")
	endFirst()
	r.reachable(r.alice, r.bob)
	r.counted()
}

// TestFaults: PostgreSQL hangs and crashes, a switch hangs, and each switch dies, while telephones call from one to the other. What can go on goes on, what
// cannot is refused at once, and every call has its one record.
func TestFaults(t *testing.T) {
	r := newRig(t, time.Second)
	r.alice, r.bob = r.phone(r.a, "2001"), r.phone(r.b, "2002")
	r.reachable(r.alice, r.bob)
	r.reachable(r.bob, r.alice)
	r.call(r.alice, r.bob)
	r.call(r.bob, r.alice)

	end, _, _ := r.talk(r.alice, r.bob) // the database hangs under calls
	must(t, r.pg.Freeze())
	end()
	r.call(r.bob, r.alice)
	r.bob.Register(1800)
	must(t, r.pg.Thaw())
	r.call(r.alice, r.bob)

	end, _, _ = r.talk(r.alice, r.bob) // and crashes
	r.pg.Crash()
	end()
	r.call(r.alice, r.bob)
	must(t, r.pg.Run(t.Context()))
	r.counted()

	gone, came := r.told(r.a, "b", false), r.told(r.a, "b", true)
	must(t, r.b.Signal(syscall.SIGSTOP)) // a switch hangs: its telephones are away, and nothing waits for it
	r.seen(r.a, "b", false, gone)
	inv := r.invite(r.alice, "2002")
	r.alice.Ack(inv, r.alice.ExpectStatus(480, "INVITE"))
	must(t, r.b.Signal(syscall.SIGCONT))
	r.seen(r.a, "b", true, came)
	r.call(r.alice, r.bob)
	r.counted()

	r.upgrade()

	_, inv, resp := r.talk(r.alice, r.bob) // a switch dies under a call at the other
	gone, came = r.told(r.a, "b", false), r.told(r.a, "b", true)
	r.b.Kill()
	died := time.Now()
	r.waits(r.alice, func() bool { return r.told(r.a, "b", false) > gone })
	carol := r.phone(r.a, "2002") // the telephone has another flow
	r.call(r.alice, carol)
	t.Logf("new calls flow %s after the death of the other switch", time.Since(died).Round(10*time.Millisecond))
	r.alice.Send(r.alice.InDialog("BYE", inv, resp))
	r.alice.ExpectStatus(200, "BYE")
	carol.Register(0)
	must(t, r.b.Run(t.Context()))
	r.seen(r.a, "b", true, came)
	r.reachable(r.alice, r.bob) // it has its telephones again
	r.counted()

	r.talk(r.alice, r.bob)                       // the switch dies that has the call: the next start says so
	must(t, peer.Until(10*time.Second, r.noted)) // a call is noted a quarter of a second after it began
	r.a.Kill()
	must(t, r.a.Run(t.Context()))
	r.reachable(r.bob, r.alice)
	r.reachable(r.alice, r.bob)
	r.counted()
}
