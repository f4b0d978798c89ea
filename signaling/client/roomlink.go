package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// LinkOptions are what a link to a room is made with.
type LinkOptions struct {
	Role wire.Role     // of who comes by it; "": as without it
	Uses int           // how many may come by it; 0: any number
	TTL  time.Duration // 0: a day
}

// A Link lets those in who bring it as JoinOptions.Link, past the password and the
// lobby.
type Link struct {
	Text string
	TTL  time.Duration
}

// MakeLink has the server sign a link to the room. Only a host may.
func (r *Room) MakeLink(ctx context.Context, o LinkOptions) (Link, error) {
	m, err := r.ask(ctx, &wire.Message{
		Type: wire.TypeLink, Role: o.Role, Mod: &wire.Moderation{Uses: o.Uses, TTL: o.TTL.Milliseconds()},
	})
	if err != nil {
		return Link{}, err
	}
	var made struct {
		Link    string `json:"link"`
		Expires int64  `json:"expires"`
	}
	if err := json.Unmarshal(m.Data, &made); err != nil {
		return Link{}, fmt.Errorf("%w: link: %w", errProtocol, err)
	}
	return Link{Text: made.Link, TTL: time.Duration(made.Expires) * time.Millisecond}, nil
}

// joinsWithoutLinkLocked joins again without the link, if err refuses that to a
// client that was in the room: a link may end meanwhile, or be used by another
// when a lost server has taken along how often it was.
func (r *Room) joinsWithoutLinkLocked(err error) bool {
	var refusal *wire.Error
	if !r.been || r.door == nil || r.door.Link == "" || r.client.rooms[r.name] != r || !errors.As(err, &refusal) {
		return false
	}
	switch refusal.Code {
	case wire.CodeBadLink, wire.CodeLinkExpired, wire.CodeLinkUsed:
		r.door = &wire.Door{Password: r.door.Password}
		r.sendJoinLocked()
		return true
	}
	return false
}
