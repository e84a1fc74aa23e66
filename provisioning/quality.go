package provisioning

// LegQuality is how one leg of a call sounded. MOS are mean opinion scores by ITU-T G.107, 1 to 4.5, the mean of intervals of about five seconds and
// the worst of them; 0 or left out: not known. "heard" is what the switch received from the party, "peer" what the party received, by its RTCP.
type LegQuality struct {
	Number      string  `json:"number,omitempty"`
	Trunk       string  `json:"trunk,omitempty"`
	Site        string  `json:"site,omitempty" doc:"Site whose network the media came from"`
	Codec       string  `json:"codec,omitempty"`
	Encryption  string  `json:"encryption,omitempty" doc:"SRTP suite; empty: plain RTP"`
	Received    uint64  `json:"received" doc:"RTP packets"`
	Sent        uint64  `json:"sent"`
	Lost        uint64  `json:"lost" doc:"Packets that never came"`
	JitterMS    float64 `json:"jitter_ms"`
	RoundTripMS float64 `json:"round_trip_ms,omitempty"`
	MOS         float64 `json:"mos,omitempty"`
	WorstMOS    float64 `json:"worst_mos,omitempty"`
	PeerLost    uint64  `json:"peer_lost,omitempty" doc:"Packets that the party says it missed"`
	PeerMOS     float64 `json:"peer_mos,omitempty"`
	PeerWorst   float64 `json:"peer_worst_mos,omitempty"`

	Interruptions int     `json:"interruptions,omitempty" doc:"How often its telephone was away: it sent nothing and did not answer"`
	InterruptedS  float64 `json:"interrupted_s,omitempty" doc:"How long in all, seconds"`
}
