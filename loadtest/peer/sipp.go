package peer

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Sipp is one run of a scenario.
type Sipp struct {
	*Process
	dir, name string
}

// Scenario says what a Sipp does.
type Scenario struct {
	File           string         // "call.xml", of loadtest/scenarios
	Local          netip.AddrPort // where it sends from and listens
	Remote         string         // host:port of the switch
	User, Password string         // who it is
	Domain         string
	To             string        // what it dials
	Transport      string        // "udp" (default) or "tcp"
	Pause          time.Duration // what <pause/> means in the scenario: ringing or talking
	Calls          int           // 1 when 0
	Rate           float64       // calls per second; sipp's 10 when 0
	Patience       time.Duration // for the whole run; 20 s when 0

	Keys map[string]string // what a word in brackets stands for in this scenario, beside those above
}

// ErrScenario: a call of the scenario did not go as it is written.
var ErrScenario = errors.New("peer: sipp scenario failed")

// StartSipp runs a scenario with dir for its logs. One that begins by waiting for a call listens when StartSipp returns.
func StartSipp(dir string, s Scenario) (*Sipp, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	if dir, err = os.MkdirTemp(dir, "sipp"); err != nil {
		return nil, err
	}
	p := &Sipp{dir: dir, name: s.File}
	if p.Process, err = Start(dir, "sipp", append([]string{s.Remote, "-sf", filepath.Join(root, "loadtest", "scenarios", s.File)}, s.flags()...)...); err != nil {
		return nil, err
	}
	network := "udp"
	if s.Transport == "tcp" {
		network = "tcp"
	}
	if err := Until(10*time.Second, func() bool { return taken(network, s.Local) || p.over() }); err != nil {
		p.Stop()
		return nil, fmt.Errorf("%w: sipp did not open %s", err, s.Local)
	}
	return p, nil
}

func (s Scenario) flags() []string {
	transport := "u1"
	if s.Transport == "tcp" {
		transport = "t1"
	}
	patience := s.Patience
	if patience == 0 {
		patience = 20 * time.Second
	}
	addr := s.Local.Addr().String()
	f := []string{
		"-t", transport, "-i", addr, "-p", strconv.Itoa(int(s.Local.Port())), "-mi", addr, "-m", strconv.Itoa(max(s.Calls, 1)),
		"-d", strconv.FormatInt(s.Pause.Milliseconds(), 10), "-timeout", strconv.Itoa(int(patience.Seconds())) + "s", "-timeout_error", "-nostdin",
		"-trace_err", "-error_file", "errors.log", "-trace_msg", "-message_file", "messages.log", "-key", "domain", s.Domain, "-key", "user", s.User,
	}
	if s.To != "" {
		f = append(f, "-s", s.To, "-auth_uri", s.To+"@"+s.Domain)
	} else {
		f = append(f, "-auth_uri", s.Domain)
	}
	for word, text := range s.Keys {
		f = append(f, "-key", word, text)
	}
	if s.User != "" {
		f = append(f, "-au", s.User, "-ap", s.Password)
	}
	if s.Rate > 0 {
		f = append(f, "-r", strconv.FormatFloat(s.Rate, 'f', -1, 64))
	}
	return f
}

// taken tells whether somebody has bound that address. The kernel's table is read: who tries the address holds it for a moment, in which the
// program that it is meant for cannot have it.
func taken(network string, a netip.AddrPort) bool {
	table, err := os.ReadFile("/proc/net/" + network)
	if err != nil {
		return false
	}
	ip := a.Addr().As4() // written as a number of this machine, whose octets are the other way round
	return strings.Contains(string(table), fmt.Sprintf(": %02X%02X%02X%02X:%04X ", ip[3], ip[2], ip[1], ip[0], a.Port()))
}

func (p *Process) over() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Finish waits for the end of the scenario: nil when every call went as it is written, else ErrScenario with what sipp complained of.
func (p *Sipp) Finish(ctx context.Context) error {
	err := p.Wait(ctx)
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %s: %w\n%s", ErrScenario, p.name, err, p.Trace())
}

// Messages are those that it sent and received so far.
func (p *Sipp) Messages() string {
	text, err := os.ReadFile(filepath.Join(p.dir, "messages.log"))
	if err != nil {
		return "" // none yet
	}
	return string(text)
}

// Trace is what sipp complained of and the messages that it saw, the newest last.
func (p *Sipp) Trace() string {
	const most = 12000
	var out []string
	for _, name := range []string{"errors.log", "messages.log"} {
		text, err := os.ReadFile(filepath.Join(p.dir, name))
		if err != nil {
			continue // nothing to tell
		}
		out = append(out, strings.TrimSpace(string(text[max(0, len(text)-most):])))
	}
	return strings.Join(out, "\n")
}
