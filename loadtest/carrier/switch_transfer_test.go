package carrier

import (
	"fmt"
	"testing"

	"naisen/loadtest/peer"
)

// bridged: a phone sends an outside call to a colleague. It is done inside the switch: the peer, which takes neither REFER nor Replaces from us,
// notices nothing but a new description at most, and hears the colleague.
func (l *lab) bridged() {
	l.Helper()
	l.peer.SetScript(nil)
	colleague := l.open(plainClient(g711...), Options{Local: at(host()), Remote: l.at, User: "2002"})
	l.registerAs(colleague, "2002", l.pbx.Passwords["2002"])
	near, far := l.call(l.phone, l.peer, l.dial(abroad))
	resp, err := near.Do(l.Context(), "REFER", nil, headers("Refer-To", fmt.Sprintf("<sip:2002@%s>", l.pbx.Domain), "Referred-By", fmt.Sprintf("<sip:2001@%s>", l.pbx.Domain))...)
	l.must(err)
	if resp.Status != 202 && resp.Status != 200 {
		l.Fatalf("%d to REFER", resp.Status)
	}
	there, err := colleague.Incoming(l.Context())
	l.must(err)
	_, err = near.Over(l.Context())
	l.must(err)
	l.both(far, there)
}

func TestSwitchTransferOfOutsideCall(t *testing.T) {
	t.Run("IP", func(t *testing.T) {
		l := newLab(t, peer.Options{})
		l.peer = l.open(IPCarrier(contract(l)), Options{Local: at(host()), Remote: l.at})
		l.trunk("ip", nil)
		l.bridged()
		l.nothingLeft()
	})
	t.Run("Teams", func(t *testing.T) {
		d := newDirect(t)
		d.bridged()
		d.nothingLeft()
	})
}
