package phonexml

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/book"
)

// readLimit bounds the reading of call records.
const readLimit = 10 * time.Second

// words of a language.
type words struct {
	titles   map[string]string // by part
	withheld map[string]string // by reason
}

var languages = map[string]words{
	"ja": {map[string]string{provisioning.PartMissed: "不在着信", provisioning.PartReceived: "着信履歴", provisioning.PartPlaced: "発信履歴", provisioning.PartElsewhere: "他で応答"},
		map[string]string{"anonymous": "非通知", "payphone": "公衆電話", "unavailable": "表示圏外", "service": "通知不可"}},
	"en": {map[string]string{provisioning.PartMissed: "Missed calls", provisioning.PartReceived: "Received calls", provisioning.PartPlaced: "Placed calls", provisioning.PartElsewhere: "Answered elsewhere"},
		map[string]string{"anonymous": "Withheld", "payphone": "Payphone", "unavailable": "Unavailable", "service": "Not shown"}},
}

// history is what the extension of the account had to do with calls: each call an entry that is dialled like one of the directory. Before the name stands
// when it was, so that telephones that sort their lists keep the order of time.
func (h *Handler) history(r *http.Request, limit int, v book.Viewer) (page, error) {
	dir, part := h.now(), r.PathValue("part")
	name := strings.ToLower(r.PathValue("domain"))
	account, _, _ := r.BasicAuth()
	extension, ok := dir.BookExtension(name, account)
	if !ok {
		return page{}, errNoExtension
	}
	if !slices.Contains(provisioning.HistoryParts(), part) || h.records == nil {
		return page{}, provisioning.ErrNotFound
	}
	ctx, cancel := context.WithTimeout(r.Context(), readLimit)
	defer cancel()
	list, err := h.records(ctx, name, provisioning.CDRQuery{Extension: extension, Part: part, After: r.URL.Query().Get("after"), Limit: limit + 1})
	if err != nil {
		return page{}, err
	}
	domain, _ := dir.Domain(name)
	said, ok := languages[domain.Language]
	if !ok {
		said = languages["ja"]
	}
	p := page{Title: said.titles[part]}
	if len(list) > limit {
		list = list[:limit]
		p.Next = next(r, list[limit-1].ID, limit)
	}
	for i, c := range list {
		p.Entries = append(p.Entries, callEntry(i+1, c.History(extension), c.Started, dir, domain, said, v))
	}
	return p, nil
}

// callEntry is one call as an entry of a directory. Who withheld the number is named so, and cannot be called.
func callEntry(i int, h provisioning.HistoryItem, at time.Time, dir Directory, domain provisioning.Domain, said words, v book.Viewer) entry {
	dialled := book.Normal(domain.CountryCode, h.Number)
	who := dialled
	if e, ok := dir.Named(domain.Name, h.Number, v); ok && h.Number != "" {
		who = e.Name
	}
	if who == "" {
		if who = said.withheld[h.Withheld]; who == "" {
			who = said.withheld["anonymous"]
		}
	}
	when := at.In(time.FixedZone("JST", 9*60*60)).Format("01/02 15:04")
	out := entry{Index: i, Name: when + " " + who, Family: when + " " + who}
	if dialled != "" {
		out.Numbers = []number{{provisioning.NumberWork, dialled}}
	}
	return out
}
