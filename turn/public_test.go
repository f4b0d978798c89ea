package turn

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/pion/stun/v3"
)

// loopbackName is what the loopback interface is called here.
func loopbackName(t *testing.T) string {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 {
			return i.Name
		}
	}
	t.Fatal("no loopback interface: ip link set lo up")
	return ""
}

func TestFindPublicIP(t *testing.T) {
	s := serve(t, Config{Listen: []string{"udp://127.0.0.1:0", "udp://[::1]:0"}, Loops: 1})
	four, six := s.udp[0].LocalAddr().String(), s.udp[1].LocalAddr().String()
	tests := []struct{ text, want string }{
		{"203.0.113.7", "203.0.113.7"},
		{"::ffff:203.0.113.7", "203.0.113.7"},
		{"2001:db8::1", "2001:db8::1"},
		{loopbackName(t), "127.0.0.1"},
		{"dns:127.0.0.1", "127.0.0.1"},
		{"dns:localhost", "127.0.0.1"},
		{"stun:" + four, "127.0.0.1"},
		{"stun:" + six, "::1"},
	}
	for _, tt := range tests {
		got, err := FindPublicIP(t.Context(), tt.text)
		if err != nil || got != netip.MustParseAddr(tt.want) {
			t.Errorf("%s: got %v, %v, want %s", tt.text, got, err, tt.want)
		}
	}
}

func TestPublicIPIsRefused(t *testing.T) {
	for _, text := range []string{"", "0.0.0.0", "::", "fe80::1%eth0", "no-such-interface", "dns:", "stun:", "stun:x:0", "call.example"} {
		if err := CheckPublicIP(text); err == nil || !strings.Contains(err.Error(), "203.0.113.7") && !strings.Contains(err.Error(), "write it like") {
			t.Errorf("%q: %v", text, err)
		}
		if _, err := FindPublicIP(t.Context(), text); err == nil {
			t.Errorf("%q was found", text)
		}
	}
	if err := CheckPublicIP("no-such-interface"); !strings.Contains(err.Error(), loopbackName(t)) {
		t.Errorf("%v does not say which interfaces there are", err)
	}
}

// Answers that are not to our question do not count.
func TestPublicIPFromASTUNServerThatIsSlow(t *testing.T) {
	server, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		b := make([]byte, maxPacket)
		n, from, err := server.ReadFrom(b)
		if err != nil {
			return
		}
		request, _ := decode(b[:n])
		right, wrong := &stun.XORMappedAddress{IP: net.IPv4(203, 0, 113, 7), Port: 9}, &stun.XORMappedAddress{IP: net.IPv4(192, 0, 2, 66), Port: 9}
		for _, answer := range []*stun.Message{
			stun.MustBuild(stun.TransactionID, stun.BindingSuccess, wrong),
			stun.MustBuild(stun.NewTransactionIDSetter(request.TransactionID), stun.BindingError, wrong),
			stun.MustBuild(stun.NewTransactionIDSetter(request.TransactionID), stun.BindingSuccess, right),
		} {
			_, _ = server.WriteTo([]byte("noise"), from)
			_, _ = server.WriteTo(answer.Raw, from)
		}
	}()
	got, err := FindPublicIP(t.Context(), "stun:"+server.LocalAddr().String())
	if err != nil || got.String() != "203.0.113.7" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestPublicIPFromASTUNServerThatIsSilent(t *testing.T) {
	server, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, _, _ = server.ReadFrom(make([]byte, maxPacket)) // it was asked
		cancel()
	}()
	_, err = FindPublicIP(ctx, "stun:"+server.LocalAddr().String())
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), server.LocalAddr().String()) || !strings.Contains(err.Error(), "UDP gets out") {
		t.Errorf("got %v", err)
	}
}
