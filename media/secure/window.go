package secure

// window remembers which of the newest replayWindow indices were accepted (RFC 3711 section 3.3.2).
type window struct {
	started bool
	top     uint64 // highest accepted
	bits    [replayWindow / 64]uint64
}

// fresh says that an index was not accepted before and is not too old to know. It changes nothing: an index counts once it is authentic.
func (w *window) fresh(index uint64) bool {
	if !w.started || index > w.top {
		return true
	}
	back := w.top - index
	return back < replayWindow && w.bits[back/64]&(1<<(back%64)) == 0
}

// accept marks an index that was fresh.
func (w *window) accept(index uint64) {
	if !w.started {
		w.started, w.top, w.bits = true, index, [replayWindow / 64]uint64{1}
		return
	}
	if index <= w.top {
		back := w.top - index
		w.bits[back/64] |= 1 << (back % 64)
		return
	}
	switch ahead := index - w.top; {
	case ahead >= replayWindow:
		w.bits = [replayWindow / 64]uint64{}
	case ahead >= 64:
		w.bits[1], w.bits[0] = w.bits[0]<<(ahead-64), 0
	default:
		w.bits[1] = w.bits[1]<<ahead | w.bits[0]>>(64-ahead)
		w.bits[0] <<= ahead
	}
	w.bits[0] |= 1
	w.top = index
}
