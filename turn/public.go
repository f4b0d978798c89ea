package turn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/pion/stun/v3"
)

// stunTries and stunWait are how often a STUN server is asked, and how long each
// answer is waited for: 3.5 s in all.
const (
	stunTries = 3
	stunWait  = 500 * time.Millisecond // doubled each time
)

// A publicSource is where a public address comes from.
type publicSource struct{ kind, name string }

// CheckPublicIP says what keeps text from being a source for FindPublicIP, if
// anything. It asks nobody but this host.
func CheckPublicIP(text string) error {
	_, err := parsePublic(text)
	return err
}

func parsePublic(text string) (publicSource, error) {
	kind, name, ok := strings.Cut(text, ":")
	if ok && kind == "dns" && name != "" {
		return publicSource{kind, name}, nil
	}
	if ok && kind == "stun" {
		u, err := parseURL(text)
		return publicSource{kind, u.address()}, err
	}
	if ip, err := netip.ParseAddr(text); err == nil {
		if ip.IsUnspecified() || ip.Zone() != "" {
			return publicSource{}, fmt.Errorf("turn: public address %v: give one that clients can reach, like 203.0.113.7", ip)
		}
		return publicSource{"ip", text}, nil
	}
	if _, err := net.InterfaceByName(text); err != nil {
		return publicSource{}, fmt.Errorf("turn: public address %q: neither an address nor an interface of this host (%s): write it like 203.0.113.7, eth0, dns:call.example or stun:stun.example:3478", text, interfaceNames())
	}
	return publicSource{"interface", text}, nil
}

func interfaceNames() string {
	all, _ := net.Interfaces() // none are named then
	var names []string
	for _, i := range all {
		names = append(names, i.Name)
	}
	return strings.Join(names, ", ")
}

// FindPublicIP returns the address that text names: an address, an interface of
// this host as "eth0", a name as "dns:call.example", or what a STUN server says
// this host has, as "stun:stun.example:3478". Of several, the first of IPv4 is
// taken. It blocks, for as long as DNS may take, or a STUN server, which is asked
// for a few seconds.
func FindPublicIP(ctx context.Context, text string) (netip.Addr, error) {
	from, err := parsePublic(text)
	if err != nil {
		return netip.Addr{}, err
	}
	var ip netip.Addr
	switch from.kind {
	case "ip":
		return netip.MustParseAddr(from.name).Unmap(), nil
	case "interface":
		ip, err = ofInterface(from.name)
	case "dns":
		ip, err = ofName(ctx, from.name)
	case "stun":
		ip, err = ofSTUN(ctx, from.name)
	}
	if err != nil {
		return netip.Addr{}, fmt.Errorf("turn: public address %q: %w", text, err)
	}
	return ip, nil
}

func ofInterface(name string) (netip.Addr, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return netip.Addr{}, err
	}
	nets, err := i.Addrs()
	if err != nil {
		return netip.Addr{}, err
	}
	all := addresses(nets)
	ip := reachable(all)
	if !ip.IsValid() && len(all) > 0 {
		ip = all[0] // loopback, or link-local: it was asked for
	}
	if !ip.IsValid() {
		return ip, errors.New("the interface has no address: give it one, or name another")
	}
	return ip.WithZone(""), nil
}

func ofName(ctx context.Context, name string) (netip.Addr, error) {
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return netip.Addr{}, err
	}
	if ip := reachable(all); ip.IsValid() {
		return ip, nil
	}
	return all[0].Unmap(), nil
}

// ofSTUN asks a server for the address that our packets come from. UDP loses
// some, so it is asked again.
func ofSTUN(ctx context.Context, server string) (netip.Addr, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "udp", server)
	if err != nil {
		return netip.Addr{}, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	var ip netip.Addr
	for wait := stunWait; wait < stunWait<<stunTries; wait *= 2 {
		if ip, err = bind(datagrams{conn}, wait); err == nil {
			return ip, nil
		}
	}
	return ip, errors.Join(ctx.Err(), fmt.Errorf("no answer from %s: see that it is a STUN server, and that UDP gets out: %w", server, err))
}

// bind makes one Binding request on conn, which knows its server, and waits for
// the answer.
func bind(conn net.PacketConn, wait time.Duration) (netip.Addr, error) {
	request, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.Fingerprint)
	if err != nil {
		return netip.Addr{}, err
	}
	if err := conn.SetDeadline(time.Now().Add(wait)); err != nil {
		return netip.Addr{}, err
	}
	if _, err := conn.WriteTo(request.Raw, nil); err != nil {
		return netip.Addr{}, err
	}
	b := make([]byte, maxPacket)
	for {
		n, _, err := conn.ReadFrom(b)
		if err != nil {
			return netip.Addr{}, err
		}
		answer, err := decode(b[:n])
		if err != nil || answer.TransactionID != request.TransactionID || answer.Type != stun.BindingSuccess {
			continue // of an earlier request, or of somebody else
		}
		var mapped stun.XORMappedAddress
		if err := mapped.GetFrom(answer); err != nil {
			return netip.Addr{}, err
		}
		ip, _ := netip.AddrFromSlice(mapped.IP) // of 4 or 16 bytes
		return ip.Unmap(), nil
	}
}

// publicIP is the default of Config.PublicIP for a server that listens at local.
func publicIP(local []netip.AddrPort) (netip.Addr, error) {
	for _, at := range local {
		if ip := at.Addr().WithZone(""); ip.IsValid() && !ip.IsUnspecified() {
			return ip, nil
		}
	}
	all, err := interfaceIPs()
	if err != nil {
		return netip.Addr{}, err
	}
	return cmp.Or(reachable(all), netip.AddrFrom4([4]byte{127, 0, 0, 1})), nil
}

// reachable is the first IPv4 address, else the first IPv6 address, that other
// hosts may be able to use; invalid if there is none.
func reachable(all []netip.Addr) (v6 netip.Addr) {
	for _, ip := range all {
		ip = ip.Unmap()
		switch {
		case ip.IsLoopback() || !ip.IsGlobalUnicast():
		case ip.Is4():
			return ip
		case !v6.IsValid():
			v6 = ip
		}
	}
	return v6
}

// interfaceIPs are the addresses of this host.
func interfaceIPs() ([]netip.Addr, error) {
	nets, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("turn: list the addresses of this host: %w", err)
	}
	return addresses(nets), nil
}

func addresses(nets []net.Addr) (ips []netip.Addr) {
	for _, n := range nets {
		if ipNet, ok := n.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(ipNet.IP); ok {
				ips = append(ips, ip.Unmap())
			}
		}
	}
	return ips
}
