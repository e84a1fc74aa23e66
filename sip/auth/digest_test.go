package auth

import (
	"testing"
)

// The examples of RFC 7616 section 3.9.1.
func TestRFC7616Vectors(t *testing.T) {
	mufasa := digest{
		username: "Mufasa", realm: "http-auth@example.org", uri: "/dir/index.html", qop: "auth", nc: "00000001",
		nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
	}
	for _, c := range []struct {
		d        digest
		alg      Algorithm
		password string
		want     string
	}{
		{mufasa, MD5, "Circle of Life", "8ca523f5e9506fed4657c9700eebdbec"},
		{mufasa, SHA256, "Circle of Life", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
	} {
		ha1 := HA1(c.alg, c.d.username, c.d.realm, c.password)
		if got := c.d.compute(c.alg, ha1, "GET", nil); got != c.want {
			t.Errorf("%s: response %s, want %s", c.alg, got, c.want)
		}
	}
	// Section 3.9.2 as corrected by erratum 4897: SHA-512/256 of FIPS 180-4, not SHA-512 cut short.
	const userhash = "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"
	if got := SHA512256.join("Jäsøn Doe", "api@example.org"); got != userhash {
		t.Errorf("SHA-512-256: userhash %s, want %s", got, userhash)
	}
}

// Responses of real phones with the password "secret", captured from the listener of doc.go.
func TestResponsesOfRealPhones(t *testing.T) {
	for name, c := range map[string]struct {
		header, method string
		alg            Algorithm
	}{
		"baresip 1.0.0": {`Digest username="1001", realm="example.test", nonce="nonce00", uri="sip:127.0.0.1:20100;transport=udp", ` +
			`response="20739333ed23ac74129cb2f62ee11d37", opaque="op", cnonce="34f5e8e8a85b5788", qop=auth, nc=00000001`, "REGISTER", MD5},
		"sipp 3.6.1": {`Digest username="1001",realm="example.test",cnonce="6b8b4567",nc=00000001,qop=auth,uri="sip:127.0.0.1:20200",` +
			`nonce="nonce00",response="467b74e33186de4dfed066ed6399aa66",algorithm=MD5,opaque="op"`, "REGISTER", MD5},
		"linphonec 5.1.65": {` Digest realm="example.test", nonce="nonce00", algorithm=SHA-256, opaque="op", username="1001",  ` +
			`uri="sip:example.test", response="b1f70a33cef6d1995b83f6cd2d49e6fd0594cfc74489a016099aee323505c9be", ` +
			`cnonce="2T1b-cAr39xzGhQW", nc=00000001, qop=auth`, "REGISTER", SHA256},
		"sipp 3.6.1, auth-int": {`Digest username="1001",realm="example.test",cnonce="6b8b4567",nc=00000001,qop=auth-int,uri="sip:127.0.0.1:20261",` +
			`nonce="nonce00",response="d621045c375fcc29dca5c1b65046af55",algorithm=MD5,opaque="op"`, "REGISTER", MD5},
	} {
		d, err := parseDigest(c.header)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := d.compute(c.alg, HA1(c.alg, "1001", "example.test", "secret"), c.method, nil); got != d.response {
			t.Errorf("%s: computed %s, sent %s", name, got, d.response)
		}
	}
}
