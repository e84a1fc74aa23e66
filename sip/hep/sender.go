package hep

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	waiting = 1024        // packets that may wait; more are dropped
	writing = time.Second // for one packet: UDP waits only where the system has no room
)

// Sender sends packets to one Homer over UDP. Nobody waits for it: what finds no room is dropped and counted.
type Sender struct {
	agent Agent
	conn  net.Conn
	queue chan Packet
	done  chan struct{}
	wg    sync.WaitGroup
	once  sync.Once

	sent, dropped, failed atomic.Uint64
}

// Stats are counted since the start.
type Stats struct {
	Sent    uint64
	Dropped uint64 // there was no room
	Failed  uint64 // the system did not take them, or nobody was there
}

// NewSender starts a sender. Homer need not be there.
func NewSender(to netip.AddrPort, a Agent) (*Sender, error) {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		return nil, fmt.Errorf("hep: %w", err)
	}
	s := &Sender{agent: a, conn: conn, queue: make(chan Packet, waiting), done: make(chan struct{})}
	s.wg.Go(s.run)
	return s, nil
}

// Send never waits.
func (s *Sender) Send(p Packet) {
	select {
	case s.queue <- p:
	default:
		s.dropped.Add(1)
	}
}

func (s *Sender) run() {
	var b []byte
	for {
		select {
		case <-s.done:
			return
		case p := <-s.queue:
			var err error
			if b, err = Append(b[:0], s.agent, p); err == nil {
				if err = s.conn.SetWriteDeadline(time.Now().Add(writing)); err == nil {
					_, err = s.conn.Write(b)
				}
			}
			if err != nil {
				s.failed.Add(1)
				continue
			}
			s.sent.Add(1)
		}
	}
}

// Stats returns what became of packets.
func (s *Sender) Stats() Stats {
	return Stats{Sent: s.sent.Load(), Dropped: s.dropped.Load(), Failed: s.failed.Load()}
}

// Close ends the sender at once; what waits is lost. It returns when nothing runs.
func (s *Sender) Close() error {
	var err error
	s.once.Do(func() {
		close(s.done)
		err = s.conn.Close()
	})
	s.wg.Wait()
	return err
}
