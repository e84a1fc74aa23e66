// Package apart runs the vault as a process of its own: Server has the private keys and the store, Client the right to decide. They speak HTTP over a
// socket of this machine. Each request carries a permit that the client signs: what for, which recording, which part, for whom, for half a minute, once.
//
// The server opens audio for permits that name it, manifests, and what waits in the machine's spool; it gives no key to anybody, decides about nobody's
// rights, and has no catalogue. The client has no private key of a recording, and holds plain audio no longer than it takes to pass it on.
package apart

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"naisen/recorder"
	"naisen/recorder/objstore"
	"naisen/recorder/seal"
)

// ErrAway says that the vault's process does not answer. It is a kind of seal.ErrUnavailable.
var ErrAway = fmt.Errorf("apart: the vault's process does not answer: %w", seal.ErrUnavailable)

// Bounds of a request's body, in bytes.
const (
	maxManifest = 4 << 20 // or what people decided
	maxSpool    = 4 << 20
	maxHead     = seal.ProofSize
	maxAnswer   = 4 << 20
)

// Headers of answers.
const (
	sizeHeader  = "Naisen-Size"  // of the whole plain audio
	epochHeader = "Naisen-Epoch" // of the key of a new header
)

// answers are the errors that cross the socket. One that is not here is "unavailable".
var answers = []struct {
	status int
	code   string
	err    error
}{
	{http.StatusForbidden, "permit", errPermit},
	{http.StatusBadGateway, "integrity-no-key", errBoth},
	{http.StatusBadGateway, "integrity", recorder.ErrIntegrity},
	{http.StatusNotFound, "track", recorder.ErrNotFound},
	{http.StatusNotFound, "object", objstore.ErrNotFound},
	{http.StatusServiceUnavailable, "no-key", seal.ErrNoKey},
	{http.StatusLocked, "refused", seal.ErrRefused},
	{http.StatusServiceUnavailable, "unavailable", seal.ErrUnavailable},
	{http.StatusServiceUnavailable, "later", errLater},
}

var (
	// errBoth is how a header that no key opens looks: altered, or sealed to nobody here.
	errBoth = fmt.Errorf("%w: %w", recorder.ErrIntegrity, seal.ErrNoKey)
	// errLater is everything that is nobody's fault here: the store, most of all.
	errLater = errors.New("apart: the vault cannot read it now")
)

type answer struct {
	Code string `json:"code"`
}

// refuse writes an error. Its text stays in the vault's log: it may name what the other side has no business with.
func refuse(w http.ResponseWriter, err error) {
	for _, a := range answers {
		if errors.Is(err, a.err) || a.err == errBoth && errors.Is(err, recorder.ErrIntegrity) && errors.Is(err, seal.ErrNoKey) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(a.status)
			_ = json.NewEncoder(w).Encode(answer{a.code}) // whoever asked may be gone
			return
		}
	}
	refuse(w, errLater)
}

// errorOf reads what refuse wrote.
func errorOf(resp *http.Response) error {
	var a answer
	_ = json.NewDecoder(io.LimitReader(resp.Body, 4096)).Decode(&a) // what is no answer of ours has no code
	for _, known := range answers {
		if a.Code == known.code {
			return fmt.Errorf("apart: the vault: %w", known.err)
		}
	}
	return fmt.Errorf("apart: status %d: %w", resp.StatusCode, seal.ErrUnavailable)
}
