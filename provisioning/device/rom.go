package device

import (
	"net/http"
	"time"
)

// Bounds of downloads: telephones of one wave come at once, and one on a slow line must come to its end.
const (
	romsAtOnce = 32
	romTime    = 20 * time.Minute
)

// rom gives a telephone the file that it is told to fetch now, and no other: there is no list of files, and none under a name alone. false: it asked for something else.
func (s *Service) rom(w http.ResponseWriter, r *http.Request, snap Snapshot, a asked, p proof) bool {
	f, ok := snap.FirmwareFor(a.domain, p.device)
	if !ok || a.file != f.File || s.Firmware == nil || !snap.DeviceStatus(a.domain, p.device.MAC).InService() {
		return false
	}
	in, err := s.Firmware(f.SHA256)
	if err != nil { // not uploaded at this node
		s.Log.Error("device: firmware", "domain", a.domain, "device", p.device.MAC, "firmware", f.Name, "err", err)
		return false
	}
	defer in.Close()
	select {
	case s.roms <- struct{}{}:
		defer func() { <-s.roms }()
	default:
		w.Header().Set("Retry-After", "60")
		http.Error(w, "", http.StatusServiceUnavailable)
		return true
	}
	_ = http.NewResponseController(w).SetWriteDeadline(s.Clock().Add(romTime)) // where there are none it has none
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, in) // with ranges: telephones go on where they were cut off
	return true
}
