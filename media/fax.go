package media

// T38 is a fax in UDPTL datagrams (ITU-T T.38 annex D) in place of audio. It passes untouched between two legs or not at all.
const T38 Codec = "T38"

// Fax is what the two ends of a fax agree on (ITU-T T.38 section D.2.3). It crosses the bridge as a value, since their datagrams cross untouched.
// Zero: not said.
type Fax struct {
	Version                uint8
	BitRate                uint32 // bit/s at most
	MaxBuffer, MaxDatagram uint32 // octets that the describing side can take
	LocalTCF               bool   // training is checked by each side, else its signal is carried across
	Correction             FaxCorrection
	FillBitRemoval         bool
	MMR, JBIG              bool // transcoded by the gateways
}

// FaxCorrection is how lost UDPTL datagrams are made good.
type FaxCorrection uint8

// Corrections that annex D knows.
const (
	FaxUnsaid FaxCorrection = iota
	FaxRedundancy
	FaxFEC
	FaxNone
)

// Faxer is an endpoint that can carry a fax: with T38 first in Want.Prefer its Offer and Answer speak of one, with the parameters of Want.Fax.
type Faxer interface {
	// Fax tells what the peer's description says of a fax; image is false if it does not ask for one. ErrPolicy, ErrNoMatch: this leg cannot have it,
	// since it is or must be encrypted, or is a browser's.
	Fax(SDP, Security) (f Fax, image bool, err error)
}
