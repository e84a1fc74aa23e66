package relay

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/media"
	"naisen/media/codec/g711"
	"naisen/media/mediatest"
	"naisen/media/secure"
)

const (
	ffmpegHz   = 660.0 // what ffmpeg sends
	ourHz      = 890.0 // what the plain phone behind the relay sends
	ffmpegRate = 8000
)

// TestFFmpeg: ffmpeg's SRTP with keys by SDES, in both suites that it knows, from it and to it, against a leg of the relay whose other leg is a plain phone.
func TestFFmpeg(t *testing.T) {
	for i, suite := range []secure.Suite{secure.AESCM80, secure.AESCM32} {
		t.Run(string(suite)+" from it", func(t *testing.T) { t.Parallel(); ffmpegSends(t, suite, 2*i) })
		t.Run(string(suite)+" to it", func(t *testing.T) { t.Parallel(); ffmpegReceives(t, suite, 2*i+1) })
	}
}

// ffmpegPort finds a pair of free ports for ffmpeg to bind, below those that the kernel gives away, in a block of the subtest's own.
func ffmpegPort(t *testing.T, block int) int {
	t.Helper()
	const first, pairs = 7000, 250
	start := rand.IntN(pairs)
	for i := range pairs {
		port := first + 2*(block*pairs+(start+i)%pairs)
		a, err1 := net.ListenUDP("udp4", &net.UDPAddr{IP: loopback.AsSlice(), Port: port})
		b, err2 := net.ListenUDP("udp4", &net.UDPAddr{IP: loopback.AsSlice(), Port: port + 1})
		_, _ = a.Close(), b.Close() // nil says so, too
		if err1 == nil && err2 == nil {
			return port
		}
	}
	t.Fatal("no pair of ports")
	return 0
}

// ffmpegCall joins a plain phone with a leg that has ffmpeg at its other end. It gives the a=crypto line of each side, ffmpeg's port (free, not bound) and the leg's.
func ffmpegCall(t *testing.T, suite secure.Suite, block int) (c *call, theirs, ours string, at, leg int) {
	t.Helper()
	e := engineFor(t, Config{Shards: 1})
	c = &call{a: newPhone(t, media.PCMU), bridge: e.Bridge()}
	c.la, c.lb = newLeg(t, e, media.Profile{}), newLeg(t, e, media.Profile{SecureSIP: true})
	c.a.calls(c.la, want(media.SecurityForbidden), want(media.SecurityForbidden))
	k, err := secure.Generate(suite)
	if err != nil {
		t.Fatal(err)
	}
	at, theirs = ffmpegPort(t, block), k.CryptoLine(1)
	answer, err := c.lb.Answer(media.SDP(ffmpegSDP(at, theirs)), want(media.SecurityRequired))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(answer)) {
		line = strings.TrimSpace(line)
		if v, ok := strings.CutPrefix(line, "a=crypto:"); ok {
			ours = v
		}
		_, _ = fmt.Sscanf(line, "m=audio %d RTP/SAVP", &leg)
	}
	if leg == 0 || !strings.HasPrefix(ours, "1 "+string(suite)+" inline:") {
		t.Fatalf("the leg at port %d did not take %s", leg, suite)
	}
	c.join(t)
	return c, theirs, ours, at, leg
}

// ffmpegSDP describes µ-law under SRTP at a port of loopback.
func ffmpegSDP(port int, crypto string) string {
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/SAVP 0\r\na=rtpmap:0 PCMU/8000\r\na=crypto:%s\r\n", port, crypto)
}

// ffmpeg starts it, and gives the channel that tells its end; it never outlives the test.
func ffmpeg(t *testing.T, args ...string) <-chan error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 6*patience)
	cmd := exec.CommandContext(ctx, "ffmpeg", append([]string{"-hide_banner", "-nostdin", "-loglevel", "warning"}, args...)...)
	var said strings.Builder
	cmd.Stderr = &said // not what it prints: a description with the key
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatalf("%v (make test installs it: loadtest/install.sh)", err)
	}
	ended, gone := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(gone)
		ended <- cmd.Wait()
	}()
	t.Cleanup(func() {
		cancel()
		<-gone
		if t.Failed() {
			t.Logf("ffmpeg said:\n%s", said.String())
		}
	})
	return ended
}

// ffmpegSends: two seconds of its tone come out of the relay in clear.
func ffmpegSends(t *testing.T, suite secure.Suite, block int) {
	c, theirs, _, at, leg := ffmpegCall(t, suite, block)
	key := strings.TrimPrefix(strings.Fields(theirs)[2], "inline:")
	ffmpeg(t, "-re", "-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=%.0f:sample_rate=%d:duration=20", ffmpegHz, ffmpegRate), "-c:a", "pcm_mulaw",
		"-f", "rtp", "-srtp_out_suite", string(suite), "-srtp_out_params", key, fmt.Sprintf("srtp://127.0.0.1:%d?localrtpport=%d", leg, at))
	var pcm []int16
	for len(pcm) < 2*ffmpegRate {
		h, ok := c.a.hearFor(4 * patience)
		if !ok {
			t.Fatalf("heard %d samples of ffmpeg: %+v", len(pcm), c.lb.Stats())
		}
		pcm = g711.DecodeU(pcm, h.payload)
	}
	if level := mediatest.ToneIn(pcm, ffmpegRate, ffmpegHz); level < 0.9 {
		t.Errorf("%v Hz is %.2f of what came from ffmpeg", ffmpegHz, level)
	}
	if st := c.lb.Stats(); st.SRTP != string(suite) || st.Lost != 0 {
		t.Errorf("stats %+v", st)
	}
}

// ffmpegReceives: the phone's tone, under our key, is what ffmpeg writes.
func ffmpegReceives(t *testing.T, suite secure.Suite, block int) {
	c, _, ours, at, _ := ffmpegCall(t, suite, block)
	dir := t.TempDir()
	description, wav := filepath.Join(dir, "leg.sdp"), filepath.Join(dir, "heard.wav")
	if err := os.WriteFile(description, []byte(ffmpegSDP(at, ours)), 0o600); err != nil {
		t.Fatal(err)
	}
	ended := ffmpeg(t, "-protocol_whitelist", "file,rtp,udp,srtp", "-analyzeduration", "200000", "-i", description, "-t", "2", "-c:a", "pcm_s16le", wav)
	tone := g711.EncodeU(nil, mediatest.Sine(ffmpegRate, ourHz, 10000, 1000)) // a second is a whole number of periods
	tick := time.NewTicker(20 * time.Millisecond)                             // it has no other sign of being ready than what it hears
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case err := <-ended:
			if err != nil {
				t.Fatal(err)
			}
			pcm := ffmpegWrote(t, wav)
			if level := mediatest.ToneIn(pcm, ffmpegRate, ourHz); len(pcm) < 19*ffmpegRate/10 || level < 0.9 {
				t.Errorf("%v Hz is %.2f of the %d samples that ffmpeg heard", ourHz, level, len(pcm))
			}
			if st := c.lb.Stats(); st.SRTP != string(suite) || st.Sent == 0 {
				t.Errorf("stats %+v", st)
			}
			return
		case <-tick.C:
			c.a.say(tone[n%50*160 : n%50*160+160])
		}
	}
}

// ffmpegWrote reads the samples of a WAV with 16 bits.
func ffmpegWrote(t *testing.T, wav string) []int16 {
	t.Helper()
	raw, err := os.ReadFile(wav)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(raw, []byte("data"))
	if at < 0 {
		t.Fatalf("%d bytes are no WAV", len(raw))
	}
	raw = raw[at+8:]
	pcm := make([]int16, len(raw)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(raw[2*i:]))
	}
	return pcm
}
