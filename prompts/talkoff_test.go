package prompts

import (
	"testing"

	"naisen/media"
	"naisen/media/dtmf"
)

// TestTalkOff: no voice and no music of the library is taken for a key.
func TestTalkOff(t *testing.T) {
	l := library(t, Config{})
	seconds := 0
	for _, info := range l.List(domain) {
		pcm, _, _ := hear(t, l, domain, info.Name, info.Language, media.PCMU)
		d := dtmf.New()
		for ; len(pcm) > 0; pcm = pcm[min(160, len(pcm)):] {
			if p, ok := d.Hear(pcm[:min(160, len(pcm))]); ok {
				t.Errorf("%s %s: %c for %v", info.Name, info.Language, p.Rune, p.Length)
			}
			seconds++
		}
	}
	if seconds /= 50; seconds < 60 {
		t.Errorf("only %d seconds of audio", seconds)
	}
	t.Logf("%d seconds", seconds)
}
