package main

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"naisen/provisioning"
)

const (
	alarmQuiet = 15 * time.Minute // after which an event that did not happen again is over
	alarmKept  = 24 * time.Hour   // how long a cleared one is shown
	alarmBound = 1000             // remembered; past that the objects of one name are counted together
	alarmPoll  = time.Second
)

// alarmTexts say what each alarm means. A name that is missing is shown as it is.
var alarmTexts = map[string]struct{ en, ja string }{
	"access-ended":           {"A right ended, since nobody confirmed it in the access review", "権限の棚卸しで確認されなかった権限を取り消しました"},
	"access-review":          {"Rights wait for somebody to confirm them, else they end", "権限の棚卸しで確認待ちの権限があります（期限後は取り消し）"},
	"acme-failed":            {"No new certificate was given by the authority (ACME); the old one stays, and it is tried again", "証明書の自動更新（ACME）に失敗しました（以前の証明書を使用中、再試行します）"},
	"audit-archive-failed":   {"Old entries of the audit log could not be archived; they stay in the database", "監査ログの古い記録を保管先へ移せません（データベースに残しています）"},
	"audit-broken":           {"The audit log was altered", "監査ログが改ざんされています"},
	"audit-dropped":          {"Facts were left out of the audit log under load", "高負荷のため監査記録の一部を省略しました"},
	"audit-restored":         {"The audit log was put back from a backup; what was written after that is not in it", "監査ログはバックアップから復元されました（それ以降の記録は含まれません）"},
	"audit-report-failed":    {"The monthly report of the audit log could not be kept", "監査ログの月次報告を保存できません"},
	"audit-unpublished":      {"Checkpoints of the audit log have been on this machine alone for an hour", "監査ログの署名済みチェックポイントが1時間以上、外部に保管されていません"},
	"audit-unsent":           {"Entries of the audit log have waited for a log server for ten minutes", "監査ログがログサーバーに10分以上送信できていません"},
	"backup-failed":          {"A backup failed; it is tried again", "バックアップに失敗しました（再試行します）"},
	"backup-late":            {"The newest backup is older than it may be", "最新のバックアップが古くなっています"},
	"break-glass":            {"Somebody hears recordings without an approval", "承認なしの緊急聴取が行われました"},
	"break-glass-account":    {"The break-glass account was used", "緊急用アカウントが使用されました"},
	"call-back-refused":      {"A queue may not call back whom it promised it", "キューの折り返し発信が許可されていません"},
	"call-panic":             {"A call ended by a fault of the switch", "交換機の不具合で通話が終了しました"},
	"certificate-expires":    {"The SIP certificate ends within two weeks", "SIP証明書の有効期限が2週間以内です"},
	"certificate-unreadable": {"The SIP certificate files cannot be used; the old certificate stays", "SIP証明書を読み込めません（以前の証明書を使用中）"},
	"change-failed":          {"A set of changes could not be carried out at its time", "予約した一括変更を実行できませんでした"},
	"change-review-waiting":  {"An emergency change waits for its review", "緊急変更の事後確認が済んでいません"},
	"change-unapproved":      {"Something was changed in the database past the program; what was approved last stays in force", "承認のない変更がデータベースに直接行われました（最後に承認された内容を使用中）"},
	"clock-stepped":          {"The clock was set by a lot; no recording is destroyed", "時計が大きく変更されたため録音の廃棄を停止しています"},
	"contract-sponsor":       {"Nobody answers any more for somebody with a contract", "責任者が不在の委託先利用者がいます"},
	"database-away":          {"The database cannot be reached; calls and registrations go on, changes are refused", "データベースに接続できません（通話と登録は継続、変更は受け付けません）"},
	"firmware-halted":        {"A roll-out of firmware was halted: telephones are missing, or did not take it", "ファームウェアの段階配布を停止しました（未登録または未更新の電話機があります）"},
	"device-guesses":         {"Somebody guesses where telephones get their configuration", "電話機の設定ファイルを狙った総当たりを検知しました"},
	"destruction-stuck":      {"Recordings that are to be destroyed cannot be", "廃棄できない録音があります"},
	"disk-full":              {"The recorder's disk is full", "録音ディスクが満杯です"},
	"disk-high":              {"The recorder's disk is more than 90 % full", "録音ディスクの使用率が90%を超えました"},
	"disposal-waiting":       {"Recordings are overdue and wait for somebody to approve their destruction", "保存期間を過ぎた録音が廃棄の承認を待っています"},
	"drill-failed":           {"The last restore drill failed: whether the backups can be put back is not known", "バックアップの復元訓練に失敗しました（復元できるか確認できていません）"},
	"drill-late":             {"The last restore drill that went well is more than a month ago", "成功した復元訓練から1か月以上たっています"},
	"emergency-call":         {"Somebody called for help", "緊急通報がありました"},
	"emergency-change":       {"Something that disrupts was changed in opening hours, as an emergency", "開庁時間中に影響の大きい変更が緊急として実行されました"},
	"enrolment-guesses":      {"Somebody guesses the one-time codes of telephones", "端末登録用ワンタイムコードの総当たりを検知しました"},
	"fmc-help":               {"A carrier of mobiles sent a call for help here that its own network must take: see its contract", "携帯電話網が扱うべき緊急通報がFMCトランクから届きました（携帯電話会社との契約を確認してください）"},
	"foreign-spike":          {"Many more calls to other countries than usual", "国際通話が急増しています"},
	"hold-full":              {"No room in memory for what was said before somebody asks for a recording", "録音前の音声を保持するメモリーが不足しています"},
	"journal-failing":        {"The disk refuses recordings", "録音を書き込めません"},
	"journals-damaged":       {"Recordings lie here that could not be rendered: pbx recording failed", "仕上げられなかった録音が本機に残っています（pbx recording failed）"},
	"journals-taken":         {"This node hung, and another one finished what it was recording; the rest of those calls is not recorded", "本機が応答しない間に、別のノードが録音を引き継ぎました（その通話の続きは録音されていません）"},
	"push-down":              {"A push service does not answer; softphones that sleep are not woken", "プッシュ通知サービスが応答せず、待機中のソフトフォンを起動できません"},
	"push-refused":           {"A push service refuses our messages: its credentials, or ours, have changed", "プッシュ通知サービスに拒否されました。認証情報を確認してください"},
	"leg-stuck":              {"A leg of a call never ended", "終了しない通話がありました"},
	"ledger-dropped":         {"Call records are in the log only", "通話記録をデータベースに保存できませんでした"},
	"limit-calls":            {"The limit of outside calls at once was reached", "同時外線通話数の上限に達しました"},
	"limit-foreign_per_hour": {"The limit of calls to other countries in an hour was reached", "1時間あたりの国際通話数の上限に達しました"},
	"limit-minutes_per_day":  {"The day's minutes are used up", "1日の通話時間の上限に達しました"},
	"limit-yen_per_day":      {"The day's money is used up", "1日の通話料金の上限に達しました"},
	"mailbox-overrun":        {"A call was ended because its events overran it", "イベント過多のため通話を終了しました"},
	"site-policy-unreadable": {"A site policy cannot be read; what it may forbid is denied", "独自ポリシーを読み取れないため、対象の操作を拒否しています"},
	"manager-alone":          {"One person alone made a recording manager, or a new password for one", "一人の判断だけで録音の管理責任者が任命されたか、そのパスワードが再発行されました"},
	"node-away":              {"Another switch of this database went without a word: its telephones come to those that are left", "同じデータベースの別の交換機が停止しました（電話機は残りの交換機に登録し直します）"},
	"node-name-taken":        {"Another switch has this one's name: give one of them another (node)", "同じ名前の交換機が他にもあります（node の設定を変更してください）"},
	"notice-failed":          {"A recording notice could not be played", "録音告知を再生できませんでした"},
	"outside-recorder":       {"A recorder outside does not take a call that it shall have", "外部の録音装置が通話を受け付けません"},
	"overload":               {"New calls or registrations are refused: the switch is overloaded", "過負荷のため新規の通話や登録を拒否しています"},
	"pause-expired":          {"A paused recording went on by itself: nobody had resumed it", "一時停止した録音を、制限時間により自動で再開しました"},
	"recorder-drops":         {"A recording lost packets", "録音の一部が失われました"},
	"recording-failed":       {"A recording failed", "録音に失敗しました"},
	"recordings-differ":      {"The catalogue of recordings and the store differ", "録音の台帳と保存先の内容が一致しません"},
	"remarks-late":           {"Notes, cases and labels of recordings are not in the store yet", "録音のメモ・案件番号・機密度が、まだ保存先に保存されていません"},
	"review-waiting":         {"A listening without an approval, or a use of the break-glass account, waits for its review", "緊急聴取または緊急用アカウントの事後確認が済んでいません"},
	"rewrap-failing":         {"Recordings cannot be brought to their newest key", "新しい鍵に移せない録音があります"},
	"sign-in-guesses":        {"Somebody guesses SIP passwords", "SIPパスワードの総当たりを検知しました"},
	"signals-silent":         {"A transmitter of shared signals has paused: ends of sessions are not heard of", "共有シグナルの配信が停止され、セッション失効の通知を受け取れません"},
	"spool-large":            {"Recordings that wait for the store take a tenth of the disk", "保存待ちの録音がディスクの1割を超えました"},
	"spool-old":              {"A recording has waited for the store for a quarter of an hour", "保存待ちが15分を超えた録音があります"},
	"store-down":             {"The object store is away; recordings wait", "録音の保存先に接続できません"},
	"store-unlocked":         {"The bucket has no Object Lock: recordings can be deleted", "保存先のバケットにObject Lockがなく、録音を削除できる状態です"},
	"trunk-down":             {"A trunk is out of service", "トランクが停止しています"},
	"vault-key-away":         {"The keeper of the vault's key does not answer; recording goes on, playing ends soon", "保管庫の鍵の管理先が応答しません（録音は継続、まもなく再生不可）"},
	"vault-key-refused":      {"The vault's key was disabled where it is kept; recording goes on, nothing can be played", "保管庫の鍵が無効にされています（録音は継続、再生不可）"},
	"vault-key-unprotected":  {"The vault's key lies in a plain file although a safe is configured: pbx recording protect", "保管庫の鍵が平文ファイルのままです（pbx recording protect を実行してください）"},
	"webhook-dropped":        {"Webhook deliveries were given up", "Webhookの配信を断念しました"},
}

// everyTime are told of each time that they happen: nobody wants to hear of the first one only.
var everyTime = map[string]bool{"emergency-call": true, "break-glass": true, "break-glass-account": true, "manager-alone": true, "emergency-change": true}

type alarmKey struct{ name, domain, object string }

// alarms is the one list of what an operator must know of: raised and cleared here, shown by metrics, log, REST and webhooks.
type alarms struct {
	log    *slog.Logger
	clock  func() time.Time
	notify atomic.Pointer[func(event string, a provisioning.Alarm)] // must not block; nil: nobody listens
	noted  atomic.Pointer[func(event string, a provisioning.Alarm)] // likewise: the audit log

	mu     sync.Mutex
	list   map[alarmKey]*alarm
	totals map[string]uint64

	watches []func() // asked each alarmPoll; filled before run
	stop    context.CancelFunc
	done    chan struct{}
}

type alarm struct {
	provisioning.Alarm
	state bool // ends when it is cleared; else when it is quiet
}

func newAlarms(log *slog.Logger, clock func() time.Time) *alarms {
	return &alarms{log: log, clock: clock, list: map[alarmKey]*alarm{}, totals: map[string]uint64{}}
}

// raise reports an event of the switch as a whole.
func (a *alarms) raise(name string) { a.happened(name, "", "", "") }

// happened reports an event. While the alarm is active it only counts.
func (a *alarms) happened(name, domain, object, detail string) {
	a.put(alarmKey{name, domain, object}, detail, false)
}

// set raises a state, or clears it.
func (a *alarms) set(name, domain, object, detail string, on bool) {
	k := alarmKey{name, domain, object}
	if on {
		a.put(k, detail, true)
		return
	}
	a.mu.Lock()
	var over *provisioning.Alarm
	if al := a.list[k]; al != nil && al.Active {
		over = al.clear(a.clock())
	}
	a.mu.Unlock()
	a.tell("alarm.cleared", over)
}

func (al *alarm) clear(now time.Time) *provisioning.Alarm {
	al.Active, al.Cleared = false, now
	cp := al.Alarm
	return &cp
}

func (a *alarms) put(k alarmKey, detail string, state bool) {
	now := a.clock()
	a.mu.Lock()
	var raised *provisioning.Alarm
	al := a.list[k]
	if al == nil && len(a.list) >= alarmBound {
		k.object, k.domain = "", ""
		al = a.list[k]
	}
	if al == nil {
		al = &alarm{}
		a.list[k] = al
	}
	switch {
	case !al.Active:
		al.Alarm = provisioning.Alarm{Name: k.name, Domain: k.domain, Object: k.object, Detail: detail, Active: true, Count: 1, Since: now, Last: now}
		al.English, al.Text, al.state = alarmTexts[k.name].en, alarmTexts[k.name].ja, state
		a.totals[k.name]++
		cp := al.Alarm
		raised = &cp
	case !state: // a state that lasts is one
		al.Count++
		al.Last, al.Detail = now, detail
		a.totals[k.name]++
		if everyTime[k.name] {
			cp := al.Alarm
			raised = &cp
		}
	default:
		al.Last = now
	}
	a.mu.Unlock()
	a.tell("alarm.raised", raised)
}

// tell writes the log line and hands the change to whoever listens. Called without the lock.
func (a *alarms) tell(event string, al *provisioning.Alarm) {
	if al == nil {
		return
	}
	level := slog.LevelWarn
	if !al.Active {
		level = slog.LevelInfo
	}
	a.log.Log(context.Background(), level, event, "alarm", al.Name, "domain", al.Domain, "object", al.Object, "detail", al.Detail, "count", al.Count)
	for _, f := range []*func(string, provisioning.Alarm){a.noted.Load(), a.notify.Load()} {
		if f != nil {
			(*f)(event, *al)
		}
	}
}

// audited enters what is raised and cleared into the audit log; what concerns the whole switch is in the log of one domain.
func (a *alarms) audited(log *auditor, whole string) {
	enter := func(event string, al provisioning.Alarm) {
		e := provisioning.AuditEntry{Domain: cmp.Or(al.Domain, whole), Subject: "system", Action: event, Object: "alarm/" + al.Name, Outcome: "ok", Reason: al.Detail}
		if al.Object != "" {
			e.Detail = map[string]any{"of": al.Object}
		}
		log.often("alarm/"+al.Name+"/"+al.Domain, e)
	}
	a.noted.Store(&enter)
}

// Alarms implements provisioning.Alarms.
func (a *alarms) Alarms(domain string) []provisioning.Alarm {
	a.mu.Lock()
	out := []provisioning.Alarm{}
	for _, al := range a.list {
		if al.Domain == "" || al.Domain == domain {
			out = append(out, al.Alarm)
		}
	}
	a.mu.Unlock()
	slices.SortFunc(out, func(x, y provisioning.Alarm) int {
		if x.Active != y.Active {
			if x.Active {
				return -1
			}
			return 1
		}
		return cmp.Or(y.Since.Compare(x.Since), cmp.Compare(x.Name, y.Name), cmp.Compare(x.Object, y.Object))
	})
	return out
}

// each calls f for every name that is known or was seen: how many are active, and how often it happened.
func (a *alarms) each(f func(name string, active int, total uint64)) {
	a.mu.Lock()
	active, totals := map[string]int{}, map[string]uint64{}
	for name := range alarmTexts {
		totals[name] = 0
	}
	for _, al := range a.list {
		if al.Active {
			active[al.Name]++
		}
	}
	for name, n := range a.totals {
		totals[name] = n
	}
	a.mu.Unlock()
	for name, n := range totals {
		f(name, active[name], n)
	}
}

// watch asks for a state of the switch as a whole. Before start only.
func (a *alarms) watch(name string, on func() bool) {
	a.watches = append(a.watches, func() { a.set(name, "", "", "", on()) })
}

// watchEvent reports what comes and goes: while it does so the alarm stands. Before start only.
func (a *alarms) watchEvent(name string, on func() bool) {
	a.watches = append(a.watches, func() {
		if on() {
			a.raise(name)
		}
	})
}

// watchCount reports each growth of a counter. Before start only.
func (a *alarms) watchCount(name string, count func() uint64) {
	last := count()
	a.watches = append(a.watches, func() {
		if n := count(); n > last {
			last = n
			a.raise(name)
		}
	})
}

// watchEach raises one alarm per object of those that are in trouble now, and clears it when the object is well or gone. Before start only.
func (a *alarms) watchEach(name string, troubled func() map[[2]string]string) {
	before := map[[2]string]string{}
	a.watches = append(a.watches, func() {
		now := troubled()
		for k, detail := range now {
			a.set(name, k[0], k[1], detail, true)
		}
		for k := range before {
			if _, still := now[k]; !still {
				a.set(name, k[0], k[1], "", false)
			}
		}
		before = now
	})
}

// start asks the watches and ends quiet events until Close.
func (a *alarms) start(ctx context.Context) {
	ctx, a.stop = context.WithCancel(context.WithoutCancel(ctx))
	a.done = make(chan struct{})
	go func() {
		defer close(a.done)
		tick := time.NewTicker(alarmPoll)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				for _, w := range a.watches {
					w()
				}
				a.expire()
			}
		}
	}()
}

// expire clears events that are over, and forgets what was cleared long ago.
func (a *alarms) expire() {
	now := a.clock()
	var over []*provisioning.Alarm
	a.mu.Lock()
	for k, al := range a.list {
		switch {
		case al.Active && !al.state && now.Sub(al.Last) >= alarmQuiet:
			over = append(over, al.clear(now))
		case !al.Active && (now.Sub(al.Cleared) >= alarmKept || len(a.list) >= alarmBound):
			delete(a.list, k)
		}
	}
	a.mu.Unlock()
	for _, al := range over {
		a.tell("alarm.cleared", al)
	}
}

// Close ends the watching.
func (a *alarms) Close() {
	if a.stop != nil {
		a.stop()
		<-a.done
	}
}
