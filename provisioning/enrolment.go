package provisioning

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"
)

// Enrolment is what a one-time code lets somebody do: a desk phone fetch its configuration, a smartphone its account. There is one mechanism for all of it:
// the code has 130 random bits and is shown once; only its hash is kept; whoever shows it first has what it is for, and nobody has it again. A subject has
// one code at a time: a new one ends that of before.
type Enrolment struct {
	Of    string    `json:"of"`   // EnrolDevice, ...: a code of one kind does nothing for another
	Name  string    `json:"name"` // of whom, such as ManagedDevice.MAC
	Until time.Time `json:"until"`
}

// What enrolments are of.
const (
	EnrolDevice    = "device"    // Name: ManagedDevice.MAC
	EnrolSoftphone = "softphone" // Name: extension, "/" and whose it is
)

// SecretEnrolment is the kind of secrets that keep enrolments; key: the hash of the code.
const SecretEnrolment = "enrolment"

// Bounds of enrolments.
const (
	maxEnrolments = 5000 // of a domain at once
	enrolmentCode = 26   // characters of a code
	// MaxEnrolment is how long a code may count.
	MaxEnrolment = 30 * 24 * time.Hour
)

// NewEnrolment makes a code that counts until e.Until, and ends that of the same subject. What has run out is cleared away. *Invalid: there are too many.
func NewEnrolment(w Writer, domain string, e Enrolment, now time.Time) (code string, err error) {
	if !e.Until.After(now) || e.Until.After(now.Add(MaxEnrolment)) {
		return "", &Invalid{Field: "until", Reason: "must be in the next 30 days"}
	}
	left, err := clearEnrolments(w, domain, func(o Enrolment) bool { return !now.Before(o.Until) || o.Of == e.Of && o.Name == e.Name })
	if err != nil {
		return "", err
	}
	if left >= maxEnrolments {
		return "", &Invalid{Field: "until", Reason: "too many codes wait already: end some, or wait"}
	}
	plain, err := json.Marshal(e)
	if err != nil {
		return "", err
	}
	code = rand.Text()
	return code, w.PutSecret(domain, SecretEnrolment, EnrolmentKey(code), plain)
}

// EndEnrolments ends the code of a subject, if there is one.
func EndEnrolments(w Writer, domain, of, name string) error {
	_, err := clearEnrolments(w, domain, func(o Enrolment) bool { return o.Of == of && o.Name == name })
	return err
}

// clearEnrolments deletes such, and counts the others.
func clearEnrolments(w Writer, domain string, such func(Enrolment) bool) (left int, err error) {
	all, err := w.Secrets(domain, SecretEnrolment)
	if err != nil {
		return 0, err
	}
	for key, plain := range all {
		var o Enrolment
		if json.Unmarshal(plain, &o) == nil && !such(o) {
			left++
			continue
		}
		if err := w.PutSecret(domain, SecretEnrolment, key, nil); err != nil {
			return 0, err
		}
	}
	return left, nil
}

// Enrolled looks at a code without using it up. ErrNotFound: it is none, of another kind, or over; nothing tells which.
func Enrolled(r Reader, domain, of, code string, now time.Time) (Enrolment, error) {
	if len(code) != enrolmentCode {
		return Enrolment{}, ErrNotFound
	}
	plain, err := Secret(r, domain, SecretEnrolment, EnrolmentKey(code))
	if err != nil {
		return Enrolment{}, err
	}
	e, err := DecodeEnrolment(plain)
	if err != nil || !e.Counts(of, now) {
		return Enrolment{}, ErrNotFound
	}
	return e, nil
}

// Counts says that it is of a kind, and not over.
func (e Enrolment) Counts(of string, now time.Time) bool { return e.Of == of && now.Before(e.Until) }

// DecodeEnrolment reads one as it is kept.
func DecodeEnrolment(b []byte) (Enrolment, error) {
	var e Enrolment
	if err := json.Unmarshal(b, &e); err != nil {
		return Enrolment{}, errors.New("provisioning: an enrolment is not readable")
	}
	return e, nil
}

// Enrol uses a code up, in the transaction that gives what it is for. ErrNotFound: as Enrolled.
func Enrol(w Writer, domain, of, code string, now time.Time) (Enrolment, error) {
	e, err := Enrolled(w, domain, of, code, now)
	if err != nil {
		if !errors.Is(err, ErrNotFound) {
			return Enrolment{}, err
		}
		return Enrolment{}, ErrNotFound
	}
	return e, w.PutSecret(domain, SecretEnrolment, EnrolmentKey(code), nil)
}

// EnrolmentKey is the hash of a code. It has 130 random bits: nothing is gained by a slow hash, and who looks up a hash learns nothing by the time it takes.
func EnrolmentKey(code string) string {
	sum := sha256.Sum256([]byte("enrolment\n" + code))
	return hex.EncodeToString(sum[:])
}
