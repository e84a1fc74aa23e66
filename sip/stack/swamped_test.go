package stack

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
)

type nobody struct{}

func (nobody) Request(*ServerTx)       {}
func (nobody) Ack(*Request)            {}
func (nobody) Cancel(*ServerTx)        {}
func (nobody) StrayResponse(*Response) {}
func (nobody) FlowClosed(*Flow)        {}

// When so many new requests wait that another one would be thrown away, it is thrown away unread; what stands, and who calls for help, is not.
func TestSwamped(t *testing.T) {
	s, err := New(Config{Listen: []Listen{{Transport: "udp", Addr: netip.MustParseAddrPort("127.0.0.1:0")}}, Shards: 1,
		Limits: Limits{Rate: 1 << 20, RatePerSource: 1 << 20}, Urgent: func(r *Request) bool { return r.Method == "INVITE" && r.URI.User == "119" }}, nobody{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	flow := &Flow{transport: "udp", local: s.packets[0].addr, remote: netip.MustParseAddrPort("127.0.0.1:9"), udp: s.packets[0]}
	send := func(n int, method, user, tag, more string) {
		s.datagram(fmt.Appendf(nil, "%s sip:%s@x SIP/2.0\r\n%sVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK%d\r\nMax-Forwards: 70\r\nFrom: <sip:a@x>;tag=a\r\n"+
			"To: <sip:%s@x>%s\r\nCall-ID: %d\r\nCSeq: 1 %s\r\nContact: <sip:a@127.0.0.1:9>\r\nContent-Length: 0\r\n\r\n", method, user, more, n, user, tag, n, method), flow)
	}
	waiting := func() (first, later int) { q := &s.shards[0].queue; return len(q.first), len(q.later) - q.head }
	n := 0
	for ; !s.swamped(); n++ {
		if n > 2*shardQueue {
			t.Fatal("never swamped")
		}
		send(n, "INVITE", "2001", "", "")
	}
	if first, later := waiting(); first != 0 || later != n || s.Stats().Shed != 0 {
		t.Fatalf("%d and %d wait of %d", first, later, n)
	}
	send(n+1, "INVITE", "2001", "", "")
	send(n+2, "REGISTER", "2001", "", "broken line\r\n") // would be counted as malformed if anybody looked
	if first, later := waiting(); first != 0 || later != n || s.Stats().QueueFull != 2 || s.Stats().Malformed != 0 {
		t.Errorf("%d and %d wait of %d, %+v", first, later, n, s.Stats())
	}
	send(n+3, "BYE", "2001", ";tag=b", "")
	send(n+4, "INVITE", "119", "", "")
	send(n+5, "INVITE", "2001", ";TAG=b", "")
	if first, _ := waiting(); first != 3 {
		t.Errorf("%d of what must not wait are queued", first)
	}
	send(n+6, "BYE", "2001", ";tag=b", "broken line\r\n")
	if s.Stats().Malformed != 1 {
		t.Error("what may stand is not parsed")
	}
	for range n {
		s.shards[0].queue.take(nil)
	}
	if s.swamped() {
		t.Error("swamped without anything that waits")
	}
}

// FuzzDispensable: what the parser takes for a request within a dialog, an ACK, a CANCEL, a response or a call for help is never thrown away.
func FuzzDispensable(f *testing.F) {
	files, err := filepath.Glob("../../cmd/pbx/testdata/torture/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		if b, err := os.ReadFile(name); err == nil {
			f.Add(b)
		}
	}
	f.Add([]byte("BYE sip:a@x SIP/2.0\r\nt\t : <sip:a@x>\r\n ;tag=1\r\nFrom: <sip:a@x>;tag=a\r\nCall-ID: 1\r\nCSeq: 1 BYE\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\r\n\r\n"))
	s := &Stack{cfg: Config{Urgent: func(r *Request) bool { return r.Method == "INVITE" && r.URI.User == "119" }}}
	f.Fuzz(func(t *testing.T, b []byte) {
		if !s.dispensable(b) {
			return
		}
		req, resp, err := parse(b, false, 65535)
		if err == nil && (resp != nil || req != nil && (!makesNew(req) || s.cfg.Urgent(req))) {
			t.Errorf("thrown away: %q", b)
		}
	})
}
