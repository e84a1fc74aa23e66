package stack

import (
	"log/slog"
	"net/netip"
	"testing"
)

// answering refuses or accepts by the length of the method, so that both ways of answering are walked.
type answering struct{}

func (answering) Request(tx *ServerTx) {
	r := tx.Request()
	if r.To().Tag() == "" && len(r.Method)%2 == 0 {
		_ = tx.Challenge(NewResponse(r, 401, ""))
		return
	}
	_ = tx.Respond(NewResponse(r, 200, ""))
}
func (answering) Ack(r *Request)            { _ = r.To() }
func (answering) Cancel(tx *ServerTx)       { _ = tx.Respond(NewResponse(tx.Request(), 487, "")) }
func (answering) StrayResponse(r *Response) { _, _ = r.Vias() }
func (answering) FlowClosed(*Flow)          {}

// Whatever a datagram holds, nothing on its way from the socket to the answer panics.
func FuzzReceive(f *testing.F) {
	const rest = "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n\r\n"
	f.Add([]byte("REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1;rport\r\n" + rest))
	f.Add([]byte("REGISTER sip:h SIP/2.0\r\nVia: ,\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n" + rest))
	f.Add([]byte("REGISTER sip:h SIP/7.0\r\nv: SIP/2.0/UDP h:5060;received=x, SIP/2.0/TCP [::1]:1\r\n" + rest))
	f.Add([]byte("SIP/2.0 200 OK\r\nv: SIP/2.0/UDP h;branch=z9hG4bK1\r\nf: <sip:a@h>;tag=1\r\nt: <sip:b@h>;tag=2\r\ni: x\r\nCSeq: 1 INVITE\r\nl: 0\r\n\r\n"))
	f.Add([]byte("CANCEL sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 CANCEL\r\n\r\n"))
	s, err := New(Config{Shards: 1, Listen: []Listen{{Transport: "udp", Addr: netip.MustParseAddrPort("127.0.0.1:0")}},
		Limits: Limits{Rate: 1e9, RatePerSource: 1e9}}, answering{}, slog.New(slog.DiscardHandler))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.packets[0].pc.Close() })
	self := s.packets[0].addr // what is answered comes back to a socket that nobody reads
	f.Fuzz(func(t *testing.T, b []byte) {
		s.datagram(b, &Flow{transport: "udp", local: self, remote: self, udp: s.packets[0]})
		sh := s.shards[0]
		for _, it := range sh.queue.take(nil) {
			sh.handle(it)
		}
		for _, tx := range sh.servers.m { // no timer is waited for
			tx.end()
		}
		if n := s.panics.Load(); n != 0 {
			t.Fatalf("%d panics", n)
		}
	})
}
