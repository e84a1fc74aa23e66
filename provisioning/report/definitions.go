package report

// Definition says what a column counts, in both languages: a number that everybody reads in another way decides nothing.
type Definition struct {
	Column string `json:"column"`
	JA     string `json:"ja"`
	EN     string `json:"en"`
}

// Definitions of all columns, in their order.
func Definitions() []Definition {
	return []Definition{
		{"offered", "受付数:待ち時間がこの時間帯に始まった呼。short_abandoned、called_back、unreached は含まない。",
			"Callers whose waiting began in the interval, without short_abandoned, called_back and unreached."},
		{"answered", "応答数:担当者が応答した呼。", "Callers whom an agent answered."},
		{"in_time", "目標秒数以内に応答した呼。秒数は待ち行列の target.seconds(既定20秒)。", "Of them, answered within target.seconds of the queue (20 by default)."},
		{"service_level", "サービスレベル(%):in_time ÷ offered。", "Per cent: in_time of offered."},
		{"abandoned", "放棄数:待っている間に切った呼。short_abandoned は含まない。", "Callers who hung up while waiting, without short_abandoned."},
		{"short_abandoned", "短時間放棄:target.short_seconds(既定5秒)未満で切った呼。受付数に含まない。",
			"Callers who hung up before target.short_seconds (5 by default); they count as no caller."},
		{"overflowed", "あふれ:時間、件数、担当者なし、時間外などで別の先へ移った、または終わった呼。",
			"Callers sent elsewhere, or ended, because of time, length, no agents, hours, or by hand."},
		{"call_backs_asked", "折り返し希望数:順番を残して切った呼。", "Callers who asked to be called back and kept their place."},
		{"called_back", "折り返しで話せた件数。", "Kept places that were reached."},
		{"unreached", "折り返したが、決めた回数とも応答がなかった件数。", "Kept places that did not answer as often as they were tried."},
		{"wait_mean_s", "平均待ち時間(秒):受付数の呼の、応答、放棄、移動までの時間の平均。", "Mean time of all offered until answer, hang-up or overflow."},
		{"wait_max_s", "最大待ち時間(秒)。", "The longest of these times."},
		{"talk_mean_s", "平均通話時間(秒):talk_s ÷ answered。保留の時間を含む。", "talk_s by answered; time on hold counts."},
		{"talk_s", "通話時間の合計(秒):担当者が応答してから、その通話を離れるまで。", "From an agent's answer until the agent leaves the call."},
		{"wrap_up_s", "後処理時間の合計(秒)。", "Time of wrap-up."},
		{"signed_in_s", "担当者がサインインしていた時間(秒)。", "Time that the agent was signed in."},
		{"paused_s", "離席または電話機が未登録だった時間(秒)。", "Time paused, or without a registered telephone."},
		{"missed", "呼び出されたが応答しなかった後、休ませた回数。", "How often the agent was passed over after a call that was not answered."},
		{"occupancy", "稼働率(%):(通話+後処理) ÷ (signed_in_s − paused_s)。", "Per cent: talk and wrap-up, of signed_in_s without paused_s."},
	}
}
