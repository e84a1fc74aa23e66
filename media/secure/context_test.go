package secure

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"testing"
)

func rtpPacket(seq uint16, ssrc uint32, payload string) []byte {
	p := make([]byte, 12, 256)
	p[0], p[1] = 0x80, 0
	binary.BigEndian.PutUint16(p[2:], seq)
	binary.BigEndian.PutUint32(p[4:], uint32(seq)*160)
	binary.BigEndian.PutUint32(p[8:], ssrc)
	return append(p, payload...)
}

func rtcpPacket(ssrc uint32) []byte {
	p := make([]byte, 28, 256)
	p[0], p[1], p[3] = 0x80, 200, 6
	binary.BigEndian.PutUint32(p[4:], ssrc)
	return p
}

func pair(t testing.TB, k Key) (out, in *Context) {
	t.Helper()
	out, err := NewContext(k)
	if err != nil {
		t.Fatal(err)
	}
	if in, err = NewContext(k); err != nil {
		t.Fatal(err)
	}
	return out, in
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The reference packets that libsrtp, the reference implementation of RFC 3711 and RFC 7714, checks itself with.
func TestReferenceVectors(t *testing.T) {
	plain := unhex(t, "800f1234decafbadcafebabe"+"abababababababababababababababab")
	for _, c := range []struct {
		suite            Suite
		material, sealed string
	}{
		{AESCM80, "e1f97a0d3e018be0d64fa32c06de4139" + "0ec675ad498afeebb6960b3aabe6",
			"800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb"},
		{GCM128, "000102030405060708090a0b0c0d0e0f" + "a0a1a2a3a4a5a6a7a8a9aaab",
			"800f1234decafbadcafebabec5002ede04cfdd2eb91159e0880aa06ed2976826f796b201df3131a127e8a392"},
	} {
		_, k, err := ParseCrypto("1 " + string(c.suite) + " inline:" + base64.StdEncoding.EncodeToString(unhex(t, c.material)))
		if err != nil {
			t.Fatal(err)
		}
		out, in := pair(t, k)
		got, err := out.ProtectRTP(nil, plain)
		if err != nil || !bytes.Equal(got, unhex(t, c.sealed)) {
			t.Errorf("%s: %v %x", c.suite, err, got)
		}
		if back, err := in.UnprotectRTP(nil, unhex(t, c.sealed)); err != nil || !bytes.Equal(back, plain) {
			t.Errorf("%s: %v %x", c.suite, err, back)
		}
	}
}

func TestRoundTripInPlace(t *testing.T) {
	for _, s := range suites {
		out, in := pair(t, mustKey(t, s))
		plain := rtpPacket(1, 7, "twenty milliseconds of audio")
		buf := append(make([]byte, 0, len(plain)+out.Overhead()), plain...)
		sealed, err := out.ProtectRTP(buf, buf)
		if err != nil || &sealed[0] != &buf[0] {
			t.Fatalf("%s: %v, or not in place", s, err)
		}
		if len(sealed) != len(plain)+out.tail || bytes.Contains(sealed, []byte("milliseconds")) {
			t.Errorf("%s: %d octets", s, len(sealed))
		}
		back, err := in.UnprotectRTP(sealed, sealed)
		if err != nil || !bytes.Equal(back, plain) {
			t.Errorf("%s: %v", s, err)
		}
		report := rtcpPacket(7)
		sealed, err = out.ProtectRTCP(nil, report)
		if err != nil || len(sealed) != len(report)+out.tailRTC {
			t.Fatalf("%s: RTCP %v %d", s, err, len(sealed))
		}
		if back, err := in.UnprotectRTCP(nil, sealed); err != nil || !bytes.Equal(back, report) {
			t.Errorf("%s: RTCP %v", s, err)
		}
		if _, err := in.UnprotectRTCP(nil, sealed); !errors.Is(err, ErrReplay) {
			t.Errorf("%s: RTCP replay %v", s, err)
		}
	}
}

// E9, E10: replayed, flipped, of another key, plain.
func TestRefusals(t *testing.T) {
	for _, s := range suites {
		k := mustKey(t, s)
		out, in := pair(t, k)
		stranger, _ := pair(t, mustKey(t, s))
		seal := func(c *Context, seq uint16) []byte {
			p, err := c.ProtectRTP(nil, rtpPacket(seq, 7, "0123456789abcdef"))
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		good := seal(out, 10)
		flipped := bytes.Clone(seal(out, 11))
		flipped[len(flipped)-1] ^= 1
		body := bytes.Clone(seal(out, 12))
		body[13] ^= 1
		header := bytes.Clone(seal(out, 13))
		header[1] ^= 1
		if _, err := in.UnprotectRTP(nil, good); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		for name, c := range map[string]struct {
			pkt []byte
			err error
		}{
			"replay":      {good, ErrReplay},
			"tag":         {flipped, ErrAuth},
			"payload":     {body, ErrAuth},
			"header":      {header, ErrAuth},
			"other key":   {seal(stranger, 14), ErrAuth},
			"plain":       {rtpPacket(15, 7, "0123456789abcdef0123456789abcdef"), ErrAuth},
			"too short":   {rtpPacket(16, 7, ""), ErrMalformed},
			"empty":       {nil, ErrMalformed},
			"version":     {append([]byte{0}, good[1:]...), ErrMalformed},
			"CSRC":        {[]byte{0x8f, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, ErrMalformed},
			"extension":   {append([]byte{0x90, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0xbe, 0xde, 0xff, 0xff}, make([]byte, 40)...), ErrMalformed},
			"bad element": {append([]byte{0x90, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0, 7, 0xbe, 0xde, 0, 1, 0x1f, 0, 0, 0}, make([]byte, 40)...), ErrAuth},
		} {
			if _, err := in.UnprotectRTP(nil, c.pkt); !errors.Is(err, c.err) {
				t.Errorf("%s %s: %v", s, name, err)
			}
		}
		if _, err := in.UnprotectRTP(nil, seal(out, 20)); err != nil {
			t.Errorf("%s: honest packet after the attack: %v", s, err)
		}
		if n := len(in.Snapshot()); n != 1 {
			t.Errorf("%s: %d sources learned", s, n)
		}
	}
}

func TestReorderInsideTheWindow(t *testing.T) {
	out, in := pair(t, mustKey(t, AESCM80))
	var sealed [][]byte
	for seq := range uint16(200) {
		p, err := out.ProtectRTP(nil, rtpPacket(seq, 7, "x"))
		if err != nil {
			t.Fatal(err)
		}
		sealed = append(sealed, p)
	}
	for _, c := range []struct {
		seq int
		err error
	}{{199, nil}, {199 - 64, nil}, {199 - 100, nil}, {199 - 100, ErrReplay}, {10, ErrReplay}, {198, nil}} {
		if _, err := in.UnprotectRTP(nil, sealed[c.seq]); !errors.Is(err, c.err) {
			t.Errorf("%d: %v", c.seq, err)
		}
	}
}

// E11: the rollover counter, with packets lost and swapped around it, twice.
func TestRollover(t *testing.T) {
	for _, s := range []Suite{AESCM80, GCM128} {
		out, in := pair(t, mustKey(t, s))
		var held []byte
		buf, back := make([]byte, 0, 256), make([]byte, 0, 256)
		for i := 65000; i < 65000+2*65536; i++ {
			seq := uint16(i)
			p, err := out.ProtectRTP(buf, rtpPacket(seq, 7, "x"))
			if err != nil {
				t.Fatalf("%s %d: %v", s, i, err)
			}
			switch {
			case seq > 65530 || seq < 3: // lost: the receiver sees no packet near the wrap
				continue
			case seq == 65528:
				held = bytes.Clone(p) // arrives after the wrap
				continue
			}
			if _, err := in.UnprotectRTP(back, p); err != nil {
				t.Fatalf("%s %d: %v", s, i, err)
			}
			if seq == 4 && held != nil {
				if _, err := in.UnprotectRTP(back, held); err != nil {
					t.Fatalf("%s: late packet of before the wrap: %v", s, err)
				}
			}
		}
		for name, c := range map[string]*Context{"sender": out, "receiver": in} {
			if st := c.Snapshot()[0]; st.ROC != 2 {
				t.Errorf("%s %s: ROC %d", s, name, st.ROC)
			}
		}
	}
}

func TestSnapshotCarriesOn(t *testing.T) {
	for _, s := range []Suite{AESCM80, GCM128} {
		k := mustKey(t, s)
		out, in := pair(t, k)
		send := func(c *Context, seq uint16) []byte {
			p, err := c.ProtectRTP(nil, rtpPacket(seq, 7, "x"))
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		var old []byte
		for i := 60000; i < 2*65536-2; i++ { // ends two packets before the second wrap
			old = send(out, uint16(i))
			if _, err := in.UnprotectRTP(nil, old); err != nil {
				t.Fatal(err)
			}
		}
		report, err := out.ProtectRTCP(nil, rtcpPacket(7))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.UnprotectRTCP(nil, report); err != nil {
			t.Fatal(err)
		}
		out2, in2 := pair(t, k)
		if err := errors.Join(out2.Restore(out.Snapshot()), in2.Restore(in.Snapshot())); err != nil {
			t.Fatal(err)
		}
		if _, err := in2.UnprotectRTP(nil, old); !errors.Is(err, ErrReplay) {
			t.Errorf("%s: packet of before the snapshot: %v", s, err)
		}
		forged := send(out2, 5) // beyond the wrap: the first packet after the restore
		forged[len(forged)-1] ^= 1
		if _, err := in2.UnprotectRTP(nil, forged); !errors.Is(err, ErrAuth) {
			t.Errorf("%s: forged: %v", s, err)
		}
		for _, seq := range []uint16{6, 7, 8} {
			if _, err := in2.UnprotectRTP(nil, send(out2, seq)); err != nil {
				t.Errorf("%s: %d after the restore: %v", s, seq, err)
			}
		}
		if _, err := in2.UnprotectRTP(nil, old); !errors.Is(err, ErrReplay) {
			t.Errorf("%s: old packet later: %v", s, err)
		}
		if st := in2.Snapshot()[0]; st.ROC != 2 || st.Sequence != 8 {
			t.Errorf("%s: %+v", s, st)
		}
		if _, err := in2.UnprotectRTCP(nil, report); !errors.Is(err, ErrReplay) {
			t.Errorf("%s: RTCP of before the snapshot: %v", s, err)
		}
		fresh, err := out2.ProtectRTCP(nil, rtcpPacket(7))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in2.UnprotectRTCP(nil, fresh); err != nil {
			t.Errorf("%s: RTCP after the restore: %v", s, err)
		}
	}
}

func TestMKI(t *testing.T) {
	for _, s := range []string{"AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|1:4"} {
		_, k, err := ParseCrypto("1 " + s)
		if err != nil {
			t.Fatal(err)
		}
		out, in := pair(t, k)
		p, err := out.ProtectRTP(nil, rtpPacket(1, 7, "x"))
		if err != nil || !bytes.Equal(p[len(p)-14:len(p)-10], []byte{0, 0, 0, 1}) {
			t.Fatalf("%v: no MKI in %x", err, p)
		}
		if _, err := in.UnprotectRTP(nil, p); err != nil {
			t.Error(err)
		}
		p, _ = out.ProtectRTP(nil, rtpPacket(2, 7, "x"))
		p[len(p)-11] = 9
		if _, err := in.UnprotectRTP(nil, p); !errors.Is(err, ErrAuth) {
			t.Errorf("other MKI: %v", err)
		}
		r, err := out.ProtectRTCP(nil, rtcpPacket(7))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.UnprotectRTCP(nil, r); err != nil {
			t.Error(err)
		}
	}
}

func TestSourcesAreBounded(t *testing.T) {
	out, in := pair(t, mustKey(t, GCM128))
	other, _ := pair(t, mustKey(t, GCM128))
	for ssrc := range uint32(1000) { // strangers leave nothing behind
		p, err := other.ProtectRTP(nil, rtpPacket(1, ssrc%maxSources, "x"))
		if err != nil {
			t.Fatal(err)
		}
		binary.BigEndian.PutUint32(p[8:], ssrc)
		if _, err := in.UnprotectRTP(nil, p); !errors.Is(err, ErrAuth) {
			t.Fatal(err)
		}
	}
	if len(in.sources) != 0 {
		t.Errorf("%d sources of strangers", len(in.sources))
	}
	for ssrc := range uint32(maxSources) {
		p, err := out.ProtectRTP(nil, rtpPacket(1, ssrc, "x"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.UnprotectRTP(nil, p); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := out.ProtectRTP(nil, rtpPacket(1, maxSources, "x")); !errors.Is(err, ErrExhausted) {
		t.Errorf("one more: %v", err)
	}
}

func TestNoAllocations(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	for _, s := range suites {
		out, in := pair(t, mustKey(t, s))
		pkt := rtpPacket(0, 7, string(make([]byte, 160)))
		buf, back := make([]byte, 0, 512), make([]byte, 0, 512)
		report := rtcpPacket(7)
		seq := uint16(0)
		if n := testing.AllocsPerRun(200, func() {
			seq++
			binary.BigEndian.PutUint16(pkt[2:], seq)
			p, err := out.ProtectRTP(buf, pkt)
			if err == nil {
				_, err = in.UnprotectRTP(back, p)
			}
			if err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations for RTP", s, n)
		}
		if n := testing.AllocsPerRun(200, func() {
			p, err := out.ProtectRTCP(buf, report)
			if err == nil {
				_, err = in.UnprotectRTCP(back, p)
			}
			if err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations for RTCP", s, n)
		}
	}
}

func TestKeyOfContext(t *testing.T) {
	k := mustKey(t, GCM128)
	c, _ := pair(t, k)
	if !c.Uses(k) || c.Uses(mustKey(t, GCM128)) || c.Suite() != GCM128 {
		t.Error("a context does not know its key")
	}
	if _, err := NewContext(Key{}); !errors.Is(err, ErrSuite) {
		t.Errorf("zero key: %v", err)
	}
}

func FuzzUnprotect(f *testing.F) {
	k, err := Generate(AESCM80)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(rtpPacket(1, 2, "0123456789"), false)
	f.Add(rtcpPacket(2), true)
	f.Fuzz(func(t *testing.T, pkt []byte, control bool) {
		in, err := NewContext(k)
		if err != nil {
			t.Fatal(err)
		}
		unprotect := in.UnprotectRTP
		if control {
			unprotect = in.UnprotectRTCP
		}
		if _, err := unprotect(nil, pkt); err == nil {
			t.Fatal("forged packet taken")
		}
	})
}

func BenchmarkBothWays(b *testing.B) {
	for _, s := range []Suite{AESCM80, GCM128} {
		b.Run(string(s), func(b *testing.B) {
			out, in := pair(b, mustKey(b, s))
			pkt := rtpPacket(0, 7, string(make([]byte, 160)))
			buf, back := make([]byte, 0, 512), make([]byte, 0, 512)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				binary.BigEndian.PutUint16(pkt[2:], uint16(i))
				p, err := out.ProtectRTP(buf, pkt)
				if err == nil {
					_, err = in.UnprotectRTP(back, p)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
