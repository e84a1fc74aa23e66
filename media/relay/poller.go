package relay

import (
	"encoding/binary"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// poller is one epoll set of sockets, an eventfd that wakes it and a timer. An idle loop is a goroutine parked in Go's own poller, not a
// thread asleep in a system call: the scheduler would take that thread's processor away at each wait, and a switch of threads costs more
// than a packet (measured with loadtest/callgen on one processor: blocking epoll_wait 61-98 µs a packet at 20 calls, parked 28;
// a rest by nanosleep at 120 calls 33-36 µs).
//
// Go's poller watches door, and door watches the timer and, except during a rest, the set of sockets: so a rest is really one, without a
// wake-up for every packet that arrives meanwhile.
type poller struct {
	sockets, door int // epoll sets
	wake, timer   int // eventfd, timerfd
	file          *os.File
	raw           syscall.RawConn
	until         time.Time // the deadline that is set
	armed         bool      // door watches sockets
	event         unix.EpollEvent
	spec          unix.ItimerSpec

	// One wait's arguments and result, here so that the closures are made once.
	events []unix.EpollEvent
	got    int
	look   func(fd uintptr) bool
	rung   func(fd uintptr) bool
}

// wakeToken marks the eventfd among the events; endpoints carry their slot.
const wakeToken = -1

func newPoller() (*poller, error) {
	p := &poller{sockets: -1, door: -1, wake: -1, timer: -1}
	if err := p.open(); err != nil {
		p.close()
		return nil, fmt.Errorf("relay: poller: %w", err)
	}
	p.look = func(uintptr) bool {
		p.got = p.poll(p.events)
		return p.got > 0
	}
	p.rung = func(uintptr) bool {
		var b [8]byte
		_, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(p.timer), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		return errno != unix.EAGAIN
	}
	return p, nil
}

func (p *poller) open() (err error) {
	if p.sockets, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if p.wake, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		return err
	}
	if p.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		return err
	}
	if p.door, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if err = p.add(p.wake, wakeToken, 0); err != nil {
		return err
	}
	if err = unix.EpollCtl(p.door, unix.EPOLL_CTL_ADD, p.sockets, &unix.EpollEvent{}); err != nil {
		return err
	}
	if err = unix.EpollCtl(p.door, unix.EPOLL_CTL_ADD, p.timer, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET}); err != nil {
		return err
	}
	if err = unix.SetNonblock(p.door, true); err != nil { // else os.NewFile would not let Go's poller watch it
		return err
	}
	p.file = os.NewFile(uintptr(p.door), "epoll")
	if p.raw, err = p.file.SyscallConn(); err != nil {
		return err
	}
	return p.file.SetReadDeadline(time.Time{}) // fails if Go's poller does not watch it
}

// add watches fd. Level-triggered: one read per event needs no second read to see the end, and a flooded socket takes its turn.
func (p *poller) add(fd int, slot, channel int32) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: slot, Pad: channel}
	if err := unix.EpollCtl(p.sockets, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fmt.Errorf("relay: epoll add: %w", err)
	}
	return nil
}

func (p *poller) remove(fd int) { _ = unix.EpollCtl(p.sockets, unix.EPOLL_CTL_DEL, fd, nil) }

// signal wakes wait; safe from any goroutine while the poller is open.
func (p *poller) signal() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(p.wake, one[:])
}

// drain empties the eventfd.
func (p *poller) drain() {
	var b [8]byte
	_, _ = unix.Read(p.wake, b[:])
}

// poll looks without waiting.
func (p *poller) poll(events []unix.EpollEvent) int {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.sockets), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	if errno != 0 { // EINTR: the loop comes round again
		return 0
	}
	return int(n)
}

// wait gives the sockets that are ready, parking until there is one or until the deadline.
func (p *poller) wait(events []unix.EpollEvent, until time.Time) int {
	p.arm(true) // before look: what comes before look polls, it sees; what comes later rings
	if !until.Equal(p.until) {
		p.until = until
		_ = p.file.SetReadDeadline(until)
	}
	p.events, p.got = events, 0
	_ = p.raw.Read(p.look) // an error is the deadline: nothing is ready
	return p.got
}

// rest parks for a short time, whatever arrives. It may end early.
func (p *poller) rest(d time.Duration) {
	p.arm(false)
	if !p.until.IsZero() { // a deadline that has passed would end every rest at once
		p.until = time.Time{}
		_ = p.file.SetReadDeadline(p.until)
	}
	p.spec.Value = unix.NsecToTimespec(int64(d))
	if unix.TimerfdSettime(p.timer, 0, &p.spec, nil) != nil {
		return
	}
	_ = p.raw.Read(p.rung)
}

// arm lets the door watch the sockets or not. Nothing is asked of the kernel while it stays as it is: at low load it is always armed.
func (p *poller) arm(on bool) {
	if on == p.armed {
		return
	}
	p.armed, p.event.Events = on, 0
	if on {
		p.event.Events = unix.EPOLLIN
	}
	_ = unix.EpollCtl(p.door, unix.EPOLL_CTL_MOD, p.sockets, &p.event)
}

func (p *poller) close() {
	if p.file != nil {
		_ = p.file.Close() // the door
		p.door = -1
	}
	for _, fd := range []int{p.sockets, p.wake, p.timer, p.door} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}
