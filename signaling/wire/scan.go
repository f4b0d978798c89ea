package wire

// Scan reads one frame, of either direction. The Message aliases frame, which
// the caller hands over. An error is always an *Error, with CodeInvalidUTF8,
// CodeUnknownType or CodeBadMessage; the Message beside it is never nil and has ID and Type
// as far as they could be read, so that the refusal can name the frame.
func Scan(frame []byte) (*Message, error) { return nil, nil }

// AppendBody appends m behind its head: from `"type":` to the closing brace.
func (m *Message) AppendBody(b []byte) []byte { return b }

// AppendServer appends a server's frame: its head (seq and ack, where they are
// not zero) and a body made by AppendBody.
func AppendServer(b []byte, seq, ack uint64, body []byte) []byte { return b }

// AppendClient appends a client's frame: its head (id and ack, where they are
// not zero) and m's body.
func AppendClient(b []byte, id, ack uint64, m *Message) []byte { return b }

// ValidRoom reports whether s can name a room (or an app).
func ValidRoom(s string) bool { return s != "" }

// ValidPeer reports whether s has the form of a peer's id.
func ValidPeer(s string) bool { return s != "" }
