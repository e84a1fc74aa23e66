package witness

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// errOffer: a description that is not plain G.711 audio.
var errOffer = errors.New("witness: no audio in a session description")

// sound is what a leg sends: nothing, words or knocks.
type sound int

const (
	nothing sound = iota
	words
	knock
)

// leg speaks with one voice to whoever the switch names, every 20 ms.
type leg struct {
	voice int
	conn  *net.UDPConn

	mu      sync.Mutex
	to      netip.AddrPort // invalid: nobody yet
	held    bool           // the other side wants to hear nothing
	mute    bool           // we say nothing
	version int
	next    int // packet of the voice: what was said so far
	seq     uint16
	clock   uint32
	began   time.Time // when the clock stood at zeroth
	zeroth  uint32
	does    sound // what it sent last
	source  uint32
	knocks  bool        // while it says nothing
	number  int         // of the next knock
	heard   map[int]int // by voice: one more than the highest knock that came
}

func newLeg(voice int) (*leg, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("witness: %w", err)
	}
	zeroth := rand.Uint32()
	return &leg{voice: voice, conn: conn, seq: uint16(rand.Uint32()), clock: zeroth, zeroth: zeroth, began: time.Now(), source: rand.Uint32(), heard: map[int]int{}}, nil
}

// describe is our session description, with a direction of RFC 3264 section 5.1.
func (l *leg) describe(direction string) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.version++
	return fmt.Appendf(nil, "v=0\r\no=- %d %d IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\na=%s\r\n",
		l.source, l.version, l.conn.LocalAddr().(*net.UDPAddr).Port, direction)
}

// heed takes what the other side says of itself, and gives the direction that answers it.
func (l *leg) heed(sdp []byte) (direction string, err error) {
	var host string
	var port uint16
	direction = "sendrecv"
	for line := range strings.Lines(string(sdp)) {
		line = strings.TrimSpace(line)
		if v, ok := strings.CutPrefix(line, "c=IN IP4 "); ok {
			host = v
		}
		if v, ok := strings.CutPrefix(line, "m=audio "); ok {
			_, _ = fmt.Sscan(v, &port)
		}
		switch line {
		case "a=sendonly":
			direction = "recvonly"
		case "a=recvonly":
			direction = "sendonly"
		case "a=inactive":
			direction = "inactive"
		}
	}
	a, err := netip.ParseAddr(host)
	if err != nil || port == 0 {
		return "", errOffer
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.to, l.held = netip.AddrPortFrom(a, port), direction == "recvonly" || direction == "inactive"
	return direction, nil
}

// answer is an ua.Answerer.
func (l *leg) answer(offer []byte) ([]byte, error) {
	direction, err := l.heed(offer)
	if err != nil {
		return nil, err
	}
	return l.describe(direction), nil
}

// speak says the next packet.
func (l *leg) speak() {
	l.mu.Lock()
	defer l.mu.Unlock()
	does := words
	if l.mute {
		does = knock
	}
	if !l.to.IsValid() || l.held || l.mute && !l.knocks {
		l.does = nothing
		return
	}
	l.tick(does)
	b := make([]byte, 12, 12+frame)
	b[0] = 0x80
	binary.BigEndian.PutUint16(b[2:], l.seq)
	binary.BigEndian.PutUint32(b[4:], l.clock)
	binary.BigEndian.PutUint32(b[8:], l.source)
	said := Say(l.voice, l.next)
	if does == knock {
		said = knocking(l.voice, l.number)
	}
	if _, err := l.conn.WriteToUDPAddrPort(append(b, said...), l.to); err != nil {
		l.does = nothing
		return // nobody is there at the moment: it was not said
	}
	l.seq++
	if l.mute {
		l.number++
	} else {
		l.next++
	}
}

// tick brings the clock to the next packet. A telephone's clock goes on while the machine is too busy for it to speak, so each stretch begins at its own
// time; within one, packets are side by side: a recording has them where the clock says, and what is said after a hold would else stand in the hold.
func (l *leg) tick(does sound) {
	l.clock += frame
	if now := l.zeroth + uint32(time.Since(l.began)/time.Microsecond*rate/1e6); l.does != does && int32(now-l.clock) > 0 {
		l.clock = now
	}
	l.does = does
}

// µ-law has two codes for zero. A packet of both is silence in a recording, and tells who hears it, if nobody mixed it, whose it is and which.
const (
	zero, otherZero = 0xFF, 0x7F
	knockBits       = 16 // of voice and of number
)

func knocking(voice, number int) []byte {
	b := make([]byte, frame)
	for i := range b {
		b[i] = zero
		if i < 2*knockBits && (voice<<knockBits|number&(1<<knockBits-1))>>i&1 == 1 {
			b[i] = otherZero
		}
	}
	b[frame-1] = otherZero // no other silence ends so
	return b
}

// listen notes a knock.
func (l *leg) listen(pkt []byte) {
	if len(pkt) != 12+frame || pkt[11+frame] != otherZero {
		return
	}
	v := 0
	for i, c := range pkt[12:] {
		switch {
		case c != zero && c != otherZero:
			return
		case c == otherZero && i < 2*knockBits:
			v |= 1 << i
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard[v>>knockBits] = max(l.heard[v>>knockBits], v&(1<<knockBits-1)+1)
}

// hears says that the other leg's knocks from a number on are heard here.
func (l *leg) hears(other *leg, from int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heard[other.voice] > from
}

// knocking switches the knocks of a silent leg on or off, and tells the number of the next one.
func (l *leg) knocking(on bool) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.knocks = on
	return l.number
}

// silence stops the speaking, and tells how many packets were said so far.
func (l *leg) silence() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mute = true
	return l.next
}

// goOn ends a silence.
func (l *leg) goOn() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mute = false
}

func (l *leg) said() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next
}

// choir has all its legs speak every 20 ms, and throws away what they hear, but for knocks.
type choir struct {
	mu   sync.Mutex
	legs map[*leg]struct{}
	stop chan struct{}
	done sync.WaitGroup
}

func newChoir() *choir {
	c := &choir{legs: map[*leg]struct{}{}, stop: make(chan struct{})}
	c.done.Go(c.sing)
	return c
}

func (c *choir) sing() {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-c.stop:
			return
		}
		c.mu.Lock()
		for l := range c.legs {
			l.speak()
		}
		c.mu.Unlock()
	}
}

func (c *choir) join(voice int) (*leg, error) {
	l, err := newLeg(voice)
	if err != nil {
		return nil, err
	}
	c.done.Go(func() {
		buf := make([]byte, 2048)
		for {
			n, err := l.conn.Read(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				l.listen(buf[:n])
			}
		}
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.legs[l] = struct{}{}
	return l, nil
}

func (c *choir) leave(l *leg) {
	c.mu.Lock()
	delete(c.legs, l)
	c.mu.Unlock()
	_ = l.conn.Close()
}

// close ends everything that sings.
func (c *choir) close() {
	close(c.stop)
	c.mu.Lock()
	for l := range c.legs {
		_ = l.conn.Close()
	}
	c.mu.Unlock()
	c.done.Wait()
}
