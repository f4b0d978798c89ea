// Package turn is a TURN and STUN server for calls whose two ends are known to
// the same service. It wraps pion/turn behind one [Config].
//
// # Use
//
//	srv, err := turn.New(turn.Config{PublicIP: ip, Alive: sessions.Alive})
//	if err != nil { … }
//	go srv.Serve(ctx)             // until ctx ends; no goroutine is left after it
//	list := srv.ICEServers("Zk8") // what the peer Zk8 gives to its RTCPeerConnection
//
// [New] binds the sockets and starts nothing. [Server.Serve] runs the server
// and blocks; [Server.Close] ends it from elsewhere. All methods of a Server
// may be called from any goroutine at any time.
//
// # One port for everything
//
// The strictest firewalls let out TLS to port 443 only. [Split] makes two
// listeners of one, so that HTTPS, WebSockets and TURN over TLS share it:
//
//	cfg, err := turn.TLSFiles("cert.pem", "key.pem", nil)
//	l, err := net.Listen("tcp", ":443")
//	web, relay := turn.Split(tls.NewListener(l, cfg))
//	srv, err := turn.New(turn.Config{Listen: []string{"udp://:443"}, TLSListeners: []net.Listener{relay}})
//	go http.Serve(web, handler)
//
// Without HTTP beside it, [Config.Listen] takes "tls://:443" and [Config.TLS].
//
// # The two relays
//
// [RelayClosed], the default, reaches nothing but itself. Both ends of a call
// have credentials of this server, so a relayed address need not be a socket:
// it is the public address with a virtual port, and a packet goes from one
// allocation to the other in memory. There is no port range to open, no file
// descriptor per allocation, and no way to any host beyond the server. What is
// sent elsewhere goes nowhere, and is counted.
//
// [RelayOpen] is the classical relay, with a UDP socket per allocation out of
// [Config.MinPort] to [Config.MaxPort], for endpoints that have no TURN of
// ours. Peers at loopback, private, link-local, multicast and other special
// addresses and at the server's own are refused with 403, in every encoding,
// but for what [Config.AllowPeers] names. Two clients of the same server meet
// at its own relayed addresses, and no other port of it can be reached.
//
// # Credentials
//
// A user name is "expiry:peer:generation", a password base64(HMAC-SHA1(secret,
// user name)): the TURN REST form, which coturn reads too. An Allocate needs
// credentials that have not expired. What concerns a living allocation
// (Refresh, CreatePermission, ChannelBind) is accepted later too, from the
// same peer on the same 5-tuple, for as long as [Config.Alive] says that the
// peer is there: expiry never cuts a call. A peer that is not alive is refused
// everything, and [Server.CloseAllocations] ends what it has.
//
// [Server.Revoke] ends what a peer has that stays alive, with all credentials
// that it was given so far. The generation tells old from new: a number that
// rises with each that is made, and is the clock's in milliseconds or a little
// more. Another process that knows the secret can make credentials without
// it ("expiry:peer", for a peer without a colon); they are older than any others.
//
// # Errors as clients see them
//
// 401 for credentials that are wrong, expired, revoked or of a dead peer, 403 for
// a refused peer address, 437 for a Refresh in the last second, 441 for
// credentials of another peer than the one that owns the allocation, or for
// expired ones older than those it was made with, 486 when a peer has its quota, 508 when the server is
// full, an allocation has 128 permissions or channels, or an even port or a
// reservation was asked for.
package turn
