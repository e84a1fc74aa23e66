package secret

import (
	"os"

	"golang.org/x/sys/unix"
)

// privatePage is memory outside the heap that is in no core dump and in no swap, as far as the kernel and the limit of locked memory let it: where they do
// not, the switch runs all the same, and without core files. It is never given back.
func privatePage() []byte {
	page, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return make([]byte, os.Getpagesize())
	}
	_ = unix.Madvise(page, unix.MADV_DONTDUMP)
	_ = unix.Mlock(page)
	return page
}
