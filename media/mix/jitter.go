package mix

const (
	slots      = 64
	maxPayload = 640 // octets: 80 ms of G.711
	restartGap = 100 // sequence numbers; a packet further behind is another stream's
)

// jitter keeps packets by their sequence number until their turn.
type jitter struct {
	prefill int // ms to wait before a voice begins
	started bool
	ssrc    uint32
	turn    uint16 // the sequence number whose turn it is
	waiting int    // packets that are there
	slot    [slots]slot
}

type slot struct {
	full bool // with nothing in it: a packet that was no voice
	n    int
	data [maxPayload]byte
}

// pushed says what became of a packet.
type pushed int

const (
	pushKept pushed = iota
	pushAnew        // the first of a stream
	pushLate
	pushDouble
)

func (j *jitter) reset() {
	for i := range j.slot {
		j.slot[i].full = false
	}
	j.started, j.waiting = false, 0
}

func (j *jitter) push(ssrc uint32, seq uint16, payload []byte) pushed {
	result := pushKept
	ahead := int(int16(seq - j.turn))
	if !j.started || ssrc != j.ssrc || ahead >= slots || ahead < -restartGap {
		j.reset()
		j.started, j.ssrc, j.turn, ahead = true, ssrc, seq, 0
		result = pushAnew
	}
	if ahead < 0 {
		return pushLate
	}
	s := &j.slot[seq%slots]
	if s.full {
		return pushDouble
	}
	s.full, s.n = true, copy(s.data[:], payload)
	j.waiting++
	return result
}

// slotState says what is there when a packet's turn comes.
type slotState int

const (
	slotFull  slotState = iota
	slotLost            // later ones are there
	slotEmpty           // nothing is there: the turn does not pass
)

// next gives the packet whose turn it is, and passes the turn on.
func (j *jitter) next() ([]byte, slotState) {
	if j.waiting == 0 {
		return nil, slotEmpty
	}
	s := &j.slot[j.turn%slots]
	j.turn++
	if !s.full {
		return nil, slotLost
	}
	s.full = false
	j.waiting--
	return s.data[:s.n], slotFull
}
