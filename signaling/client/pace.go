package client

import "time"

// paceMargin keeps the client a little below the server's limits, as what it
// sent evenly may arrive in bunches.
const paceMargin = 0.9

// A bucket holds tokens that come back at a rate.
type bucket struct {
	rate, size, tokens float64
	at                 time.Time
}

func (b *bucket) fill(now time.Time) {
	b.tokens = min(b.size, b.tokens+b.rate*now.Sub(b.at).Seconds())
	b.at = now
}

// delay says how long cost has to wait. What costs more than the bucket holds
// waits until it is full.
func (b *bucket) delay(cost float64) time.Duration {
	lack := min(cost, b.size) - b.tokens
	if lack <= 0 || b.rate <= 0 {
		return 0
	}
	return time.Duration(lack/b.rate*float64(time.Second)) + time.Microsecond
}

// A pace keeps to the server's limits: frames and bytes per second.
type pace struct{ frames, bytes bucket }

func newPace(rate, burst, bytes int, now time.Time) pace {
	make := func(rate, size float64) bucket {
		return bucket{rate: rate * paceMargin, size: size * paceMargin, tokens: size * paceMargin, at: now}
	}
	return pace{make(float64(rate), float64(burst)), make(float64(bytes), 4*float64(bytes))}
}

// delay says how long a frame of that size has to wait; 0: it may go now.
func (p *pace) delay(size int, now time.Time) time.Duration {
	p.frames.fill(now)
	p.bytes.fill(now)
	return max(p.frames.delay(1), p.bytes.delay(float64(size)))
}

// take counts a frame that goes out, whether it had to wait or not.
func (p *pace) take(size int) {
	p.frames.tokens--
	p.bytes.tokens -= float64(size)
}
