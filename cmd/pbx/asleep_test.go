package main

import (
	"strings"
	"testing"
	"time"

	"naisen/sip/push"
)

// asleep tells that a script is played with mobiles that sleep whenever they have no call.
func asleep(t testing.TB) bool { return strings.HasPrefix(t.Name(), "TestDeskFromASleeper/") }

// dozes makes a mobile one that sleeps, and is woken by push.
func (m *smartphone) dozes() {
	m.PRID, m.Wakes, m.pushes, m.awake = "app-"+m.Name, m.wakes, make(chan struct{}, 16), true
	if m.o.pushes.delivers != nil {
		return
	}
	m.o.pushes.delivers = func(p push.Message) {
		if of, ok := m.o.phones[strings.TrimPrefix(p.Device.PRID, "app-")].Owner.(*smartphone); ok {
			of.pushes <- struct{}{}
		}
	}
}

// wakes: a sleeping mobile wakes when it is pushed to, or its owner takes it into the hand, and registers from another network than before.
func (m *smartphone) wakes(within time.Duration) (time.Duration, bool) {
	if m.awake {
		if within > 0 && len(m.pushes) > 0 { // nobody has looked at it for a while, so that the switch does not know it to be awake
			<-m.pushes
			m.o.woken++
			m.Register(3600)
		}
		return within, true
	}
	began := time.Now()
	if within == 0 {
		m.o.opened++
	} else {
		select {
		case <-m.pushes:
			m.o.woken++
		case <-time.After(within):
			return 0, false
		}
	}
	m.awake, m.at = true, 1-m.at
	m.Move(m.connect())
	m.Register(3600)
	return max(within-time.Since(began), time.Millisecond), true
}

// sleeps: the system takes the app's connection away.
func (m *smartphone) sleeps() {
	m.awake = false
	m.Close()
	for len(m.pushes) > 0 {
		<-m.pushes
	}
}

// rests lets a mobile sleep that has no call any more.
func (s side) rests() {
	m, ok := s.p.Owner.(*smartphone)
	if !ok || m.pushes == nil || !m.awake {
		return
	}
	m.o.wait(50 * time.Millisecond)
	if !m.o.p.signalling.legs.busy(m.Name + "@" + simDomain) {
		m.sleeps()
	}
}

// TestDeskFromASleeper plays the same ladders, line by line, with mobiles that sleep, without a connection, whenever they have no call: whom a call is for
// is pushed to, wakes in another network, registers and rings; who calls takes it up first. Only a microphone is switched on at nobody's who sleeps.
func TestDeskFromASleeper(t *testing.T) {
	for _, line := range deskMatrix() {
		switch line.feature {
		case "intercom", "paging":
			continue
		}
		t.Run(strings.TrimPrefix(line.feature, atRest), line.plays)
	}
	t.Run("intercom", func(t *testing.T) {
		onStage(t, "asleep", func(o *stage) {
			alice := o.phones["2001"]
			r := o.invite(alice, "*552004", nil)
			alice.Ack(r, alice.ExpectStatus(480, "INVITE"))
			o.phones["2004"].Silence(time.Second)
		})
	})
}
