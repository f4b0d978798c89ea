package signaling

import "github.com/seed-3a7b6cbd/signal/signaling/wire"

// SetCandidates sets what the server lets through of the candidates of this
// app's clients, on top of Config.Candidates. Clients learn it with their
// welcome, so it should be set before they come.
func (a *App) SetCandidates(p wire.Policy) { a.candidates.Store(&p) }

// policyOf is the candidate policy for what somebody sends anywhere in the app:
// the strictest of what the server, the app and its token say. The rules of a room
// may be stricter.
func (a *App) policyOf(id *Identity) wire.Policy {
	p := a.srv.cfg.Candidates
	if own := a.candidates.Load(); own != nil {
		p = wire.Strictest(p, *own)
	}
	if id.Grants != nil {
		p = wire.Strictest(p, id.Grants.Candidates)
	}
	return p
}

// strip takes out of a frame of the session what the policy forbids others to
// see. It protects the one who sends: what it may be sent is not looked at here.
func (s *session) strip(own *member, m *wire.Message) *wire.Error {
	r := own.room
	r.mu.Lock()
	p := r.rules.or().Candidates
	r.mu.Unlock()
	return s.srv.stripper.Strip(wire.Strictest(p, s.app.policyOf(s.who())), m)
}
