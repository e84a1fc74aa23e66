package mem

import (
	"testing"
	"time"

	"naisen/recorder/objstore"
	"naisen/recorder/objstore/objstoretest"
)

func TestConformance(t *testing.T) {
	objstoretest.Run(t, New(time.Now), time.Now)
}

// Below a name of its own a kind of objects behaves like a store of its own.
func TestUnder(t *testing.T) {
	objstoretest.Run(t, objstore.Under(New(time.Now), "messages"), time.Now)
}
