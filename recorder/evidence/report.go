package evidence

import (
	"fmt"
	"strings"
	"time"
)

// Finding is one thing that is not as it must be.
type Finding struct {
	File   string // member of the pack; "ZIP" for the container
	EN, JA string
}

// Report says what was found in a pack.
type Report struct {
	Findings []Finding
	Index    Index // what the pack says of itself; to be believed where nothing was found

	Fingerprint string    // of the key that signed
	Entries     int       // of the audit log that were proved
	LogSize     int64     // of that log
	LogTime     time.Time // of its checkpoint
	Witnessed   time.Time // when a witness signed that
	Stored      time.Time // when the log noted the recording's hashes
	Again       []Entry   // earlier entries of the same, of the same sound
	Started     time.Time
	Ended       time.Time
}

// OK says that everything is as it was when the pack was made, and the recording as it was when it was stored.
func (r Report) OK() bool { return len(r.Findings) == 0 }

func (r *Report) found(file, en, ja string) {
	r.Findings = append(r.Findings, Finding{file, en, ja})
}

// clean lets a stranger's text neither break a line nor move a terminal's cursor.
func clean(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c >= 0x7f && c < 0xa0 || c == '\u2028' || c == '\u2029' || c >= '\u202a' && c <= '\u202e' || c >= '\u2066' && c <= '\u2069' {
			return '\uFFFD'
		}
		return c
	}, s)
}

// Japanese is the report for people.
func (r Report) Japanese() string {
	var b strings.Builder
	if !r.OK() {
		b.WriteString("結果: 不合格。この証拠パックは改変されているか、信頼する鍵で署名されたものではありません。\n")
		for _, f := range r.Findings {
			fmt.Fprintf(&b, "  [%s] %s\n", clean(f.File), clean(f.JA))
		}
		return b.String()
	}
	i := r.Index
	b.WriteString("結果: 合格。このパックは作成時のまま一切変更されていません。\n")
	fmt.Fprintf(&b, "  録音 %s（%s、%s から %s）\n", i.Recording, i.Domain, r.Started.Format(time.RFC3339), r.Ended.Format(time.RFC3339))
	fmt.Fprintf(&b, "  録音のハッシュ値は %s に監査ログへ記録され、それ以後変わっていません。\n", r.Stored.Format(time.RFC3339))
	if len(r.Again) > 0 {
		fmt.Fprintf(&b, "  同じ音声の保管は、それ以前にも記録されています（%s）。\n", placesJA(r.Again))
	}
	fmt.Fprintf(&b, "  監査ログ: %d 件の記録が、%s 時点の全 %d 件の木に含まれることを確認しました。\n", r.Entries, r.LogTime.Format(time.RFC3339), r.LogSize)
	for _, l := range i.LogLeftOut {
		fmt.Fprintf(&b, "  監査ログのうち、パックに入れなかった記録: %s\n", l.japanese())
	}
	if !r.Witnessed.IsZero() {
		fmt.Fprintf(&b, "  第三者の証人が %s に同じ監査ログへ署名しています。\n", r.Witnessed.Format(time.RFC3339))
	}
	fmt.Fprintf(&b, "  作成: %s、受領者 %s、目的 %s\n", i.Made.Format(time.RFC3339), clean(i.By), clean(i.Purpose))
	for _, d := range i.Redactions {
		fmt.Fprintf(&b, "  無音化: %s から %s、%s、理由 %s\n", clock(d.FromMS), clock(d.ToMS), sideJA(d.Side), clean(d.Reason))
	}
	if len(i.Redactions) == 0 {
		b.WriteString("  無音化した箇所はありません。音声は保管された原本と一字一句同じです。\n")
	}
	fmt.Fprintf(&b, "  署名鍵の指紋 %s\n", r.Fingerprint)
	return b.String()
}

// English is the same.
func (r Report) English() string {
	var b strings.Builder
	if !r.OK() {
		b.WriteString("Result: REFUSED. This evidence pack was altered, or not signed with a key that you trust.\n")
		for _, f := range r.Findings {
			fmt.Fprintf(&b, "  [%s] %s\n", clean(f.File), clean(f.EN))
		}
		return b.String()
	}
	i := r.Index
	b.WriteString("Result: GOOD. Nothing in this pack was changed since it was made.\n")
	fmt.Fprintf(&b, "  Recording %s (%s, from %s to %s)\n", i.Recording, i.Domain, r.Started.Format(time.RFC3339), r.Ended.Format(time.RFC3339))
	fmt.Fprintf(&b, "  Its hashes went into the audit log at %s and have not changed since.\n", r.Stored.Format(time.RFC3339))
	if len(r.Again) > 0 {
		fmt.Fprintf(&b, "  That the same audio was stored had been entered before: %s.\n", placesEN(r.Again))
	}
	fmt.Fprintf(&b, "  Audit log: %d entries stand in the tree of all %d as of %s.\n", r.Entries, r.LogSize, r.LogTime.Format(time.RFC3339))
	for _, l := range i.LogLeftOut {
		fmt.Fprintf(&b, "  Entries of the audit log that are not in the pack: %s\n", l.english())
	}
	if !r.Witnessed.IsZero() {
		fmt.Fprintf(&b, "  An independent witness signed the same log at %s.\n", r.Witnessed.Format(time.RFC3339))
	}
	fmt.Fprintf(&b, "  Made %s for %s, purpose: %s\n", i.Made.Format(time.RFC3339), clean(i.By), clean(i.Purpose))
	for _, d := range i.Redactions {
		fmt.Fprintf(&b, "  Silenced: %s to %s, %s, reason: %s\n", clock(d.FromMS), clock(d.ToMS), clean(d.Side), clean(d.Reason))
	}
	if len(i.Redactions) == 0 {
		b.WriteString("  Nothing was silenced: the audio is, byte for byte, what was stored.\n")
	}
	fmt.Fprintf(&b, "  Fingerprint of the signing key %s\n", r.Fingerprint)
	return b.String()
}

func (l LeftOut) japanese() string {
	return fmt.Sprintf("%s（%s） %d 件", clean(l.Action), clean(l.Outcome), l.Count)
}

func (l LeftOut) english() string {
	return fmt.Sprintf("%d of %s (%s)", l.Count, clean(l.Action), clean(l.Outcome))
}

// clock writes a place in a recording.
func clock(ms int64) string {
	return fmt.Sprintf("%d:%02d:%02d.%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000)
}

func sideJA(side string) string {
	switch side {
	case Caller:
		return "発信者側"
	case Called:
		return "着信側"
	}
	return "両側"
}
