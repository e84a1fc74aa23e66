package trace

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

const domain = "a.example"

// desk is a book with a clock that stands still, and flows to tell of.
type desk struct {
	*Book
	now  time.Time
	flow *stack.Flow
}

func newDesk(t *testing.T, c Config) *desk {
	t.Helper()
	d := &desk{now: time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC), flow: flowOf(t)}
	c.Clock = func() time.Time { return d.now }
	d.Book = New(c)
	return d
}

// flowOf is a flow as a stack makes one.
func flowOf(t *testing.T) *stack.Flow {
	t.Helper()
	n := siptest.NewNetwork(1)
	at := netip.MustParseAddrPort("192.0.2.1:5060")
	p := n.Phone(t, "alice", netip.MustParseAddrPort("192.0.2.10:5060"), at)
	got := make(chan *stack.Flow, 1)
	cfg := n.Config(stack.Listen{Transport: "udp", Addr: at})
	cfg.Trace = func(m stack.Traced) {
		select {
		case got <- m.Flow:
		default:
		}
	}
	s, err := stack.New(cfg, handler{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve(t.Context()) }()
	t.Cleanup(func() { _ = s.Close() })
	p.Send(p.NewRequest("OPTIONS", "x"))
	return <-got
}

type handler struct{}

func (handler) Request(tx *stack.ServerTx)    { _ = tx.Respond(stack.NewResponse(tx.Request(), 200, "")) }
func (handler) Ack(*stack.Request)            {}
func (handler) Cancel(*stack.ServerTx)        {}
func (handler) StrayResponse(*stack.Response) {}
func (handler) FlowClosed(*stack.Flow)        {}

// saw tells of a message: "INVITE", or "180 INVITE".
func (d *desk) saw(callID, what string, sent bool) { d.sized(callID, what, sent, 10) }

func (d *desk) sized(callID, what string, sent bool, size int) {
	m := stack.Traced{At: d.now, Sent: sent, Flow: d.flow, CallID: callID, Method: what, Label: what}
	if status, method, ok := strings.Cut(what, " "); ok {
		m.Method = method
		fmt.Sscan(status, &m.Status)
	}
	d.Saw(m, []byte(strings.Repeat("x", size)))
}

// drawn is a call as "leg arrow label".
func (d *desk) drawn(t *testing.T, call string) (out []string) {
	t.Helper()
	c, err := d.Trace(domain, call, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range c.Messages {
		out = append(out, fmt.Sprintf("%s%s%s", c.Legs[m.Leg].CallID, map[bool]string{true: ">", false: "<"}[m.Sent], m.Label))
	}
	return out
}

func (d *desk) want(t *testing.T, call, want string) {
	t.Helper()
	if got := strings.Join(d.drawn(t, call), ", "); got != want {
		t.Errorf("%s: %s, want %s", call, got, want)
	}
}

// A call has the messages of its dialogs from the first INVITE on, also those before anybody knew whose they are.
func TestCallHasItsMessages(t *testing.T) {
	d := newDesk(t, Config{})
	d.saw("in", "INVITE", false)
	d.saw("in", "401 INVITE", true)
	d.saw("in", "ACK", false)
	d.saw("in", "INVITE", false)
	d.saw("other", "OPTIONS", false)
	d.Claim("c1", "in")
	d.saw("out", "INVITE", true)
	d.Claim("c1", "out")
	d.Show("c1", domain, []Party{{"in", "2001"}, {"out", "2002"}, {"", "2003"}}, false)
	d.saw("out", "486 INVITE", false)
	d.Show("c1", domain, nil, true)
	d.saw("in", "486 INVITE", true) // what comes behind the end is still its
	d.saw("other", "200 OPTIONS", true)
	d.want(t, "c1", "in<INVITE, in>401 INVITE, in<ACK, in<INVITE, out>INVITE, out<486 INVITE, in>486 INVITE")
	c, err := d.Trace(domain, "c1", 5)
	if err != nil || !c.Over || len(c.Messages) != 2 || c.Messages[0].N != 6 || len(c.Legs) != 2 {
		t.Errorf("%+v: %v", c, err)
	}
	if in, out := c.Legs[0], c.Legs[1]; !in.Inbound || out.Inbound || in.Number != "2001" || out.Number != "2002" || in.Transport != "udp" || in.Address != "192.0.2.10:5060" {
		t.Errorf("legs %+v", c.Legs)
	}
	for _, c := range [][2]string{{"b.example", "c1"}, {domain, "c2"}, {"", "c1"}} {
		if _, err := d.Trace(c[0], c[1], 0); !errors.Is(err, provisioning.ErrNotFound) {
			t.Errorf("%s: %v", c, err)
		}
		if _, _, err := d.Follow(c[0], c[1]); !errors.Is(err, provisioning.ErrNotFound) {
			t.Errorf("%s: %v", c, err)
		}
	}
}

// A dialog that goes to another call is that one's from then on; a second attempt under an old Call-ID is a new call's.
func TestDialogMoves(t *testing.T) {
	d := newDesk(t, Config{})
	d.saw("in", "INVITE", false)
	d.Claim("c1", "in")
	d.Show("c1", domain, []Party{{"in", "2001"}}, false)
	d.Show("c2", domain, []Party{{"in", "2001"}}, false)
	d.saw("in", "BYE", false)
	d.Show("c1", domain, nil, true)
	d.Show("c2", domain, nil, true)
	d.want(t, "c1", "in<INVITE")
	d.want(t, "c2", "in<BYE")
	d.saw("in", "INVITE", false)
	d.Claim("c3", "in")
	d.Show("c3", domain, nil, false)
	d.want(t, "c3", "in<INVITE")
	d.want(t, "c2", "in<BYE")
}

// Each bound holds, and what was dropped is counted.
func TestBounds(t *testing.T) {
	d := newDesk(t, Config{Bytes: 600 << 10, Keep: time.Minute})
	begin := func(call string) {
		d.saw(call, "INVITE", false)
		d.Claim(call, call)
		d.Show(call, domain, nil, false)
	}
	begin("many")
	for i := range 300 {
		d.saw("many", fmt.Sprintf("INFO%d", i), false)
	}
	got := d.drawn(t, "many")
	if len(got) != callMessages || got[0] != "many<INVITE" || got[headMessages] != "many<INFO120" || got[callMessages-1] != "many<INFO299" || d.Stats().Dropped != 101 {
		t.Errorf("%d messages: %q, dropped %d", len(got), got, d.Stats().Dropped)
	}
	if c, _ := d.Trace(domain, "many", 0); c.Dropped != 101 {
		t.Errorf("dropped %d", c.Dropped)
	}
	for _, call := range []string{"large", "larger"} {
		begin(call)
		for range 100 {
			d.sized(call, "INFO", false, 8<<10)
		}
	}
	if s := d.Stats(); s.Bytes > 600<<10 || s.Bytes < 500<<10 || s.Evicted != 0 {
		t.Errorf("%+v", s)
	}
	begin("late") // there is room for a little
	before := d.Stats().Dropped
	for range 20 {
		d.sized("late", "INFO", false, 8<<10)
	}
	if s := d.Stats(); s.Bytes > 600<<10 || s.Dropped <= before {
		t.Errorf("%+v", s)
	}
	d.Show("large", domain, nil, true)
	d.sized("late", "INFO", false, 8<<10) // the one that is over gives way
	if _, err := d.Trace(domain, "large", 0); !errors.Is(err, provisioning.ErrNotFound) || d.Stats().Evicted != 1 {
		t.Errorf("%v %+v", err, d.Stats())
	}
	for i := range callLegs + 5 {
		d.Claim("late", fmt.Sprint("leg", i))
	}
	if c, _ := d.Trace(domain, "late", 0); len(c.Legs) != callLegs {
		t.Errorf("%d legs", len(c.Legs))
	}
}

// Strangers' attempts push out one another, not the messages of calls; everything goes when its time has come.
func TestStrangers(t *testing.T) {
	d := newDesk(t, Config{Keep: time.Minute})
	for i := range 3 * maxPending {
		for range 2 * pendingMessages {
			d.saw(fmt.Sprint("s", i), "INVITE", false)
		}
	}
	s := d.Stats()
	if want := uint64(3*maxPending*2*pendingMessages - maxPending*pendingMessages); s.Unclaimed != want || s.Bytes > maxPending*pendingMessages*(overhead+10) || s.Calls != 0 {
		t.Errorf("%+v, want %d unclaimed", s, want)
	}
	d.saw("in", "INVITE", false)
	d.Claim("c1", "in")
	d.Show("c1", domain, nil, true)
	d.now = d.now.Add(time.Minute - 1)
	d.want(t, "c1", "in<INVITE")
	d.now = d.now.Add(1)
	d.saw("", "OPTIONS", false)
	d.saw("x", "OPTIONS", false)
	if s := d.Stats(); s.Bytes != 0 || s.Calls != 0 || len(d.dialogs)+len(d.pending)+len(d.queue) != 0 {
		t.Errorf("%+v is left", s)
	}
}

// Who follows is woken by what comes and by the end, waits for nobody, and there are not too many.
func TestFollow(t *testing.T) {
	d := newDesk(t, Config{})
	d.saw("in", "INVITE", false)
	d.Claim("c1", "in")
	d.Show("c1", domain, nil, false)
	rings, stop, err := d.Follow(domain, "c1")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		d.saw("in", "INFO", false)
	}
	<-rings
	d.Show("c1", domain, nil, true)
	<-rings
	for range maxFollowers - 1 {
		if _, _, err := d.Follow(domain, "c1"); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := d.Follow(domain, "c1"); !errors.Is(err, provisioning.ErrInUse) {
		t.Errorf("too many: %v", err)
	}
	stop()
	stop()
	d.saw("in", "BYE", false)
	if _, _, err := d.Follow(domain, "c1"); err != nil {
		t.Error(err)
	}
	select {
	case <-rings:
		t.Error("who stopped was woken")
	default:
	}
}
