package main

import (
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"naisen/cmd/pbx/internal/call"
	"naisen/media"
	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
)

type lastCDR struct{ call.CDR }

func (l *lastCDR) Enter(c call.CDR) { l.CDR = c }

// TestQualities: legs of a finished call count by the site of their network and their trunk, the labels stay bounded, and what is not known
// counts nowhere.
func TestQualities(t *testing.T) {
	dir := t.TempDir()
	keys, err := secret.OpenKeyring(filepath.Join(dir, "secrets.key"))
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	st, err := store.Open(t.Context(), store.Config{Path: filepath.Join(dir, "pbx.db"), Sealer: keys, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	err = st.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		_, err := w.Put("x.example", provisioning.Domain{Name: "x.example", Language: "ja", CountryCode: "81"}, "")
		if err == nil {
			_, err = w.Put("x.example", provisioning.Site{Name: "annex", EmergencyNumber: "+81312345678", Networks: []string{"192.0.2.0/24"}}, "")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	d, err := directory.New(t.Context(), st, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var last lastCDR
	q := newQualities(&last, d)
	heard := media.Hearing{MOS: 3, Mean: 3.456, Worst: 2.1, Intervals: 4}
	q.Enter(call.CDR{Domain: "x.example", Legs: []call.LegMedia{
		{Number: "2001", Codec: media.PCMU, Stats: media.Stats{Received: 90, Lost: 10, Jitter: 1234 * time.Microsecond, Remote: netip.MustParseAddrPort("192.0.2.7:4000"),
			SRTP: "AEAD_AES_128_GCM", Quality: media.Quality{FromPeer: heard, RoundTrip: 20 * time.Millisecond}}},
		{Number: "0312345678", Trunk: "carrier", Stats: media.Stats{Received: 1, Quality: media.Quality{ToPeer: heard}}},
		{Number: "2002", Stats: media.Stats{Received: 3}},
	}})
	want := provisioning.LegQuality{Number: "2001", Site: "annex", Codec: "PCMU", Encryption: "AEAD_AES_128_GCM", Received: 90, Lost: 10, JitterMS: 1.23, RoundTripMS: 20,
		MOS: 3.46, WorstMOS: 2.1}
	if got := legQuality(last.Legs[0]); got != want {
		t.Errorf("%+v", got)
	}
	if got := legQuality(last.Legs[1]); got.PeerMOS != 3.46 || got.PeerWorst != 2.1 || got.MOS != 0 || got.Site != "" {
		t.Errorf("%+v", got)
	}
	seen := map[string]uint64{}
	reg := prometheus.NewRegistry()
	reg.MustRegister(q.mos)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range families[0].GetMetric() {
		key := ""
		for _, l := range m.GetLabel() {
			key += l.GetValue() + "/"
		}
		seen[key] = m.GetHistogram().GetSampleCount()
	}
	if len(seen) != 2 || seen["from/inside/annex/"] != 1 || seen["to/carrier//"] != 1 {
		t.Errorf("%v", seen)
	}
	for i := range 2 * qualityLabels {
		q.labels(call.LegMedia{Trunk: fmt.Sprint(i)})
	}
	if site, network := q.labels(call.LegMedia{Trunk: "one more"}); site != "other" || network != "other" || len(q.known) != qualityLabels {
		t.Errorf("%s %s, %d pairs", site, network, len(q.known))
	}
}
