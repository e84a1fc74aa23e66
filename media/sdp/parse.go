package sdp

import (
	"bytes"
	"cmp"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"naisen/media"
	"naisen/media/secure"
)

// Bounds on what a stranger sends; more is media.ErrSDP.
const (
	maxSize    = 16 << 10
	maxLines   = 512
	maxStreams = 8
	maxFormats = 64 // of one m= line
	maxCrypto  = 16 // of one m= line
)

// description is a parsed session description, reduced to what negotiation looks at (RFC 8866).
type description struct {
	conn    netip.Addr // c= of the session; invalid if absent or a host name
	held    bool       // c= was 0.0.0.0 or ::
	dir     direction
	dirSet  bool
	web     webLines // of the whole session
	bundle  bool
	wishes  media.Preference // of the whole session
	streams []stream
}

// stream is one m= section.
type stream struct {
	kind    string // "audio"
	port    int
	proto   string // "RTP/AVP"
	formats []string
	types   []format // rtpmap of formats, in the order of the attributes
	conn    netip.Addr
	connSet bool
	held    bool
	dir     direction
	dirSet  bool
	ptime   int // ms; 0: not said
	maxTime int
	mux     bool
	rtcp    int        // port; 0: not said
	rtcpAt  netip.Addr // its address, if said
	crypto  []cryptoLine
	web     webLines
	fax     media.Fax
	record  media.Recorded   // what we say of a recording
	wishes  media.Preference // what the peer says
}

// format is an a=rtpmap with its a=fmtp.
type format struct {
	pt       uint8
	name     string // upper case
	clock    int
	channels int
	fmtp     string
}

type cryptoLine struct {
	tag int
	key secure.Key
}

// direction as two bits, from the describing side's point of view.
type direction uint8

const (
	sends direction = 1 << iota
	receives
	both = sends | receives
)

func bad(what string) error { return fmt.Errorf("%w: %s", media.ErrSDP, what) }

// parse reads a description within the bounds. It is tolerant about what negotiation does not need, and names no content in its errors.
func parse(text []byte) (*description, error) {
	if len(text) > maxSize {
		return nil, bad("too long")
	}
	d := &description{dir: both}
	lines := 0
	first := true // no line with anything in it yet
	for len(text) > 0 {
		var line []byte
		line, text, _ = bytes.Cut(text, []byte{'\n'})
		line = bytes.TrimSuffix(line, []byte{'\r'})
		if lines++; lines > maxLines {
			return nil, bad("too many lines")
		}
		if len(line) == 0 {
			continue // phones end a body with a blank line
		}
		if len(line) < 2 || line[1] != '=' || bytes.ContainsAny(line, "\x00\r") {
			return nil, bad("line without a type")
		}
		value := string(line[2:])
		if first != (line[0] == 'v') {
			return nil, bad("v= must come first and once")
		}
		first = false
		if err := d.line(line[0], value); err != nil {
			return nil, err
		}
	}
	if first {
		return nil, bad("empty")
	}
	d.settle()
	return d, nil
}

func (d *description) line(kind byte, value string) error {
	switch kind {
	case 'v':
		if value != "0" {
			return bad("version")
		}
	case 'm':
		return d.addStream(value)
	case 'c':
		addr, held, err := connection(value)
		if err != nil {
			return err
		}
		if s := d.current(); s != nil {
			s.conn, s.held, s.connSet = addr, held, true
		} else {
			d.conn, d.held = addr, held
		}
	case 'a':
		return d.attribute(value)
	}
	return nil
}

func (d *description) current() *stream {
	if len(d.streams) == 0 {
		return nil
	}
	return &d.streams[len(d.streams)-1]
}

// addStream reads m=<media> <port>[/<count>] <proto> <fmt> ...
func (d *description) addStream(value string) error {
	if len(d.streams) == maxStreams {
		return bad("too many streams")
	}
	f := strings.Fields(value)
	if !ascii(value) || len(f) < 4 || len(f)-3 > maxFormats {
		return bad("m= fields")
	}
	text, _, _ := strings.Cut(f[1], "/")
	port, ok := number(text, 65535)
	if !ok {
		return bad("port")
	}
	d.streams = append(d.streams, stream{
		kind: strings.ToLower(f[0]), port: port, proto: strings.ToUpper(f[2]), formats: f[3:],
	})
	return nil
}

// connection reads c=IN IP4 192.0.2.1[/ttl]. A host name gives an invalid address: the peer's packets will tell.
// A group or broadcast address is nobody's telephone and counts as unknown too.
func connection(value string) (addr netip.Addr, held bool, err error) {
	f := strings.Fields(value)
	if len(f) != 3 || f[0] != "IN" || f[1] != "IP4" && f[1] != "IP6" {
		return addr, false, bad("c= fields")
	}
	text, _, _ := strings.Cut(f[2], "/")
	addr, held = address(text)
	return addr, held, nil
}

func address(text string) (addr netip.Addr, held bool) {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}, false
	}
	addr = addr.Unmap().WithZone("")
	if addr.IsUnspecified() {
		return netip.Addr{}, true
	}
	if addr.IsMulticast() || addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return netip.Addr{}, false
	}
	return addr, false
}

// attribute reads the a= lines that matter; all others are passed over.
func (d *description) attribute(value string) error {
	key, arg, _ := strings.Cut(value, ":")
	s := d.current()
	if dir, ok := directionOf(key); ok {
		if s != nil {
			s.dir, s.dirSet = dir, true
		} else {
			d.dir, d.dirSet = dir, true
		}
		return nil
	}
	if key == "recordpref" {
		d.wish(s, media.Preference(arg))
		return nil
	}
	if s == nil {
		d.bundle = d.bundle || key == "group" && strings.HasPrefix(arg, "BUNDLE")
		d.web.attribute(key, arg)
		return nil
	}
	if s.web.attribute(key, arg) || s.faxAttribute(key, arg) {
		return nil
	}
	switch key {
	case "rtpmap":
		return s.addMap(arg)
	case "fmtp":
		s.addFmtp(arg)
	case "ptime":
		s.ptime = millis(arg)
	case "maxptime":
		s.maxTime = millis(arg)
	case "rtcp-mux":
		s.mux = true
	case "rtcp":
		return s.setRTCP(arg)
	case "crypto":
		return s.addCrypto(arg)
	}
	return nil
}

// wish reads a=recordpref, of a stream or of all that say nothing themselves. A value that nobody knows is none.
func (d *description) wish(s *stream, p media.Preference) {
	switch p {
	case media.PreferOn, media.PreferOff, media.PreferPause, media.PreferNothing:
	default:
		return
	}
	if s == nil {
		d.wishes = p
		return
	}
	s.wishes = p
}

// wishesOf a stream.
func (d *description) wishesOf(slot int) media.Preference {
	return cmp.Or(d.streams[slot].wishes, d.wishes)
}

func directionOf(key string) (direction, bool) {
	switch key {
	case "sendrecv":
		return both, true
	case "sendonly":
		return sends, true
	case "recvonly":
		return receives, true
	case "inactive":
		return 0, true
	}
	return 0, false
}

// addMap reads a=rtpmap:<pt> <name>/<clock>[/<channels>].
func (s *stream) addMap(arg string) error {
	head, rest, _ := strings.Cut(arg, " ")
	pt, ok := number(head, 127)
	if !ok || len(s.types) == maxFormats {
		return bad("rtpmap")
	}
	p := strings.Split(strings.TrimSpace(rest), "/")
	if len(p) < 2 || len(p) > 3 || p[0] == "" || strings.ContainsAny(p[0], " \t") || !ascii(p[0]) {
		return bad("rtpmap")
	}
	f := format{pt: uint8(pt), name: strings.ToUpper(p[0]), channels: 1}
	if f.clock, ok = number(p[1], 1_000_000); !ok {
		return bad("rtpmap clock")
	}
	if len(p) == 3 {
		if f.channels, ok = number(p[2], 255); !ok {
			return bad("rtpmap channels")
		}
	}
	if s.typeOf(f.pt) == nil { // the first one counts
		s.types = append(s.types, f)
	}
	return nil
}

func (s *stream) addFmtp(arg string) {
	head, rest, _ := strings.Cut(arg, " ")
	if pt, ok := number(head, 127); ok {
		if f := s.typeOf(uint8(pt)); f != nil && f.fmtp == "" {
			f.fmtp = strings.TrimSpace(rest)
		}
	}
}

func (s *stream) typeOf(pt uint8) *format {
	for i := range s.types {
		if s.types[i].pt == pt {
			return &s.types[i]
		}
	}
	return nil
}

// setRTCP reads a=rtcp:<port> [IN IP4 <address>] (RFC 3605).
func (s *stream) setRTCP(arg string) error {
	f := strings.Fields(arg)
	if len(f) != 1 && len(f) != 4 {
		return bad("rtcp")
	}
	port, ok := number(f[0], 65535)
	if !ok {
		return bad("rtcp port")
	}
	s.rtcp, s.rtcpAt = port, netip.Addr{}
	if len(f) == 4 {
		s.rtcpAt, _ = address(f[3])
	}
	return nil
}

// addCrypto keeps the lines that we can use. One that we cannot is skipped as RFC 4568 section 5.1.2 wants;
// the choice among the rest decides whether that matters.
func (s *stream) addCrypto(arg string) error {
	if len(s.crypto) == maxCrypto {
		return bad("too many crypto lines")
	}
	tag, key, err := secure.ParseCrypto(arg)
	if err != nil {
		return nil
	}
	for _, c := range s.crypto {
		if c.tag == tag {
			return bad("crypto tag twice")
		}
	}
	s.crypto = append(s.crypto, cryptoLine{tag, key})
	return nil
}

// settle gives each stream what it inherits from the session.
func (d *description) settle() {
	for i := range d.streams {
		s := &d.streams[i]
		if !s.connSet {
			s.conn, s.held = d.conn, d.held
		}
		if !s.dirSet {
			s.dir = d.dir
		}
		s.inherit(d)
	}
}

func millis(arg string) int {
	text, _, _ := strings.Cut(strings.TrimSpace(arg), ".") // some phones write 20.0
	n, ok := number(text, 1000)
	if !ok {
		return 0
	}
	return n
}

// number reads a decimal of at most max.
func number(s string, max uint64) (int, bool) {
	if s == "" || s[0] < '0' || s[0] > '9' || len(s) > 10 {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return int(n), err == nil && n <= max
}

func ascii(s string) bool {
	for _, c := range []byte(s) {
		if c >= 0x80 || c < ' ' && c != '\t' {
			return false
		}
	}
	return true
}
