package main

import (
	"net"
	"strings"
	"testing"
	"time"
)

// wantLogged waits until a text is in the log.
func (s *served) wantLogged(text string) {
	s.t.Helper()
	for late := time.After(20 * time.Second); !strings.Contains(s.log.String(), text); {
		select {
		case <-late:
			s.t.Fatalf("%q is not in the log: %s", text, s.log)
		case <-time.After(time.Millisecond):
		}
	}
}

func TestSelfTestAtTheStart(t *testing.T) {
	s := serve(t, "--self-test", "--turn-shared", "--strict")
	s.wantLogged(`self-test: all URLs that clients are given work, and relay" urls=4`)
	if code := s.ended(); code != 0 {
		t.Errorf("exit code %d: %s", code, s.log)
	}
}

// A certificate that clients refuse is found, and ends the server if it shall.
func TestSelfTestThatFails(t *testing.T) {
	files, _ := certificate(t)
	s := serve(t, append(files, "--self-test")...)
	s.wantLogged("clients will refuse the certificate")
	if text := s.log.String(); strings.Count(text, "clients cannot use a URL") != 1 {
		t.Errorf("of more than one URL is said that it cannot be used: %s", text)
	}
	if code := s.ended(); code != 0 {
		t.Errorf("exit code %d: %s", code, s.log)
	}
	s = serve(t, append(files, "--self-test", "--strict")...)
	select {
	case code := <-s.code:
		if code != exitFailed || !strings.Contains(s.log.String(), "self-test: 1 of the 4 URLs") {
			t.Errorf("exit code %d: %s", code, s.log)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("it goes on: %s", s.log)
	}
}

// A server that is stopped does not wait for the end of its test, nor says that it
// failed.
func TestSelfTestIsStopped(t *testing.T) {
	silent, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	asked := make(chan struct{})
	go func() {
		_, _, _ = silent.ReadFrom(make([]byte, 1500)) // the test has begun
		close(asked)
	}()
	s := serve(t, "--self-test", "--strict", "--turn-urls", "turn:"+silent.LocalAddr().String())
	<-asked
	if code := s.ended(); code != 0 || strings.Contains(s.log.String(), "self-test") {
		t.Errorf("exit code %d: %s", code, s.log)
	}
}
