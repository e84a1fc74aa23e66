package policy

import "naisen/provisioning"

// listeningRows are about hearing recordings: who listens does not approve, and who approves need not listen.
func listeningRows() []row {
	return []row{
		grant(RecordingDownload, KindRecording, listener),
		grant(RecordingNote, KindRecording, listener, manager),
		grant(ListeningRead, provisioning.KindListening, admin, auditor, manager).andOwn(listener),
		grant(ListeningAsk, provisioning.KindListening, listener),
		grant(ListeningDecide, provisioning.KindListening, manager),
		grant(ListeningWithdraw, provisioning.KindListening, manager).andOwn(listener),
		grant(ListeningReview, provisioning.KindListening, auditor, manager),
		grant(BreakGlass, provisioning.KindListening, breakGlass),
		grant(ListeningRulesRead, provisioning.KindListeningRules, admin, listener, auditor, manager),
		grant(ListeningRulesPut, provisioning.KindListeningRules, manager),
		grant(RecordingScopeRead, provisioning.KindRecordingScope, admin, auditor, manager),
		grant(RecordingScopePut, provisioning.KindRecordingScope, manager),
		grant(RecordingScopeDelete, provisioning.KindRecordingScope, manager),
	}
}
