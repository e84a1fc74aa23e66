package siem

import (
	"encoding/json"
	"fmt"
	"strings"

	"naisen/provisioning"
)

// The escapes of the Common Event Format, revision 25: a bar and a backslash in the header; an equals sign, a backslash and ends of lines in an extension.
var (
	cefHeader    = strings.NewReplacer(`\`, `\\`, `|`, `\|`, "\n", " ", "\r", " ")
	cefExtension = strings.NewReplacer(`\`, `\\`, `=`, `\=`, "\n", `\n`, "\r", `\r`)
)

// cefSeverity of 0 to 10.
var cefSeverity = map[int]int{warning: 7, notice: 4, info: 2}

// cef is an entry as "CEF:0|vendor|product|version|class|name|severity|extension". Without whole the detail is left out.
func (w writer) cef(e provisioning.AuditEntry, whole bool) string {
	var b strings.Builder
	b.WriteString("CEF:0")
	for _, s := range []string{"Naisen", "pbx", w.version, e.Action, strings.TrimSpace(e.Action + " " + e.Outcome), fmt.Sprint(cefSeverity[severity(e)])} {
		b.WriteString("|" + cefHeader.Replace(s))
	}
	b.WriteString("|")
	sep := ""
	put := func(key, value string) {
		if value != "" {
			b.WriteString(sep + key + "=" + cefExtension.Replace(value))
			sep = " "
		}
	}
	put("rt", fmt.Sprint(milliseconds(e.Time)))
	put("externalId", fmt.Sprint(e.Seq))
	put("cat", e.Kind)
	put("outcome", e.Outcome)
	put("suser", e.Subject)
	put("src", e.Source)
	put("requestClientApplication", e.Client)
	put("reason", e.Reason)
	labelled := func(n int, label, value string) {
		if value != "" {
			put(fmt.Sprintf("cs%dLabel", n), label)
			put(fmt.Sprintf("cs%d", n), value)
		}
	}
	labelled(1, "object", e.Object)
	labelled(2, "domain", e.Domain)
	labelled(3, "rule", e.Rule)
	labelled(4, "session", e.Session)
	if len(e.Detail) > 0 {
		detail := "left out: too long"
		if text, err := json.Marshal(e.Detail); whole && err == nil {
			detail = string(text)
		}
		labelled(5, "detail", detail)
	}
	return b.String()
}
