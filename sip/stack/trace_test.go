package stack_test

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// tracer collects what a stack says that it sent and received.
type tracer struct {
	mu      sync.Mutex
	lines   []string
	shown   []string // the messages
	callIDs []string
	printed string
}

func (r *tracer) trace(m stack.Traced) {
	arrow := "<"
	if m.Sent {
		arrow = ">"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, fmt.Sprintf("%s %s %s %s %d %q", m.Flow.Transport(), arrow, m.Flow.Remote().Addr(), m.Method, m.Status, m.Label))
	r.shown = append(r.shown, string(m.Shown()))
	r.callIDs = append(r.callIDs, m.CallID)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		r.printed += fmt.Sprintf(verb, m)
	}
}

// The trace says what was on the wire, repetitions included, and nothing else.
func TestTrace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		n, r := siptest.NewNetwork(1), &tracer{}
		n.Usual(siptest.Link{Delay: 10 * time.Millisecond})
		alice, bob := n.Phone(t, "alice", aliceAddr, pbxAddr), n.Phone(t, "bob", bobAddr, pbxAddr)
		cfg := n.Config(stack.Listen{Transport: "udp", Addr: pbxAddr}, stack.Listen{Transport: "tcp", Addr: pbxAddr})
		cfg.Trace = r.trace
		s := serve(t, cfg, &tu{request: answer(180, 486)})

		alice.SendRaw([]byte("\r\n\r\n")) // keep-alive
		alice.SendRaw([]byte("no SIP at all"))
		inv := alice.NewRequest("INVITE", "bob")
		alice.Send(inv)
		alice.ExpectStatus(180, "INVITE")
		alice.ExpectStatus(486, "INVITE")
		alice.Ack(inv, alice.ExpectStatus(486, "INVITE")) // Timer G
		wait(time.Second)

		s.Send(outgoing("OPTIONS", "o"), toBob, nil)
		bob.Expect("OPTIONS")
		bob.Reply(bob.Expect("OPTIONS"), 200, func(resp *stack.Response) { resp.Reason = "\u202eKO" + strings.Repeat("x", 100) })
		wait(time.Second)

		conn, err := n.DialStream(t.Context(), netip.MustParseAddr("192.0.2.30"), pbxAddr)
		if err != nil {
			t.Fatal(err)
		}
		req := alice.NewRequest("BYE", "bob")
		b, err := req.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write(append([]byte("\r\n\r\n"), b...))
		buf := make([]byte, 4096)
		for got := ""; !strings.Contains(got, "486 "); {
			k, err := conn.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			got += string(buf[:k])
		}
		synctest.Wait()
		_ = conn.Close()
		want := strings.Join([]string{
			`udp < 192.0.2.10 INVITE 0 "INVITE"`, `udp > 192.0.2.10 INVITE 180 "180 Ringing"`, `udp > 192.0.2.10 INVITE 486 "486 Busy Here"`,
			`udp > 192.0.2.10 INVITE 486 "486 Busy Here"`, `udp < 192.0.2.10 ACK 0 "ACK"`,
			`udp > 192.0.2.20 OPTIONS 0 "OPTIONS"`, `udp > 192.0.2.20 OPTIONS 0 "OPTIONS"`,
			`udp < 192.0.2.20 OPTIONS 200 "200 ?KO` + strings.Repeat("x", 55) + `"`,
			`tcp < 192.0.2.30 BYE 0 "BYE"`, `tcp > 192.0.2.30 BYE 180 "180 Ringing"`, `tcp > 192.0.2.30 BYE 486 "486 Busy Here"`,
		}, "\n")
		r.mu.Lock()
		defer r.mu.Unlock()
		if got := strings.Join(r.lines, "\n"); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}

// A message is given without its secrets, by its Call-ID in either form, and never printed by who prints what was traced.
func TestTraceShowsNoSecrets(t *testing.T) {
	bubble(t, func(t *testing.T) {
		n, r := siptest.NewNetwork(1), &tracer{}
		n.Usual(siptest.Link{Delay: 10 * time.Millisecond})
		alice, bob := n.Phone(t, "alice", aliceAddr, pbxAddr), n.Phone(t, "bob", bobAddr, pbxAddr)
		cfg := n.Config(stack.Listen{Transport: "udp", Addr: pbxAddr})
		cfg.Trace = r.trace
		cfg.Peer = func(netip.Addr) stack.PeerStyle { return stack.PeerStyle{Compact: true} }
		s := serve(t, cfg, &tu{request: answer(200)})
		req := alice.NewRequest("INFO", "bob")
		req.Add("Authorization", `Digest response="SECRET"`)
		req.SetBody("application/dtmf-relay", []byte("Signal=SECRET"))
		alice.Send(req)
		alice.ExpectStatus(200, "INFO")
		s.Send(outgoing("OPTIONS", "o"), toBob, nil)
		bob.Reply(bob.Expect("OPTIONS"), 200, nil)
		wait(time.Second)
		r.mu.Lock()
		defer r.mu.Unlock()
		all := strings.Join(r.shown, "\n")
		if len(r.shown) != 4 || strings.Contains(all+r.printed, "SECRET") || !strings.Contains(all, "Authorization: Digest [hidden]") || !strings.Contains(r.printed, "[redacted]") {
			t.Errorf("%d messages: %s\nprinted: %s", len(r.shown), all, r.printed)
		}
		if ids := r.callIDs; ids[0] != req.CallID() || ids[1] != ids[0] || ids[2] == "" || ids[2] == ids[0] || ids[3] != ids[2] {
			t.Errorf("Call-IDs %q", ids)
		}
	})
}
