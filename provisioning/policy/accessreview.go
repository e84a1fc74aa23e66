package policy

import "naisen/provisioning"

// accessReviewRows are about what people may do, asked again each quarter, and what nobody may together.
func accessReviewRows() []row {
	return []row{
		grant(AccessReviewRead, provisioning.KindAccessReview, admin, auditor, manager),
		grant(AccessReviewAnswer, provisioning.KindAccessReview, admin, manager),
		grant(DutiesRead, provisioning.KindDuties, admin, auditor, manager),
		grant(DutiesPut, provisioning.KindDuties, admin),
	}
}
