package signaling

// Node is the name of the server's node, to Kill it by.
func (s *Server) Node() string { return s.node.Name() }

// Weight is how many bytes count for Config.MaxMemory.
func (s *Server) Weight() int { return int(s.memory.Load()) }

// Kept is how many bytes the outboxes of the server's sessions hold.
func (s *Server) Kept() int {
	s.mu.Lock()
	sessions := make([]*session, 0, len(s.sessions))
	for _, ss := range s.sessions {
		sessions = append(sessions, ss)
	}
	s.mu.Unlock()
	bytes := 0
	for _, ss := range sessions {
		ss.mu.Lock()
		bytes += ss.out.bytes
		ss.mu.Unlock()
	}
	return bytes
}

// Known is how many sessions and rooms the cluster has in its tables.
func (c *MemoryCluster) Known() (sessions, rooms int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.dir), len(c.rooms)
}
