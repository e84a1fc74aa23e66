package hostile

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"naisen/loadtest/peer"
	"naisen/sip"
	"naisen/sip/auth"
	"naisen/sip/stack"
)

var (
	refusal = regexp.MustCompile(`^SIP/2\.0 ([4-6]\d\d) `)

	pbx  *peer.PBX     // one switch for all: it must stand all of it
	last atomic.Uint32 // of the addresses given to hosts
)

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "naisen-hostile")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		if err := start(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer pbx.Stop()
		code := m.Run()
		if err := left(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
		if code != 0 {
			fmt.Fprintf(os.Stderr, "switch said:\n%s", pbx.Output())
		}
		return code
	}())
}

func start(dir string) error {
	ctx := context.Background()
	bin, err := peer.Build(ctx, dir)
	if err != nil {
		return err
	}
	if pbx, err = peer.NewPBX(bin, dir, peer.Options{}); err != nil {
		return err
	}
	if err := pbx.Run(ctx); err != nil {
		return err
	}
	return pbx.SignIn(ctx)
}

// left says what the switch still holds after all of it.
func left() error {
	var errs []error
	for _, name := range []string{"naisen_calls", "naisen_sip_sessions", "naisen_media_endpoints"} {
		var v float64
		var err error
		if peer.Until(15*time.Second, func() bool { v, err = pbx.Metric(context.Background(), name); return err == nil && v == 0 }) != nil {
			errs = append(errs, fmt.Errorf("%s is %v at the end (%w)", name, v, err))
		}
	}
	if strings.Contains(pbx.Output(), "panic") {
		errs = append(errs, errors.New("the switch panicked"))
	}
	return errors.Join(errs...)
}

// host is a machine of its own on the loopback network, as the limits per source see it.
type host struct {
	*testing.T
	conn net.PacketConn
	addr netip.AddrPort
	to   net.Addr
	buf  [65536]byte
}

// newHost gives the test a host that the switch does not know. When the test ends the switch must answer OPTIONS from elsewhere in 2 s.
func newHost(t *testing.T) *host {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			return
		}
		h := bare(t, "")
		if got := h.ask(h.request("OPTIONS", "sip:"+pbx.UDP, "anybody", "anybody")); got.Status != 200 {
			t.Errorf("afterwards: %d to OPTIONS", got.Status)
		}
	})
	return bare(t, "")
}

// bare is a host at an address; empty: its own.
func bare(t *testing.T, addr string) *host {
	t.Helper()
	if addr == "" {
		n := last.Add(1)
		addr = netip.AddrFrom4([4]byte{127, byte(16 + os.Getpid()%200), byte(1 + n>>8), byte(n)}).String()
	}
	conn, err := net.ListenPacket("udp4", addr+":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	to, err := net.ResolveUDPAddr("udp4", pbx.UDP)
	if err != nil {
		t.Fatal(err)
	}
	return &host{T: t, conn: conn, addr: netip.MustParseAddrPort(conn.LocalAddr().String()), to: to}
}

// request makes a request in a text that tests may damage: from and to are users of the domain.
func (h *host) request(method, uri, from, to string, lines ...string) string {
	return h.requestID(stack.NewCallID(), 1, method, uri, from, to, lines...)
}

func (h *host) requestID(id string, seq int, method, uri, from, to string, lines ...string) string {
	head := []string{
		method + " " + uri + " SIP/2.0",
		fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=z9hG4bK%s;rport", h.addr, stack.NewTag()),
		fmt.Sprintf("From: <sip:%s@%s>;tag=%s", from, pbx.Domain, stack.NewTag()),
		fmt.Sprintf("To: <sip:%s@%s>", to, pbx.Domain),
		"Call-ID: " + id,
		fmt.Sprintf("CSeq: %d %s", seq, method),
		"Max-Forwards: 70",
	}
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "Contact:") }) {
		head = append(head, fmt.Sprintf("Contact: <sip:%s@%s>", from, h.addr))
	}
	return strings.Join(append(append(head, lines...), "Content-Length: 0", "", ""), "\r\n")
}

func (h *host) send(text string) {
	h.Helper()
	if _, err := h.conn.WriteTo([]byte(text), h.to); err != nil {
		h.Fatal(err)
	}
}

// next is the next message that arrives within d, and its size; nil: none.
func (h *host) next(d time.Duration) (*stack.Request, *stack.Response, int) {
	h.Helper()
	if err := h.conn.SetReadDeadline(time.Now().Add(d)); err != nil {
		h.Fatal(err)
	}
	n, _, err := h.conn.ReadFrom(h.buf[:])
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, nil, 0
	}
	if err != nil {
		h.Fatal(err)
	}
	req, resp, err := stack.Parse(append([]byte(nil), h.buf[:n]...))
	if status := refusal.FindSubmatch(h.buf[:n]); err != nil && status != nil { // it echoes what was wrong, as it must
		v, err := strconv.Atoi(string(status[1]))
		if err != nil {
			h.Fatal(err)
		}
		return nil, &stack.Response{Status: v}, n
	}
	if err != nil {
		h.Fatalf("the switch sent what is no SIP: %v\n%s", err, h.buf[:n])
	}
	return req, resp, n
}

// ask sends and gives the final response; it fails the test when none comes, or a provisional one other than 100.
func (h *host) ask(text string) *stack.Response {
	h.Helper()
	h.send(text)
	for {
		_, resp, _ := h.next(2 * time.Second)
		switch {
		case resp == nil:
			h.Fatalf("no answer to\n%s", text)
		case resp.Status >= 200:
			return resp
		case resp.Status != 100:
			h.Errorf("provisional %d", resp.Status)
		}
	}
}

// silence asserts that nothing arrives for a while.
func (h *host) silence(d time.Duration) {
	h.Helper()
	if req, resp, _ := h.next(d); req != nil || resp != nil {
		h.Errorf("arrived: %+v %+v", req, resp)
	}
}

// proven sends a request, answers the challenge as the extension, and gives the final answer to that. Where no challenge comes, the
// first answer is given.
func (h *host) proven(user, method, uri, from, to string, lines ...string) *stack.Response {
	h.Helper()
	text, first := h.credentials(user, method, uri, from, to, lines...)
	if text == "" {
		return first
	}
	return h.ask(text)
}

// credentials gets a challenge and gives the request that answers it; empty when the first answer was no challenge.
func (h *host) credentials(user, method, uri, from, to string, lines ...string) (text string, first *stack.Response) {
	h.Helper()
	id := stack.NewCallID()
	first = h.ask(h.requestID(id, 1, method, uri, from, to, lines...))
	if first.Status != 401 {
		return "", first
	}
	if method == "INVITE" {
		h.send(h.requestID(id, 1, "ACK", uri, from, to)) // absorbed, whatever its branch
	}
	target, err := sip.ParseURI(uri)
	if err != nil {
		h.Fatal(err)
	}
	r := stack.NewRequest(method, target)
	if err := auth.Authorize(r, first, auth.ClientCredential{User: user, Secret: pbx.Passwords[user], Realm: auth.AnyRealm}, nil); err != nil {
		h.Fatal(err)
	}
	return h.requestID(id, 2, method, uri, from, to, append(lines, "Authorization: "+r.Get("Authorization"))...), first
}

// one asserts that a status is one of those.
func (h *host) one(resp *stack.Response, want ...int) {
	h.Helper()
	for _, w := range want {
		if resp.Status == w {
			return
		}
	}
	h.Errorf("%d %s, want one of %v", resp.Status, resp.Reason, want)
}

func (h *host) registrations(want float64) {
	h.Helper()
	n, err := pbx.Metric(h.Context(), "naisen_registrations")
	if err != nil || n != want {
		h.Errorf("%v registrations, want %v (%v)", n, want, err)
	}
}

func domain() string { return "sip:" + pbx.Domain }

func aor(user string) string { return "sip:" + user + "@" + pbx.Domain }
