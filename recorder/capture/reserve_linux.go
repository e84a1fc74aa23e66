package capture

import "golang.org/x/sys/unix"

// reserve gives zeroed memory that the collector does not know; it becomes real page by page, when it is first written to.
func reserve(size int) (mem []byte, release func([]byte), err error) {
	mem, err = unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return nil, nil, err
	}
	_ = unix.Madvise(mem, unix.MADV_NOHUGEPAGE) // a kernel without huge pages refuses, and needs it not
	_ = unix.Madvise(mem, unix.MADV_DONTDUMP)   // no audio in a core file
	return mem, func(m []byte) { _ = unix.Munmap(m) }, nil
}

// lock keeps memory out of the swap. The system may refuse: RLIMIT_MEMLOCK, or no CAP_IPC_LOCK.
func lock(mem []byte) error { return unix.Mlock(mem) }

// discard gives pages of reserved memory back; they are zero when they are touched again.
func discard(mem []byte) { _ = unix.Madvise(mem, unix.MADV_DONTNEED) }
