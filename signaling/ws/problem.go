package ws

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// retryAfter is what a refused client is told to wait, in seconds: enough
// that a full or starting server is not asked by everybody at once, and
// little enough for a person who waits for a call.
const retryAfter = 5

// A problem is the body of a refusal: RFC 9457, with the code added.
type problem struct {
	Type   string    `json:"type"`
	Title  string    `json:"title"`
	Status int       `json:"status"`
	Code   wire.Code `json:"code"`
	Detail string    `json:"detail"`
}

// refuse answers with err's status and its problem body.
func (h *handler) refuse(w http.ResponseWriter, err error) {
	refusal := h.refusal(err)
	info := refusal.Code.Info()
	header := w.Header()
	switch refusal.Code {
	case wire.CodeMethodNotAllowed:
		header.Set("Allow", "GET")
	case wire.CodeUpgradeRequired: // RFC 9110 §15.5.22
		header.Set("Upgrade", "websocket")
		header.Set("Connection", "Upgrade")
		header.Set("Sec-WebSocket-Version", "13")
	}
	if info.Retry == wire.RetryAfter && info.Status != http.StatusInternalServerError {
		header.Set("Retry-After", strconv.Itoa(retryAfter))
	}
	header.Set("Content-Type", "application/problem+json")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(info.Status)
	json.NewEncoder(w).Encode(problem{
		Type:   "about:blank",
		Title:  strings.ReplaceAll(string(refusal.Code), "_", " "),
		Status: info.Status,
		Code:   refusal.Code,
		Detail: refusal.Text,
	})
}

// refusal makes of err what the client may know: a *wire.Error whose code has
// a status. Everything else is logged here.
func (h *handler) refusal(err error) *wire.Error {
	var refusal *wire.Error
	if errors.As(err, &refusal) && refusal.Code.Info().Status != 0 {
		return refusal
	}
	h.cfg.Logger.Error("websocket refused for a reason of ours", "error", err)
	return wire.Refuse(wire.CodeInternal, "a mistake of the server; its log has more")
}
