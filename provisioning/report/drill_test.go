package report

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// TestDrillReport: a real reader reads what was measured, in either language, of a drill that went well and of one that failed.
func TestDrillReport(t *testing.T) {
	good := Drill{Domain: "ward.example.jp", Backup: "20261201T020000Z.backup", Program: "v1.0.0", Began: time.Date(2026, 12, 1, 3, 0, 0, 0, time.UTC), Made: time.Date(2026, 12, 1, 2, 0, 0, 0, time.UTC),
		OK: true, RTO: 12.34, MaxRTO: 1800, RPO: 3600, MaxRPO: 108000, Escrow: true, Signer: "SHA256:abc", Steps: []DrillStep{{"register", true, 0.5, ""}, {"recorded call", true, 18, ""}}}
	bad := good
	bad.OK, bad.Fault, bad.Escrow, bad.Warnings = false, "recorded call: nobody heard the notice", false, []string{"keys/x is missing"}
	bad.Steps = []DrillStep{{"register", true, 0.5, ""}, {"recorded call", false, 3, "nobody heard the notice"}}
	for _, c := range []struct {
		d        Drill
		language string
		want     []string
	}{
		{good, "ja", []string{"バックアップのリストア確認報告", "リストアできました", "12.3 s", "3600.0 s", "電話の登録", "別に保管したもの", "SHA256:abc", "20261201T020000Z.backup"}},
		{good, "en", []string{"Report of a restore drill", "Restored", "A recorded call", "from the escrow", "2026-12-01 02:00"}},
		{bad, "ja", []string{"リストアできませんでした", "このサーバーのもの", "nobody heard the notice", "keys/x is missing"}},
		{bad, "en", []string{"Not restored", "recorded call: nobody heard the notice", "Warning"}},
	} {
		var b bytes.Buffer
		if err := c.d.PDF(&b, c.language); err != nil {
			t.Fatal(err)
		}
		text := read(t, b.Bytes(), "pdftotext", "-layout")
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", c.language, want, text)
			}
		}
	}
}
