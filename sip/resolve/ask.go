package resolve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Record types that are asked for.
const (
	typeA     = dns.TypeA
	typeAAAA  = dns.TypeAAAA
	typeSRV   = dns.TypeSRV
	typeNAPTR = dns.TypeNAPTR
)

const (
	maxRecords = 32   // used of one answer
	maxChain   = 8    // CNAMEs followed
	ednsSize   = 1232 // bytes: what no path fragments (RFC 9715)
	strays     = 16   // datagrams that are not our answer, before the server is given up
)

var errNoServer = errors.New("no name server is configured")

// rounds are how long each server is waited for, one after another.
var rounds = [...]time.Duration{800 * time.Millisecond, 1500 * time.Millisecond}

// ask puts the question to the servers, starting with the one that answered last, until one answers.
func (r *Resolver) ask(ctx context.Context, k key) (answer, error) {
	servers := r.system.servers()
	if len(servers) == 0 {
		return answer{}, errNoServer
	}
	var last error
	for _, wait := range rounds {
		first := int(r.good.Load())
		for i := range servers {
			n := (first + i) % len(servers)
			a, err := r.exchange(ctx, servers[n], k, wait)
			if err == nil {
				r.good.Store(uint32(n))
				return a, nil
			}
			if last = err; ctx.Err() != nil {
				return answer{}, ctx.Err()
			}
		}
	}
	return answer{}, last
}

// exchange asks one server over UDP, and over TCP when the answer is cut.
func (r *Resolver) exchange(ctx context.Context, server netip.AddrPort, k key, wait time.Duration) (answer, error) {
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(k.name), k.kind) // a random ID; the connected socket has a random port
	q.SetEdns0(ednsSize, false)
	m, err := r.once(ctx, "udp", server, q, wait)
	if err == nil && m.Truncated {
		m, err = r.once(ctx, "tcp", server, q, wait)
	}
	if err != nil {
		return answer{}, err
	}
	if m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
		return answer{}, fmt.Errorf("%s answers %s", server, dns.RcodeToString[m.Rcode])
	}
	return read(m, k), nil
}

// once sends the question and reads until the answer to it comes. Whatever is not is passed over: somebody else may have sent it.
func (r *Resolver) once(ctx context.Context, network string, server netip.AddrPort, q *dns.Msg, wait time.Duration) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	nc, err := (&net.Dialer{}).DialContext(ctx, network, server.String())
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	defer context.AfterFunc(ctx, func() { _ = nc.SetDeadline(time.Unix(1, 0)) })()
	c := dns.Conn{Conn: nc, UDPSize: ednsSize}
	if err := c.WriteMsg(q); err != nil {
		return nil, err
	}
	buf := make([]byte, dns.MaxMsgSize)
	for range strays {
		n, err := c.Read(buf)
		if err != nil {
			return nil, err
		}
		if m := new(dns.Msg); m.Unpack(buf[:n]) == nil && answers(m, q) {
			return m, nil
		}
		r.mu.Lock()
		r.stats.Rejected++
		r.mu.Unlock()
	}
	return nil, errors.New("only answers to other questions")
}

// answers: same ID, a response, and our question (RFC 5452 section 9.1).
func answers(m, q *dns.Msg) bool {
	if m.Id != q.Id || !m.Response || m.Opcode != dns.OpcodeQuery || len(m.Question) != 1 {
		return false
	}
	a, b := m.Question[0], q.Question[0]
	return a.Qtype == b.Qtype && a.Qclass == b.Qclass && strings.EqualFold(a.Name, b.Name)
}

// read takes what was asked for out of an answer, over CNAMEs, and nothing else of it.
func read(m *dns.Msg, k key) answer {
	a, owner := answer{ttl: maxTTL}, dns.Fqdn(k.name)
	for range maxChain {
		next := ""
		for _, rr := range m.Answer {
			if c, ok := rr.(*dns.CNAME); ok && strings.EqualFold(c.Hdr.Name, owner) {
				next, a.ttl = c.Target, min(a.ttl, ttl(rr))
			}
		}
		if next == "" {
			break
		}
		owner = next
	}
	for _, rr := range m.Answer {
		if h := rr.Header(); strings.EqualFold(h.Name, owner) && h.Rrtype == k.kind && h.Class == dns.ClassINET && a.add(rr) {
			a.ttl = min(a.ttl, ttl(rr))
		}
	}
	if a.empty() {
		a.ttl = negative(m)
	}
	return a
}

// add keeps a record that can be used.
func (a *answer) add(rr dns.RR) bool {
	if len(a.addrs)+len(a.srvs)+len(a.naptrs) >= maxRecords {
		return false
	}
	switch rr := rr.(type) {
	case *dns.A:
		return a.addAddr(rr.A)
	case *dns.AAAA:
		return a.addAddr(rr.AAAA)
	case *dns.SRV:
		target := plain(rr.Target)
		if target != "" && rr.Port == 0 {
			return false
		}
		a.srvs = append(a.srvs, srv{rr.Priority, rr.Weight, rr.Port, target})
		return true
	case *dns.NAPTR:
		if !strings.EqualFold(rr.Flags, "s") || rr.Regexp != "" || plain(rr.Replacement) == "" { // RFC 3263 section 4.1
			return false
		}
		a.naptrs = append(a.naptrs, naptr{rr.Order, rr.Preference, rr.Service, plain(rr.Replacement)})
		return true
	}
	return false
}

func (a *answer) addAddr(ip net.IP) bool {
	addr, ok := netip.AddrFromSlice(ip)
	if addr = addr.Unmap(); !ok || !usable(addr) {
		return false
	}
	a.addrs = append(a.addrs, addr)
	return true
}

// usable: somebody could be there. A record that names everyone or no one is a lie.
func usable(a netip.Addr) bool {
	return a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() && a.Zone() == "" && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

func plain(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

func ttl(rr dns.RR) time.Duration { return time.Duration(rr.Header().Ttl) * time.Second }

// negative is how long the word that there is nothing holds (RFC 2308 section 5).
func negative(m *dns.Msg) time.Duration {
	for _, rr := range m.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			return min(ttl(rr), time.Duration(soa.Minttl)*time.Second)
		}
	}
	return 30 * time.Second
}
