package signaling

import "time"

// A bucket is a token bucket, kept as the time at which it will be full again.
type bucket time.Duration

// over reports whether n more are above the limit: rate per second, and burst
// at once.
func (b bucket) over(now time.Duration, n, rate, burst int) bool {
	one := time.Second / time.Duration(rate)
	return max(time.Duration(b), now)+time.Duration(n)*one-now > time.Duration(burst)*one
}

// charge takes n, also if that is above the limit: what was not known before
// is paid behind.
func (b *bucket) charge(now time.Duration, n, rate int) {
	*b = bucket(max(time.Duration(*b), now) + time.Duration(n)*time.Second/time.Duration(rate))
}

// debt is how long the bucket takes to be full.
func (b bucket) debt(now time.Duration) time.Duration { return max(0, time.Duration(b)-now) }
