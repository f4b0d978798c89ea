package integration

import (
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/signalingtest"
)

// A chaos is the servers of one schedule, and a proxy in front of them for each
// of the two.
type chaos struct {
	plan    plan
	servers []*signalingtest.Server
	nodes   []string // their names in the cluster
	cluster *signaling.MemoryCluster
	proxies [2]*proxy

	turn   atomic.Int64 // of the servers
	killed atomic.Bool  // the first one
	over   atomic.Bool  // the two may leave
}

func newChaos(t *trial, p plan) *chaos {
	n := &chaos{plan: p, cluster: signaling.NewMemoryCluster()}
	for range p.servers {
		n.servers = append(n.servers, signalingtest.NewServer(t, signalingtest.WithConfig(n.configure)))
	}
	for client, faults := range p.faults {
		n.proxies[client] = newProxy(t, n.route, faults)
	}
	return n
}

// configure makes what takes long by default short enough to wait for, and
// lifts the limits of speed.
func (n *chaos) configure(c *signaling.Config) {
	c.Cluster = n
	c.ResumeKeys = [][]byte{[]byte("the key of all servers of a test")}
	c.AwayAfter = 300 * time.Millisecond
	c.PingAfter = time.Second
	c.DeadAfter = 5 * time.Second
	c.HelloTimeout = 10 * time.Second // a hello may be held up for longer than a client waits
	c.Rate, c.Burst, c.Bytes = 1_000_000, 1_000_000, 1<<30
}

// Attach implements signaling.Cluster: it notes the name of the node.
func (n *chaos) Attach(window time.Duration, deliver func(*signaling.Event)) signaling.Node {
	node := n.cluster.Attach(window, deliver)
	n.nodes = append(n.nodes, node.Name())
	return node
}

// route goes through the servers that live.
func (n *chaos) route() string {
	for {
		i := int(n.turn.Add(1)+int64(n.plan.seed)) % len(n.servers)
		if i == 0 && n.killed.Load() {
			continue
		}
		u, _ := url.Parse(n.servers[i].URL)
		return u.Host
	}
}

// progress tells how many messages ana has had.
func (n *chaos) progress(messages int) {
	if n.plan.kill >= 0 && messages >= n.plan.kill && !n.killed.Swap(true) {
		n.proxies[0].note("the first server is killed")
		n.cluster.Kill(n.nodes[0])
		n.servers[0].Kill()
	}
}

func (n *chaos) quiet() {
	for _, p := range n.proxies {
		p.quiet()
	}
}

// history is all that happened, in one list for each client.
func (n *chaos) history() (lines []string) {
	for client, p := range n.proxies {
		if p != nil {
			for _, line := range p.history() {
				lines = append(lines, "  "+callers[client]+" "+line)
			}
		}
	}
	return lines
}

// happened counts faults.
func (n *chaos) happened() (faults int) {
	for _, line := range n.history() {
		if strings.Contains(line, " behind ") || strings.Contains(line, "killed") {
			faults++
		}
	}
	return faults
}
