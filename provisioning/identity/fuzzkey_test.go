package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/json"
	"html"
	"net/url"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"naisen/provisioning"
)

// fuzzedKey is a relying party, an authenticator whose key is always the same (each worker of a fuzz run has to know the seeds of the others), who holds it, and
// the answer by which it was registered with its challenge.
func fuzzedKey(f *testing.F) (rp *webauthn.WebAuthn, k *softKey, o owner, made string, asked *webauthn.SessionData) {
	at, err := url.Parse("https://pbx.example.jp")
	if err != nil {
		f.Fatal(err)
	}
	if rp, err = newRelyingParty(at); err != nil {
		f.Fatal(err)
	}
	scalar := sha256.Sum256([]byte("a key of fuzz tests"))
	priv, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar[:])
	if err != nil {
		f.Fatal(err)
	}
	k = &softKey{t: f, origin: at.String(), id: scalar[:16], priv: priv, flags: flagPresent | flagVerified}
	o = newOwner(account{testDomain, "taro"}, provisioning.User{Name: "taro"}, factors{})
	options, asked, err := rp.BeginRegistration(o)
	if err != nil {
		f.Fatal(err)
	}
	asked.Challenge = b64.EncodeToString(scalar[:])
	options.Response.Challenge = scalar[:]
	return rp, k, o, k.create(onPage(f, options)), asked
}

func challengeOf(f *testing.F, s *webauthn.SessionData) []byte {
	b, err := b64.DecodeString(s.Challenge)
	if err != nil {
		f.Fatal(err)
	}
	return b
}

// onPage is what a page carries for its script.
func onPage(f *testing.F, options any) string {
	text, err := json.Marshal(options)
	if err != nil {
		f.Fatal(err)
	}
	return `data-options="` + html.EscapeString(string(text)) + `"`
}

// shownBy is what an answer holds, by another reader than the one that is tested.
func shownBy(t *testing.T, answer []byte, challenge, kind string) (client, data, sig []byte) {
	t.Helper()
	var m struct {
		Response struct{ ClientDataJSON, AuthenticatorData, Signature string }
	}
	if err := json.Unmarshal(answer, &m); err != nil {
		t.Fatalf("taken, and no JSON: %v", err)
	}
	for from, into := range map[string]*[]byte{m.Response.ClientDataJSON: &client, m.Response.AuthenticatorData: &data, m.Response.Signature: &sig} {
		b, err := b64.DecodeString(from)
		if err != nil {
			t.Fatalf("taken, and no base64url: %q", from)
		}
		*into = b
	}
	var c struct{ Type, Challenge, Origin string }
	if err := json.Unmarshal(client, &c); err != nil || c.Type != kind || c.Challenge != challenge || c.Origin != "https://pbx.example.jp" {
		t.Errorf("taken: %s", client)
	}
	return client, data, sig
}

// FuzzPasskey: an answer to a sign-in that is taken is signed by the key, over the challenge, the origin and the relying party.
func FuzzPasskey(f *testing.F) {
	rp, k, o, made, asked := fuzzedKey(f)
	parsed, err := protocol.ParseCredentialCreationResponseBytes([]byte(made))
	if err != nil {
		f.Fatal(err)
	}
	c, err := rp.CreateCredential(o, *asked, parsed)
	if err != nil {
		f.Fatal(err)
	}
	o.keys = []passkey{{Credential: *c}}
	options, session, err := rp.BeginLogin(o)
	if err != nil {
		f.Fatal(err)
	}
	session.Challenge, options.Response.Challenge = asked.Challenge, challengeOf(f, asked)
	taken := func(answer []byte) error {
		parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
		if err == nil {
			_, err = rp.ValidateLogin(o, *session, parsed)
		}
		return err
	}
	for range 2 { // with another counter
		answer := k.get(onPage(f, options))
		if err := taken([]byte(answer)); err != nil {
			f.Fatalf("the seed: %v", err)
		}
		f.Add([]byte(answer))
	}
	f.Add([]byte(made))
	f.Add([]byte(`{"id":"","type":"public-key","response":{}}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		if len(answer) > maxForm || taken(answer) != nil {
			return
		}
		client, data, sig := shownBy(t, answer, asked.Challenge, "webauthn.get")
		hash, party := sha256.Sum256(client), sha256.Sum256([]byte("pbx.example.jp"))
		digest := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
		if !ecdsa.VerifyASN1(&k.priv.PublicKey, digest[:], sig) || len(data) < 37 || string(data[:32]) != string(party[:]) || data[32]&flagPresent == 0 {
			t.Errorf("taken: %x %x", data, sig)
		}
	})
}

// FuzzNewPasskey: an answer to a registration that is taken is for the challenge, the origin and the relying party, and what is kept of it is bounded.
func FuzzNewPasskey(f *testing.F) {
	rp, _, o, made, asked := fuzzedKey(f)
	taken := func(answer []byte) (*webauthn.Credential, error) {
		parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
		if err != nil {
			return nil, err
		}
		return rp.CreateCredential(o, *asked, parsed)
	}
	if _, err := taken([]byte(made)); err != nil {
		f.Fatalf("the seed: %v", err)
	}
	f.Add([]byte(made))
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA"}}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		if len(answer) > maxForm {
			return
		}
		c, err := taken(answer)
		if err != nil {
			return
		}
		shownBy(t, answer, asked.Challenge, "webauthn.create")
		kept, err := json.Marshal(passkey{Credential: *c})
		if err != nil || len(kept) > 2*maxForm || len(c.ID) == 0 || len(c.ID) > 1023 || len(c.PublicKey) == 0 { // WebAuthn section 6.5.1: at most 1023 bytes
			t.Errorf("kept: %d bytes, %v", len(kept), err)
		}
	})
}
