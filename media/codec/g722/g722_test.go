package g722

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"naisen/media/mediatest"
)

// The octets of a known tone: a change of the library that changes what goes over the wire must be seen.
func TestGolden(t *testing.T) {
	payload := NewEncoder(Rate).Encode(nil, mediatest.Sine(Rate, 1000, 8000, 200))
	sum := sha256.Sum256(payload)
	if got := hex.EncodeToString(sum[:8]); got != "1cd7749e2dc883e9" {
		t.Errorf("payload %s of %d octets", got, len(payload))
	}
	pcm := NewDecoder(Rate).Decode(nil, payload)
	if len(pcm) != 3200 || mediatest.ToneIn(pcm[320:], Rate, 1000) < 0.99 {
		t.Errorf("%d samples", len(pcm))
	}
}
