package main

import (
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling"
)

// Rules are the settings of what happens in rooms and calls.
type Rules struct {
	RingTime     time.Duration `help:"How long a user is rung who does not answer." default:"45s" group:"Rooms and calls"`
	KnockTimeout time.Duration `help:"How long somebody waits in the lobby of a room for a host's answer." default:"5m" group:"Rooms and calls"`
	MaxUserPeers int           `help:"Devices of one user in a room; 0: any number." default:"0" group:"Rooms and calls"`
	Duplicates   string        `help:"What becomes of a device above --max-user-peers: refuse lets it not in; replace takes the oldest out for it." enum:"refuse,replace" default:"refuse" group:"Rooms and calls"`
}

// Times are the settings of how connections are judged.
type Times struct {
	HelloTimeout time.Duration `help:"How long a new connection may be silent." default:"5s" group:"Connections"`
	PingAfter    time.Duration `help:"How long nothing is sent to a client until it is asked whether it is there." default:"10s" group:"Connections"`
	DeadAfter    time.Duration `help:"How long nothing is heard of a client until its connection counts as lost." default:"25s" group:"Connections"`
	AwayAfter    time.Duration `help:"How long a client's connection is lost until the others are told." default:"1s" group:"Connections"`
	AuthDelay    time.Duration `help:"How long the answer to an address's first wrong token waits; each further one takes twice as long, up to 25s. 0: no time." default:"100ms" group:"Connections"`
}

func (r *Rules) check() error {
	if r.MaxUserPeers < 0 {
		return badSetting("--max-user-peers %d: too little; use 0 or more (it is %s)", r.MaxUserPeers, otherNames("max-user-peers"))
	}
	if r.Duplicates == "replace" && r.MaxUserPeers == 0 {
		return badSetting("--duplicates replace: without --max-user-peers no device is one too many; set that to 1 or more, too")
	}
	return checkTimes(
		setTime{"ring-time", r.RingTime, time.Second},
		setTime{"knock-timeout", r.KnockTimeout, time.Second},
	)
}

func (t *Times) check() error {
	if t.DeadAfter <= t.PingAfter {
		return badSetting("--dead-after %v: a client is asked after %v, and has to have time to answer; use more than --ping-after", t.DeadAfter, t.PingAfter)
	}
	return checkTimes(
		setTime{"hello-timeout", t.HelloTimeout, 100 * time.Millisecond},
		setTime{"ping-after", t.PingAfter, 100 * time.Millisecond},
		setTime{"away-after", t.AwayAfter, time.Millisecond},
		setTime{"auth-delay", t.AuthDelay, 0},
	)
}

// A setTime is a setting that is a time, with the least that it may be.
type setTime struct {
	name         string
	value, least time.Duration
}

func checkTimes(times ...setTime) error {
	for _, t := range times {
		if t.value < t.least {
			return badSetting("--%s %v: too little; use %v or more (it is %s)", t.name, t.value, t.least, otherNames(t.name))
		}
	}
	return nil
}

// apply gives the rules to the core.
func (r *Rules) apply(c *signaling.Config) {
	c.RingTime, c.KnockTimeout = r.RingTime, r.KnockTimeout
	c.Duplicates = signaling.Duplicates{Max: r.MaxUserPeers, Replace: r.Duplicates == "replace"}
}

// apply gives the times to the core, for which no time is negative.
func (t *Times) apply(c *signaling.Config) {
	c.HelloTimeout, c.PingAfter, c.DeadAfter, c.AwayAfter = t.HelloTimeout, t.PingAfter, t.DeadAfter, t.AwayAfter
	if c.AuthDelay = t.AuthDelay; t.AuthDelay == 0 {
		c.AuthDelay = -1
	}
}
