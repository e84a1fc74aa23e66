package playback

import (
	"encoding/json"
	"net/http"
	"strings"
)

// kind is a problem type of RFC 9457; the title is for people, in both languages.
type kind struct {
	status int
	slug   string
	en, ja string
}

var (
	badQuery         = kind{http.StatusBadRequest, "bad-query", "The query is not valid", "検索条件が正しくありません"}
	badOrder         = kind{http.StatusBadRequest, "bad-order", "The order of an evidence pack is not valid", "証拠パックの指定が正しくありません"}
	noToken          = kind{http.StatusUnauthorized, "no-token", "Sign-in is required", "サインインが必要です"}
	otherScope       = kind{http.StatusForbidden, "other-scope", "The token is for something else", "このトークンはこの操作に使えません"}
	notFound         = kind{http.StatusNotFound, "not-found", "There is no such recording", "録音が見つかりません"}
	noApproval       = kind{http.StatusForbidden, "no-approval", "Nobody approved that you hear it: make a listening request", "聴取が承認されていません。聴取申請を行ってください"}
	streamOnly       = kind{http.StatusForbidden, "stream-only", "It may be heard, and not taken away", "この録音は再生のみ可能で、持ち出せません"}
	noPeaks          = kind{http.StatusNotFound, "no-peaks", "The recording has no waveform", "この録音には波形データがありません"}
	badRange         = kind{http.StatusRequestedRangeNotSatisfiable, "range", "The recording has no such range", "指定の範囲は録音にありません"}
	methodNotAllowed = kind{http.StatusMethodNotAllowed, "method-not-allowed", "Recordings can only be read", "録音は読み取り専用です"}
	notStored        = kind{http.StatusConflict, "not-stored", "The recording is not stored yet", "録音はまだ保管されていません"}
	gone             = kind{http.StatusConflict, "failed", "The recording failed", "録音に失敗しました"}
	altered          = kind{http.StatusBadGateway, "integrity", "The stored recording was altered and is not played", "保管された録音が改変されているため再生しません"}
	unlogged         = kind{http.StatusConflict, "unlogged", "The audit log does not know this recording as it is stored: nothing can be proved of it", "この録音の保管記録が監査ログになく、証拠パックを作成できません"}
	tooLarge         = kind{http.StatusConflict, "too-large", "The recording is too long for an evidence pack (4 GiB)", "録音が長すぎて証拠パックにできません（上限4GiB）"}
	busy             = kind{http.StatusServiceUnavailable, "busy", "Other evidence packs are being made; try again later", "他の証拠パックを作成中です。しばらくしてからもう一度お試しください"}
	unavailable      = kind{http.StatusServiceUnavailable, "unavailable", "The recording cannot be read now", "現在、録音を読み出せません"}
	noKey            = kind{http.StatusServiceUnavailable, "no-key", "The vault's key is not available here", "保管庫の鍵がこの装置にありません"}
	keyAway          = kind{http.StatusServiceUnavailable, "key-away", "The keeper of the vault's key does not answer; try again later", "保管庫の鍵の管理先が応答しません。後でもう一度お試しください"}
	keyRefused       = kind{http.StatusLocked, "key-refused", "The vault's key was disabled where it is kept", "保管庫の鍵が管理先で無効にされています"}
	unaudited        = kind{http.StatusServiceUnavailable, "no-audit", "The access could not be entered into the audit log and was not given", "監査記録に書き込めないため再生しません"}
)

// problemType is the base of the type URIs.
const problemType = "urn:naisen:problem:recordings:"

// problem answers with application/problem+json (RFC 9457).
func (h *Handler) problem(w http.ResponseWriter, r *http.Request, k kind, detail string, more ...any) {
	body := map[string]any{"type": problemType + k.slug, "status": k.status, "title": k.en}
	w.Header().Set("Content-Language", "en")
	if japanese(r.Header.Get("Accept-Language")) {
		body["title"] = k.ja
		w.Header().Set("Content-Language", "ja")
	}
	if detail != "" {
		body["detail"] = detail
	}
	for i := 0; i+1 < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(k.status)
	if r.Method != http.MethodHead {
		_ = json.NewEncoder(w).Encode(body) // the listener may be gone; there is nobody to tell
	}
}

// japanese says whether ja comes before en in an Accept-Language header. Weights are not read: browsers list the best first.
func japanese(header string) bool {
	for tag := range strings.SplitSeq(strings.ToLower(header[:min(len(header), 200)]), ",") {
		switch tag = strings.TrimSpace(tag); {
		case strings.HasPrefix(tag, "ja"):
			return true
		case strings.HasPrefix(tag, "en"):
			return false
		}
	}
	return false
}
