package signaling

// do runs f when all that was given to do before has run. It never blocks, and
// may be called under locks.
func (p *Peer) do(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, f)
	if len(p.calls) >= maxQueue {
		p.sess.crowded.Store(true)
	}
	if !p.running {
		p.running = true
		go p.run()
	}
}

// run runs what do was given, until there is nothing.
func (p *Peer) run() {
	for {
		p.mu.Lock()
		if len(p.calls) == 0 {
			p.calls, p.running = nil, false
			p.mu.Unlock()
			return
		}
		f := p.calls[0]
		p.calls[0] = nil
		p.calls = p.calls[1:]
		relieved := len(p.calls) < maxQueue && p.sess.crowded.CompareAndSwap(true, false)
		p.mu.Unlock()
		if relieved {
			p.sess.kick()
		}
		f()
	}
}

// tellHooks is do for hooks that do not hear of a peer that was not let in.
func (p *Peer) tellHooks(f func()) {
	p.do(func() {
		if !p.refused {
			f()
		}
	})
}

// notify calls a hook that returns nothing.
func (p *Peer) notify(what string, hook func()) {
	if err := p.try(what, func() error { hook(); return nil }); err != nil {
		p.failed(what, err)
	}
}

// goneLocked tells the hooks that the session has ended.
func (s *session) goneLocked(reason DisconnectReason) {
	c := s.app.get()
	if s.self == nil && len(c.disconnecting)+len(c.disconnect) == 0 {
		return
	}
	p := s.peerLocked()
	p.cancel()
	p.mu.Lock()
	p.left = s.roomNamesLocked()
	p.mu.Unlock()
	if len(c.disconnecting)+len(c.disconnect) == 0 {
		return
	}
	p.tellHooks(func() {
		for _, f := range c.disconnecting {
			p.notify("OnDisconnecting", func() { f(p, reason) })
		}
		for _, f := range c.disconnect {
			p.notify("OnDisconnect", func() { f(p, reason) })
		}
	})
}
