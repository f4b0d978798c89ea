package client

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

func TestRoleFollowsTheHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, byName())
		host, other := h.join(named("ana")), h.join(named("ben"))
		synctest.Wait()
		if host.room.Role() != wire.RoleHost || other.room.Role() != wire.RoleParticipant {
			t.Errorf("they are %s and %s", host.room.Role(), other.room.Role())
		}
		if err := host.room.SetRole(t.Context(), host.client.ID(), wire.RoleViewer); wireCode(err) != wire.CodeForbidden {
			t.Errorf("the last host went: %v", err)
		}
		if err := host.room.SetRole(t.Context(), other.client.ID(), wire.RoleHost); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if told := other.told(); told != "PeerJoined RoleChanged(host)" || other.room.Role() != wire.RoleHost {
			t.Errorf("told %s", told)
		}
		if p, ok := host.room.Peer(other.client.ID()); !ok || p.Role != wire.RoleHost || host.told() != "PeerJoined PeerUpdated" {
			t.Errorf("the first host sees %+v, and was told %s", p, host.told())
		}
		host.close()
		synctest.Wait()
		if _, ok := other.room.Peer(host.client.ID()); ok {
			t.Error("who has left is there")
		}
		other.close()
	})
}

func TestTwoViewersMakeNoPair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, byName())
		var hosts, as, bs phones
		join := func(token string, ps *phones) *player {
			cfg := named(token)
			cfg.Connect = ps.connect
			return h.join(cfg)
		}
		host, a, b := join("host/host", &hosts), join("a/viewer", &as), join("b/viewer", &bs)
		defer host.close()
		defer a.close()
		defer b.close()
		after(5 * time.Second)
		as.only(t).check(t, "a with the host")
		bs.only(t).check(t, "b with the host")
		if a.room.Pair(b.client.ID()) != nil || b.room.Pair(a.client.ID()) != nil {
			t.Error("two viewers are a pair")
		}
		a.send(b, 0, 1)
		setRole := func(p *player, role wire.Role) {
			t.Helper()
			if err := host.room.SetRole(t.Context(), p.client.ID(), role); err != nil {
				t.Fatal(err)
			}
			after(5 * time.Second)
		}
		for i := range 3 { // each pair goes on with the numbers of the one before
			setRole(b, wire.RoleParticipant)
			pa, pb := a.room.Pair(b.client.ID()), b.room.Pair(a.client.ID())
			if pa == nil || pb == nil {
				t.Fatal("a viewer and a participant are no pair")
			}
			as.newest(t, 2+i).check(t, "a with b")
			bs.newest(t, 2+i).check(t, "b with a")
			setRole(b, wire.RoleViewer)
			select {
			case <-pa.Done():
			default:
				t.Error("a keeps the pair")
			}
			select {
			case <-pb.Done():
			default:
				t.Error("b keeps the pair")
			}
			if a.room.Pair(b.client.ID()) != nil || b.room.Pair(a.client.ID()) != nil {
				t.Error("two viewers are a pair again")
			}
		}
		if got := b.had(a.client.ID()); got != "0" {
			t.Errorf("b had %s", got)
		}
		for _, p := range []*player{host, a, b} {
			if s := p.client.Stats(); s.Unconfirmed != 0 {
				t.Errorf("%+v", s)
			}
		}
	})
}

// newest is the last of so many.
func (ps *phones) newest(t *testing.T, n int) *phone {
	t.Helper()
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if len(ps.list) != n {
		t.Fatalf("%d drivers, want %d", len(ps.list), n)
	}
	return ps.list[n-1]
}

// The server would refuse it: it is not sent at all.
func TestNothingIsNegotiatedBetweenViewers(t *testing.T) {
	var ps phones
	scripted(t, Config{Connect: ps.connect}, func(t *testing.T, s *script, p *player) {
		// An offer went out to one who is a participant still.
		for m := s.read(); !m.End; m = s.read() {
			if m.Type != wire.TypeCandidates {
				t.Fatalf("%+v, want candidates", m)
			}
		}
		s.send(`{SEQ,"type":"role","room":"r","role":"viewer"}`)
		s.settle()
		s.send(`{SEQ,"type":"peer-updated","room":"r","peer":{"id":%q,"offers":false,"role":"viewer"}}`, scriptOther)
		s.settle() // and no offer before it
		s.send(`{SEQ,"type":"negotiate","room":"r","from":%q,"n":1,"pc":1,"gen":1,"data":{"need":{"audio":1}}}`, scriptOther)
		if m := s.read(); m.Type != wire.TypeGot {
			t.Fatalf("%+v, want a confirmation", m)
		}
		s.send(`{SEQ,"type":"peer-joined","room":"r","peer":{"id":"cccccccccccccccccccc","offers":false,"role":"viewer"}}`)
		s.settle()
		after(time.Minute)
		if told := p.told(); told != "PeerJoined RoleChanged(viewer) PeerUpdated PeerJoined" {
			t.Errorf("told %s", told)
		}
		if ps.only(t).open {
			t.Error("the connection is open still")
		}
	})
}
