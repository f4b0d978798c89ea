package wire

// A Code says why something was refused or ended. It is stable, for programs;
// the text beside it is for people.
type Code string

// The codes of signal.v1. Info has what each means on the wire.
const (
	CodeBadMessage         Code = "bad_message"
	CodeUnknownType        Code = "unknown_type"
	CodeOutOfOrder         Code = "out_of_order"
	CodeHelloExpected      Code = "hello_expected"
	CodeDuplicateHello     Code = "duplicate_hello"
	CodeUnsupportedVersion Code = "unsupported_version"
	CodeUnauthenticated    Code = "unauthenticated"
	CodeForbidden          Code = "forbidden"
	CodeOriginNotAllowed   Code = "origin_not_allowed"
	CodeUnknownApp         Code = "unknown_app"
	CodeMethodNotAllowed   Code = "method_not_allowed"
	CodeUpgradeRequired    Code = "upgrade_required"
	CodeHelloTimeout       Code = "hello_timeout"
	CodeIdle               Code = "idle"
	CodeReplaced           Code = "replaced"
	CodeSessionGone        Code = "session_gone"
	CodeTooBig             Code = "too_big"
	CodeNotText            Code = "not_text"
	CodeInvalidUTF8        Code = "invalid_utf8"
	CodeRateLimited        Code = "rate_limited"
	CodeSlowConsumer       Code = "slow_consumer"
	CodeUnavailable        Code = "unavailable"
	CodeGoingAway          Code = "going_away"
	CodeInternal           Code = "internal"
	CodeBadRoom            Code = "bad_room"
	CodeRoomFull           Code = "room_full"
	CodeTooManyRooms       Code = "too_many_rooms"
	CodeNotInRoom          Code = "not_in_room"
	CodeNoSuchPeer         Code = "no_such_peer"
	CodeNotYourTurn        Code = "not_your_turn"
	CodeTooManyCandidates  Code = "too_many_candidates"
	CodeOffline            Code = "offline"
	CodeTooManyWatched     Code = "too_many_watched"
	CodeCandidatePolicy    Code = "candidate_policy"
	CodeUnknownEvent       Code = "unknown_event"
	CodeOutcomeUnknown     Code = "outcome_unknown" // in the clients also: the history was lost
	CodeTooManyInvites     Code = "too_many_invites"
	CodeInviteOver         Code = "invite_over"
	CodeRoomLocked         Code = "room_locked"
	CodeLobbyFull          Code = "lobby_full"
	CodePasswordRequired   Code = "password_required"
	CodeWrongPassword      Code = "wrong_password"
	CodeBanned             Code = "banned"
	CodeDuplicateIdentity  Code = "duplicate_identity"
	CodeBadLink            Code = "bad_link"
	CodeLinkExpired        Code = "link_expired"
	CodeLinkUsed           Code = "link_used"
	CodeBye                Code = "bye" // close only: the client said so
)

// Retry says what a client should do about a Code.
type Retry string

// What to do: at once (with the usual backoff), after a time, with a new
// token, without the resume token, or not at all.
const (
	RetryNow          Retry = "now"
	RetryAfter        Retry = "after"
	RetryAuthenticate Retry = "authenticate"
	RetryFresh        Retry = "fresh"
	RetryNever        Retry = "never"
)

// Info is what a Code means on the wire.
type Info struct {
	Status int // HTTP status of a refused upgrade; 0: never refuses one
	Close  int // WebSocket close code (RFC 6455 §7.4); 0: never ends a link
	Retry  Retry
}

var infos = map[Code]Info{
	CodeBadMessage:         {400, 4400, RetryNever},
	CodeUnknownType:        {0, 0, RetryNever},
	CodeOutOfOrder:         {0, 0, RetryNever},
	CodeHelloExpected:      {0, 4402, RetryNever},
	CodeDuplicateHello:     {0, 0, RetryNever},
	CodeUnsupportedVersion: {400, 4406, RetryNever},
	CodeUnauthenticated:    {401, 4401, RetryAuthenticate},
	CodeForbidden:          {403, 4403, RetryNever},
	CodeOriginNotAllowed:   {403, 0, RetryNever},
	CodeUnknownApp:         {404, 4404, RetryNever},
	CodeMethodNotAllowed:   {405, 0, RetryNever},
	CodeUpgradeRequired:    {426, 0, RetryNever},
	CodeHelloTimeout:       {408, 4408, RetryNow},
	CodeIdle:               {0, 4407, RetryNow},
	CodeReplaced:           {0, 4409, RetryNever},
	CodeSessionGone:        {410, 4410, RetryFresh},
	CodeTooBig:             {413, 1009, RetryNever},
	CodeNotText:            {0, 1003, RetryNever},
	CodeInvalidUTF8:        {0, 1007, RetryNever},
	CodeRateLimited:        {429, 4429, RetryAfter},
	CodeSlowConsumer:       {0, 4430, RetryNow},
	CodeUnavailable:        {503, 1013, RetryAfter},
	CodeGoingAway:          {503, 1012, RetryAfter},
	CodeInternal:           {500, 1011, RetryAfter},
	CodeBadRoom:            {0, 0, RetryNever},
	CodeRoomFull:           {0, 0, RetryNever},
	CodeTooManyRooms:       {0, 0, RetryNever},
	CodeNotInRoom:          {0, 0, RetryNever},
	CodeNoSuchPeer:         {0, 0, RetryNever},
	CodeNotYourTurn:        {0, 0, RetryNever},
	CodeTooManyCandidates:  {0, 0, RetryNever},
	CodeOffline:            {0, 0, RetryNever},
	CodeTooManyWatched:     {0, 0, RetryNever},
	CodeCandidatePolicy:    {0, 0, RetryNever},
	CodeUnknownEvent:       {0, 0, RetryNever},
	CodeOutcomeUnknown:     {0, 0, RetryNow},
	CodeTooManyInvites:     {0, 0, RetryNever},
	CodeInviteOver:         {0, 0, RetryNever},
	CodeRoomLocked:         {0, 0, RetryNever},
	CodeLobbyFull:          {0, 0, RetryNever},
	CodePasswordRequired:   {0, 0, RetryNever},
	CodeWrongPassword:      {0, 0, RetryNever},
	CodeBanned:             {0, 0, RetryNever},
	CodeDuplicateIdentity:  {0, 0, RetryNever},
	CodeBadLink:            {0, 0, RetryNever},
	CodeLinkExpired:        {0, 0, RetryNever},
	CodeLinkUsed:           {0, 0, RetryNever},
	CodeBye:                {0, 1000, RetryNever},
}

// Known reports whether c is of this table, and not an application's own or one
// of another version.
func (c Code) Known() bool {
	_, ok := infos[c]
	return ok
}

// Info returns what c means on the wire. A code that is not of this table is
// judged as internal.
func (c Code) Info() Info {
	if i, ok := infos[c]; ok {
		return i
	}
	return infos[CodeInternal]
}
