package jsep

import (
	"fmt"
	"strconv"
)

// A State is a signaling state.
type State uint8

// The signaling states that can be reached without rollback and pranswer.
const (
	Stable State = iota
	HaveLocalOffer
	HaveRemoteOffer
	Closed
)

func (s State) String() string {
	return [...]string{"stable", "have-local-offer", "have-remote-offer", "closed"}[s]
}

// A Track is what one side sends, by a number that the test gives; 0 is none.
type Track int

// A transceiver is one m-line, or will be one: its index in Conn.transceivers
// is the mid once it is below Conn.associated.
type transceiver struct {
	kind  Kind
	track Track
	local direction // of its m-line in the current local description
	peer  direction // and in the current remote one, as the peer sees it
}

func (t *transceiver) wants() direction { return direction{send: t.track != 0, recv: true} }

// Conn is a model RTCPeerConnection. The zero Conn is not ready; use New.
type Conn struct {
	name  string
	state State

	transceivers []*transceiver
	associated   int // the first so many have an m-line

	local, remote   description // current
	offeredHere     bool        // local is an offer
	created         description // by CreateOffer or CreateAnswer, to be set
	createdText     string
	pending         description // the offer that is out, or in hand
	ufrags          int
	gathered        map[string]int // how many own candidates each ufrag has
	added           map[string][]string
	gatheredAll     []string
	addedAll        []string
	violations      []string
	negotiated      bool // there is a current description
	creationPending bool
}

// New returns a connection whose ufrags begin with name.
func New(name string) *Conn {
	return &Conn{name: name, gathered: map[string]int{}, added: map[string][]string{}}
}

// State is the signaling state.
func (c *Conn) State() State { return c.state }

// Violations are the rules that were broken, in order.
func (c *Conn) Violations() []string { return c.violations }

// Close ends the connection. Whatever is done with it after that is a violation.
func (c *Conn) Close() { c.state = Closed }

func (c *Conn) violate(format string, args ...any) error {
	err := fmt.Errorf("jsep: "+c.name+" ("+c.state.String()+"): "+format, args...)
	c.violations = append(c.violations, err.Error())
	return err
}

// CreateOffer takes down an offer, with new ICE credentials if restart or if
// it is the first.
func (c *Conn) CreateOffer(restart bool) (sdp string, err error) {
	if c.state != Stable {
		return "", c.violate("createOffer")
	}
	d := description{ufrag: c.local.ufrag}
	if restart || !c.negotiated {
		d.ufrag = c.newUfrag()
	}
	for _, t := range c.transceivers {
		d.sections = append(d.sections, section{t.kind, t.wants()})
	}
	return c.create(d), nil
}

// CreateAnswer takes down an answer to the remote offer, with new ICE
// credentials if the offer has.
func (c *Conn) CreateAnswer() (sdp string, err error) {
	if c.state != HaveRemoteOffer {
		return "", c.violate("createAnswer")
	}
	d := description{ufrag: c.local.ufrag}
	if !c.negotiated || c.pending.ufrag != c.remote.ufrag {
		d.ufrag = c.newUfrag()
	}
	for i, s := range c.pending.sections {
		d.sections = append(d.sections, section{s.kind, c.transceivers[i].wants().and(s.dir.reversed())})
	}
	return c.create(d), nil
}

func (c *Conn) create(d description) string {
	c.created, c.createdText, c.creationPending = d, d.text(), true
	return c.createdText
}

func (c *Conn) newUfrag() string {
	c.ufrags++
	return c.name + "-" + strconv.Itoa(c.ufrags)
}

// SetLocalDescription makes what was created last count: an offer if the
// connection is stable, an answer if there is a remote offer.
func (c *Conn) SetLocalDescription(sdp string) error {
	if !c.creationPending || sdp != c.createdText {
		return c.violate("setLocalDescription with an SDP that was not created last")
	}
	c.creationPending = false
	switch c.state {
	case Stable:
		c.pending, c.state = c.created, HaveLocalOffer
		c.associated = max(c.associated, len(c.pending.sections))
	case HaveRemoteOffer:
		c.settle(c.created, c.pending, false)
	default:
		return c.violate("setLocalDescription")
	}
	return nil
}

// SetRemoteDescription applies an answer if an own offer is out, else an offer.
func (c *Conn) SetRemoteDescription(sdp string) error {
	d, ok := parse(sdp)
	if !ok {
		return c.violate("setRemoteDescription with %q", sdp)
	}
	switch c.state {
	case Stable:
		return c.setOffer(d)
	case HaveLocalOffer:
		return c.setAnswer(d)
	}
	return c.violate("setRemoteDescription")
}

func (c *Conn) setOffer(d description) error {
	if len(d.sections) < c.associated {
		return c.violate("an offer with %d m-lines after one with %d", len(d.sections), c.associated)
	}
	for i, s := range d.sections {
		if i < c.associated && c.transceivers[i].kind != s.kind {
			return c.violate("m-line %d was %v and is %v", i, c.transceivers[i].kind, s.kind)
		}
	}
	if len(c.transceivers) > c.associated {
		return c.violate("the answering side has made an m-line")
	}
	for _, s := range d.sections[c.associated:] {
		c.transceivers = append(c.transceivers, &transceiver{kind: s.kind})
	}
	c.associated = len(d.sections)
	c.pending, c.state = d, HaveRemoteOffer
	return nil
}

func (c *Conn) setAnswer(d description) error {
	if len(d.sections) != len(c.pending.sections) {
		return c.violate("an answer with %d m-lines to an offer with %d", len(d.sections), len(c.pending.sections))
	}
	for i, s := range d.sections {
		offered := c.pending.sections[i]
		if offered.kind != s.kind {
			return c.violate("m-line %d was offered as %v and answered as %v", i, offered.kind, s.kind)
		}
		if s.dir != s.dir.and(offered.dir.reversed()) {
			return c.violate("m-line %d was offered as %v and answered as %v", i, offered.dir, s.dir)
		}
	}
	restarted := !c.negotiated || c.pending.ufrag != c.local.ufrag
	if restarted != (d.ufrag != c.remote.ufrag) {
		return c.violate("ufrag %s after %s in an answer, while the offer's restart is %v", d.ufrag, c.remote.ufrag, restarted)
	}
	c.settle(c.pending, d, true)
	return nil
}

// settle makes an offer and its answer current.
func (c *Conn) settle(local, remote description, offeredHere bool) {
	c.local, c.remote, c.offeredHere = local, remote, offeredHere
	c.negotiated, c.state, c.pending = true, Stable, description{}
	for i := range local.sections {
		c.transceivers[i].local, c.transceivers[i].peer = local.sections[i].dir, remote.sections[i].dir
	}
}
