package turn

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/stun/v3"
)

// collect accepts until l is closed.
func collect(l net.Listener) <-chan net.Conn {
	conns := make(chan net.Conn, 10)
	go func() {
		defer close(conns)
		for {
			switch c, err := l.Accept(); {
			case err == nil:
				conns <- c
			case errors.Is(err, net.ErrClosed):
				return
			}
		}
	}()
	return conns
}

// hello is what a TURN client begins with.
func hello(t testing.TB) []byte {
	t.Helper()
	m, err := stun.Build(stun.TransactionID, stun.BindingRequest)
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

// wantCut waits until the other end has closed a connection.
func wantCut(t *testing.T, conn net.Conn) {
	t.Helper()
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Read: %v, want the end", err)
	}
}

func TestSplitByFirstBytes(t *testing.T) {
	stunHello := string(hello(t))
	tests := []struct{ name, first, to string }{
		{"GET", "GET / HTTP/1.1\r\n", "http"},
		{"a method that begins as ChannelData would", "ACL / HTTP/1.1\r\n", "http"},
		{"one byte", "P", "http"},
		{"what is no HTTP either", "\xff\x00\x01", "http"},
		{"STUN", stunHello, "turn"},
		{"STUN in two parts", stunHello[:3] + "|" + stunHello[3:], "turn"},
		{"half of STUN", stunHello[:7], ""},
		{"no magic cookie", "\x00\x01\x00\x00\x00\x00\x00\x00", ""},
		{"bad length", "\x00\x03\xff\xfd\x21\x12\xa4\x42", ""},
		{"a TLS handshake", "\x16\x03\x01\x02\x00\x01\x00\x01", ""},
		{"an empty line", "\r\n\r\nGET / HTTP/1.1\r\n", ""},
		{"nothing", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inner := newPipeListener()
				h, s := Split(inner)
				https, turns := collect(h), collect(s)
				client := inner.dial("192.0.2.1:5")
				begin := time.Now()
				go func() {
					for part := range strings.SplitSeq(tt.first, "|") {
						_, _ = client.Write([]byte(part)) // it may be cut
					}
				}()
				switch tt.to {
				case "":
					wantCut(t, client)
					if d := time.Since(begin); d != 0 && d != splitTime {
						t.Errorf("cut after %v, want at once or after %v", d, splitTime)
					}
				case "http":
					wantBytes(t, <-https, tt.first)
				case "turn":
					wantBytes(t, <-turns, strings.ReplaceAll(tt.first, "|", ""))
				}
				client.Close()
				if err := errors.Join(h.Close(), s.Close()); err != nil {
					t.Error(err)
				}
				if _, more := <-https; more {
					t.Error("HTTP was given a connection too many")
				}
				if _, more := <-turns; more {
					t.Error("TURN was given a connection too many")
				}
			})
		})
	}
}

// wantBytes wants what was told apart to begin with what the client said, and no
// deadline to be left.
func wantBytes(t *testing.T, conn net.Conn, want string) {
	t.Helper()
	time.Sleep(2 * splitTime)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	conn.Close()
}

// Who is silent is cut after a while, and earlier if there are too many from one
// address: the oldest then. Others do not notice.
func TestSplitBoundsTheSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := newPipeListener()
		h, s := Split(inner)
		https := collect(h)
		first, other := inner.dial("[2001:db8::1]:1"), inner.dial("192.0.2.1:1")
		for range maxYoungPerIP - 1 {
			defer inner.dial("[2001:db8::2]:1").Close()
		}
		inner.dial("[2001:db8::2]:1").Close() // one too many, but nobody has had much time
		time.Sleep(youngTime)
		begin := time.Now()
		last := inner.dial("[2001:db8::3]:1") // of the same /64
		wantCut(t, first)
		if d := time.Since(begin); d != 0 {
			t.Errorf("the oldest was cut after %v, want at once", d)
		}
		for _, c := range []net.Conn{other, last} {
			if _, err := c.Write([]byte("GET")); err != nil {
				t.Fatal(err)
			}
			(<-https).Close()
		}
		silent := inner.dial("192.0.2.1:1")
		begin = time.Now()
		wantCut(t, silent)
		if d := time.Since(begin); d != splitTime {
			t.Errorf("the silent was cut after %v, want %v", d, splitTime)
		}
		synctest.Wait()
		if n := len(s.(*half).of.count); n != 0 {
			t.Errorf("%d addresses are remembered", n)
		}
		h.Close()
		s.Close()
	})
}

func TestSplitCutsTheOldestOfTooMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := newPipeListener()
		h, s := Split(inner)
		https := collect(h)
		h.(*half).of.slots = make(chan struct{}, 3) // before the first connection
		first := inner.dial("192.0.2.1:1")
		second, third := inner.dial("192.0.2.2:1"), inner.dial("192.0.2.3:1")
		synctest.Wait()
		begin := time.Now()
		last := inner.dial("192.0.2.4:1")
		wantCut(t, first)
		if d := time.Since(begin); d != youngTime {
			t.Errorf("the oldest was cut after %v, want %v", d, youngTime)
		}
		for _, c := range []net.Conn{second, third, last} {
			if _, err := c.Write([]byte("GET")); err != nil {
				t.Fatal(err)
			}
			(<-https).Close()
		}
		h.Close()
		s.Close()
	})
}

// A listener that has no file descriptors left goes on when there are some.
func TestSplitSurvivesErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := newPipeListener()
		h, s := Split(inner)
		accepted := make(chan error, 10)
		go func() {
			for {
				c, err := s.Accept()
				accepted <- err
				if errors.Is(err, net.ErrClosed) {
					return
				}
				if err == nil {
					c.Close()
				}
			}
		}()
		silent := inner.dial("192.0.2.1:4")
		time.Sleep(youngTime)
		begin := time.Now()
		inner.errs <- syscall.EMFILE
		wantCut(t, silent) // it gives its descriptor
		if d := time.Since(begin); d != 0 {
			t.Errorf("the silent was cut after %v, want at once", d)
		}
		if err := <-accepted; !errors.Is(err, syscall.EMFILE) {
			t.Errorf("Accept: %v, want EMFILE", err)
		}
		client := inner.dial("192.0.2.1:5")
		if _, err := client.Write(hello(t)[:firstBytes]); err != nil {
			t.Fatal(err)
		}
		if err := <-accepted; err != nil {
			t.Errorf("Accept: %v", err)
		}
		inner.Close() // by somebody else
		if err := <-accepted; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept: %v, want ErrClosed", err)
		}
		if _, err := h.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept of HTTP: %v, want ErrClosed", err)
		}
		h.Close()
		s.Close()
	})
}

func TestSplitCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := newPipeListener()
		h, s := Split(inner)
		if h.Addr().String() != "127.0.0.1:443" {
			t.Errorf("Addr: %v", h.Addr())
		}
		https := collect(h)
		turns := collect(s)
		synctest.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, more := <-turns; more {
			t.Error("accepted after Close")
		}
		if err := s.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("second Close: %v, want ErrClosed", err)
		}
		forTURN := inner.dial("192.0.2.1:5")
		if _, err := forTURN.Write(hello(t)[:firstBytes]); err != nil {
			t.Fatal(err)
		}
		wantCut(t, forTURN)
		forHTTP := inner.dial("192.0.2.1:5")
		if _, err := forHTTP.Write([]byte("GET")); err != nil {
			t.Fatal(err)
		}
		(<-https).Close()
		silent := inner.dial("192.0.2.1:5")
		synctest.Wait()
		begin := time.Now()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		wantCut(t, silent)
		if d := time.Since(begin); d != 0 {
			t.Errorf("Close took %v", d)
		}
		if _, more := <-https; more {
			t.Error("accepted after Close")
		}
	})
}

// One port of TLS serves HTTPS, with what net/http knows of TLS, and TURN.
func TestOnePortForHTTPSAndTURN(t *testing.T) {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h, s := Split(tls.NewListener(plain, tlsConfig(t)))
	srv := serve(t, Config{TLSListeners: []net.Listener{s}})
	web := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil || r.TLS.Version < tls.VersionTLS12 {
			t.Error("the request does not say that it came over TLS")
		}
		io.WriteString(w, r.Proto+" from "+r.RemoteAddr)
	})}
	served := make(chan error, 1)
	go func() { served <- web.Serve(h) }()
	t.Cleanup(func() {
		web.Shutdown(context.Background())
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true, DisableKeepAlives: true,
	}}
	for range 3 {
		resp, err := client.Get("https://" + plain.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || !strings.HasPrefix(string(body), "HTTP/1.1 from 127.0.0.1:") {
			t.Errorf("got %q, %v", body, err)
		}
		resp.Body.Close()
		_, a := allocate(t, srv, "tls", "alice")
		_, b := allocate(t, srv, "tls", "bob")
		send(t, a, b.LocalAddr(), "first") // which lets bob in
		send(t, b, a.LocalAddr(), "hello")
		want(t, a, b.LocalAddr(), "hello")
	}
}

// A person who forgets the s of https is told.
func TestPlainHTTPAtATLSPort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := newPipeListener()
		h, s := Split(tls.NewListener(inner, tlsConfig(t)))
		https := collect(h)
		client := inner.dial("192.0.2.1:5")
		go io.WriteString(client, "GET / HTTP/1.1\r\nHost: call.test\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if resp.StatusCode != 400 || !strings.Contains(string(body), "https://") {
			t.Errorf("%d %q, %v", resp.StatusCode, body, err)
		}
		silent := inner.dial("192.0.2.1:5")
		begin := time.Now()
		wantCut(t, silent)
		if d := time.Since(begin); d != splitTime {
			t.Errorf("a handshake that does not begin took %v, want %v", d, splitTime)
		}
		h.Close()
		s.Close()
		if _, more := <-https; more {
			t.Error("HTTP was given a connection")
		}
	})
}

// A saidConn is a connection on which all has been said.
type saidConn struct {
	net.Conn
	r io.Reader
}

func (c saidConn) Read(b []byte) (int, error) { return c.r.Read(b) }

// FuzzFirst: whatever the first bytes are, what is handed on is the same stream.
func FuzzFirst(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Add(hello(f))
	f.Add([]byte{0x16, 3, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		server := saidConn{r: bytes.NewReader(b)}
		first, isTURN, err := readFirst(server)
		if err != nil {
			if len(b) > 0 && b[0]>>6 != 0 {
				t.Fatalf("%q: %v", b, err)
			}
			return
		}
		rest, err := io.ReadAll(withFirst(server, first))
		if err != nil || string(rest) != string(b) || isTURN != (b[0]>>6 == 0) {
			t.Errorf("got %q (TURN: %v), %v, want %q", rest, isTURN, err, b)
		}
	})
}
