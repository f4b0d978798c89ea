package memconn

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/net/nettest"
)

func TestConnIsANetConn(t *testing.T) {
	nettest.TestConn(t, func() (a, b net.Conn, stop func(), err error) {
		a, b = Pipe(0)
		return a, b, func() { a.Close(); b.Close() }, nil
	})
}

func TestWriterWaitsForTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := Pipe(4)
		wrote := make(chan int, 1)
		go func() {
			n, _ := a.Write([]byte("0123456789"))
			wrote <- n
		}()
		synctest.Wait()
		if got := b.Buffered(); got != 4 || len(wrote) != 0 {
			t.Fatalf("%d bytes in a buffer of 4, writer returned: %v", got, len(wrote) != 0)
		}
		got := make([]byte, 10)
		if _, err := io.ReadFull(b, got); err != nil || string(got) != "0123456789" || <-wrote != 10 {
			t.Errorf("read %q, %v", got, err)
		}
	})
}

func TestWriteDeadlineIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := Pipe(4)
		start := time.Now()
		a.SetWriteDeadline(start.Add(5 * time.Second))
		n, err := a.Write([]byte("0123456789"))
		if n != 4 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 5*time.Second {
			t.Errorf("Write = %d, %v after %v, want 4 and a deadline after 5s", n, err, time.Since(start))
		}
		a.SetWriteDeadline(time.Time{})
		if n, err := a.Write(nil); n != 0 || err != nil {
			t.Errorf("after the deadline was taken away: %d, %v", n, err)
		}
	})
}

func TestHalfClose(t *testing.T) {
	a, b := Pipe(0)
	fmt.Fprint(a, "question")
	a.CloseWrite()
	if got, err := io.ReadAll(b); string(got) != "question" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	fmt.Fprint(b, "answer")
	b.Close()
	if got, err := io.ReadAll(a); string(got) != "answer" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	if _, err := b.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("write after Close: %v", err)
	}
}

func TestCutFailsBothEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := Pipe(0)
		fmt.Fprint(a, "lost")
		got := make(chan error, 1)
		go func() {
			_, err := a.Read(make([]byte, 1))
			got <- err
		}()
		synctest.Wait()
		b.Cut()
		if err := <-got; !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("waiting read: %v", err)
		}
		if _, err := b.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("read of what was on its way: %v", err)
		}
	})
}

func TestStallDelaysAndLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := Pipe(0)
		a.Stall()
		fmt.Fprint(a, "late")
		b.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := b.Read(make([]byte, 4)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read of a stalled connection: %v", err)
		}
		b.SetReadDeadline(time.Time{})
		a.Flow()
		got := make([]byte, 4)
		if _, err := io.ReadFull(b, got); string(got) != "late" || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
	})
}

func TestListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen(0)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.Dial(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Dial that nobody accepts: %v", err)
		}
		go l.DialFrom(t.Context(), "192.0.2.7")
		c, err := l.Accept()
		if err != nil || !strings.HasPrefix(c.RemoteAddr().String(), "192.0.2.7:") {
			t.Fatalf("Accept = %v, %v", c, err)
		}
		l.Close()
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept after Close: %v", err)
		}
		if _, err := l.DialContext(t.Context(), "tcp", "signal.test:80"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("Dial after Close: %v", err)
		}
	})
}

// TestServesHTTPAndWebSocketInABubble is what the package is for.
func TestServesHTTPAndWebSocketInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen(0)
		srv := &http.Server{Handler: http.HandlerFunc(echo)}
		go srv.Serve(l)
		defer srv.Close()

		d := websocket.Dialer{NetDialContext: l.DialContext}
		ws, _, err := d.DialContext(t.Context(), "ws://signal.test/", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer ws.Close()
		start := time.Now()
		if err := ws.WriteMessage(websocket.TextMessage, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		_, got, err := ws.ReadMessage()
		if err != nil || string(got) != "hello" || time.Since(start) != 0 {
			t.Errorf("echo %q, %v after %v, want \"hello\" at once", got, err, time.Since(start))
		}
	})
}

func echo(w http.ResponseWriter, r *http.Request) {
	ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer ws.Close()
	for {
		kind, p, err := ws.ReadMessage()
		if err != nil {
			return
		}
		ws.WriteMessage(kind, p)
	}
}

func BenchmarkPipe(b *testing.B) {
	x, y := Pipe(0)
	go func() {
		r := bufio.NewReader(y)
		for {
			if _, err := r.Discard(1024); err != nil {
				return
			}
		}
	}()
	p := make([]byte, 1024)
	b.SetBytes(1024)
	b.ReportAllocs()
	for b.Loop() {
		x.Write(p)
	}
	x.Close()
}
