package phones

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

// TestObjectStoreDown: with the object store away calls go on and their recordings wait, sealed, with an alarm; when it is back they
// arrive by themselves, each once.
func TestObjectStoreDown(t *testing.T) {
	t.Parallel()
	s3, yaml, err := peer.AbsentS3(t.TempDir())
	must(t, err)
	p := newPBX(t, yaml)
	carrierHere(t, p)
	notice(t, p, "none")
	rings(t, p, "ja", "2001")
	b, c := desk(t, p, "2001", deskHz, true), carrier(t, p)
	must(t, c.Command("dial", "sip:"+did+"@"+p.Domain))
	established(t, b, c)
	planted := planted()
	hold(t, 4*time.Second, func() { nothingReadable(t, p, planted) })
	must(t, c.Command("hangup", ""))
	cdr := history(t, p, 1)[0]
	metric(t, p, "naisen_recorder_store_down", 1)
	metric(t, p, "naisen_recorder_uploading", 1)
	nothingReadable(t, p, planted)
	var waiting recording
	get(t, p, "recordings/"+cdr.Recording, &waiting)
	if waiting.State == "stored" || waiting.State == "failed" {
		t.Errorf("the recording is %q without a store", waiting.State)
	}
	down := time.Now()
	must(t, peer.StartS3(t.Context(), s3))
	t.Cleanup(s3.Stop)
	rec := stored(t, p, cdr.Recording)
	t.Logf("%q until the store came, stored %v later", waiting.State, time.Since(down).Round(time.Millisecond))
	metric(t, p, "naisen_recorder_store_down", 0)
	metric(t, p, "naisen_recorder_uploading", 0)
	if sealed, manifests := arrived(t, s3, cdr.Recording); sealed != 1 || manifests != 1 {
		t.Errorf("%d objects and %d manifests in the bucket", sealed, manifests)
	}
	left, right := listen(t, p, rec.ID)
	onlyTone(t, "left channel", left, carrierHz, 3500*time.Millisecond)
	onlyTone(t, "right channel", right, deskHz, 3500*time.Millisecond)
	nothingReadable(t, p, planted)
}

// metric waits until a metric has a value.
func metric(t *testing.T, p *peer.PBX, name string, want float64) {
	t.Helper()
	var got float64
	if err := peer.Until(30*time.Second, func() (ok bool) {
		var err error
		got, err = p.Metric(t.Context(), name)
		must(t, err)
		return got == want
	}); err != nil {
		t.Errorf("%s is %v, want %v", name, got, want)
	}
}

// arrived counts a recording's objects in the bucket.
func arrived(t *testing.T, s *peer.S3, id string) (sealed, manifests int) {
	t.Helper()
	must(t, filepath.WalkDir(filepath.Join(s.Root, s.Bucket), func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || !d.Type().IsRegular() || !strings.Contains(path, id):
		case strings.HasSuffix(path, ".manifest.age"):
			manifests++
		case strings.HasSuffix(path, ".age"):
			sealed++
		default:
			t.Errorf("in the bucket: %s", path)
		}
		return err
	}))
	return sealed, manifests
}
