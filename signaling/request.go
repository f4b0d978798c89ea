package signaling

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// requestTime is what a Request may take whose context has no deadline: a
// client that is asked when its link is lost comes back within it, or not soon.
const requestTime = 10 * time.Second

// A Reply is what one peer has answered.
type Reply struct {
	Peer string
	Data json.RawMessage // nil: none
	Err  *Error          // it refuses; nil: it does not
}

// Bind reads Data into v, or returns Err.
func (r *Reply) Bind(v any) error {
	if r.Err != nil {
		return r.Err
	}
	return (&Call{Type: wire.TypeReply, Data: r.Data}).Bind(v)
}

// Report says who got a Tell that asks for answers.
type Report struct {
	Req   uint64
	Peers []string
}

// questions are the Requests of this node that wait.
type questions struct {
	mu   sync.Mutex // guards the following; a leaf
	last uint64
	open map[uint64]*question
}

// A question is one Request.
type question struct {
	nodes   int             // whose Report has not come
	awaited map[string]bool // false: it has answered
	left    int             // that have not
	early   []Reply         // before the Report that names them
	replies []Reply
	done    chan struct{} // closed when nothing is left
}

// ask begins a question to peers of so many nodes.
func (q *questions) ask() (req uint64, qu *question) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.open == nil {
		q.open = make(map[uint64]*question)
	}
	q.last++
	qu = &question{nodes: unknownNodes, awaited: make(map[string]bool), done: make(chan struct{})}
	q.open[q.last] = qu
	return q.last, qu
}

// unknownNodes is how many reports are awaited before it is known.
const unknownNodes = 1 << 30

// expect says how many nodes will report, or have.
func (q *questions) expect(qu *question, nodes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	qu.nodes += nodes - unknownNodes
	qu.settle()
}

func (q *questions) report(r *Report) {
	q.mu.Lock()
	defer q.mu.Unlock()
	qu := q.open[r.Req]
	if qu == nil {
		return
	}
	for _, peer := range r.Peers {
		if _, again := qu.awaited[peer]; !again {
			qu.awaited[peer] = true
			qu.left++
		}
	}
	early := qu.early
	qu.early = nil
	for _, reply := range early {
		qu.take(reply)
	}
	qu.nodes--
	qu.settle()
}

func (q *questions) reply(req uint64, r Reply) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if qu := q.open[req]; qu != nil {
		qu.take(r)
		qu.settle()
	}
}

// take takes the first reply of each who was asked. One that comes before the
// report that names its peer waits for it; so many that a peer that was not
// asked cannot fill memory.
func (qu *question) take(r Reply) {
	waited, asked := qu.awaited[r.Peer]
	switch {
	case waited:
		qu.awaited[r.Peer] = false
		qu.left--
		qu.replies = append(qu.replies, r)
	case !asked && qu.nodes > 0 && len(qu.early) < maxEarly:
		qu.early = append(qu.early, r)
	}
}

const maxEarly = 1000

func (qu *question) settle() {
	if qu.nodes == 0 && qu.left == 0 {
		select {
		case <-qu.done:
		default:
			close(qu.done)
		}
	}
}

// askedLocked notes who asks the client something, and has to know when its session
// ends.
func (s *session) askedLocked(e *Event) {
	if e.Tell.Req == 0 {
		return
	}
	if p := s.peerLocked(); !slices.Contains(p.askers, e.Node) {
		p.askers = append(p.askers, e.Node)
	}
}

// tellAskersLocked tells them so. Through their inboxes, behind its last reply.
func (s *session) tellAskersLocked() {
	if s.self == nil {
		return
	}
	for _, asker := range s.self.askers {
		s.srv.node.Send(asker, &Event{Kind: EventGone, Node: s.srv.node.Name(), From: s.peer})
	}
}

// gone gives up waiting for a peer whose session has ended.
func (q *questions) gone(peer string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, qu := range q.open {
		if qu.awaited[peer] {
			qu.take(Reply{Peer: peer, Err: errGone(peer)})
			qu.settle()
		}
	}
}

func errGone(peer string) *Error {
	return wire.Refuse(wire.CodeNoSuchPeer, "the session of peer %s has ended", peer)
}

// end closes a question, and returns what has come.
func (q *questions) end(req uint64) (replies []Reply, missing int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	qu := q.open[req]
	delete(q.open, req)
	return qu.replies, qu.left
}

// request sends an event that asks for an answer, and waits for the answers of
// all who got it. send returns how many nodes will report.
func (a *App) request(ctx context.Context, name string, v any, send func(b *Body, req uint64) (nodes int)) ([]Reply, error) {
	if _, set := ctx.Deadline(); !set {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, requestTime)
		defer cancel()
	}
	b, err := a.eventBody(name, v)
	if err != nil {
		return nil, err
	}
	q := &a.srv.questions
	req, qu := q.ask()
	b.Message.RID = a.srv.node.Name() + "." + strconv.FormatUint(req, 10)
	q.expect(qu, send(b, req))
	select {
	case <-qu.done:
		err = nil
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	replies, missing := q.end(req)
	if err != nil {
		err = fmt.Errorf("signaling: request %q: %d answered, and %d have not: %w", name, len(replies), missing, err)
	}
	return replies, err
}

// Request sends the peer an event that its client has to answer, and waits for
// the answer: until ctx ends, or for 10 s if it has no deadline. The client's
// refusal is the error, as an *Error; so is no_such_peer where nobody has, or
// has any longer, a session of this id.
func (p *Peer) Request(ctx context.Context, name string, v any) (json.RawMessage, error) {
	replies, err := p.app.request(ctx, name, v, func(b *Body, req uint64) int {
		p.tell(&Tell{Body: b, Req: req})
		return 1
	})
	switch {
	case err != nil:
		return nil, err
	case len(replies) == 0:
		return nil, errGone(p.id)
	case replies[0].Err != nil:
		return nil, replies[0].Err
	}
	return replies[0].Data, nil
}

// handleReply passes the client's answer to the node that has asked. That is in
// the rid: so an answer finds its way also when the session has moved.
func (s *session) handleReply(m *wire.Message) {
	node, number, _ := strings.Cut(m.RID, ".")
	req, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return
	}
	f := &Finish{Req: req, Code: m.Code, Text: m.Text, Data: m.Inline()}
	s.srv.node.Send(node, &Event{Kind: EventReply, Node: s.srv.node.Name(), App: s.app.name, From: s.peer, Finish: f})
}

func (s *Server) handleReplied(e *Event) {
	r := Reply{Peer: e.From, Data: e.Finish.Data}
	if e.Finish.Code != "" {
		r.Err = &Error{Code: e.Finish.Code, Text: e.Finish.Text}
	}
	s.questions.reply(e.Finish.Req, r)
}

func (s *Server) handleReport(e *Event) { s.questions.report(e.Report) }

// report tells the node that asked who of this one was asked.
func (s *Server) report(e *Event, peers []string) {
	if e.Tell.Req != 0 {
		s.node.Send(e.Node, &Event{Kind: EventReport, Node: s.node.Name(), Report: &Report{Req: e.Tell.Req, Peers: peers}})
	}
}
