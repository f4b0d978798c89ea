package signaling

import (
	"encoding/base64"
	"encoding/json"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// Binary is a binary value in the data of an event. In JSON it is
// {"$bin":"<base64>"}; dialects that have binary values send it as one.
type Binary []byte

type binaryJSON struct {
	Bin *string `json:"$bin"`
}

// MarshalJSON implements json.Marshaler.
func (b Binary) MarshalJSON() ([]byte, error) {
	text := base64.StdEncoding.EncodeToString(b)
	return json.Marshal(binaryJSON{&text})
}

// UnmarshalJSON implements json.Unmarshaler. Null is an empty value.
func (b *Binary) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*b = nil
		return nil
	}
	var j binaryJSON
	if err := json.Unmarshal(data, &j); err != nil || j.Bin == nil {
		return wire.Refuse(wire.CodeBadMessage, `a binary value is {"$bin":"<base64>"}, not %.40q`, data)
	}
	value, err := base64.StdEncoding.Strict().DecodeString(*j.Bin)
	if err != nil {
		return wire.Refuse(wire.CodeBadMessage, "$bin: %v", err)
	}
	*b = value
	return nil
}
