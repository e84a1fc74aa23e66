package phones

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"naisen/loadtest/peer"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// town is a network of namespaces: the switch at 203.0.113.10, routers with the kernel's NAT beside it, telephones behind those.
type town struct {
	t    *testing.T
	name string
	p    *peer.PBX
}

const townSwitch = "203.0.113.10"

// newTown skips where the machine allows no namespaces with a NAT of their own: then what is shown of NATs is shown by the box of siptest alone (TestNAT,
// TestPhonesBehindNATs), which runs everywhere.
func newTown(t *testing.T, nats, random int) *town {
	t.Helper()
	for _, tool := range []string{"ip", "iptables", "sysctl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is missing: loadtest/install.sh brings it", tool)
		}
	}
	o := &town{t: t, name: fmt.Sprintf("naisen%d-%d", os.Getpid(), spaces.Add(1))}
	o.mayHaveNATs()
	if out, err := exec.Command("ip", "netns", "add", o.name+"wan").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", o.name+"wan").Run() })
	o.in("wan", "ip link set lo up", "ip link add br0 type bridge", "ip addr add "+townSwitch+"/24 dev br0", "ip link set br0 up")
	for i := range nats {
		o.router(i, i < random)
	}
	o.serve()
	return o
}

// mayHaveNATs tries in a namespace what a town is made of.
func (o *town) mayHaveNATs() {
	o.t.Helper()
	name := o.name + "try"
	defer func() { _ = exec.Command("ip", "netns", "del", name).Run() }()
	inside := "ip netns exec " + name + " "
	for _, c := range []string{"ip netns add " + name, inside + "ip link add br0 type bridge", inside + "ip link add a type veth peer name b",
		inside + "sysctl -qw net.ipv4.ip_forward=1", inside + "iptables -t nat -A POSTROUTING -o a -j MASQUERADE --random-fully"} {
		words := strings.Fields(c)
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			o.t.Skipf("THIS MACHINE ALLOWS NO NETWORK NAMESPACES WITH A NAT, so the kernel's is not tried; the NAT box in the process was: %s: %v: %s", c, err, out)
		}
	}
}

// in runs commands in a namespace.
func (o *town) in(where string, commands ...string) {
	o.t.Helper()
	for _, c := range commands {
		if out, err := exec.Command("ip", append([]string{"netns", "exec", o.name + where}, strings.Fields(c)...)...).CombinedOutput(); err != nil {
			o.t.Fatalf("%s: %s: %v: %s", where, c, err, out)
		}
	}
}

// router is a NAT at 203.0.113.(1+i) with 192.168.1.0/24 behind it. Random: each destination gets a port of its own, as a symmetric NAT gives.
func (o *town) router(i int, random bool) {
	o.t.Helper()
	for _, kind := range []string{"nat", "lan"} {
		name := fmt.Sprint(o.name, kind, i)
		must(o.t, exec.Command("ip", "netns", "add", name).Run())
		o.t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", name).Run() })
	}
	nat, lan := fmt.Sprint("nat", i), fmt.Sprint("lan", i)
	o.in("wan", fmt.Sprintf("ip link add wan%d type veth peer name out netns %s%s", i, o.name, nat), fmt.Sprintf("ip link set wan%d master br0", i), fmt.Sprintf("ip link set wan%d up", i))
	o.in(lan, "ip link set lo up", fmt.Sprintf("ip link add eth0 type veth peer name in netns %s%s", o.name, nat))
	masquerade := "iptables -t nat -A POSTROUTING -o out -j MASQUERADE"
	if random {
		masquerade += " --random-fully"
	}
	o.in(nat, fmt.Sprintf("ip addr add 203.0.113.%d/24 dev out", i+1), "ip link set out up", "ip addr add 192.168.1.1/24 dev in", "ip link set in up", "sysctl -qw net.ipv4.ip_forward=1", masquerade)
	o.in(lan, "ip addr add 192.168.1.5/24 dev eth0", "ip addr add 192.168.1.6/24 dev eth0", "ip link set eth0 up", "ip route add default via 192.168.1.1")
}

// serve starts the switch in its namespace.
func (o *town) serve() {
	o.t.Helper()
	p, err := peer.NewPBX(bin, o.t.TempDir(), peer.Options{Prefix: []string{"ip", "netns", "exec", o.name + "wan"},
		YAML: "sip: {listen: [\"udp:" + townSwitch + ":5060\"]}\n"})
	must(o.t, err)
	must(o.t, p.Run(o.t.Context()))
	o.p = p
	o.t.Cleanup(func() {
		p.Stop()
		if o.t.Failed() {
			o.t.Logf("switch said:\n%s", p.Output())
		}
	})
}

// socket is a UDP socket in a namespace: it stays there, whichever thread uses it.
func (o *town) socket(where string, at netip.AddrPort) *net.UDPConn {
	o.t.Helper()
	runtime.LockOSThread() // for as long as the thread is elsewhere
	home, err := os.Open("/proc/thread-self/ns/net")
	must(o.t, err)
	defer func() { _ = home.Close() }()
	there, err := os.Open(filepath.Join("/var/run/netns", o.name+where))
	must(o.t, err)
	defer func() { _ = there.Close() }()
	must(o.t, unix.Setns(int(there.Fd()), unix.CLONE_NEWNET))
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
	must(o.t, unix.Setns(int(home.Fd()), unix.CLONE_NEWNET)) // else the thread stays locked, and ends with its goroutine
	runtime.UnlockOSThread()
	must(o.t, err)
	o.t.Cleanup(func() { _ = c.Close() })
	return c
}

// handset is a telephone with a voice.
type handset struct {
	*siptest.Phone
	t    *testing.T
	rtp  *net.UDPConn
	to   netip.AddrPort // where the switch hears it
	seq  uint16
	tone byte
}

var audioLine = regexp.MustCompile(`(?s)c=IN IP4 (\S+).*m=audio (\d+)`)

func (o *town) handset(number, where, addr string) *handset {
	o.t.Helper()
	at := netip.AddrPortFrom(netip.MustParseAddr(addr), 0)
	h := &handset{t: o.t, rtp: o.socket(where, at), tone: number[3]}
	h.Phone = siptest.NewPhone(o.t, number, o.socket(where, at), netip.MustParseAddrPort(townSwitch+":5060"))
	h.Domain, h.Auth = o.p.Domain, siptest.Digest(number, o.p.Passwords[number])
	h.Register(300)
	return h
}

func (h *handset) describe() []byte {
	at, _ := netip.ParseAddrPort(h.rtp.LocalAddr().String())
	return []byte(fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n", at.Addr(), at.Addr(), at.Port()))
}

// reads where the switch hears.
func (h *handset) reads(body []byte) {
	h.t.Helper()
	m := audioLine.FindSubmatch(body)
	if m == nil {
		h.t.Fatalf("%s: no address in %s", h.Name, body)
	}
	port, _ := strconv.Atoi(string(m[2]))
	h.to = netip.AddrPortFrom(netip.MustParseAddr(string(m[1])), uint16(port))
}

// speak sends 20 ms.
func (h *handset) speak() {
	h.t.Helper()
	pkt := make([]byte, 172)
	pkt[0] = 0x80
	binary.BigEndian.PutUint16(pkt[2:], h.seq)
	binary.BigEndian.PutUint32(pkt[4:], 160*uint32(h.seq))
	binary.BigEndian.PutUint32(pkt[8:], uint32(h.tone))
	for i := 12; i < len(pkt); i++ {
		pkt[i] = h.tone
	}
	h.seq++
	_, err := h.rtp.WriteToUDPAddrPort(pkt, h.to)
	must(h.t, err)
}

// hears tells whether the other one's voice comes within a packet's time.
func (h *handset) hears(from *handset) bool {
	var b [2048]byte
	for _ = h.rtp.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); ; {
		n, _, err := h.rtp.ReadFromUDPAddrPort(b[:])
		if err != nil {
			return false
		}
		if n == 172 && b[20] == from.tone {
			return true
		}
	}
}

// talking waits until both hear each other, and goes on doing so.
func talking(t *testing.T, a, b *handset) {
	t.Helper()
	both := 0
	for end := time.Now().Add(10 * time.Second); both < 10 && time.Now().Before(end); {
		a.speak()
		b.speak()
		if x, y := a.hears(b), b.hears(a); x && y {
			both++
		}
	}
	if both < 10 {
		t.Fatalf("%s and %s do not hear each other", a.Name, b.Name)
	}
}

// calls brings a call up and gives the caller's INVITE and its 200.
func (h *handset) calls(to *handset) (*stack.Request, *stack.Response) {
	h.t.Helper()
	r := h.NewRequest("INVITE", to.Name)
	r.SetBody("application/sdp", h.describe())
	h.Send(r)
	challenge := h.ExpectStatus(401, "INVITE")
	h.Ack(r, challenge)
	r = h.Again(r)
	must(h.t, h.Auth(r, challenge))
	h.Send(r)
	in := to.Expect("INVITE")
	to.reads(in.Body)
	to.Reply(in, 200, func(resp *stack.Response) { resp.SetBody("application/sdp", to.describe()) })
	to.Expect("ACK")
	resp := h.ExpectStatus(200, "INVITE")
	h.Ack(r, resp)
	h.reads(resp.Body)
	return r, resp
}

// mapped asks by STUN until the switch sees the telephone at that address (RFC 5626 section 4.4.2): the router forgets in its own time.
func (h *handset) mapped(addr string) {
	h.t.Helper()
	want := netip.MustParseAddr(addr).As4()
	for range 50 {
		h.SendRaw(append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42}, "transaction."...))
		b, _, ok := h.ReadRaw(200 * time.Millisecond)
		if ok && len(b) >= 32 && binary.BigEndian.Uint32(b[28:])^0x2112A442 == binary.BigEndian.Uint32(want[:]) {
			for ok { // answers to what was asked meanwhile
				_, _, ok = h.ReadRaw(200 * time.Millisecond)
			}
			return
		}
	}
	h.t.Fatalf("%s never came to %s", h.Name, addr)
}

// TestNATsOfTheKernel: telephones behind one NAT, behind two, and behind symmetric ones, made of Linux's own, hear each other. Then the address of the
// caller's NAT becomes another one in the middle of the call, as when a router dials in again: the telephone registers, says so by re-INVITE from where nobody
// knew it, and both hear each other again.
func TestNATsOfTheKernel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		nats, random int
	}{{"one NAT", 1, 0}, {"two NATs", 2, 0}, {"two symmetric NATs", 2, 2}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := newTown(t, c.nats, c.random)
			a := o.handset("2001", "lan0", "192.168.1.5")
			b := o.handset("2002", fmt.Sprint("lan", c.nats-1), "192.168.1.6")
			inv, resp := a.calls(b)
			talking(t, a, b)
			if c.nats > 1 { // else both would move
				o.in("nat0", "ip addr del 203.0.113.1/24 dev out", "ip addr add 203.0.113.77/24 dev out")
				a.mapped("203.0.113.77")
			}
			a.Register(300)
			r := a.InDialog("INVITE", inv, resp)
			r.SetBody("application/sdp", a.describe())
			a.Send(r)
			again := a.ExpectStatus(200, "INVITE")
			a.Ack(r, again)
			a.reads(again.Body)
			talking(t, a, b)
			a.Send(a.InDialog("BYE", inv, resp))
			b.Reply(b.Expect("BYE"), 200, nil)
			a.ExpectStatus(200, "BYE")
		})
	}
}
