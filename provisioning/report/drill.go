package report

import (
	"cmp"
	"fmt"
	"io"
	"time"
)

// Drill is a proof that a backup was put back, as it was measured: for who must show that it can be.
type Drill struct {
	Domain, Backup, Program string
	Began, Made             time.Time // of the drill and of the copy
	OK                      bool
	Fault                   string  // why not
	RTO, MaxRTO             float64 // seconds until a telephone was registered
	RPO, MaxRPO             float64 // seconds between the copy and the drill
	Escrow                  bool    // the keys came from where they are kept apart
	Steps                   []DrillStep
	Warnings                []string
	Signer                  string // fingerprint of the key that signed the figures
}

// DrillStep is one thing that the restored switch did.
type DrillStep struct {
	Name    string // as of the drill: "register"
	OK      bool
	Seconds float64
	Fault   string
}

// drillWords are the report's own, in letters of the enclosed font.
var drillWords = map[string]Label{
	"title": {"バックアップのリストア確認報告", "Report of a restore drill"}, "result": {"結果", "Result"}, "ok": {"リストアできました", "Restored"},
	"failed": {"リストアできませんでした", "Not restored"}, "reason": {"理由", "Reason"}, "began": {"確認日時", "Drill"}, "backup": {"バックアップ", "Backup"},
	"made": {"バックアップの作成日時", "Backup made"}, "rto": {"電話を登録できるまで（RTO）", "Until a telephone registered (RTO)"},
	"rpo": {"バックアップ後の時間（RPO）", "Between backup and drill (RPO)"}, "most": {"まで", "at most"}, "keys": {"キー", "Keys"},
	"escrow": {"別に保管したもの", "from the escrow"}, "own": {"このサーバーのもの", "of this machine"}, "program": {"プログラム", "Program"},
	"signer": {"データのサイン（キー）", "Figures signed by"}, "warning": {"警告", "Warning"}, "step": {"確認したこと", "What was tried"}, "seconds": {"時間", "Time"},
	"start": {"スタート", "Start"}, "register": {"電話の登録", "A telephone registers"}, "recorded call": {"録音する通話", "A recorded call"},
	"call record by REST": {"通話記録", "The call's record by REST"}, "recording stored": {"録音の保管", "The recording is stored"},
	"restored configuration by REST": {"元の設定の確認", "The restored configuration by REST"},
}

func drillWord(name, language string) string {
	if l, ok := drillWords[name]; ok {
		return l.in(language)
	}
	return name
}

// PDF writes the report in a language, "ja" or "en".
func (d Drill) PDF(w io.Writer, language string) error {
	word := func(name string) string { return drillWord(name, language) }
	at := func(t time.Time) string {
		if t.IsZero() {
			return "-"
		}
		return t.Format("2006-01-02 15:04 -07:00")
	}
	seconds := func(got, most float64) string {
		return fmt.Sprintf("%.1f s (%s %.0f s)", got, word("most"), most)
	}
	result, keys := "failed", "own"
	if d.OK {
		result = "ok"
	}
	if d.Escrow {
		keys = "escrow"
	}
	p := &pdf{font: openFont(), foot: word("title") + " " + d.Domain + " " + d.Began.Format("2006-01-02")}
	p.heading(word("title"), titleSize)
	rows := [][2]string{{monthWord("domain", language), d.Domain}, {word("result"), word(result)}, {word("reason"), cmp.Or(d.Fault, "-")}, {word("began"), at(d.Began)},
		{word("backup"), cmp.Or(d.Backup, "-")}, {word("made"), at(d.Made)}, {word("rto"), seconds(d.RTO, d.MaxRTO)}, {word("rpo"), seconds(d.RPO, d.MaxRPO)},
		{word("keys"), word(keys)}, {word("program"), d.Program}, {word("signer"), d.Signer}}
	for _, warning := range d.Warnings {
		rows = append(rows, [2]string{word("warning"), warning})
	}
	const left = 190
	for _, row := range rows {
		p.row(row[:], []int{left, pageWidth - 2*margin - left})
	}
	p.line(lineHeight)
	widths := []int{left, 70, pageWidth - 2*margin - left - 70}
	p.row([]string{word("step"), word("seconds"), word("result")}, widths)
	p.rule()
	for _, s := range d.Steps {
		p.row([]string{word(s.Name), fmt.Sprintf("%.1f s", s.Seconds), cmp.Or(s.Fault, "OK")}, widths)
	}
	return p.write(w, p.foot)
}
