package policy

import "naisen/provisioning"

// changeRows are about sets of changes. Who may make a change alone may make it in a set; who agrees to what protects recordings must besides have
// proposal.agree.
func changeRows() []row {
	return []row{
		grant(ChangeRead, provisioning.KindChangeSet, admin, telephony, auditor, manager),
		grant(ChangePut, provisioning.KindChangeSet, admin, telephony),
		grant(ChangeAgree, provisioning.KindChangeSet, admin, manager),
		grant(ChangeWithdraw, provisioning.KindChangeSet, admin, manager).andOwn(telephony),
		grant(ChangeReview, provisioning.KindChangeSet, admin, auditor, manager),
		grant(ChangeWhatIf, provisioning.KindChangeSet, admin), // it shows who called whom
		grant(ChangeRulesRead, provisioning.KindChangeRules, admin, telephony, auditor, manager),
		grant(ChangeRulesPut, provisioning.KindChangeRules, admin),
	}
}
