package provisioning

import (
	"slices"
	"time"
)

// CertificateRequired as ManagedDevice.Certificate: its password alone is not enough to register.
const CertificateRequired = "required"

// DeviceCertificate is one that the switch issued to a device (RFC 7030). What does not stand in the device's status does not count, whoever signed it.
type DeviceCertificate struct {
	Serial string    `json:"serial" doc:"Hexadecimal"`
	Issued time.Time `json:"issued"`
	Until  time.Time `json:"until"`
}

// deviceCertificates are kept at once: that of now, and the one of before while its time is not over, for the telephone may have lost our answer.
const deviceCertificates = 2

// LeaseOver says that the last day of its lease has gone by, where the clock stands.
func (d ManagedDevice) LeaseOver(now time.Time) bool {
	end := d.LeaseEnds(now.Location())
	return !end.IsZero() && !now.Before(end)
}

// LeaseEnds is the end of that day; zero: no end is known.
func (d ManagedDevice) LeaseEnds(where *time.Location) time.Time {
	day, err := time.ParseInLocation(time.DateOnly, d.LeaseEnd, where)
	if err != nil {
		return time.Time{}
	}
	return day.AddDate(0, 0, 1)
}

// Certified says that a certificate counts: it was issued to the device and is not over, nor is its lease. A wiped device has none any more. One that is locked or
// in quarantine has, and is not let in by it: see InService.
func (s DeviceStatus) Certified(d ManagedDevice, serial string, now time.Time) bool {
	return !d.LeaseOver(now) && slices.ContainsFunc(s.Certificates, func(c DeviceCertificate) bool { return c.Serial == serial && now.Before(c.Until) })
}

// Issued notes one more.
func (s DeviceStatus) Issued(c DeviceCertificate, now time.Time) DeviceStatus {
	kept := slices.DeleteFunc(slices.Clone(s.Certificates), func(o DeviceCertificate) bool { return !now.Before(o.Until) })
	kept = append(kept, c)
	s.Certificates = kept[max(0, len(kept)-deviceCertificates):]
	return s
}
