package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// mobileKey encrypts what a mobile sends; it is what the switch offers second, and phones have.
const mobileKey = "a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd\r\n"

// atRest begins the name of a feature without a call that could go on: its mobiles change their network before.
const atRest = "at rest: "

// fromMobiles tells that a script is played with mobiles as the telephones: those of TestDeskFromAMobile, and what is about mobiles.
func fromMobiles(t testing.TB) bool {
	return strings.HasPrefix(t.Name(), "TestDeskFromAMobile/") || asleep(t) || strings.HasPrefix(t.Name(), "TestMobile")
}

// secure lets the switch listen for mobiles. The certificate is made inside the bubble, whose clock starts in 2000.
func (w *world) secure(t testing.TB, c *stack.Config) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(200, 0, 0), IPAddresses: []net.IP{w.proxy.Addr().AsSlice()}}
	der, err := x509.CreateCertificate(rand.Reader, of, of, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	c.Listen = append(c.Listen, stack.Listen{Transport: "tls", Addr: mobileProxy(w)})
	c.TLS = func() (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, nil
	}
}

func mobileProxy(w *world) netip.AddrPort { return netip.AddrPortFrom(w.proxy.Addr(), 5061) }

// smartphone is a softphone on a mobile: one TLS flow at a time, behind the NAT of the network in which it is, with an instance by which it stays the same device.
type smartphone struct {
	*siptest.Phone
	o    *stage
	nats [2]*siptest.NAT // of the office's Wi-Fi, which is symmetric, and of the carrier's network
	at   int
	host int
	conn net.Conn

	roamed bool // in a call

	pushes chan struct{} // nil: it does not sleep
	awake  bool
}

// carry makes the telephone of an extension a mobile. All are behind the same two NATs.
func (o *stage) carry(number string, i int) {
	o.t.Helper()
	if o.nats[0] == nil {
		o.nats = [2]*siptest.NAT{siptest.NewNAT(o.net, netip.MustParseAddr("203.0.113.1"), siptest.Symmetric), siptest.NewNAT(o.net, netip.MustParseAddr("198.51.100.1"), siptest.FullCone)}
		o.t.Cleanup(func() { o.nats[0].Close(); o.nats[1].Close() })
	}
	m := &smartphone{o: o, nats: o.nats, host: 21 + i}
	m.Phone = siptest.NewPhone(o.t, number, m.connect(), mobileProxy(o.world))
	m.Domain, m.Auth = simDomain, siptest.Digest(number, "secret-"+number)
	m.Transport, m.RegID, m.Instance = "tls", 1, fmt.Sprintf("urn:uuid:00000000-0000-1000-8000-%012d", m.host)
	if asleep(o.t) {
		m.dozes()
	}
	m.Register(3600)
	if strings.Contains(o.t.Name(), "/"+strings.ReplaceAll(atRest, " ", "_")) {
		m.leaves()
		o.roamed++
	}
	o.phones[number], m.Owner = m.Phone, m
	if m.pushes != nil {
		m.sleeps()
	}
	o.names = append(o.names, number)
	for at := range m.nats {
		o.air.speak(netip.AddrPortFrom(m.inside(at).Addr(), 4000), true)
	}
}

func (m *smartphone) inside(at int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(at), 0, byte(m.host)}), 5061)
}

// connect opens a flow from the network in which it is.
func (m *smartphone) connect() net.PacketConn {
	m.o.t.Helper()
	c, err := m.nats[m.at].DialStream(context.Background(), m.inside(m.at), mobileProxy(m.o.world))
	if err != nil {
		m.o.t.Fatal(err)
	}
	m.conn = c
	return siptest.Framed(tls.Client(c, &tls.Config{InsecureSkipVerify: true}))
}

// leaves goes to the other network: the flow is dead, and nobody is told; a new one is made, and the same device registers over it.
func (m *smartphone) leaves() {
	m.o.t.Helper()
	m.nats[m.at].Forget(m.conn)
	m.at = 1 - m.at
	m.Move(m.connect())
	m.Register(3600)
}

// roam changes the network of each side that is a mobile, in the middle of its call.
func (o *stage) roam(sides ...side) {
	for _, s := range sides {
		if m, ok := s.p.Owner.(*smartphone); ok && m.pushes == nil {
			m.roamed = true
			o.roamed++
			m.leaves()
			o.renewed(s)
		}
	}
}

// roams is roam before a call ends, of a mobile that has not yet.
func (s side) roams() {
	if m, ok := s.p.Owner.(*smartphone); ok && !m.roamed && m.pushes == nil {
		m.o.roam(s)
	}
}

// renewed tells the switch by re-INVITE where this side hears now.
func (o *stage) renewed(s side) {
	o.t.Helper()
	r := s.request("INVITE")
	r.SetBody("application/sdp", description(s.p, "0 8 101"))
	s.p.Send(r)
	resp := s.p.ExpectStatus(200, "INVITE")
	s.p.Ack(r, resp)
	o.wait(20 * time.Millisecond)
}

// TestDeskFromAMobile plays the ladders of the desk's features with mobiles as the telephones: each over a TLS flow of its own, behind NATs, its media
// encrypted; and each changes its network in the middle of each call. What is asserted is what is asserted of desks, line by line.
func TestDeskFromAMobile(t *testing.T) {
	for _, line := range deskMatrix() {
		t.Run(line.feature, line.plays)
	}
}

type matrixLine struct {
	feature string // of docs/features.md
	plays   func(*testing.T)
}

func deskMatrix() []matrixLine {
	return []matrixLine{
		{"hold", TestHoldIsAnsweredHere},
		{"blind transfer", TestBlindTransfer},
		{"blind transfer", TestBlindTransferFails},
		{"blind transfer", TestBlindTransferRecalls},
		{"attended transfer", TestAttendedTransfer},
		{"attended transfer", TestAttendedTransferWhileRinging},
		{"call waiting", TestCallWaiting},
		{"one number on desk, PC and mobile", TestDevicesRingTogether},
		{"forwarding", TestForwardAlways},
		{"forwarding", TestForwardBusyThenNoAnswer},
		{"do not disturb", TestDoNotDisturb},
		{"forwarding from the phone", TestForwardByCode},
		{"last caller", TestLastCallerByCode},
		{"time", TestTimeByCode},
		{"echo", TestEchoByCode},
		{"conference room", TestConference},
		{"hunt groups", TestGroupSequential},
		{"hunt groups", TestGroupSimultaneous},
		{"night mode", TestClosedOffice},
		{"pick-up", TestPickUpByCode},
		{"pick-up", TestPickUpByLamp},
		{"rejection", TestRejection},
		{"queues", TestWaitForAnAgent},
		{"transfer into a queue", TestTransferIntoQueue},
		{"restriction", TestCallWithPINByCode},
		{"abbreviated numbers", TestShortNumberByCode},
		{"caller number", TestCallerNumberByCode},
		{"hot-desking", TestSignInByCode},
		{"lock", TestLockByCode},
		{"agents by code and lamp", TestAgentCodes},
		{"click-to-call", TestClickToCall},
		{"monitor", TestMonitor},
		{"call-back of a queue", TestCallBackFromQueue},
		{"park", TestParkByTransfer},
		{"park", TestFetchByLamp},
		{"park", TestParkByCodeComesBack},
		{atRest + "caller's name", TestCallerName},
		{atRest + "missed calls", TestMissedCall},
		{"call-back on busy", TestRecallByCode},
		{"voicemail", TestVoicemail},
		{"intercom", TestIntercom},
		{"paging", TestPage},
		{"transfer by keys", TestTransferByKeys},
		{"park by keys", TestParkByKeys},
		{"consultation by keys", TestConsultByKeys},
		{"three-way call", TestThreeByKeys},
		{"three-way call", TestThreeOfTwoLines},
		{"connected identity", TestConnectedAfterTransfer},
		{"moving a call by Replaces", TestReplaces},
		{atRest + "lamps", TestLampShowsNobody},
		{atRest + "lamps", TestAgentLamp},
	}
}
