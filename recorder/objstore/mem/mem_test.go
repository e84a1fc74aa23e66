package mem

import (
	"testing"
	"time"

	"naisen/recorder/objstore/objstoretest"
)

func TestConformance(t *testing.T) {
	objstoretest.Run(t, New(time.Now), time.Now)
}
