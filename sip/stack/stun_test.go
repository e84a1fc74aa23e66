package stack

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"net/netip"
	"testing"
)

// binding is a Binding request with those attributes, each a type and a value.
func binding(attributes ...[]byte) []byte {
	b := append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42}, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae)
	for _, a := range attributes {
		value := a[2:]
		b = append(b, a[0], a[1], 0, byte(len(value)))
		b = append(b, value...)
		b = append(b, make([]byte, -len(value)&3)...)
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)-20))
	return b
}

func fingerprinted(b []byte) []byte {
	b = bytes.Clone(b)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)-20+8))
	return binary.BigEndian.AppendUint32(append(b, 0x80, 0x28, 0, 4), crc32.ChecksumIEEE(b)^0x5354554E)
}

// RFC 8489; the addresses and their XORed form are those of RFC 5769 sections 2.2 and 2.3.
func TestSTUN(t *testing.T) {
	four, six := netip.MustParseAddrPort("192.0.2.1:32853"), netip.MustParseAddrPort("[2001:db8:1234:5678:11:2233:4455:6677]:32853")
	for _, c := range []struct {
		name string
		in   []byte
		from netip.AddrPort
		want string // attributes of the answer, "" for none
	}{
		{"IPv4", binding(), four, "0020000800 01a147e112a643"},
		{"IPv6", binding(), six, "0020001400 02a1470113a9faa5d3f179bc25f4b5bed2b9d9"},
		{"optional attribute", binding([]byte("\x80\x22naisen")), four, "0020000800 01a147e112a643"},
		{"credentials are passed over", binding([]byte("\x00\x06alice")), four, "0020000800 01a147e112a643"},
		{"unknown attribute", binding([]byte("\x00\x03\x00\x00\x00\x06")), four, "0009000400000414 000a000200030000"},
		{"many unknown attributes", binding([]byte("\x00\x03"), []byte("\x00\x04"), []byte("\x00\x05")), four, "0009000400000414 000a000400030004"},
		{"length is wrong", append(binding(), 0, 0, 0, 0), four, ""},
		{"attribute beyond the end", append(binding()[:2], append([]byte{0, 4}, append(binding()[4:], 0x80, 0x22, 0, 9)...)...), four, ""},
		{"indication", append([]byte{0, 0x11}, binding()[2:]...), four, ""},
		{"response", append([]byte{1, 1}, binding()[2:]...), four, ""},
		{"allocation", append([]byte{0, 3}, binding()[2:]...), four, ""},
		{"wrong fingerprint", append(fingerprinted(binding())[:24], 1, 2, 3, 4), four, ""},
		{"something after the fingerprint", binding(append([]byte("\x80\x28"), 0, 0, 0, 0), []byte("\x80\x22xxxx")), four, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, ok := stunAnswer(c.in, c.from)
			if ok != (c.want != "") {
				t.Fatalf("answered: %v", ok)
			}
			if !ok {
				return
			}
			want, err := hex.DecodeString(string(bytes.ReplaceAll([]byte(c.want), []byte(" "), nil)))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(out[20:], want) || !bytes.Equal(out[4:20], c.in[4:20]) || int(binary.BigEndian.Uint16(out[2:])) != len(out)-20 {
				t.Errorf("%x, want attributes %x", out, want)
			}
			if wire := 28; c.from.Addr().Is4() && (len(out)+wire)*2 > (len(c.in)+wire)*3 || c.from.Addr().Is6() && (len(out)+48)*2 > (len(c.in)+48)*3 {
				t.Errorf("%d bytes in, %d out: more than 1.5 times on the wire", len(c.in), len(out))
			}
		})
	}
	out, ok := stunAnswer(fingerprinted(binding()), four)
	if !ok || len(out) != 40 || !bytes.Equal(out, fingerprinted(out[:32])) {
		t.Errorf("a request with FINGERPRINT gets %x", out)
	}
}

func FuzzSTUN(f *testing.F) {
	f.Add(binding())
	f.Add(fingerprinted(binding([]byte("\x00\x03\x00\x00\x00\x06"))))
	from := netip.MustParseAddrPort("192.0.2.1:32853")
	f.Fuzz(func(t *testing.T, b []byte) {
		if !isSTUN(b) {
			return
		}
		if out, ok := stunAnswer(b, from); ok && (len(out) > 48 || len(out)%4 != 0 || !isSTUN(out)) {
			t.Errorf("%x gets %x", b, out)
		}
	})
}
