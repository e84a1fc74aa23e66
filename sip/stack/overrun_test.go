package stack

import (
	"net"
	"testing"
)

// What the kernel drops because nobody read in time is counted.
func TestOverrunIsCounted(t *testing.T) {
	pc, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	_ = pc.SetReadBuffer(4096)
	from, err := net.DialUDP("udp4", nil, pc.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	if n := kernelDropped(pc); n != 0 {
		t.Errorf("%d datagrams were dropped before there was one", n)
	}
	for range 1000 { // on loopback they are there, or dropped, when Write returns
		if _, err := from.Write(make([]byte, 500)); err != nil {
			t.Fatal(err)
		}
	}
	if n := kernelDropped(pc); n < 900 || n >= 1000 {
		t.Errorf("%d of 1000 datagrams were dropped", n)
	}
	widen(pc, udpReadBuffer)
	before := kernelDropped(pc)
	if _, err := from.Write(make([]byte, 500)); err != nil || kernelDropped(pc) != before {
		t.Errorf("a wider buffer has no room: %v, %d dropped", err, kernelDropped(pc)-before)
	}
}
