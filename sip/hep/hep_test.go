package hep

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// parsed is a packet by its chunks.
type parsed map[uint16][]byte

// sizes are those of chunks that have one.
var sizes = map[uint16]int{chunkFamily: 1, chunkTransport: 1, chunkSource4: 4, chunkTarget4: 4, chunkSource6: 16, chunkTarget6: 16, chunkSourcePort: 2, chunkTargetPort: 2,
	chunkSeconds: 4, chunkMicros: 4, chunkProtocol: 1, chunkAgent: 4}

// parse is strict: each octet belongs to one chunk, no chunk comes twice, those of a size have it, and none is unknown.
func parse(b []byte) (parsed, error) {
	if len(b) < 6 || string(b[:4]) != "HEP3" || int(binary.BigEndian.Uint16(b[4:])) != len(b) {
		return nil, fmt.Errorf("head of %d bytes", len(b))
	}
	out := parsed{}
	for b = b[6:]; len(b) > 0; {
		if len(b) < 6 {
			return nil, fmt.Errorf("%d bytes behind the last chunk", len(b))
		}
		vendor, kind, size := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]), int(binary.BigEndian.Uint16(b[4:]))
		if vendor != 0 || size < 6 || size > len(b) {
			return nil, fmt.Errorf("chunk %d of vendor %d, of %d bytes", kind, vendor, size)
		}
		value := b[6:size]
		want, fixed := sizes[kind]
		known := fixed || kind == chunkKey || kind == chunkPayload || kind == chunkCorrelation
		if _, twice := out[kind]; twice || !known || fixed && len(value) != want {
			return nil, fmt.Errorf("chunk %d: %d bytes, twice: %v", kind, len(value), twice)
		}
		out[kind], b = value, b[size:]
	}
	return out, nil
}

func (p parsed) String() string {
	var b strings.Builder
	for kind := range uint16(chunkCorrelation + 1) {
		if v, ok := p[kind]; ok {
			fmt.Fprintf(&b, "%02x=%x ", kind, v)
		}
	}
	return strings.TrimSpace(b.String())
}

var at = time.Unix(0x65432100, 123_456_789)

// The packet is what the specification's table says, octet by octet.
func TestAppend(t *testing.T) {
	four := Packet{At: at, From: netip.MustParseAddrPort("192.0.2.1:5060"), To: netip.MustParseAddrPort("[::ffff:192.0.2.2]:5062"), Payload: []byte("SIP")}
	six := Packet{At: at, From: netip.MustParseAddrPort("[2001:db8::1]:5061"), To: netip.MustParseAddrPort("[2001:db8::2]:5061"), Reliable: true, Correlation: "c1", Payload: []byte("SIP")}
	for _, c := range []struct {
		agent  Agent
		packet Packet
		want   string
	}{
		{Agent{}, four, "01=02 02=11 03=c0000201 04=c0000202 07=13c4 08=13c6 09=65432100 0a=0001e240 0b=01 0c=00000000 0f=534950"},
		{Agent{ID: 2001, Key: "k"}, six, "01=0a 02=06 05=20010db8000000000000000000000001 06=20010db8000000000000000000000002 07=13c5 08=13c5 09=65432100 0a=0001e240 0b=01 0c=000007d1 0e=6b 0f=534950 11=6331"},
	} {
		b, err := Append([]byte("before"), c.agent, c.packet)
		if err != nil || string(b[:6]) != "before" {
			t.Fatalf("%v %q", err, b)
		}
		got, err := parse(b[6:])
		if err != nil || got.String() != c.want {
			t.Errorf("%v\n%s, want\n%s", err, got, c.want)
		}
	}
	mixed, huge, large := four, four, four
	mixed.To = six.To
	huge.Payload = make([]byte, 70_000)
	large.Payload = make([]byte, 65_500)
	for _, p := range []Packet{{}, mixed, huge, large} {
		if b, err := Append(nil, Agent{}, p); !errors.Is(err, ErrForm) || len(b) != 0 {
			t.Errorf("%d bytes: %v", len(b), err)
		}
	}
}

// listen is a Homer.
func listen(t *testing.T) (*net.UDPConn, netip.AddrPort) {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c, c.LocalAddr().(*net.UDPAddr).AddrPort()
}

func TestSender(t *testing.T) {
	homer, addr := listen(t)
	s, err := NewSender(addr, Agent{ID: 7, Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	p := Packet{At: at, From: netip.MustParseAddrPort("192.0.2.1:5060"), To: netip.MustParseAddrPort("192.0.2.2:5060"), Correlation: "c1", Payload: []byte("SIP")}
	s.Send(Packet{}) // what cannot be said is counted, and holds nothing up
	s.Send(p)
	b := make([]byte, 65536)
	n, err := homer.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := parse(b[:n]); err != nil || string(got[chunkPayload]) != "SIP" || string(got[chunkCorrelation]) != "c1" || string(got[chunkKey]) != "k" {
		t.Errorf("%s: %v", got, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for range waiting + 5 { // nobody takes them any more: who sends does not wait
		s.Send(p)
	}
	if got := s.Stats(); got != (Stats{Sent: 1, Dropped: 5, Failed: 1}) {
		t.Errorf("%+v", got)
	}
}
