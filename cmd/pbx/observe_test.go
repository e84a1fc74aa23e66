package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"naisen/recorder"
	"naisen/recorder/pipeline"
)

// TestCollectorIsTold: calls, requests and recordings of a switch reach a collector; no number is said. Without one nothing is asked of anybody.
func TestCollectorIsTold(t *testing.T) {
	told := make(chan []byte, 100)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		body, err := io.ReadAll(in)
		if err != nil {
			t.Error(err)
		}
		told <- body
	}))
	defer collector.Close()
	l := newLab(t, func(c *Config) { c.OTel.URL = collector.URL })
	home := netip.MustParseAddr("127.0.0.1")
	alice, bob := l.phone("2001", home), l.phone("2002", home)
	bob.Register(300)
	l.calls(alice, bob)()
	l.rest("nobody", "/v1/domains/"+l.p.config.Domain+"/extensions/2001")
	l.p.timed()(pipeline.Stage{Name: "upload", Manifest: recorder.Manifest{Case: recorder.Case{ID: "r1", Call: "c1"}}, Began: time.Now(), Ended: time.Now()})
	l.stop()
	close(told)
	var all []byte
	for body := range told {
		all = append(all, body...)
	}
	for _, want := range []string{"naisen.ended_by", "caller", "GET /v1/domains/{domain}/extensions/{key}", "recording upload", "answered"} {
		if !bytes.Contains(all, []byte(want)) {
			t.Errorf("%q was not told", want)
		}
	}
	for _, bad := range []string{"2001", "2002", "127.0.0.1:"} {
		if bytes.Contains(all, []byte(bad)) {
			t.Errorf("%q was told", bad)
		}
	}
	off := &pbx{purse: l.p.purse}
	if off.timed() != nil || off.entering() != l.p.purse || l.p.entering() == l.p.purse {
		t.Error("without a collector somebody asks")
	}
	for at, ok := range map[string]bool{"": true, "https://c.example:4318": true, "http://10.0.0.1:4318": true, "http://127.0.0.1:4318": true, "http://c.example": false, "http://198.51.100.1": false,
		"https://user@c.example": false, "https://c.example?x=y": false, "ftp://10.0.0.1": false, "https://": false} {
		if err := (OTelConfig{URL: at}).validate(); (err == nil) != ok {
			t.Errorf("%s: %v", at, err)
		}
	}
}
