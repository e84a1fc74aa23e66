package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"naisen/media/codec/g711"
	"naisen/media/mediatest"
	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
)

// A conference of three is one recording of five objects under one lock: a sealed track for each, whose hashes the manifest holds; nothing is left on
// the machine, a rebuilt catalogue misses none, and whoever deletes finds all.
func TestTracksAreOfTheRecording(t *testing.T) {
	root := t.TempDir()
	r := openRig(t, root, nil, nil)
	r.days = 1
	r.record(t, "r1", 2, "C")
	r.record(t, "r2", 1)
	wait(t, func() bool { return r.Stats().Stored == 2 })
	r.settle(t)
	_, m := r.open(t, "r1")
	if _, two := r.open(t, "r2"); len(m.Tracks) != 3 || len(two.Tracks) != 0 {
		t.Fatalf("%+v, %+v", m.Tracks, two.Tracks)
	}
	object := r.row(t, "r1").Object
	for i, track := range m.Tracks {
		name := catalogue.TrackName(object, track.Number)
		plain := r.track(t, name, track)
		pcm := g711.DecodeU(nil, plain[58:])
		for j, hz := range []float64{440, 1000, 1500} {
			if a := mediatest.Amplitude(pcm, 8000, hz); (i == j) != (a > 4000) || i != j && a > 50 {
				t.Errorf("track %d: %v Hz at %.0f", track.Number, hz, a)
			}
		}
		if who := []string{"0901", "2001", "30C"}[i]; track.Parties[0].Number != who || track.Number != i+1 || len(plain) != 58+16000 {
			t.Errorf("%+v, %d bytes", track, len(plain))
		}
		if lock, err := r.store.Locked(t.Context(), name); err != nil || !lock.Until.Equal(m.RetainUntil()) {
			t.Errorf("%s is locked until %v, %v", name, lock.Until, err)
		}
	}
	if left := r.leftovers(t); len(left) != 0 {
		t.Errorf("left on the machine: %v", left)
	}
	all, err := catalogue.Objects(t.Context(), r.store, object)
	if err != nil || len(all) != 5 || all[0] != object || all[4] != catalogue.ManifestName(object) || len(r.objects(t)) != 7 {
		t.Errorf("%q, %v, %q", all, err, r.objects(t))
	}
	res, err := r.cat.Rebuild(t.Context(), r.store, r.sealer)
	if err != nil || res.Rows != 2 || len(res.Bad) != 0 {
		t.Errorf("%+v, %v", res, err)
	}
	if err := os.Remove(filepath.Join(root, "recordings", all[2])); err != nil {
		t.Fatal(err)
	}
	if res, err = r.cat.Rebuild(t.Context(), r.store, r.sealer); err != nil || res.Rows != 1 || len(res.Bad) != 1 || res.Bad[0] != all[4] {
		t.Errorf("without a track: %+v, %v", res, err)
	}
}

// track opens a stored track and holds it against the manifest.
func (r *rig) track(t testing.TB, name string, m recorder.Track) []byte {
	t.Helper()
	sealed, err := r.store.Get(t.Context(), name, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer sealed.Close()
	hash := sha256.New()
	plain, err := r.sealer.Open(t.Context(), "a.example", io.TeeReader(sealed, hash))
	if err != nil {
		t.Fatal(err)
	}
	wav, err := io.ReadAll(plain)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(wav)
	if hex.EncodeToString(hash.Sum(nil)) != m.SealedSHA256 || hex.EncodeToString(sum[:]) != m.AudioSHA256 || int64(len(wav)) != m.AudioBytes {
		t.Errorf("%s is not what the manifest says: %+v", name, m)
	}
	return wav
}

// A machine that stopped between two tracks: the next start finishes the recording, and nothing is left.
func TestCrashBetweenTracks(t *testing.T) {
	root := t.TempDir()
	store := &faulty{down: errors.New("down")}
	wrap := func(s objstore.Store) objstore.Store { store.Store = s; return store }
	r := openRig(t, root, wrap, nil)
	r.record(t, "r1", 1, "C", "D")
	r.settle(t)
	for _, ext := range []string{jobExt, trackExt(3), trackExt(4)} { // as if the machine had stopped in the third
		if err := os.Rename(r.spooled("r1", ext), r.spooled("r1", ext+tmpExt)); err != nil {
			t.Fatal(err)
		}
	}
	r.close(t, time.Second)
	store.set(func(f *faulty) { f.down = nil })
	r = openRig(t, root, wrap, nil)
	wait(t, func() bool { return r.Stats().Stored == 1 })
	r.settle(t)
	if _, m := r.open(t, "r1"); len(m.Tracks) != 4 || len(r.objects(t)) != 6 {
		t.Errorf("%+v, %q", m.Tracks, r.objects(t))
	}
	if left := r.leftovers(t); len(left) != 0 {
		t.Errorf("left on the machine: %v", left)
	}
}
