package webrtc

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"net/netip"
	"strings"
	"testing"
)

// The sample request of RFC 5769 section 2.1, whose padding is spaces, and the responses of sections 2.2 and 2.3, whose is too.
const (
	rfcRequest = "000100582112a442b7e7a701bc34d686fa87dfae" +
		"802200105354554e207465737420636c69656e74" + "002400046e0001ff" + "80290008932ff9b151263b36" +
		"000600096576746a3a68367659202020" + "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2" + "80280004e57a3bcf"
	rfcPassword = "VOkJxbRl1RmTxUk/WvJxBt"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRFC5769Request(t *testing.T) {
	c, err := Read(unhex(t, rfcRequest))
	if err != nil || c.Ours != "evtj" || c.Theirs != "h6vY" || c.Nominated {
		t.Fatalf("%+v %v", c, err)
	}
	if err := c.Verify(Credentials{"evtj", rfcPassword}, "h6vY"); err != nil {
		t.Error(err)
	}
	if c.Accepts() { // its sender says that it is controlled
		t.Error("a check of a controlled agent is accepted")
	}
	for name, err := range map[string]error{
		"password":     c.Verify(Credentials{"evtj", rfcPassword + "x"}, "h6vY"),
		"our ufrag":    c.Verify(Credentials{"evtk", rfcPassword}, "h6vY"),
		"their ufrag":  c.Verify(Credentials{"evtj", rfcPassword}, "h6vZ"),
		"no password":  c.Verify(Credentials{"evtj", ""}, "h6vY"),
		"no ufrag yet": c.Verify(Credentials{"evtj", rfcPassword}, ""),
	} {
		if want := name != "no ufrag yet"; errors.Is(err, ErrWrong) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAnswers: the mapped addresses are those of the vectors; what is in front of them and behind is read again by rules written down here.
func TestAnswers(t *testing.T) {
	ours := Credentials{"OURS1234", "a password of ours 24 ch"}
	theirs := Credentials{"their", "0123456789012345678901"}
	id := [12]byte(unhex(t, "b7e7a701bc34d686fa87dfae"))
	for from, mapped := range map[string]string{
		"192.0.2.1:32853": "002000080001a147e112a643",
		"[2001:db8:1234:5678:11:2233:4455:6677]:32853": "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9",
	} {
		pkt := AppendCheck(nil, id, theirs, ours, true)
		c, err := Read(pkt)
		if err != nil || !c.Nominated || !c.Accepts() || c.Verify(ours, theirs.Ufrag) != nil {
			t.Fatalf("%+v %v", c, err)
		}
		out := c.Answer(nil, ours, netip.MustParseAddrPort(from))
		if got := hex.EncodeToString(out); !strings.HasPrefix(got, "0101") || !strings.Contains(got, mapped) || !strings.Contains(got, hex.EncodeToString(id[:])) {
			t.Errorf("%s: %s", from, got)
		}
		if len(out) > len(pkt) {
			t.Errorf("the answer has %d octets, the check %d: an amplifier (threats F4)", len(out), len(pkt))
		}
		at := len(out) - 8
		if binary.BigEndian.Uint32(out[at+4:]) != crc32.ChecksumIEEE(out[:at])^fingerprintXOR || int(binary.BigEndian.Uint16(out[2:])) != len(out)-20 {
			t.Errorf("%s: FINGERPRINT or length", from)
		}
		if mac := integrity(ours.Password, out[:at-24], at-24); hex.EncodeToString(mac) != hex.EncodeToString(out[at-20:at]) {
			t.Errorf("%s: MESSAGE-INTEGRITY", from)
		}
	}
	conflict, err := Read(unhex(t, rfcRequest))
	if err != nil {
		t.Fatal(err)
	}
	if out := conflict.Answer(nil, ours, netip.MustParseAddrPort("192.0.2.1:1")); fmt.Sprintf("%x", out[:2]) != "0111" || fmt.Sprintf("%x", out[20:28]) != "0009000400000457" {
		t.Errorf("role conflict: %x", out)
	}
}

func TestUnknownAttribute(t *testing.T) {
	ours := Credentials{"OURS1234", "a password of ours 24 ch"}
	pkt := AppendCheck(nil, [12]byte{}, Credentials{Ufrag: "x"}, ours, false)
	// Before MESSAGE-INTEGRITY (24) and FINGERPRINT (8) stands an attribute that must be understood.
	cut := len(pkt) - 32
	odd := append(append([]byte(nil), pkt[:cut]...), 0x7f, 0x01, 0, 0)
	mac := integrity(ours.Password, odd, len(odd))
	odd = append(append(odd, 0, attrIntegrity, 0, 20), mac...)
	binary.BigEndian.PutUint16(odd[2:], uint16(len(odd)-20+8))
	sum := crc32.ChecksumIEEE(odd) ^ fingerprintXOR
	odd = binary.BigEndian.AppendUint32(append(odd, 0x80, 0x28, 0, 4), sum)
	c, err := Read(odd)
	if err != nil || c.Accepts() || c.Verify(ours, "x") != nil {
		t.Fatalf("%+v %v", c, err)
	}
	if out := c.Answer(nil, ours, netip.MustParseAddrPort("192.0.2.1:1")); hex.EncodeToString(out[20:36]) != "0009000400000414000a00027f010000" {
		t.Errorf("%x", out)
	}
}

// What is no check, or is not whole, is not read: and so never answered.
func TestNotAChecks(t *testing.T) {
	ours := Credentials{"OURS1234", "a password of ours 24 ch"}
	good := AppendCheck(nil, [12]byte{}, Credentials{Ufrag: "x"}, ours, false)
	change := func(f func(b []byte) []byte) []byte { return f(append([]byte(nil), good...)) }
	for name, b := range map[string][]byte{
		"empty":              nil,
		"short":              good[:19],
		"a response":         change(func(b []byte) []byte { b[0] = 1; return b }),
		"no cookie":          change(func(b []byte) []byte { b[4] = 0; return b }),
		"cut":                good[:len(good)-4],
		"longer than said":   append(append([]byte(nil), good...), 0, 0, 0, 0),
		"attribute too long": change(func(b []byte) []byte { b[23] = 200; return b }),
		"changed":            change(func(b []byte) []byte { b[25] ^= 1; return b }),
		"no fingerprint":     change(func(b []byte) []byte { b = b[:len(b)-8]; b[3] -= 8; return b }),
	} {
		if _, err := Read(b); !errors.Is(err, ErrSTUN) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestClassify(t *testing.T) {
	for b, want := range map[byte]Class{0: STUN, 3: STUN, 4: Other, 19: Other, 20: DTLS, 22: DTLS, 63: DTLS, 64: Other, 79: Other, 127: Other, 128: RTP, 191: RTP, 192: Other, 255: Other} {
		if got := Classify([]byte{b}); got != want {
			t.Errorf("%d: %d, want %d", b, got, want)
		}
	}
	if Classify(nil) != Other {
		t.Error("an empty datagram is something")
	}
}

func TestCredentials(t *testing.T) {
	seen := map[Credentials]bool{}
	for range 1000 {
		c := NewCredentials()
		if !c.Usable() || seen[c] {
			t.Fatalf("%q", c.Ufrag)
		}
		seen[c] = true
		for _, s := range []string{fmt.Sprint(c), fmt.Sprintf("%#v", c), fmt.Sprintf("%+v", c)} {
			if strings.Contains(s, c.Password) {
				t.Fatalf("the password is printed: %s", s)
			}
		}
	}
	for _, c := range []Credentials{{"abc", strings.Repeat("x", 22)}, {"abcd", strings.Repeat("x", 21)}, {"ab d", strings.Repeat("x", 22)}, {"abcd", strings.Repeat("x", 257)}, {}} {
		if c.Usable() {
			t.Errorf("%q is usable", c.Ufrag)
		}
	}
}

// FuzzCheck: no input is believed that does not carry the password, whatever else it is.
func FuzzCheck(f *testing.F) {
	ours := Credentials{"OURS1234", "a password of ours 24 ch"}
	f.Add(unhex(f, rfcRequest))
	f.Add(AppendCheck(nil, [12]byte{}, Credentials{Ufrag: "x"}, ours, true))
	f.Fuzz(func(t *testing.T, b []byte) {
		Classify(b)
		c, err := Read(b)
		if err != nil {
			return
		}
		out := c.Answer(nil, ours, netip.MustParseAddrPort("192.0.2.1:1"))
		if len(out) > 100 || len(out)%4 != 0 {
			t.Errorf("answer of %d octets", len(out))
		}
		if c.Verify(Credentials{c.Ours, "another password altogether"}, "") == nil {
			t.Error("a wrong password is believed")
		}
	})
}
