package client

import "github.com/seed-3a7b6cbd/signal/signaling/wire"

// RulesChanged says that the room's rules are others; By is the host who
// changed them, and empty when it is not known.
type RulesChanged struct {
	Rules wire.Rules
	By    string
}

func (RulesChanged) event() {}

// Rules are the room's, as members are told of them.
func (r *Room) Rules() wire.Rules {
	r.client.mu.Lock()
	defer r.client.mu.Unlock()
	return r.rules
}

// Candidates is which of the client's candidates the server lets others in this
// room have: Client.Candidates, or what the room's rules say, whichever is
// stricter.
func (r *Room) Candidates() wire.Policy {
	r.client.mu.Lock()
	defer r.client.mu.Unlock()
	return wire.Strictest(r.client.welcome.Candidates, r.rules.Candidates)
}

func (r *Room) rulesLocked(rules wire.Rules, by string) {
	if rules != r.rules {
		r.rules = rules
		r.emitLocked(RulesChanged{Rules: rules, By: by}, 0)
	}
}
