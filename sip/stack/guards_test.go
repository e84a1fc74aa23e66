package stack_test

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// A 2xx to INVITE that nobody waits for goes to the TU only when its branch was made by us.
func TestStrayResponseNeedsOurBranch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, &tu{})
		w.s.Send(outgoing("INVITE", "c1"), toBob, nil)
		r := w.bob.Expect("INVITE")
		v, _ := r.Vias()
		branch := []byte(v[0].Branch())
		branch[len(branch)-1] ^= 1
		w.bob.Reply(r, 200, func(resp *stack.Response) { resp.Set("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch="+string(branch)) })
		wait(time.Second)
		if _, strays, _ := w.u.counts(); strays != 0 {
			t.Error("a forged 2xx reached the TU")
		}
	})
}

func TestCancelIsToldOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, &tu{request: answer(180)}) // a TU that is slow to answer 487
		inv := w.alice.NewRequest("INVITE", "bob")
		w.alice.Send(inv)
		w.alice.ExpectStatus(180, "INVITE")
		for range 3 {
			w.alice.Cancel(inv)
			w.alice.ExpectStatus(200, "CANCEL")
		}
		if got := w.u.saw(); !slices.Equal(got, []string{"INVITE", "CANCEL"}) {
			t.Errorf("the TU saw %v", got)
		}
	})
}

// A TU that never answers leaks nothing.
func TestForgottenRequestEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, &tu{})
		w.alice.Send(w.alice.NewRequest("OPTIONS", "x"))
		wait(time.Second)
		if n := w.s.Stats().Transactions; n != 1 {
			t.Fatalf("%d transactions", n)
		}
		wait(33 * time.Second)
		if n := w.s.Stats().Transactions; n != 0 {
			t.Errorf("%d transactions after 64*T1", n)
		}
	})
}

// One subscriber has a whole /64 of addresses, and one rate.
func TestAdmissionByPrefix(t *testing.T) {
	bubble(t, func(t *testing.T) {
		n := siptest.NewNetwork(1)
		pbx := addrPort("[2001:db8::1]:5060")
		cfg := n.Config(stack.Listen{Transport: "udp", Addr: pbx})
		cfg.Limits.RatePerSource = 5 // burst 10
		serve(t, cfg, &tu{request: answer(200)})
		served := func(prefix string) (answers int) {
			for _, host := range []string{"1", "2", "3", "4", "5"} {
				p := n.Phone(t, "p"+host, addrPort("["+prefix+"::"+host+"]:5060"), pbx)
				for range 4 {
					p.Send(p.NewRequest("OPTIONS", "x"))
				}
				for {
					if _, ok := p.Read(time.Millisecond); !ok {
						break
					}
					answers++
				}
			}
			return answers
		}
		if got := served("2001:db8:0:1"); got != 10 {
			t.Errorf("%d of 20 answered, want the burst of 10", got)
		}
		if got := served("2001:db8:0:2"); got != 10 {
			t.Errorf("%d of 20 answered to another /64", got)
		}
	})
}

// Refusals of malformed requests and STUN answers are within the rate too: they are packets to an unproven address.
func TestAnswersToStrangersAreRated(t *testing.T) {
	for name, b := range map[string][]byte{
		"malformed": message{length: "Content-Length: -1\r\n"}.bytes("192.0.2.10", 1),
		"stun":      append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42}, "abcdefghijkl"...),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, &tu{})
				for range 500 {
					w.alice.SendRaw(b)
				}
				answers := 0
				for {
					if _, _, ok := w.alice.ReadRaw(time.Second); !ok {
						break
					}
					answers++
				}
				if answers != 100 { // burst of the default rate
					t.Errorf("%d answers to 500", answers)
				}
			})
		})
	}
}

// All of Rate's tokens are shared: many sources, each within its own rate, are shed together.
func TestRateInAll(t *testing.T) {
	bubble(t, func(t *testing.T) {
		n := siptest.NewNetwork(1)
		cfg := n.Config(stack.Listen{Transport: "udp", Addr: pbxAddr})
		cfg.Limits.Rate = 10 // burst 20
		s := serve(t, cfg, &tu{request: answer(200)})
		for i := range 50 {
			p := n.Phone(t, "p", netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(i + 1)}), 5060), pbxAddr)
			p.Send(p.NewRequest("OPTIONS", "x"))
		}
		wait(100 * time.Millisecond)
		if got := s.Stats().Shed; got < 29 || got > 30 {
			t.Errorf("shed %d of 50, want 30", got)
		}
	})
}

// A shard that is stuck sheds datagrams instead of hoarding them, and goes on afterwards.
func TestStuckShardSheds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		n := siptest.NewNetwork(1)
		alice := n.Phone(t, "alice", aliceAddr, pbxAddr)
		cfg := n.Config(stack.Listen{Transport: "udp", Addr: pbxAddr})
		cfg.Shards = 1
		s := serve(t, cfg, &tu{request: answer(481)})
		free := make(chan struct{})
		s.Do("x", func() { <-free })
		synctest.Wait()
		bye := alice.NewRequest("BYE", "x")
		bye.SetTo(bye.To().WithTag("1"))
		for range 5000 {
			alice.Send(bye)
		}
		wait(time.Second)
		st := s.Stats()
		if st.Shed != 5000-2048 || st.Queued != 2048 {
			t.Errorf("shed %d, queued %d", st.Shed, st.Queued)
		}
		close(free)
		for range 2048 {
			alice.ExpectStatus(481, "BYE")
		}
	})
}

// flaky is a socket whose first reads fail: with the errors that a kernel gives for a while.
type flaky struct {
	net.PacketConn
	failures atomic.Int32
}

func (f *flaky) ReadFrom(b []byte) (int, net.Addr, error) {
	if f.failures.Add(-1) >= 0 {
		return 0, nil, errors.New("no buffer space available")
	}
	return f.PacketConn.ReadFrom(b)
}

// A read error never makes the switch deaf (dependencies.md section 3: sipgo's listener ends silently).
func TestReadErrorsAreSurvived(t *testing.T) {
	bubble(t, func(t *testing.T) {
		n := siptest.NewNetwork(1)
		alice := n.Phone(t, "alice", aliceAddr, pbxAddr)
		cfg := n.Config(stack.Listen{Transport: "udp", Addr: pbxAddr})
		cfg.ListenPacket = func(a netip.AddrPort) (net.PacketConn, error) {
			pc, err := n.ListenPacket(a)
			f := &flaky{PacketConn: pc}
			f.failures.Store(20)
			return f, err
		}
		serve(t, cfg, &tu{request: answer(200)})
		wait(time.Minute)
		alice.Send(alice.NewRequest("OPTIONS", "x"))
		alice.ExpectStatus(200, "OPTIONS")
	})
}
