package sdp

import (
	"net/netip"
	"strconv"
	"strings"

	"naisen/media"
)

// text prints a description; the same value always gives the same octets. Origin and session name are the caller's.
func (d *description) text(addr netip.Addr, id, version uint64) media.SDP {
	var b strings.Builder
	b.Grow(512)
	b.WriteString("v=0\r\no=- " + strconv.FormatUint(id, 10) + " " + strconv.FormatUint(version, 10) + " ")
	b.WriteString(network(addr) + "\r\ns=-\r\n")
	b.WriteString(d.body())
	return media.SDP(b.String())
}

// body is the text from c= on: what must differ for o= to count up.
func (d *description) body() string {
	var b strings.Builder
	b.Grow(512)
	if d.conn.IsValid() || d.held {
		line(&b, "c="+shown(d.conn, d.held))
	}
	line(&b, "t=0 0")
	d.webSession(&b)
	if d.dirSet {
		line(&b, "a="+d.dir.String())
	}
	for i := range d.streams {
		d.streams[i].print(&b)
	}
	return b.String()
}

func (s *stream) print(b *strings.Builder) {
	proto := s.proto
	if proto == udptl {
		proto = strings.ToLower(proto) // as ITU-T T.38 section D.2.3.1 writes it, and some compare it
	}
	line(b, "m="+s.kind+" "+strconv.Itoa(s.port)+" "+proto+" "+strings.Join(s.formats, " "))
	if s.connSet {
		line(b, "c="+shown(s.conn, s.held))
	}
	for _, f := range s.types {
		m := "a=rtpmap:" + strconv.Itoa(int(f.pt)) + " " + f.name + "/" + strconv.Itoa(f.clock)
		if f.channels != 1 {
			m += "/" + strconv.Itoa(f.channels)
		}
		line(b, m)
		if f.fmtp != "" {
			line(b, "a=fmtp:"+strconv.Itoa(int(f.pt))+" "+f.fmtp)
		}
	}
	for _, c := range s.crypto {
		line(b, "a=crypto:"+c.key.CryptoLine(c.tag))
	}
	if s.ptime > 0 {
		line(b, "a=ptime:"+strconv.Itoa(s.ptime))
	}
	if s.maxTime > 0 {
		line(b, "a=maxptime:"+strconv.Itoa(s.maxTime))
	}
	if s.rtcp > 0 {
		r := "a=rtcp:" + strconv.Itoa(s.rtcp)
		if s.rtcpAt.IsValid() {
			r += " " + network(s.rtcpAt)
		}
		line(b, r)
	}
	if s.mux {
		line(b, "a=rtcp-mux")
	}
	s.web.write(b)
	s.writeFax(b)
	if s.dirSet {
		line(b, "a="+s.dir.String())
	}
	if s.record != "" {
		line(b, "a=record:"+string(s.record))
	}
}

func line(b *strings.Builder, s string) {
	b.WriteString(s)
	b.WriteString("\r\n")
}

// shown prints a connection; one that is held or unknown as the unspecified address or a name.
func shown(a netip.Addr, held bool) string {
	switch {
	case held:
		return "IN IP4 0.0.0.0"
	case !a.IsValid():
		return "IN IP4 invalid"
	}
	return network(a)
}

func network(a netip.Addr) string {
	if a.Is6() {
		return "IN IP6 " + a.String()
	}
	return "IN IP4 " + a.String()
}

func (d direction) String() string {
	return [...]string{"inactive", "sendonly", "recvonly", "sendrecv"}[d&both]
}
