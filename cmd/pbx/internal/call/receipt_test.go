package call

import (
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"net/netip"
	"regexp"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	audio "naisen/media/play"
	"naisen/media/relay"
	"naisen/media/rtp"
	"naisen/sip"
)

// aloud is a rig whose media is real: what it announces is heard on a socket.
type aloud struct {
	*rig
	clip *audio.Clip
	over chan CDR
}

func (a aloud) Announce(_, prompt, _ string) Program { return clipped{prompt, a.clip} }
func (a aloud) Enter(c CDR)                          { a.over <- c }
func (a aloud) Pause(d time.Duration) Program {
	clip, err := audio.Silence(media.PCMU, d)
	if err != nil {
		panic(err)
	}
	return clipped{"pause", clip}
}

type clipped struct {
	name string
	clip *audio.Clip
}

func (c clipped) Open(media.Codec) (media.Source, Spoken, error) {
	return c.clip.Play(), Spoken{Prompt: c.name, Language: "ja", SHA256: "00"}, nil
}

// handset is a telephone's RTP socket.
type handset struct {
	t    *testing.T
	conn *net.UDPConn
	got  []rtp.Header
	from netip.AddrPort
}

func newHandset(t *testing.T) *handset {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &handset{t: t, conn: conn}
}

func (h *handset) offer() media.SDP {
	return media.SDP(fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n",
		h.conn.LocalAddr().(*net.UDPAddr).Port))
}

// hear takes a packet; false: none came in that time.
func (h *handset) hear(within time.Duration) bool {
	h.t.Helper()
	var b [2048]byte
	if err := h.conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		h.t.Fatal(err)
	}
	n, from, err := h.conn.ReadFromUDPAddrPort(b[:])
	if err != nil {
		return false
	}
	p, err := rtp.Parse(b[:n])
	if err != nil {
		h.t.Fatal(err)
	}
	h.got, h.from = append(h.got, p), from
	return true
}

func (h *handset) hears(n int) {
	h.t.Helper()
	for range n {
		if !h.hear(5 * time.Second) {
			h.t.Fatalf("only %d packets came", len(h.got))
		}
	}
}

// press sends a key as a telephone does (RFC 4733).
func (h *handset) press(key rune) {
	h.t.Helper()
	ev, ok := rtp.NewEvent(key, 60*time.Millisecond, 8000)
	if !ok {
		h.t.Fatalf("%c is no key", key)
	}
	for seq := uint16(1); ; seq++ {
		payload, marker, more := ev.Next()
		if !more {
			return
		}
		pkt := make([]byte, rtp.HeaderSize, 64)
		pkt[0], pkt[1] = 0x80, 101
		if marker {
			pkt[1] |= 0x80
		}
		binary.BigEndian.PutUint16(pkt[2:], seq)
		binary.BigEndian.PutUint32(pkt[4:], 1000)
		binary.BigEndian.PutUint32(pkt[8:], 4711)
		if _, err := h.conn.WriteToUDPAddrPort(append(pkt, payload...), h.from); err != nil {
			h.t.Fatal(err)
		}
	}
}

const noticeFrames = 25

// TestNoticeReceipt: the receipt says of a notice what came to the telephone, packet by packet: to its end, cut short by hanging up, and refused by a key.
func TestNoticeReceipt(t *testing.T) {
	pcm := make([]int16, noticeFrames*160)
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(float64(i)/3))
	}
	clip, err := audio.FromPCM(media.PCMU, pcm, 8000)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		plan          route.Plan
		mode, pressed string
		complete      bool
	}{
		"to its end": {recorded(route.NoticeEarly), "early-media", "", true},
		"hung up":    {recorded(route.NoticeAnswer), "after-answer", "", false},
		"refused":    {choosing(false), "after-answer", "9", false},
	} {
		t.Run(name, func(t *testing.T) {
			engine, err := relay.New(relay.Config{Shards: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer engine.Close()
			local := media.Profile{Local: netip.MustParseAddr("127.0.0.1")}
			r := newRig(c.plan, Destination{Number: "2002", Extension: "2002", Profile: local})
			w := aloud{r, clip, make(chan CDR, 1)}
			r.sw.deps.Media, r.sw.deps.Programs, r.sw.deps.Ledger = engine, w, w
			h := newHandset(t)
			a := r.begin(Incoming{ID: "c1", Request: route.Request{Domain: "d", Number: "0901", Dialled: "2002", Trunk: "carrier"}, Offer: h.offer(), Profile: local, MaxForwards: 70})
			if c.complete {
				h.hears(noticeFrames)
				if h.hear(100 * time.Millisecond) {
					t.Error("more than the notice came")
				}
			} else {
				h.hears(10)
			}
			if c.pressed != "" {
				h.press('9')
				h.hears(noticeFrames)
			}
			a.hangup(sip.CauseNormal)
			cdr := <-w.over
			for h.hear(100 * time.Millisecond) {
			}
			if len(cdr.Notices) != 1 {
				t.Fatalf("receipts %+v", cdr.Notices)
			}
			n, heard := cdr.Notices[0], 0
			for _, p := range h.got {
				if p.Sequence-n.FirstSequence <= n.LastSequence-n.FirstSequence {
					heard++
				}
				if p.SSRC != n.SSRC {
					t.Errorf("SSRC %d, the receipt says %d", p.SSRC, n.SSRC)
				}
			}
			first, last := h.got[0], h.got[n.Packets-1]
			if heard != n.Packets || first.Sequence != n.FirstSequence || first.Timestamp != n.FirstRTP || last.Sequence != n.LastSequence || last.Timestamp != n.LastRTP {
				t.Errorf("%d packets came, from %+v to %+v; the receipt says %+v", heard, first, last, n)
			}
			if (n.Packets == noticeFrames) != c.complete || n.Packets < 10 || n.Complete != c.complete || n.Mode != c.mode || n.Pressed != c.pressed || n.Party != "0901" || n.SHA256 != "00" {
				t.Errorf("%+v", n)
			}
			if c.pressed == "" && len(h.got) != n.Packets {
				t.Errorf("%d packets came, the receipt says %d", len(h.got), n.Packets)
			}
			if early := regexp.MustCompile(`^ring v=0`).MatchString(a.did[0]); early != (c.mode == "early-media") {
				t.Errorf("the caller was told %.20q", a.did)
			}
		})
	}
}
