package stack_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// RFC 3261 section 18.1.1: what is larger than 1,300 bytes goes by TCP where the peer takes it, and by UDP where not, which is remembered.
func TestLargeRequests(t *testing.T) {
	for _, c := range []struct {
		name   string
		listen []string // of the peer
		dial   func(context.Context) (net.Conn, error)
		body   int
		orTCP  bool
		want   string        // transport of the flow and of the Via
		after  time.Duration // at most; at least half of it
		dials  int32         // in two requests
	}{
		{"small", []string{"udp", "tcp"}, nil, 100, true, "udp UDP", 0, 0},
		{"large", []string{"udp", "tcp"}, nil, 1300, true, "tcp TCP", 0, 1},
		{"large, to a phone", []string{"udp", "tcp"}, nil, 1300, false, "udp UDP", 0, 0},
		{"refused", []string{"udp"}, nil, 1300, true, "udp UDP", 0, 1},
		{"no answer", []string{"udp"}, func(ctx context.Context) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }, 1300, true, "udp UDP",
			1100 * time.Millisecond, 1},
		{"taken and dropped", []string{"udp"}, func(context.Context) (net.Conn, error) {
			a, b := net.Pipe()
			_ = b.Close()
			return a, nil
		}, 1300, true, "udp UDP", 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				n := siptest.NewNetwork(1)
				var at time.Time
				var seen []string
				peer := &tu{request: func(tx *stack.ServerTx) {
					r := tx.Request()
					v, _ := r.Vias()
					at = time.Now()
					seen = append(seen, r.Flow.Transport()+" "+v[0].Transport)
					answer(200)(tx)
				}}
				var listen []stack.Listen
				for _, l := range c.listen {
					listen = append(listen, stack.Listen{Transport: l, Addr: bobAddr})
				}
				bob := n.Config(listen...)
				bob.Shards = 1
				serve(t, bob, peer)
				var dials atomic.Int32
				cfg := n.Config(stack.Listen{Transport: "udp", Addr: pbxAddr}, stack.Listen{Transport: "tcp", Addr: pbxAddr})
				cfg.DialStream = func(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
					dials.Add(1)
					if c.dial != nil {
						return c.dial(ctx)
					}
					return n.DialStream(ctx, local, remote)
				}
				s := serve(t, cfg, &tu{})
				to := toBob
				to.OrTCP = c.orTCP
				for i, id := range []string{"one", "two"} {
					var got results
					r := outgoing("MESSAGE", id)
					r.SetBody("text/plain", bytes.Repeat([]byte("x"), c.body))
					begin := time.Now()
					s.Send(r, to, got.on)
					wait(10 * time.Second)
					checkResults(t, got.list(), []int{200}, nil)
					if len(seen) != i+1 || seen[i] != c.want {
						t.Fatalf("arrived by %q, want %s", seen, c.want)
					}
					if took := at.Sub(begin); i == 0 && (took < c.after/2 || took > c.after+100*time.Millisecond) || i == 1 && took > 100*time.Millisecond {
						t.Errorf("request %d took %v", i, took)
					}
				}
				if got := dials.Load(); got != c.dials {
					t.Errorf("%d connections, want %d", got, c.dials)
				}
			})
		})
	}
}

// What was learned of a peer is forgotten after ten minutes.
func TestTCPIsTriedAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, &tu{})
		dials := 0
		cfg := w.Config(stack.Listen{Transport: "udp", Addr: addrPort("192.0.2.2:5060")})
		cfg.DialStream = func(context.Context, netip.Addr, netip.AddrPort) (net.Conn, error) {
			dials++
			return nil, errors.New("refused")
		}
		s := serve(t, cfg, &tu{})
		to := toBob
		to.OrTCP = true
		for _, id := range []string{"one", "two", "three"} {
			r := outgoing("MESSAGE", id)
			r.SetBody("text/plain", bytes.Repeat([]byte("x"), 2000))
			s.Send(r, to, nil)
			w.bob.Expect("MESSAGE")
			wait(6 * time.Minute)
			for {
				if _, _, ok := w.bob.ReadRaw(time.Millisecond); !ok {
					break
				}
			}
		}
		if dials != 2 {
			t.Errorf("%d connections were tried in 12 minutes, want 2", dials)
		}
	})
}

// The ACK of a 2xx is a request too.
func TestLargeAck(t *testing.T) {
	for _, listen := range []string{"udp tcp", "udp"} {
		bubble(t, func(t *testing.T) {
			n := siptest.NewNetwork(1)
			u := &tu{}
			var at []stack.Listen
			for _, l := range strings.Fields(listen) {
				at = append(at, stack.Listen{Transport: l, Addr: bobAddr})
			}
			serve(t, n.Config(at...), u)
			s := serve(t, n.Config(stack.Listen{Transport: "udp", Addr: pbxAddr}, stack.Listen{Transport: "tcp", Addr: pbxAddr}), &tu{})
			to := toBob
			to.OrTCP = true
			r := outgoing("ACK", "c1")
			r.SetBody("application/sdp", bytes.Repeat([]byte("x"), 2000))
			if err := s.SendAck(r, to); err != nil {
				t.Fatal(err)
			}
			wait(time.Second)
			u.mu.Lock()
			defer u.mu.Unlock()
			want := listen[len(listen)-3:]
			if len(u.acks) != 1 || u.acks[0].Flow.Transport() != want || len(u.acks[0].Body) != 2000 {
				t.Errorf("%d ACKs, want one by %s", len(u.acks), want)
			}
		})
	}
}

// Responses of any size go out by the way that their request came.
func TestLargeResponse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, &tu{request: func(tx *stack.ServerTx) {
			r := stack.NewResponse(tx.Request(), 200, "")
			r.SetBody("text/plain", bytes.Repeat([]byte("x"), 9000))
			_ = tx.Respond(r)
		}})
		w.alice.Send(w.alice.NewRequest("OPTIONS", "x"))
		if r := w.alice.ExpectStatus(200, "OPTIONS"); len(r.Body) != 9000 {
			t.Errorf("%d bytes", len(r.Body))
		}
	})
}
