package resolve

import (
	"bufio"
	"io"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	systemEvery  = 5 * time.Second // the files are looked at that often
	maxHostsFile = 1 << 20         // bytes read of it
	maxServers   = 3
	maxSearch    = 6
)

// system is what the machine's files say. It reads them again when they change.
type system struct {
	*systemState
	given      []netip.AddrPort
	resolvConf string
	hostsFile  string
	now        func() time.Time
}

type systemState struct {
	mu      sync.Mutex
	looked  time.Time               // guarded by mu
	changed [2]time.Time            // guarded by mu: of both files
	conf    *dns.ClientConfig       // guarded by mu
	table   map[string][]netip.Addr // guarded by mu
}

func newSystem(cfg Config, now func() time.Time) system {
	s := system{systemState: &systemState{}, given: cfg.Servers, resolvConf: cfg.ResolvConf, hostsFile: cfg.Hosts, now: now}
	if s.resolvConf == "" {
		s.resolvConf = "/etc/resolv.conf"
	}
	if s.hostsFile == "" {
		s.hostsFile = "/etc/hosts"
	}
	return s
}

// refresh reads what changed. Called with mu held.
func (s system) refresh() {
	now := s.now()
	if !s.looked.IsZero() && now.Sub(s.looked) < systemEvery && now.Sub(s.looked) >= 0 {
		return
	}
	s.looked = now
	for i, path := range []string{s.resolvConf, s.hostsFile} {
		info, err := os.Stat(path)
		if err != nil || info.ModTime().Equal(s.changed[i]) {
			continue
		}
		s.changed[i] = info.ModTime()
		if i == 1 {
			s.table = readHosts(path)
		} else if conf, err := dns.ClientConfigFromFile(path); err == nil {
			s.conf = conf
		}
	}
}

// servers to ask, in order.
func (s system) servers() []netip.AddrPort {
	if len(s.given) > 0 {
		return s.given[:min(len(s.given), maxServers)]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh()
	var out []netip.AddrPort
	if s.conf != nil {
		for _, text := range s.conf.Servers {
			if a, err := netip.ParseAddr(text); err == nil && len(out) < maxServers {
				out = append(out, netip.AddrPortFrom(a, 53))
			}
		}
	}
	return out
}

// names are what a host may mean: itself, or with the search list of resolv.conf where it is a single label.
func (s system) names(host string) []string {
	if strings.Contains(host, ".") || len(s.given) > 0 {
		return []string{host}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh()
	var out []string
	if s.conf != nil {
		for _, suffix := range s.conf.Search[:min(len(s.conf.Search), maxSearch)] {
			out = append(out, host+"."+strings.ToLower(strings.Trim(suffix, ".")))
		}
	}
	return append(out, host)
}

// hosts are the addresses that this machine knows by itself.
func (s system) hosts(host string) []netip.Addr {
	if host == "localhost" { // RFC 6761 section 6.3
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh()
	return s.table[host]
}

// readHosts reads hosts(5); lines that make no sense are skipped.
func readHosts(path string) map[string][]netip.Addr {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	table := make(map[string][]netip.Addr)
	lines := bufio.NewScanner(io.LimitReader(f, maxHostsFile))
	for lines.Scan() {
		text, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(text)
		if len(fields) < 2 {
			continue
		}
		a, err := netip.ParseAddr(fields[0])
		if err != nil || !usable(a) {
			continue
		}
		for _, name := range fields[1:] {
			name = strings.ToLower(strings.TrimSuffix(name, "."))
			table[name] = append(table[name], a.Unmap())
		}
	}
	return table
}
