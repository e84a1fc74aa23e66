package relay

import (
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"naisen/media"
	"naisen/media/secure"
)

// idle makes an engine whose only shard is driven by the test instead of its goroutine.
func idle(t testing.TB) (*Engine, *shard) {
	t.Helper()
	c := Config{Shards: 1, PacketRate: 1 << 40}.withDefaults()
	e := &Engine{cfg: c, epoch: time.Now(), live: map[*endpoint]struct{}{}, ports: newPorts(c.PortMin, c.PortMax, c.PortRest)}
	s, err := newShard(e)
	if err != nil {
		t.Fatal(err)
	}
	e.shards = []*shard{s}
	t.Cleanup(func() {
		e.done.Go(s.run)
		_ = e.Close()
	})
	return e, s
}

// silent is a tap that looks and forgets.
type silent struct{ octets int }

func (s *silent) Tap(f *media.Frame) { s.octets += len(f.Payload) }

// path is one call on an idle engine: what is sent to a's leg leaves at b.
type path struct {
	call
	engine *Engine
	shard  *shard
	to     address
	sink   int
	out    int
	leg    *endpoint
}

func newPath(t testing.TB, s media.Security, suite secure.Suite, tapped bool) *path {
	t.Helper()
	e, sh := idle(t)
	p := &path{engine: e, shard: sh, call: call{a: newPhone(t), b: newPhone(t), bridge: e.Bridge()}}
	p.a.suite, p.b.suite = suite, suite
	p.la, p.lb = newLeg(t, e, media.Profile{SecureSIP: true}), newLeg(t, e, media.Profile{SecureSIP: true})
	p.a.calls(p.la, want(s), want(s))
	p.b.calls(p.lb, want(s), want(s))
	p.join(t)
	if tapped {
		p.bridge.Attach(&silent{})
	}
	sh.obey(e.Now())
	p.to = addressOf(p.a.agreed.Remote)
	p.out, p.sink = rawOf(t, p.a), rawOf(t, p.b)
	p.leg = p.la.Endpoint.(*endpoint)
	return p
}

// rawOf gives a phone's RTP descriptor for raw calls.
func rawOf(t testing.TB, p *phone) int {
	t.Helper()
	raw, err := p.rtp.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var fd int
	if err := raw.Control(func(f uintptr) { fd = int(f) }); err != nil {
		t.Fatal(err)
	}
	return fd
}

// carry puts packets into the leg's socket.
func (p *path) load(t testing.TB, packets [][]byte) {
	for _, pkt := range packets {
		if errno := send(p.out, pkt, &p.to); errno != 0 {
			t.Fatal(errno)
		}
	}
}

// empty reads what left the relay.
func (p *path) empty(buf []byte) (n int) {
	var from address
	for {
		if _, errno := receive(p.sink, buf, &from); errno != 0 {
			return n
		}
		n++
	}
}

func benchmarkRelay(b *testing.B, s media.Security, suite secure.Suite, tapped bool) {
	p := newPath(b, s, suite, tapped)
	const batch = 64
	var buf [2048]byte
	packets := make([][]byte, batch)
	relayed := 0
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; done += batch {
		b.StopTimer()
		for i := range packets {
			packets[i] = p.a.packet(frame('A', i))
		}
		p.load(b, packets)
		now := p.engine.Now()
		b.StartTimer()
		for range packets {
			p.shard.read(p.leg, channelRTP, now)
		}
		b.StopTimer()
		relayed += p.empty(buf[:])
		b.StartTimer()
	}
	if relayed < b.N {
		b.Fatalf("relayed %d of %d", relayed, b.N)
	}
}

func BenchmarkRelayRTP(b *testing.B) { benchmarkRelay(b, media.SecurityForbidden, "", false) }
func BenchmarkRelaySRTP(b *testing.B) {
	benchmarkRelay(b, media.SecurityRequired, secure.AESCM80, false)
}
func BenchmarkRelaySRTPTapped(b *testing.B) {
	benchmarkRelay(b, media.SecurityRequired, secure.AESCM80, true)
}
func BenchmarkRelayGCM(b *testing.B) {
	benchmarkRelay(b, media.SecurityRequired, secure.GCM128, false)
}

// BenchmarkUDPLoop is the floor: the kernel's send and receive of the same size, without any work between.
func BenchmarkUDPLoop(b *testing.B) {
	var fd [2]int
	var at [2]netip.AddrPort
	for i := range fd {
		var err error
		if fd[i], err = listenUDP(netip.MustParseAddrPort("127.0.0.1:0"), 46); err != nil {
			b.Fatal(err)
		}
		defer unix.Close(fd[i])
		sa, err := unix.Getsockname(fd[i])
		if err != nil {
			b.Fatal(err)
		}
		at[i] = netip.AddrPortFrom(loopback, uint16(sa.(*unix.SockaddrInet4).Port))
	}
	to := addressOf(at[1])
	var from address
	pkt, buf := make([]byte, 182), make([]byte, 2048)
	b.ReportAllocs()
	for b.Loop() {
		if errno := send(fd[0], pkt, &to); errno != 0 {
			b.Fatal(errno)
		}
		if _, errno := receive(fd[1], buf, &from); errno != 0 {
			b.Fatal(errno)
		}
	}
}

func TestNoAllocationPerPacket(t *testing.T) {
	for name, s := range map[string]media.Security{"RTP": media.SecurityForbidden, "SRTP": media.SecurityRequired} {
		t.Run(name, func(t *testing.T) {
			p := newPath(t, s, "", true)
			packets := make([][]byte, 0, 400)
			for i := range cap(packets) {
				packets = append(packets, p.a.packet(frame('A', i)))
			}
			var buf [2048]byte
			relayed := 0
			one := func() {
				p.load(t, packets[:1])
				packets = packets[1:]
				p.shard.read(p.leg, channelRTP, p.engine.Now())
				relayed += p.empty(buf[:])
			}
			one() // the first packet pins the address and posts FirstPacket
			if n := testing.AllocsPerRun(300, one); n != 0 {
				t.Errorf("%v allocations per packet", n)
			}
			if relayed != 302 {
				t.Errorf("relayed %d", relayed)
			}
		})
	}
}
