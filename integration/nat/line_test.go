//go:build linux

package nat

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A quality is what a line does to packets, in each direction.
type quality struct {
	delay, jitter time.Duration // jitter is what is added at most; the order is kept
	loss          float64       // of 1
	rate          int           // bytes per second; 0: any number
}

// maxBacklog is how long packets wait for a line that is too slow, before they are
// dropped.
const maxBacklog = 200 * time.Millisecond

// A line is the cable between a host and its router, with a process in between:
// there are kernels whose tc cannot delay.
type line struct {
	mu sync.Mutex // guards the following
	q  quality
}

func (l *line) set(q quality) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.q = q
}

func (l *line) quality() quality {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.q
}

// connect makes the devices at both ends, and carries packets until the test ends.
func (l *line) connect(t *testing.T, a namespace, deviceA string, b namespace, deviceB string) error {
	endA, err := openTUN(a, deviceA)
	if err != nil {
		return err
	}
	endB, err := openTUN(b, deviceB)
	if err != nil {
		endA.Close()
		return err
	}
	var carriers sync.WaitGroup
	carriers.Go(func() { l.carry(endA, endB) })
	carriers.Go(func() { l.carry(endB, endA) })
	t.Cleanup(func() {
		endA.Close()
		endB.Close()
		carriers.Wait()
	})
	return nil
}

// openTUN makes a device whose packets are read and written as a file.
func openTUN(n namespace, device string) (file *os.File, err error) {
	err = n.do(func() error {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		if err != nil {
			return fmt.Errorf("/dev/net/tun: %w", err)
		}
		request, err := unix.NewIfreq(device)
		if err == nil {
			request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
			err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
		}
		if err != nil {
			unix.Close(fd)
			return fmt.Errorf("make %s: %w", device, err)
		}
		file = os.NewFile(uintptr(fd), device)
		return nil
	})
	return file, err
}

// A parcel is a packet on its way.
type parcel struct {
	due  time.Time
	data []byte
}

// carry takes packets from one end to the other until one is closed.
func (l *line) carry(from, to *os.File) {
	way := make(chan parcel, 4096)
	var delivery sync.WaitGroup
	delivery.Go(func() {
		for p := range way {
			time.Sleep(time.Until(p.due)) // the line is that long
			_, _ = to.Write(p.data)       // a device that is down takes nothing
		}
	})
	var free time.Time // when the line has carried what it has
	for buf := make([]byte, 1<<16); ; {
		n, err := from.Read(buf)
		if err != nil {
			break
		}
		q, now := l.quality(), time.Now()
		if free.Before(now) {
			free = now
		}
		if rand.Float64() < q.loss || free.Sub(now) > maxBacklog || len(way) == cap(way) {
			continue
		}
		if q.rate > 0 {
			free = free.Add(time.Duration(n) * time.Second / time.Duration(q.rate))
		}
		way <- parcel{free.Add(q.delay + time.Duration(rand.Float64()*float64(q.jitter))), slices.Clone(buf[:n])}
	}
	close(way)
	delivery.Wait()
}
