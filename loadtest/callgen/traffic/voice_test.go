package traffic

import (
	"context"
	"testing"
	"time"

	"naisen/media"
)

// A relay that transcodes is measured by voices: each side counts what it is sent, though no payload comes back as it was.
func TestVoices(t *testing.T) {
	a, b := leg(t, Plain), leg(t, CM)
	for l, c := range map[*Leg]media.Codec{a: media.PCMU, b: media.G722} {
		v, err := NewVoice(c)
		if err != nil {
			t.Fatal(err)
		}
		l.Speak(v)
	}
	b.head.Sequence = 65530 // it wraps
	bridge(t, a, b)
	g, err := NewGenerator(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	for _, l := range []*Leg{a, b} {
		if err := g.Add(l); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Run(context.Background(), time.Second, true); err != nil {
		t.Fatal(err)
	}
	n := g.Counts()
	if n.Sent < 90 || n.Received < n.Sent*8/10 || n.Silent != 0 || n.Corrupt+n.Refused+n.Duplicates != 0 {
		t.Errorf("%+v", n)
	}
	if a.received < 35 || b.received < 35 {
		t.Errorf("a heard %d, b %d", a.received, b.received)
	}
	if _, err := NewVoice(media.G729); err == nil {
		t.Error("a voice in G.729")
	}
}
