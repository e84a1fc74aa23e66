// Package resolvetest owns a DNS server on loopback for tests, and the faults that a resolver must live with: dead, slow, refusing, lying.
// It never answers for anything but its own records.
package resolvetest

import (
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// Mode is how the server behaves.
type Mode int

const (
	Honest     Mode = iota
	Dead            // says nothing; those who wait are released when the mode changes
	Failing         // SERVFAIL
	Denying         // every name does not exist
	Lying           // first answers with a wrong ID, to another question, and with records of another name; then the truth
	Forging         // as Lying, without the truth
	Truncating      // nothing fits over UDP
)

// Server is one DNS server, on UDP and TCP of one port.
type Server struct {
	Addr netip.AddrPort

	mu      sync.Mutex
	mode    Mode                // guarded by mu
	records map[string][]dns.RR // guarded by mu; by lower-case owner
	asked   map[string]int      // guarded by mu; by "name TYPE"
	zone    string              // guarded by mu; SOA of denials; empty: none
}

// Start serves records, one per line in zone-file form, until the test ends.
func Start(t testing.TB, records string) *Server {
	t.Helper()
	s := &Server{asked: map[string]int{}, zone: ". 60 IN SOA ns.invalid. me.invalid. 1 60 60 60 60"}
	s.Set(t, records)
	var pc net.PacketConn
	var l net.Listener
	var err error
	for range 20 { // the TCP port of the same number may be taken
		if pc, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		if l, err = net.Listen("tcp", pc.LocalAddr().String()); err == nil {
			break
		}
		_ = pc.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Addr = netip.MustParseAddrPort(pc.LocalAddr().String())
	var serving sync.WaitGroup
	servers := []*dns.Server{{PacketConn: pc, Handler: s}, {Listener: l, Handler: s}}
	var up sync.WaitGroup
	for _, d := range servers {
		up.Add(1)
		d.NotifyStartedFunc = up.Done
		serving.Go(func() { _ = d.ActivateAndServe() })
	}
	up.Wait()
	t.Cleanup(func() {
		for _, d := range servers {
			_ = d.Shutdown()
		}
		serving.Wait()
	})
	return s
}

// Set replaces the records.
func (s *Server) Set(t testing.TB, records string) {
	t.Helper()
	table := map[string][]dns.RR{}
	for _, line := range strings.Split(records, "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		rr, err := dns.NewRR(line)
		if err != nil || rr == nil {
			t.Fatalf("%s: %v", line, err)
		}
		owner := strings.ToLower(rr.Header().Name)
		table[owner] = append(table[owner], rr)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = table
}

// Become changes the mode.
func (s *Server) Become(m Mode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mode = m
}

// Asked is how often a question came, as in "a.example A".
func (s *Server) Asked(question string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[question]
}

// ServeDNS implements dns.Handler.
func (s *Server) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	question := q.Question[0]
	name := strings.ToLower(question.Name)
	s.mu.Lock()
	s.asked[strings.TrimSuffix(name, ".")+" "+dns.TypeToString[question.Qtype]]++
	mode := s.mode
	m := s.answer(q, name, question.Qtype)
	s.mu.Unlock()
	_, udp := w.LocalAddr().(*net.UDPAddr)
	switch mode {
	case Honest:
	case Dead:
		return
	case Failing:
		m = new(dns.Msg).SetRcode(q, dns.RcodeServerFailure)
	case Denying:
		m = new(dns.Msg).SetRcode(q, dns.RcodeNameError)
	case Lying, Forging:
		s.lie(w, q)
		if mode == Forging {
			return
		}
	case Truncating:
		if udp {
			m = new(dns.Msg).SetReply(q)
			m.Truncated = true
		}
	}
	_ = w.WriteMsg(m)
}

// answer follows CNAMEs as a recursive server does. Called with mu held.
func (s *Server) answer(q *dns.Msg, name string, kind uint16) *dns.Msg {
	m := new(dns.Msg).SetReply(q)
	for range 10 {
		next := ""
		for _, rr := range s.records[name] {
			if rr.Header().Rrtype == kind {
				m.Answer = append(m.Answer, rr)
			} else if c, ok := rr.(*dns.CNAME); ok {
				m.Answer, next = append(m.Answer, rr), strings.ToLower(c.Target)
			}
		}
		if next == "" {
			break
		}
		name = next
	}
	if len(m.Answer) == 0 {
		if len(s.records[name]) == 0 {
			m.Rcode = dns.RcodeNameError
		}
		if soa, err := dns.NewRR(s.zone); err == nil {
			m.Ns = append(m.Ns, soa)
		}
	}
	return m
}

// lie sends what somebody else could have sent, each leading to 203.0.113.66.
func (s *Server) lie(w dns.ResponseWriter, q *dns.Msg) {
	forged := func(name string) *dns.Msg {
		m := new(dns.Msg).SetReply(q)
		m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 3600}, A: net.IPv4(203, 0, 113, 66)}}
		return m
	}
	id := forged(q.Question[0].Name)
	id.Id++
	other := forged("other.example.")
	other.Question[0].Name = "other.example."
	query := forged(q.Question[0].Name)
	query.Response = false
	for _, m := range []*dns.Msg{id, other, query} {
		_ = w.WriteMsg(m)
	}
	_, _ = w.Write([]byte("\x00\x01"))
}
