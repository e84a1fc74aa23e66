package stack_test

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// What one UDP transaction holds after its final, for 32 s: at most 2 KiB. The count is of live heap, so it is not a timed test.
func TestTransactionMemory(t *testing.T) {
	bubble(t, func(t *testing.T) {
		n := siptest.NewNetwork(1)
		alice := n.Phone(t, "alice", aliceAddr, pbxAddr)
		cfg := n.Config(stack.Listen{Transport: "udp", Addr: pbxAddr})
		cfg.Limits.RatePerSource, cfg.Limits.Rate = 1e6, 1e6
		s := serve(t, cfg, &tu{request: answer(200)})
		const many = 2000
		live := func() uint64 {
			synctest.Wait()
			runtime.GC()
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		round := func() {
			for range many {
				alice.Send(alice.NewRequest("OPTIONS", "bob"))
				alice.ExpectStatus(200, "OPTIONS")
			}
		}
		round()
		wait(time.Minute)
		before := live()
		round()
		if got := s.Stats().Transactions; got != many {
			t.Fatalf("%d transactions", got)
		}
		// The network's trace grows too; it is counted in, so the bound is on the safe side.
		each := int(live()-before) / many
		t.Logf("%d bytes per finished UDP server transaction", each)
		if each > 2048 {
			t.Errorf("%d bytes, want at most 2048", each)
		}
	})
}

// loop is a datagram socket that feeds requests as fast as they are answered: the cost of a whole server transaction without the kernel.
type loop struct {
	net.PacketConn
	requests chan []byte
	answered chan struct{}
	done     chan struct{}
}

func (l *loop) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case r := <-l.requests:
		return copy(b, r), net.UDPAddrFromAddrPort(aliceAddr), nil
	case <-l.done:
		return 0, nil, net.ErrClosed
	}
}

func (l *loop) WriteTo(b []byte, _ net.Addr) (int, error) {
	l.answered <- struct{}{}
	return len(b), nil
}
func (l *loop) Close() error        { close(l.done); return nil }
func (l *loop) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(pbxAddr) }

func BenchmarkServerTransaction(b *testing.B) {
	l := &loop{requests: make(chan []byte), answered: make(chan struct{}, 64), done: make(chan struct{})}
	s, err := stack.New(stack.Config{
		Listen:       []stack.Listen{{Transport: "udp", Addr: pbxAddr}},
		Limits:       stack.Limits{RatePerSource: 1e9, Rate: 1e9, Transactions: 1 << 30},
		ListenPacket: func(netip.AddrPort) (net.PacketConn, error) { return l, nil },
	}, &tu{request: func(tx *stack.ServerTx) { _ = tx.Challenge(stack.NewResponse(tx.Request(), 401, "")) }}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		l.requests <- message{}.bytes(aliceAddr.String(), n)
		<-l.answered
	}
	cancel()
	<-ended
}
