package media

import "math"

// maxGaps bounds the list of gaps in a report; the oldest go first.
const maxGaps = 64

// Gap is a run of numbers that did not arrive.
type Gap struct{ First, Count int64 }

// order turns indices in a loop into numbers that rise without end, and finds
// what is missing. It is for one stream of one clip.
type order struct {
	begun     bool
	index     int
	number    int64
	timestamp uint32
}

// place returns the frame's number and how many are missing before it. A
// frame that is there again, or is older than the last, is no step forward.
//
// The index alone cannot tell a gap from one that is a loop longer; the RTP
// timestamps can, unless they began anew: then the shortest gap is assumed.
func (o *order) place(s *Stream, index int, timestamp uint32, c continuity) (number, missing int64, forward bool) {
	if !o.begun {
		*o = order{true, index, int64(index), timestamp}
		return o.number, 0, true
	}
	loop := int64(s.Len())
	step := (int64(index-o.index) + loop) % loop
	if c == afterRestart {
		step = (step+loop-1)%loop + 1
	} else {
		elapsed := float64(int32(timestamp-o.timestamp)) / float64(s.ticks())
		step += loop * int64(math.Round((elapsed-float64(step))/float64(loop)))
	}
	number = o.number + step
	if step <= 0 {
		return number, 0, false
	}
	*o = order{true, index, number, timestamp}
	return number, step - 1, true
}
