package secure

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

var suites = []Suite{AESCM80, AESCM32, GCM128, GCM256, AES256CM80, AES256CM32}

func mustKey(t testing.TB, s Suite) Key {
	t.Helper()
	k, err := Generate(s)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestCryptoLineRoundTrip(t *testing.T) {
	for _, s := range suites {
		k := mustKey(t, s)
		tag, back, err := ParseCrypto(k.CryptoLine(5))
		if err != nil || tag != 5 || !back.Equal(k) || back != k {
			t.Errorf("%s: %v", s, err)
		}
		if other := mustKey(t, s); other.Equal(k) {
			t.Errorf("%s: two keys alike", s)
		}
	}
	if _, err := Generate("NULL_HMAC_SHA1_80"); !errors.Is(err, ErrSuite) {
		t.Errorf("null cipher: %v", err)
	}
}

func TestParseCrypto(t *testing.T) {
	const in = "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj" // RFC 4568 section 9.2
	const cm = "AES_CM_128_HMAC_SHA1_80 "
	for _, c := range []struct {
		name, attr string
		err        error
		printed    string // as CryptoLine gives it back; empty: as read
	}{
		{"plain", "1 " + cm + in, nil, ""},
		{"lifetime", "1 " + cm + in + "|2^31", nil, ""},
		{"lifetime and MKI", "1 " + cm + in + "|2^20|1:4", nil, ""},
		{"MKI only", "1 " + cm + in + "|1:1", nil, ""},
		{"decimal lifetime", "2 " + cm + in + "|1048576", nil, ""},
		{"lower case", "1 aes_cm_128_hmac_sha1_80 " + in, nil, "1 " + cm + in},
		{"window hint", "1 " + cm + in + " WSH=128", nil, "1 " + cm + in},
		{"optional parameter", "1 " + cm + in + " -X", nil, "1 " + cm + in},
		{"unknown suite", "1 F8_128_HMAC_SHA1_80 " + in, ErrSuite, ""},
		{"not encrypted", "1 " + cm + in + " UNENCRYPTED_SRTP", ErrCrypto, ""},
		{"not authenticated", "1 " + cm + in + " UNAUTHENTICATED_SRTP", ErrCrypto, ""},
		{"derivation rate", "1 " + cm + in + " KDR=4", ErrCrypto, ""},
		{"two keys", "1 " + cm + in + "|1:1;" + in + "|2:1", ErrCrypto, ""},
		{"short key", "1 " + cm + "inline:AAAA", ErrCrypto, ""},
		{"not base64", "1 " + cm + "inline:!!!!", ErrCrypto, ""},
		{"other method", "1 " + cm + "uri:https://x", ErrCrypto, ""},
		{"no tag", cm + in, ErrCrypto, ""},
		{"negative tag", "-1 " + cm + in, ErrCrypto, ""},
		{"endless tag", strings.Repeat("1", 30) + " " + cm + in, ErrCrypto, ""},
		{"MKI too large", "1 " + cm + in + "|256:1", ErrCrypto, ""},
		{"MKI too long", "1 " + cm + in + "|1:129", ErrCrypto, ""},
		{"MKI of nothing", "1 " + cm + in + "|1:0", ErrCrypto, ""},
		{"lifetime twice", "1 " + cm + in + "|2^31|2^31", ErrCrypto, ""},
		{"lifetime nonsense", "1 " + cm + in + "|2^99", ErrCrypto, ""},
		{"too long", "1 " + cm + in + strings.Repeat(" -X", 300), ErrCrypto, ""},
		{"empty", "", ErrCrypto, ""},
	} {
		tag, k, err := ParseCrypto(c.attr)
		if !errors.Is(err, c.err) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if err != nil {
			if !k.IsZero() || strings.Contains(err.Error(), "d0Rm") {
				t.Errorf("%s: a key came with or in the error %v", c.name, err)
			}
			continue
		}
		want := c.printed
		if want == "" {
			want = c.attr
		}
		if got := k.CryptoLine(tag); got != want {
			t.Errorf("%s: printed %q", c.name, got)
		}
	}
}

func TestKeyNeverPrints(t *testing.T) {
	k := mustKey(t, AESCM80)
	secret := strings.Fields(k.CryptoLine(1))[2]
	secret = secret[len("inline:") : len("inline:")+16]
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", k, "in", struct{ K Key }{k})
	js, err := json.Marshal(map[string]any{"k": k})
	if err != nil {
		t.Fatal(err)
	}
	raw := fmt.Sprintf("%x", k.material[:6])
	bytesText := strings.Trim(fmt.Sprint(k.material[:6]), "[]")
	for _, text := range []string{
		fmt.Sprint(k), fmt.Sprintf("%v %+v %#v %s %x %q", k, k, k, k, k, k), fmt.Sprintf("%+v %#v", struct{ K Key }{k}, &k), log.String(), string(js),
	} {
		if strings.Contains(text, secret) || strings.Contains(text, raw) || strings.Contains(text, bytesText) {
			t.Errorf("key in %q", text)
		}
	}
}

func FuzzParseCrypto(f *testing.F) {
	f.Add("1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:4 WSH=64")
	f.Fuzz(func(t *testing.T, attr string) {
		tag, k, err := ParseCrypto(attr)
		if err != nil {
			return
		}
		if t2, k2, err := ParseCrypto(k.CryptoLine(tag)); err != nil || t2 != tag || k2 != k {
			t.Fatalf("%q: %v", attr, err)
		}
		if _, err := NewContext(k); err != nil {
			t.Fatal(err)
		}
	})
}
