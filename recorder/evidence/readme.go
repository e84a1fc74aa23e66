package evidence

import (
	"fmt"
	"html"
	"slices"
	"strings"
	"time"

	"naisen/recorder"
)

// page is what the README of a pack says, once for people who read Japanese, once for others.
type page struct {
	index       Index
	manifest    recorder.Manifest
	fingerprint string
}

func pageOf(i Index, m recorder.Manifest, fingerprint string) page { return page{i, m, fingerprint} }

// section is a heading with paragraphs below it.
type section struct {
	title string
	lines []string
}

// japan is where the customers' clocks are; a pack is read on machines that know no zones.
var japan = time.FixedZone("JST", 9*60*60)

func at(t time.Time) string { return t.In(japan).Format("2006-01-02 15:04:05 JST") }

// mark lets Windows see that the text is UTF-8.
const mark = "\uFEFF"

func (p page) text() []byte {
	var b strings.Builder
	b.WriteString(mark)
	for _, s := range p.sections() {
		fmt.Fprintf(&b, "■ %s\r\n", s.title)
		for _, l := range s.lines {
			fmt.Fprintf(&b, "  %s\r\n", clean(l))
		}
		b.WriteString("\r\n")
	}
	return []byte(b.String())
}

func (p page) html() []byte {
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\n<html lang=\"ja\">\n<head>\n<meta charset=\"utf-8\">\n<title>通話録音 証拠パック</title>\n" +
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n" +
		"<style>body{font-family:sans-serif;max-width:50em;margin:2em auto;line-height:1.7}h2{border-bottom:1px solid #888}p{margin:.4em 0;overflow-wrap:anywhere}</style>\n</head>\n<body>\n")
	for _, s := range p.sections() {
		fmt.Fprintf(&b, "<h2>%s</h2>\n", html.EscapeString(s.title))
		for _, l := range s.lines {
			fmt.Fprintf(&b, "<p>%s</p>\n", html.EscapeString(clean(l)))
		}
	}
	b.WriteString("</body>\n</html>\n")
	return []byte(b.String())
}

func (p page) sections() []section {
	all := append(p.japanese(), p.english()...)
	if len(p.index.LogLeftOut) == 0 { // nothing to say of it
		all = slices.DeleteFunc(all, func(s section) bool { return s.title == leftOutJA || s.title == leftOutEN })
	}
	return all
}

// Titles of what is said only where something was left out.
const (
	leftOutJA = "入れていない監査ログの記録"
	leftOutEN = "Entries of the audit log that are not in it"
)

func (p page) japanese() []section {
	i, m := p.index, p.manifest
	facts := section{"通話録音 証拠パック", []string{
		"これは一つの通話録音と、それが録音時から変わっていないことを確かめるための資料をまとめたものです。",
		fmt.Sprintf("録音番号: %s（%s）", i.Recording, i.Domain), fmt.Sprintf("録音対象の番号: %s", m.DID),
		fmt.Sprintf("通話: %s から %s まで（長さ %s）", at(m.Started), at(m.Ended), clock(m.DurationMS)),
		fmt.Sprintf("作成: %s、受領者: %s、目的: %s", at(i.Made), i.By, i.Purpose),
	}}
	cut := section{"無音にした箇所", nil}
	for _, r := range i.Redactions {
		cut.lines = append(cut.lines, fmt.Sprintf("%s から %s まで、%s、理由: %s", clock(r.FromMS), clock(r.ToMS), sideJA(r.Side), r.Reason))
	}
	if cut.lines == nil {
		cut.lines = []string{"ありません。音声は保管されている原本と一字一句同じです。"}
	} else {
		cut.lines = append(cut.lines, "上の箇所の声はこのパックに入っていません。それ以外の音声が原本と同じであることは、作成者の署名が保証します。原本のハッシュ値は index.json の original_sha256 にあります。")
	}
	log := section{leftOutJA, []string{"一覧や記録票の表示は件数だけを示し、その他は種類ごとに新しいものから一定の数までを audit.json に入れています。残りは元の監査ログにあります。"}}
	for _, l := range i.LogLeftOut {
		log.lines = append(log.lines, l.japanese())
	}
	return []section{facts, cut, log, {"入っているもの", []string{
		"audio.wav … 通話の音声（左が発信者、右が着信側）。track-01.wav などは、三者以上の通話での各人の声です。普通の音楽再生ソフトで聞けます。",
		"manifest.json … 記録票。誰と誰が、いつ、どの番号で話したか、音声のハッシュ値（指紋のようなもの）。",
		"receipt.json … 「通話を録音します」という告知を、誰にいつ流したかの記録。",
		"audit.json … この録音についての監査ログ（いつ保管され、誰がいつ聴いたか）。一件ごとに、全体の記録から抜き取られても書き換えられてもいないことの証明が付いています。",
		"index.json、index.sig、key.pem … 全ファイルのハッシュ値の一覧と、その電子署名、署名を確かめる公開鍵。",
	}}, {"変わっていないことの確かめ方", []string{
		"1. 録音を保管している組織に、別の経路（電話や書面）で「署名鍵の指紋」を尋ねます。次と同じであることを確かめてください: " + p.fingerprint,
		"2. 検証プログラムがある場合（ネットワークは要りません）: pbx verify 証拠パック.zip --fingerprint 指紋",
		"   「合格」と出れば、音声・記録票・監査ログのどれも変わっていません。変わっていれば、どのファイルのどこかを示します。",
		"3. 検証プログラムがない場合は、一般の道具でも署名とハッシュ値を確かめられます:",
		"   openssl pkey -pubin -in key.pem -outform DER | sha256sum   （1. の指紋と同じになること）",
		"   openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in index.json -sigfile index.sig",
		"   sha256sum audio.wav manifest.json …（Windowsでは Get-FileHash）の値が index.json と同じになること",
		"ファイルを開いて保存し直したり、ZIPを作り直したりすると検証できなくなります。元のZIPファイルのまま保管してください。",
	}}}
}

func (p page) english() []section {
	i, m := p.index, p.manifest
	facts := section{"Evidence pack of a call recording", []string{
		"This is one recording of a call, with what is needed to see that it has not changed since the call.",
		fmt.Sprintf("Recording: %s (%s), of the number %s", i.Recording, i.Domain, m.DID),
		fmt.Sprintf("Call: %s to %s (%s long)", at(m.Started), at(m.Ended), clock(m.DurationMS)),
		fmt.Sprintf("Made: %s, for %s, purpose: %s", at(i.Made), i.By, i.Purpose),
	}}
	cut := section{"Silenced stretches", nil}
	for _, r := range i.Redactions {
		cut.lines = append(cut.lines, fmt.Sprintf("%s to %s, %s, reason: %s", clock(r.FromMS), clock(r.ToMS), r.Side, r.Reason))
	}
	if cut.lines == nil {
		cut.lines = []string{"None: the audio is, byte for byte, what is stored."}
	} else {
		cut.lines = append(cut.lines, "What was said there is not in this pack. That everything else is as in the original is vouched for by whoever signed. The original's hash stands in index.json as original_sha256.")
	}
	log := section{leftOutEN, []string{"Views of lists and manifests are counted only; of every other kind audit.json has the newest, up to a number. The rest stands in the log itself."}}
	for _, l := range i.LogLeftOut {
		log.lines = append(log.lines, l.english())
	}
	return []section{facts, cut, log, {"What is in it", []string{
		"audio.wav: the call, left the caller, right the called side; track-01.wav and so on: each voice alone, where more than two spoke.",
		"manifest.json: who with whom, when, on which number; the hashes of the audio. receipt.json: who was told of the recording, and when.",
		"audit.json: the audit log's entries about this recording (when it was stored, who heard it), each with the proof that it stands in the whole log.",
		"index.json, index.sig, key.pem: the hashes of all files, their signature (Ed25519), and the public key to check it with.",
	}}, {"How to check it", []string{
		"1. Ask the organisation that keeps the recording, by another way, for the fingerprint of its signing key. It must be " + p.fingerprint,
		"2. With the verifier, without a network: pbx verify PACK.zip --fingerprint FINGERPRINT. It says GOOD, or names the file that was altered.",
		"3. Without it: openssl pkey -pubin -in key.pem -outform DER | sha256sum (the fingerprint); " +
			"openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in index.json -sigfile index.sig; then compare sha256sum of each file with index.json.",
		"Keep the ZIP file as it is: packed anew it cannot be verified.",
	}}}
}
