package turn

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/pion/stun/v3"
	pion "github.com/pion/turn/v4"
)

// Credentials let one peer make allocations until they expire, and keep those
// it has for as long as its session lives.
type Credentials struct {
	Username string
	Password string
	Expires  time.Time
}

// ICEServer is one entry of the iceServers of an RTCPeerConnection.
type ICEServer struct {
	URLs       []string
	Username   string    // empty for STUN
	Credential string    // empty for STUN
	Expires    time.Time // when Username and Credential do; zero for STUN
}

// PublicIP is the address that all relayed ones have: Config.PublicIP, or what
// was found in its place.
func (s *Server) PublicIP() netip.Addr { return s.cfg.PublicIP }

// Credentials makes credentials for peer, signed with the first secret. They are
// good until they expire, or Revoke is called.
func (s *Server) Credentials(peer string) Credentials {
	expires := s.cfg.Now().Add(s.cfg.TTL).Truncate(time.Second)
	username := fmt.Sprintf("%d:%s:%d", expires.Unix(), peer, s.nextGeneration())
	return Credentials{Username: username, Password: password(s.cfg.Secrets[0], username), Expires: expires}
}

// ICEServers returns how peer reaches this server, with new credentials: STUN
// and TURN at every address it listens on.
func (s *Server) ICEServers(peer string) []ICEServer {
	var list []ICEServer
	if len(s.stunURLs) > 0 {
		list = append(list, ICEServer{URLs: append([]string(nil), s.stunURLs...)})
	}
	c := s.Credentials(peer)
	return append(list, ICEServer{
		URLs:       append([]string(nil), s.turnURLs...),
		Username:   c.Username,
		Credential: c.Password,
		Expires:    c.Expires,
	})
}

func password(secret, username string) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(username))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// A grant is what a user name says.
type grant struct {
	peer       string
	expires    time.Time
	generation int64 // 0: there is none, and it counts as older than any
}

// parseUsername takes "expiry:peer:generation" apart, or "expiry:peer" as other
// processes make it, where the peer has no colon.
func parseUsername(username string) (g grant, ok bool) {
	seconds, peer, ok := strings.Cut(username, ":")
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if !ok || err != nil {
		return grant{}, false
	}
	g = grant{peer: peer, expires: time.Unix(unix, 0)}
	if i := strings.LastIndexByte(peer, ':'); i >= 0 {
		g.peer = peer[:i]
		g.generation, err = strconv.ParseInt(peer[i+1:], 10, 64)
	}
	return g, err == nil && g.peer != "" && g.generation >= 0
}

// key returns the key that request is to be verified with: of several secrets
// the one that fits, since pion asks for one key only. The first one is
// returned when none fits; pion then refuses the request. Both comparisons of
// MESSAGE-INTEGRITY, this and pion's, are stun's, in constant time.
func (s *Server) key(username string, request []byte) []byte {
	first := pion.GenerateAuthKey(username, s.cfg.Realm, password(s.cfg.Secrets[0], username))
	if len(s.cfg.Secrets) == 1 {
		return first
	}
	m, err := decode(request)
	if err != nil || stun.MessageIntegrity(first).Check(m) == nil {
		return first
	}
	for _, secret := range s.cfg.Secrets[1:] {
		key := pion.GenerateAuthKey(username, s.cfg.Realm, password(secret, username))
		if stun.MessageIntegrity(key).Check(m) == nil {
			return key
		}
	}
	return first
}
