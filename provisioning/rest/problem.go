package rest

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/text/language"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// titles of problems for people who read Japanese; in English the status text of RFC 9110 is used.
var japaneseTitles = map[int]string{
	400: "リクエストが正しくありません", 401: "認証が必要です", 403: "許可されていません", 404: "見つかりません", 405: "この操作はできません",
	406: "この形式では返せません", 408: "時間切れです", 409: "今の状態ではできません", 412: "読み取り後に変更されています",
	413: "大きすぎます", 415: "この形式は受け付けません", 422: "内容に誤りがあります", 428: "条件付きのリクエストが必要です",
	429: "リクエストが多すぎます", 500: "サーバーで問題が起きました", 503: "今は利用できません", 504: "時間内に完了しませんでした",
}

func languageOf(header string) string {
	if len(header) > 256 {
		return "en"
	}
	tags, _, err := language.ParseAcceptLanguage(header)
	if err != nil {
		return "en"
	}
	_, i, _ := language.NewMatcher([]language.Tag{language.English, language.Japanese}).Match(tags...)
	return []string{"en", "ja"}[i]
}

func title(code int, lang string) string {
	if t, ok := japaneseTitles[code]; ok && lang == "ja" {
		return t
	}
	return http.StatusText(code)
}

// finishProblem is the last hand on every problem: the title in the reader's language, no echo of what was sent (it may be a secret),
// nothing of an internal error.
func (a *api) finishProblem(ctx huma.Context, _ string, v any) (any, error) {
	p, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	lang := languageOf(ctx.Header("Accept-Language"))
	ctx.SetHeader("Content-Language", lang)
	ctx.SetHeader("Vary", "Accept-Language")
	return finish(p, lang), nil
}

func finish(p *huma.ErrorModel, lang string) *huma.ErrorModel {
	out := *p
	out.Title, out.Errors = title(p.Status, lang), nil
	if p.Status >= http.StatusInternalServerError {
		out.Detail = ""
		return &out
	}
	for _, e := range p.Errors {
		c := huma.ErrorDetail{Message: e.Message, Location: e.Location}
		if where, reason, ok := strings.Cut(strings.TrimPrefix(c.Message, atPrefix), ": "); ok && strings.HasPrefix(c.Message, atPrefix+"body") {
			c.Location, c.Message = where, reason
		}
		out.Errors = append(out.Errors, &c)
	}
	return &out
}

// writeProblem answers outside of huma.
func writeProblem(w http.ResponseWriter, r *http.Request, p *huma.ErrorModel) {
	lang := languageOf(r.Header.Get("Accept-Language"))
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Language", lang)
	h.Set("Vary", "Accept-Language")
	w.WriteHeader(p.Status)
	if err := huma.DefaultJSONFormat.Marshal(w, finish(p, lang)); err != nil {
		return // the client is gone
	}
}

// notFound is the one answer for what is not there and for what the asker may not know to be there: same words, no name in it.
func notFound() error { return huma.NewError(http.StatusNotFound, "") }

func invalidAt(status int, location, message string) error {
	return huma.NewError(status, "", &huma.ErrorDetail{Location: location, Message: message})
}

// hidden says whether a refusal must look like absence: another domain's object, somebody else's, another department's.
func hidden(d *provisioning.Denied) bool {
	return d.Hidden || d.Rule == policy.RuleOtherDomain || d.Rule == policy.RuleNotOwn || d.Rule == policy.RuleNotInDepartment
}

// problem turns what the store, the policy or a library said into an answer. The unknown becomes a 500 that tells nothing.
func (a *api) problem(ctx context.Context, err error) error {
	var invalid *provisioning.Invalid
	var denied *provisioning.Denied
	var notNow *provisioning.NotNow
	var already huma.StatusError
	var held *provisioning.Held
	var separated *provisioning.Separated
	var asks challenger
	if conflict := changeConflict(err); conflict != "" {
		return huma.NewError(http.StatusConflict, conflict)
	}
	switch {
	case err == nil:
		return nil
	case errors.As(err, &already):
		return err
	case errors.As(err, &asks):
		return huma.ErrorWithHeaders(huma.NewError(asks.HTTPStatus(), ""), http.Header{"Www-Authenticate": {asks.Challenge(realm)}})
	case errors.As(err, &invalid):
		return invalidAt(http.StatusUnprocessableEntity, strings.TrimSuffix("body."+invalid.Field, "."), invalid.Reason)
	case errors.As(err, &notNow):
		return huma.ErrorWithHeaders(huma.NewError(http.StatusTooManyRequests, "not now"),
			http.Header{"Retry-After": {strconv.Itoa(int(notNow.After/time.Second) + 1)}})
	case errors.As(err, &denied) && hidden(denied):
		return notFound()
	case errors.As(err, &denied):
		return huma.NewError(http.StatusForbidden, "rule: "+denied.Rule)
	case errors.Is(err, provisioning.ErrNotFound):
		return notFound()
	case errors.Is(err, provisioning.ErrStale):
		return huma.NewError(http.StatusPreconditionFailed, "changed since it was read")
	case errors.Is(err, provisioning.ErrExists):
		return huma.NewError(http.StatusPreconditionFailed, "exists already")
	case errors.As(err, &held):
		return huma.NewError(http.StatusConflict, "it is held already, by "+held.By+": "+held.Reason)
	case errors.Is(err, provisioning.ErrInUse):
		return huma.NewError(http.StatusConflict, "something refers to it")
	case errors.Is(err, provisioning.ErrExpired):
		return huma.NewError(http.StatusConflict, "nobody agreed in time: it has to be proposed again")
	case errors.Is(err, provisioning.ErrOvertaken):
		return huma.NewError(http.StatusConflict, "what was to be changed is another thing by now: it has to be proposed again")
	case errors.As(err, &separated):
		return huma.NewError(http.StatusConflict, "one person may not hold "+separated.Pair.String())
	case errors.Is(err, provisioning.ErrLastAdmin):
		return huma.NewError(http.StatusConflict, "the domain would have no enabled administrator any more")
	case errors.Is(err, provisioning.ErrUnavailable):
		a.Log.WarnContext(ctx, "rest: the database cannot be reached", "request", requestID(ctx), "err", err)
		return huma.ErrorWithHeaders(huma.NewError(http.StatusServiceUnavailable, "the database cannot be reached now"), http.Header{"Retry-After": {"5"}})
	case errors.Is(err, context.DeadlineExceeded):
		return huma.NewError(http.StatusGatewayTimeout, "")
	case errors.Is(err, provisioning.ErrClosed), errors.Is(err, context.Canceled):
		return huma.NewError(http.StatusServiceUnavailable, "")
	}
	a.Log.ErrorContext(ctx, "rest: operation failed", "request", requestID(ctx), "err", err)
	return huma.NewError(http.StatusInternalServerError, "")
}

// etag and unquote: strong validators only (RFC 9110 section 8.8.3).
func etag(s string) string { return `"` + s + `"` }

// condition turns If-Match and If-None-Match into the store's ifMatch.
func condition(ifMatch, ifNoneMatch string) (string, error) {
	switch {
	case ifMatch != "" && ifNoneMatch != "":
		return "", invalidAt(http.StatusBadRequest, "header.If-None-Match", "cannot stand beside If-Match")
	case ifNoneMatch == "*":
		return "!", nil
	case ifNoneMatch != "":
		return "", invalidAt(http.StatusBadRequest, "header.If-None-Match", "must be * on a change")
	case ifMatch == "", ifMatch == "*":
		return ifMatch, nil
	}
	s, err := strconv.Unquote(ifMatch)
	if err != nil || s == "" || s == "*" || s == "!" || strings.ContainsAny(s, `",\`) || ifMatch[0] != '"' {
		return "", invalidAt(http.StatusBadRequest, "header.If-Match", "must be * or one strong entity tag")
	}
	return s, nil
}
