package rtp

import (
	"time"

	"github.com/pion/rtcp"
)

const (
	maxRTCP        = 1500 // octets: one datagram
	maxRTCPPackets = 16
	ntpEpoch       = 2208988800 // seconds from 1900 to 1970
)

// Reception is one block of a receiver or sender report (RFC 3550 section 6.4.1).
type Reception struct {
	SSRC     uint32 // whose packets it tells about
	Fraction uint8  // lost since the last report, of 256
	Lost     int32  // since the beginning; negative if duplicates came
	Highest  uint32 // extended sequence number
	Jitter   uint32 // RTP clock units
	LastSR   uint32 // middle 32 bits of the NTP time of the last SR
	Delay    uint32 // since that SR, 1/65536 s
}

// Sender is the sender's part of an SR.
type Sender struct {
	NTP             uint64 // RFC 3550 section 4
	Timestamp       uint32 // the same moment on the RTP clock
	Packets, Octets uint32
}

// Control is what a compound RTCP packet says about one stream.
type Control struct {
	SSRC      uint32 // its sender
	Sender    *Sender
	Reception []Reception
	Metrics   *Metrics // of an extended report; nil: none
	Bye       bool
}

// AppendReport appends a compound packet to dst: SR (RR if s is nil), SDES with the CNAME, and BYE if asked for (RFC 3550 section 6.1).
func AppendReport(dst []byte, ssrc uint32, s *Sender, r *Reception, cname string, bye bool) ([]byte, error) {
	var blocks []rtcp.ReceptionReport
	if r != nil {
		blocks = []rtcp.ReceptionReport{{
			SSRC: r.SSRC, FractionLost: r.Fraction, TotalLost: uint32(r.Lost) & 0xffffff,
			LastSequenceNumber: r.Highest, Jitter: r.Jitter, LastSenderReport: r.LastSR, Delay: r.Delay,
		}}
	}
	packets := make([]rtcp.Packet, 0, 3)
	if s != nil {
		packets = append(packets, &rtcp.SenderReport{
			SSRC: ssrc, NTPTime: s.NTP, RTPTime: s.Timestamp, PacketCount: s.Packets, OctetCount: s.Octets, Reports: blocks,
		})
	} else {
		packets = append(packets, &rtcp.ReceiverReport{SSRC: ssrc, Reports: blocks})
	}
	packets = append(packets, rtcp.NewCNAMESourceDescription(ssrc, cname))
	if bye {
		packets = append(packets, &rtcp.Goodbye{Sources: []uint32{ssrc}})
	}
	b, err := rtcp.Marshal(packets)
	if err != nil {
		return dst, err
	}
	return append(dst, b...), nil
}

// ParseRTCP reads a plain compound packet (reduced size, RFC 5506, too). ErrMalformed.
func ParseRTCP(b []byte) (Control, error) {
	if len(b) > maxRTCP || !IsRTCP(b) {
		return Control{}, ErrMalformed
	}
	packets, err := rtcp.Unmarshal(b)
	if err != nil || len(packets) > maxRTCPPackets {
		return Control{}, ErrMalformed
	}
	var c Control
	for _, p := range packets {
		switch p := p.(type) {
		case *rtcp.SenderReport:
			c.SSRC = p.SSRC
			c.Sender = &Sender{NTP: p.NTPTime, Timestamp: p.RTPTime, Packets: p.PacketCount, Octets: p.OctetCount}
			c.add(p.Reports)
		case *rtcp.ReceiverReport:
			c.SSRC = p.SSRC
			c.add(p.Reports)
		case *rtcp.ExtendedReport:
			if m := metricsOf(p); m != nil {
				c.Metrics = m
			}
		case *rtcp.Goodbye:
			c.Bye = true
		}
	}
	return c, nil
}

func (c *Control) add(blocks []rtcp.ReceptionReport) {
	for _, r := range blocks {
		c.Reception = append(c.Reception, Reception{
			SSRC: r.SSRC, Fraction: r.FractionLost, Lost: int32(r.TotalLost<<8) >> 8,
			Highest: r.LastSequenceNumber, Jitter: r.Jitter, LastSR: r.LastSenderReport, Delay: r.Delay,
		})
	}
}

// NTP converts wall time to the 64-bit format of RFC 3550 section 4.
func NTP(t time.Time) uint64 {
	return uint64(t.Unix()+ntpEpoch)<<32 | uint64(t.Nanosecond())<<32/1_000_000_000
}

// RoundTrip computes the round trip from a reception block that tells about us; 0 if the peer has not seen an SR of ours.
// now is NTP(wall time), the clock that our SRs carry.
func (r Reception) RoundTrip(now uint64) time.Duration {
	if r.LastSR == 0 {
		return 0
	}
	units := int32(uint32(now>>16) - r.LastSR - r.Delay)
	if units < 0 {
		return 0
	}
	return time.Duration(units) * time.Second / 65536
}
