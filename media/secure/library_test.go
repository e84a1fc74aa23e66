package secure

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/pion/srtp/v3"
)

// library is pion's transform for the same key: another implementation that every packet of ours is compared with.
func library(t *testing.T, k Key) *srtp.Context {
	t.Helper()
	profile := map[Suite]srtp.ProtectionProfile{
		AESCM80: srtp.ProtectionProfileAes128CmHmacSha1_80, AESCM32: srtp.ProtectionProfileAes128CmHmacSha1_32,
		AES256CM80: srtp.ProtectionProfileAes256CmHmacSha1_80, AES256CM32: srtp.ProtectionProfileAes256CmHmacSha1_32,
		GCM128: srtp.ProtectionProfileAeadAes128Gcm, GCM256: srtp.ProtectionProfileAeadAes256Gcm,
	}[k.suite]
	n, m, _ := k.suite.lengths()
	var opts []srtp.ContextOption
	if k.mkiLen > 0 {
		opts = append(opts, srtp.MasterKeyIndicator(k.mki[:k.mkiLen]))
	}
	c, err := srtp.CreateContext(k.material[:n], k.material[n:n+m], profile, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestAgainstAnotherImplementation sends the same packets through ours and pion's: octet for octet the same, over two rollovers, with CSRCs,
// header extensions, odd lengths and MKIs, and each opens what the other sealed.
func TestAgainstAnotherImplementation(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 7))
	for _, s := range suites {
		for _, mki := range []int{0, 4} {
			k := mustKey(t, s)
			if mki > 0 && !k.setMKI("305419896", "4") {
				t.Fatal("MKI")
			}
			out, in := pair(t, k)
			theirs, theirsIn := library(t, k), library(t, k)
			for i := 0; i < 2000; i++ {
				pkt := shaped(random, uint16(i*97))
				mine, err := out.ProtectRTP(nil, pkt)
				if err != nil {
					t.Fatal(err)
				}
				want, err := theirs.EncryptRTP(nil, pkt, nil)
				if err != nil || !bytes.Equal(mine, want) {
					t.Fatalf("%s mki %d, packet %d: %v\n%x\n%x", s, mki, i, err, mine, want)
				}
				if back, err := theirsIn.DecryptRTP(nil, mine, nil); err != nil || !bytes.Equal(back, pkt) {
					t.Fatalf("%s: theirs: %v", s, err)
				}
				if back, err := in.UnprotectRTP(nil, want); err != nil || !bytes.Equal(back, pkt) {
					t.Fatalf("%s: ours: %v", s, err)
				}
			}
			for range 50 {
				report := rtcpPacket(7)
				mine, err := out.ProtectRTCP(nil, report)
				if err != nil {
					t.Fatal(err)
				}
				want, err := theirs.EncryptRTCP(nil, report, nil)
				if err != nil || !bytes.Equal(mine, want) {
					t.Fatalf("%s: RTCP: %v\n%x\n%x", s, err, mine, want)
				}
				if back, err := in.UnprotectRTCP(nil, want); err != nil || !bytes.Equal(back, report) {
					t.Fatalf("%s: RTCP: %v", s, err)
				}
			}
		}
	}
}

// shaped makes a packet of any shape.
func shaped(r *rand.Rand, seq uint16) []byte {
	p := rtpPacket(seq, 7, "")
	for n := r.IntN(4); n > 0; n-- {
		p[0]++
		p = binary.BigEndian.AppendUint32(p, r.Uint32())
	}
	if r.IntN(2) == 0 {
		p[0] |= 0x10
		p = append(p, 0xbe, 0xde, 0, 1, 0x10, byte(r.Uint32()), 0, 0)
	}
	for n := r.IntN(200); n > 0; n-- {
		p = append(p, byte(r.Uint32()))
	}
	return p
}

// RFC 4568 section 6.1: no more packets than the key's lifetime, in either direction.
func TestLifetime(t *testing.T) {
	_, k, err := ParseCrypto("1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^4")
	if err != nil {
		t.Fatal(err)
	}
	endless := k
	endless.lifetime = ""
	out, in := pair(t, k)
	more, _ := pair(t, endless)
	for seq := range uint16(16) {
		p, err := out.ProtectRTP(nil, rtpPacket(seq, 7, "x"))
		if err == nil {
			_, err = in.UnprotectRTP(nil, p)
		}
		if err != nil {
			t.Fatalf("packet %d: %v", seq, err)
		}
	}
	if _, err := out.ProtectRTP(nil, rtpPacket(16, 7, "x")); !errors.Is(err, ErrExhausted) {
		t.Errorf("sent beyond the lifetime: %v", err)
	}
	p, err := more.ProtectRTP(nil, rtpPacket(16, 7, "x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.UnprotectRTP(nil, p); !errors.Is(err, ErrExhausted) {
		t.Errorf("received beyond the lifetime: %v", err)
	}
	for text, want := range map[string]uint64{"": 1 << 48, "2^31": 1 << 31, "1048576": 1 << 20, "2^48": 1 << 48, "999999999999999": 1 << 48} {
		if got := (Key{lifetime: text}).packets(); got != want {
			t.Errorf("%q: %d packets", text, got)
		}
	}
}
