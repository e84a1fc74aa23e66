package scenarios

import (
	"encoding/json"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

var (
	bin  string        // the switch, built once for all tests
	last atomic.Uint32 // of the addresses given to phones
)

func TestMain(m *testing.M) { os.Exit(peer.Main(m, &bin, 6)) }

// rig is one switch and what a test has against it.
type rig struct {
	*testing.T
	pbx *peer.PBX
	dir string
}

// newRig starts a switch of its own for the test. When the test ends, no call, session, endpoint or process may be left.
func newRig(t *testing.T) *rig {
	t.Parallel()
	ctx := t.Context()
	r := &rig{T: t, dir: t.TempDir()}
	var err error
	r.pbx, err = peer.NewPBX(bin, r.dir, peer.Options{})
	r.must(err)
	r.must(r.pbx.Run(ctx))
	t.Cleanup(func() {
		r.pbx.Stop()
		if t.Failed() {
			t.Logf("switch said:\n%s", r.pbx.Output())
		}
	})
	r.must(r.pbx.SignIn(ctx))
	return r
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// address is a loopback address and port that no other phone has: each phone is a host of its own, as the limits per source see it.
func (r *rig) address() netip.AddrPort {
	r.Helper()
	n := last.Add(1)
	a := netip.AddrFrom4([4]byte{127, byte(16 + os.Getpid()%200), byte(n >> 8), byte(n)})
	return r.port(a)
}

func (r *rig) port(a netip.Addr) netip.AddrPort {
	r.Helper()
	port, err := peer.FreePort(a.String())
	r.must(err)
	return netip.AddrPortFrom(a, uint16(port))
}

// scenario is one of an extension.
func (r *rig) scenario(file, user, to string, at netip.AddrPort) peer.Scenario {
	return peer.Scenario{File: file, Local: at, Remote: r.pbx.UDP, User: user, Password: r.pbx.Passwords[user], Domain: r.pbx.Domain, To: to}
}

// start runs a scenario beside the test.
func (r *rig) start(s peer.Scenario) *peer.Sipp {
	r.Helper()
	p, err := peer.StartSipp(r.dir, s)
	r.must(err)
	r.Cleanup(p.Stop)
	return p
}

// finish waits for scenarios to end well.
func (r *rig) finish(all ...*peer.Sipp) {
	r.Helper()
	for _, p := range all {
		if err := p.Finish(r.Context()); err != nil {
			r.Error(err)
		}
	}
}

// register signs an extension in from an address, which takes its calls from then on.
func (r *rig) register(user string) netip.AddrPort {
	r.Helper()
	at := r.address()
	r.finish(r.start(r.scenario("register.xml", user, "", at)))
	return at
}

// put changes the data of the domain.
func (r *rig) put(path string, body any) {
	r.Helper()
	status, answer, err := r.pbx.Do(r.Context(), "PUT", path, body)
	r.must(err)
	if status != 200 && status != 201 && status != 204 {
		r.Fatalf("PUT %s: %d %s", path, status, answer)
	}
}

// cdr is a call record as the API gives it.
type cdr struct {
	Direction, From, To, Trunk, Recording, Withheld string

	AnsweredBy string    `json:"answered_by"`
	Answered   time.Time `json:"answered"`
	TalkMS     int       `json:"talk_ms"`
	Status     int
	EndedBy    string `json:"ended_by"`
}

// records waits for n call records, the newest first.
func (r *rig) records(n int) []cdr {
	r.Helper()
	var page struct{ Items []cdr }
	err := peer.Until(10*time.Second, func() bool {
		status, answer, err := r.pbx.Do(r.Context(), "GET", "calls/history", nil)
		page.Items = nil
		return err == nil && status == 200 && json.Unmarshal(answer, &page) == nil && len(page.Items) >= n
	})
	if err != nil || len(page.Items) != n {
		r.Fatalf("%d call records, want %d (%v): %+v", len(page.Items), n, err, page.Items)
	}
	return page.Items
}

// record asserts the one call record. want has the fields that are compared.
func (r *rig) record(want cdr) {
	r.Helper()
	got := r.records(1)[0]
	if got.Direction != want.Direction || got.From != want.From || got.To != want.To || got.AnsweredBy != want.AnsweredBy ||
		got.Status != want.Status || got.EndedBy != want.EndedBy || got.Trunk != want.Trunk || (got.Recording != "") != (want.Recording != "") {
		r.Errorf("call record\n%+v\nwant\n%+v", got, want)
	}
	if answered := want.AnsweredBy != ""; answered != !got.Answered.IsZero() || answered != (got.TalkMS > 0) {
		r.Errorf("answered %v, talked %d ms, answered by %q", got.Answered, got.TalkMS, got.AnsweredBy)
	}
}

// nothingLeft waits until the switch holds no call any more, and asserts that it still answers and has no alarm.
func (r *rig) nothingLeft() {
	r.Helper()
	for _, name := range []string{"naisen_calls", "naisen_sip_sessions", "naisen_media_endpoints"} {
		var v float64
		var err error
		if peer.Until(10*time.Second, func() bool { v, err = r.pbx.Metric(r.Context(), name); return err == nil && v == 0 }) != nil {
			r.Errorf("%s is %v at the end (%v)", name, v, err)
		}
	}
	if out := r.pbx.Output(); strings.Contains(out, "panic") {
		r.Error("the switch panicked")
	}
}
