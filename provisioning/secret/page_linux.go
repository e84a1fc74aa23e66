package secret

import (
	"os"

	"golang.org/x/sys/unix"
)

// privatePage is memory outside the heap that is in no core dump and, where the limit of locked memory lets it, in no swap. It is never given back.
func privatePage() []byte {
	page, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		panic("secret: no page of memory: " + err.Error())
	}
	if err := unix.Madvise(page, unix.MADV_DONTDUMP); err != nil {
		panic("secret: a page that is in no core dump: " + err.Error())
	}
	_ = unix.Mlock(page) // refused by RLIMIT_MEMLOCK: the page may then go to the swap
	return page
}
