package event

import (
	"context"
	"encoding/xml"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"naisen/sip/siptest"
	"naisen/sip/stack"
)

const domain = "192.0.2.100" // siptest phones take their proxy's address for their domain

var (
	pbxAddr   = netip.MustParseAddrPort("192.0.2.100:5060")
	watchAddr = netip.MustParseAddrPort("192.0.2.1:5060")
	bob       = AOR{"bob", domain}
)

// rig is a switch with nothing but events; whoever sends is believed.
type rig struct {
	*siptest.Network
	t     *testing.T
	n     *Notifier
	p     *Publications
	watch *siptest.Phone
	s     *stack.Stack

	mu     sync.Mutex // guards the rest
	lines  map[AOR][]Dialog
	boxes  map[AOR]Messages
	regs   map[AOR][]Contact
	denied map[AOR]bool
	until  time.Time   // of every proof
	from   *stack.Flow // of the last request
}

func (r *rig) Dialogs(a AOR) []Dialog {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lines[a])
}
func (r *rig) Messages(a AOR) Messages { r.mu.Lock(); defer r.mu.Unlock(); return r.boxes[a] }
func (r *rig) Ended(string) string     { return "" }
func (r *rig) Contacts(a AOR) []Contact {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.regs[a])
}
func (r *rig) Ack(*stack.Request)            {}
func (r *rig) Cancel(*stack.ServerTx)        {}
func (r *rig) FlowClosed(f *stack.Flow)      { r.n.FlowClosed(f) }
func (r *rig) reachable(a AOR) bool          { return len(r.Contacts(a)) > 0 }
func (r *rig) StrayResponse(*stack.Response) {}

func (r *rig) judge(w, _ AOR, _ string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.denied[w] {
		return 403
	}
	return 200
}

func (r *rig) Request(tx *stack.ServerTx) {
	req := tx.Request()
	r.mu.Lock()
	r.from = req.Flow
	r.mu.Unlock()
	from, to := AOR{req.From().URI.User, domain}, AOR{req.URI.User, domain}
	switch {
	case req.Method == "PUBLISH":
		r.p.Publish(tx, Watcher{AOR: from, Until: r.until})
	case req.To().Tag() == "":
		r.n.Subscribe(tx, Watcher{AOR: from, Proof: "password", Until: r.until}, to)
	case !r.n.Refresh(tx):
		_ = tx.Respond(stack.NewResponse(req, 481, ""))
	}
}

// set changes the state of bob and tells it.
func (r *rig) set(dialogs ...Dialog) {
	r.mu.Lock()
	r.lines[bob] = slices.Clone(dialogs)
	r.mu.Unlock()
	r.n.Changed("dialog", bob)
	r.n.Changed("presence", bob)
}

func inBubble(t *testing.T, cfg Config, f func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, cfg, 1)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.s.Serve(ctx) }()
		f(r)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func newRig(t *testing.T, cfg Config, seed uint64) *rig {
	n := siptest.NewNetwork(seed)
	n.Usual(siptest.Link{Delay: 10 * time.Millisecond})
	r := &rig{Network: n, t: t, watch: n.Phone(t, "watcher", watchAddr, pbxAddr), lines: map[AOR][]Dialog{}, boxes: map[AOR]Messages{},
		regs: map[AOR][]Contact{}, denied: map[AOR]bool{}}
	n.Host("pbx", pbxAddr.Addr())
	log := slog.New(slog.DiscardHandler)
	var err error
	r.s, err = stack.New(n.Config(stack.Listen{Transport: "udp", Addr: pbxAddr}, stack.Listen{Transport: "tcp", Addr: pbxAddr}), r, log)
	if err != nil {
		t.Fatal(err)
	}
	r.p = NewPublications(r.s, PublishConfig{PerAOR: 2, Total: 3, Changed: func(a AOR) { r.n.Changed("presence", a) }}, log)
	cfg.Packages = []Package{DialogInfo(r), MessageSummary(r), Registrations(r, time.Now), Presence(r.reachable, r, r.p, nil)}
	if cfg.Judge == nil {
		cfg.Judge = r.judge
	}
	r.n = New(r.s, cfg, log)
	return r
}

// subscription as the watching phone sees it.
type seen struct {
	r    *rig
	sent *stack.Request
	resp *stack.Response
	cseq uint32
}

// request makes a SUBSCRIBE to bob.
func (r *rig) request(event string, change func(*stack.Request)) *stack.Request {
	req := r.watch.NewRequest("SUBSCRIBE", "bob")
	req.Set("Event", event)
	req.Set("Expires", "600")
	if change != nil {
		change(req)
	}
	return req
}

// subscribe does it, and fails the test unless 200 comes.
func (r *rig) subscribe(event string, change func(*stack.Request)) *seen {
	r.t.Helper()
	req, resp := r.watch.Do(r.request(event, change))
	if resp.Status != 200 {
		r.t.Fatalf("SUBSCRIBE: %d %s", resp.Status, resp.Reason)
	}
	n, _ := req.CSeq()
	return &seen{r, req, resp, n}
}

// again sends a SUBSCRIBE within the dialog.
func (s *seen) again(expires int, change func(*stack.Request)) *stack.Response {
	s.r.t.Helper()
	req := s.r.watch.InDialog("SUBSCRIBE", s.sent, s.resp)
	s.cseq++
	req.Set("CSeq", fmt.Sprint(s.cseq, " SUBSCRIBE"))
	req.Set("Event", s.sent.Get("Event"))
	req.Set("Expires", fmt.Sprint(expires))
	if change != nil {
		change(req)
	}
	_, resp := s.r.watch.Do(req)
	return resp
}

// notified takes the next NOTIFY and answers it.
func (r *rig) notified(status int) *stack.Request {
	r.t.Helper()
	req := r.watch.Expect("NOTIFY")
	r.watch.Reply(req, status, nil)
	return req
}

// told takes the next NOTIFY and compares its Subscription-State and what its document says in short.
func (r *rig) told(state, want string) *stack.Request {
	r.t.Helper()
	req := r.notified(200)
	if got := req.Get("Subscription-State"); !strings.HasPrefix(got, state) {
		r.t.Errorf("Subscription-State: %s, want %s", got, state)
	}
	if got := short(r.t, req); got != want {
		r.t.Errorf("NOTIFY says %q, want %q", got, want)
	}
	return req
}

// short is a dialog-info in one line: its version, and the dialogs with their states.
func short(t *testing.T, req *stack.Request) string {
	t.Helper()
	if len(req.Body) == 0 {
		return ""
	}
	if req.Get("Content-Type") != "application/dialog-info+xml" {
		return string(req.Body)
	}
	var info struct {
		Version int    `xml:"version,attr"`
		State   string `xml:"state,attr"`
		Dialogs []struct {
			ID    string `xml:"id,attr"`
			State string `xml:"state"`
		} `xml:"dialog"`
	}
	if err := xml.Unmarshal(req.Body, &info); err != nil || info.State != "full" {
		t.Errorf("%v in\n%s", err, req.Body)
	}
	out := fmt.Sprint(info.Version)
	for _, d := range info.Dialogs {
		out += " " + d.ID + ":" + d.State
	}
	return out
}

// pass lets virtual time go by; only in a bubble.
func pass(d time.Duration) { time.Sleep(d) }
