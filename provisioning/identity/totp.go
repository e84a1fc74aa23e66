package identity

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" // RFC 6238 section 1.2: what every authenticator app computes; HMAC does not need it to be free of collisions
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// TOTP by RFC 6238: SHA-1, steps of 30 s, 6 digits. A clock may be a step off.
const (
	totpStep   = 30 * time.Second
	totpDigits = 6
	totpSecret = 20 // bytes: the length of the hash (RFC 4226 section 4, R6)
	totpDrift  = 1  // steps
)

// totpFactor is an authenticator app.
type totpFactor struct {
	Secret []byte    `json:"secret"`
	Last   int64     `json:"last"` // the step whose code was used last: it and those before are refused (RFC 6238 section 5.2)
	Added  time.Time `json:"added"`
}

func (totpFactor) String() string   { return "[redacted]" }
func (totpFactor) GoString() string { return "[redacted]" }

func newTOTP() []byte {
	b := make([]byte, totpSecret)
	rand.Read(b)
	return b
}

// totpCode is the code of one step (RFC 4226 section 5.3).
func totpCode(secret []byte, step int64) string {
	m := hmac.New(sha1.New, secret)
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(step))
	m.Write(counter[:])
	sum := m.Sum(nil)
	at := sum[len(sum)-1] & 15
	n := binary.BigEndian.Uint32(sum[at:]) & 0x7fffffff
	return fmt.Sprintf("%0*d", totpDigits, n%1_000_000)
}

func stepAt(now time.Time) int64 { return now.Unix() / int64(totpStep/time.Second) }

// use takes a code once. It costs the same whether the code is right.
func (f *totpFactor) use(code string, now time.Time) bool {
	good := int64(0)
	for step := stepAt(now) - totpDrift; step <= stepAt(now)+totpDrift; step++ {
		if subtle.ConstantTimeCompare([]byte(totpCode(f.Secret, step)), []byte(code)) == 1 && step > f.Last {
			good = step
		}
	}
	if good == 0 {
		return false
	}
	f.Last = good
	return true
}

func base32Of(secret []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
}

// totpURI is what an app scans (the Key URI Format of Google Authenticator, which the others follow).
func totpURI(secret []byte, who account) string {
	u := url.URL{Scheme: "otpauth", Host: "totp", Path: "/Naisen:" + who.sub()}
	q := url.Values{"secret": {base32Of(secret)}, "issuer": {"Naisen"}}
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
	return u.String()
}
