package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"html"
	"regexp"
	"testing"
)

// softKey is an authenticator with one key, written from WebAuthn Level 2, section 6: nothing of it is the library's.
type softKey struct {
	t      testing.TB
	origin string
	id     []byte
	priv   *ecdsa.PrivateKey
	handle []byte // of the user, once it is registered
	rpID   string

	count  uint32
	flags  byte // beside "attested"
	change func(client map[string]any, auth []byte) []byte
}

// Flags of authenticator data, section 6.1.
const (
	flagPresent  = 0x01
	flagVerified = 0x04
	flagEligible = 0x08
	flagBacked   = 0x10
	flagAttested = 0x40
)

func newSoftKey(t *testing.T, r *rig) *softKey {
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k := &softKey{t: t, origin: r.server.URL, id: make([]byte, 16), priv: priv, flags: flagPresent | flagVerified}
	rand.Read(k.id)
	return k
}

var b64 = base64.RawURLEncoding

// optionsOn are those that a page carries for its script.
func optionsOn(t testing.TB, page string) map[string]any {
	t.Helper()
	m := regexp.MustCompile(`data-options="([^"]*)"`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no options on the page: %s", page)
	}
	var out struct {
		PublicKey map[string]any `json:"publicKey"`
	}
	if err := json.Unmarshal([]byte(html.UnescapeString(m[1])), &out); err != nil || out.PublicKey["challenge"] == nil {
		t.Fatalf("%v: %s", err, m[1])
	}
	return out.PublicKey
}

func (k *softKey) client(kind string, options map[string]any) map[string]any {
	return map[string]any{"type": kind, "challenge": options["challenge"], "origin": k.origin, "crossOrigin": false}
}

func (k *softKey) authData(flags byte, more []byte) []byte {
	rp := sha256.Sum256([]byte(k.rpID))
	out := append(rp[:], flags)
	out = binary.BigEndian.AppendUint32(out, k.count)
	return append(out, more...)
}

// create answers a registration.
func (k *softKey) create(page string) string {
	k.t.Helper()
	o := optionsOn(k.t, page)
	k.rpID = o["rp"].(map[string]any)["id"].(string)
	handle, err := b64.DecodeString(o["user"].(map[string]any)["id"].(string))
	if err != nil {
		k.t.Fatal(err)
	}
	k.handle = handle
	more := make([]byte, 16) // AAGUID
	more = binary.BigEndian.AppendUint16(more, uint16(len(k.id)))
	more = append(more, k.id...)
	point, err := k.priv.PublicKey.Bytes() // 4, x, y
	if err != nil {
		k.t.Fatal(err)
	}
	more = append(more, 0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32) // COSE_Key (RFC 9053 section 7.1): EC2, ES256, P-256, x
	more = append(append(more, point[1:33]...), 0x22, 0x58, 32)       // y
	more = append(more, point[33:]...)
	data := k.authData(k.flags|flagAttested, more)
	object := append([]byte{0xa3, 0x63}, "fmt"...) // section 6.5.4
	object = append(append(object, 0x64), "none"...)
	object = append(append(object, 0x67), "attStmt"...)
	object = append(append(append(object, 0xa0), 0x68), "authData"...)
	object = append(binary.BigEndian.AppendUint16(append(object, 0x59), uint16(len(data))), data...)
	return k.answer(k.client("webauthn.create", o), map[string]any{"attestationObject": b64.EncodeToString(object)})
}

// get answers a sign-in.
func (k *softKey) get(page string) string {
	k.t.Helper()
	o := optionsOn(k.t, page)
	k.count++
	client := k.client("webauthn.get", o)
	data := k.authData(k.flags, nil)
	if k.change != nil {
		data = k.change(client, data)
	}
	text, err := json.Marshal(client)
	if err != nil {
		k.t.Fatal(err)
	}
	hash := sha256.Sum256(text)
	digest := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	sig, err := ecdsa.SignASN1(rand.Reader, k.priv, digest[:])
	if err != nil {
		k.t.Fatal(err)
	}
	return k.answer(client, map[string]any{"authenticatorData": b64.EncodeToString(data), "signature": b64.EncodeToString(sig), "userHandle": b64.EncodeToString(k.handle)})
}

func (k *softKey) answer(client, response map[string]any) string {
	text, err := json.Marshal(client)
	if err != nil {
		k.t.Fatal(err)
	}
	response["clientDataJSON"] = b64.EncodeToString(text)
	id := b64.EncodeToString(k.id)
	out, err := json.Marshal(map[string]any{"id": id, "rawId": id, "type": "public-key", "clientExtensionResults": map[string]any{}, "response": response})
	if err != nil {
		k.t.Fatal(err)
	}
	return string(out)
}
