package main

import (
	"strings"
	"time"

	"naisen/provisioning"
)

// wording is what a notice is said in now, in a language or, where it has none there, in another.
func (p *pbx) wording(domain, prompt, language string) (v provisioning.NoticeVersion, exact, ok bool) {
	name, is := strings.CutPrefix(prompt, provisioning.NoticePrefix)
	if !is {
		return v, false, false
	}
	n, ok := p.directory.Snapshot().Notice(domain, name)
	if !ok {
		return v, false, false
	}
	return n.At(language, time.Now())
}
