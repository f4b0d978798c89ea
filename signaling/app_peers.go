package signaling

import (
	"maps"
	"slices"
)

// Apps returns the apps that there are, by name.
func (s *Server) Apps() []*App {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := slices.Sorted(maps.Keys(s.apps))
	apps := make([]*App, len(names))
	for i, name := range names {
		apps[i] = s.apps[name]
	}
	return apps
}

// Peer returns the peer of that id, on whatever node it is. What is done with a
// Peer that does not exist is without effect.
func (a *App) Peer(id string) *Peer {
	if s := a.srv.session(id); s != nil && s.app.name == a.name {
		return s.asPeer()
	}
	return &Peer{app: a, id: id}
}

// Peers returns the peers that are on this node.
func (a *App) Peers() []*Peer {
	sessions := a.localSessions()
	peers := make([]*Peer, 0, len(sessions))
	for _, s := range sessions {
		if s.alive() {
			peers = append(peers, s.asPeer())
		}
	}
	return peers
}

// Rooms returns the names of the rooms in which a peer of this node is.
func (a *App) Rooms() []string {
	a.mu.Lock()
	rooms := slices.Collect(maps.Values(a.rooms))
	a.mu.Unlock()
	var names []string
	for _, r := range rooms {
		r.mu.Lock()
		if r.live && r.countLocked() > 0 {
			names = append(names, r.name)
		}
		r.mu.Unlock()
	}
	slices.Sort(names)
	return names
}

// Members returns who is in a room, on whatever node, longest there first. Nil:
// no peer of this node is in it, so this node does not know.
func (a *App) Members(room string) []Member {
	r := a.room(room, false)
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var members []Member
	for _, m := range r.members {
		if m.Kind == KindMember {
			members = append(members, m.Member)
		}
	}
	return members
}
