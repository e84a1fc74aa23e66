package evidence

import (
	"fmt"
	"strings"
	"time"
)

// storedEntries are those that say that this recording was stored, as the log has them. There is one; and another one of the same sound where a
// render was done again after a crash, since whatever is sealed anew has another hash.
func storedEntries(entries []Entry, domain, recording string) []Entry {
	var all []Entry
	for _, e := range entries {
		if e.Action == StoredAction && e.Domain == domain && e.Object == "recording/"+recording {
			all = append(all, e)
		}
	}
	return all
}

// sameSound says that all of them are of one manifest, or at least of the same audio: what somebody entered later under the name of a recording is no
// proof of that recording.
func sameSound(all []Entry) bool {
	for _, e := range all[1:] {
		if e.Detail["manifest_sha256"] == all[0].Detail["manifest_sha256"] {
			continue
		}
		if sound := soundOf(e); sound == "" || sound != soundOf(all[0]) {
			return false
		}
	}
	return true
}

// soundOf is what an entry says of stereo copy and tracks; empty: nothing.
func soundOf(e Entry) string {
	sound, _ := e.Detail["audio_sha256"].(string)
	if sound == "" {
		return ""
	}
	tracks, _ := e.Detail["tracks"].([]any)
	for _, t := range tracks {
		track, _ := t.(map[string]any)
		sound += fmt.Sprint(" ", track["track"], " ", track["audio_sha256"])
	}
	return sound
}

// placesEN and placesJA name entries.
func placesEN(all []Entry) string {
	return places(all, "entry %d of %s")
}

func placesJA(all []Entry) string {
	return places(all, "%d番、%s")
}

func places(all []Entry, form string) string {
	var list []string
	for _, e := range all {
		list = append(list, fmt.Sprintf(form, e.Seq, e.Time.UTC().Format(time.RFC3339)))
	}
	return strings.Join(list, "; ")
}
