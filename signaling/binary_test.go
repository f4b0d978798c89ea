package signaling

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestBinaryValuesGoBothWays(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		type file struct {
			Name string
			Data Binary
		}
		h.code(func(app *App) {
			Handle(app, "reverse", func(_ *Call, f file) (any, error) {
				for i, j := 0, len(f.Data)-1; i < j; i, j = i+1, j-1 {
					f.Data[i], f.Data[j] = f.Data[j], f.Data[i]
				}
				return f, nil
			})
		})
		alice := h.hello(t)
		alice.wantAnswer(alice.emit("reverse", `{"Name":"x","Data":{"$bin":"AAH/"}}`), `{"Name":"x","Data":{"$bin":"/wEA"}}`)
		alice.wantAnswer(alice.emit("reverse", `{"Name":"x","Data":null}`), `{"Name":"x","Data":{"$bin":""}}`)
	})
}

func FuzzBinary(f *testing.F) {
	for _, s := range []string{`{"$bin":"AAH/"}`, `{"$bin":""}`, `{"$bin":0}`, `{}`, `null`, `"AA=="`, `{"$bin":"AA"}`, `{"$bin":"A\nA=="}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var b, again Binary
		if json.Unmarshal(data, &b) != nil {
			return
		}
		text, err := json.Marshal(b)
		if err != nil || json.Unmarshal(text, &again) != nil || !bytes.Equal(b, again) {
			t.Fatalf("%q became %q (%v), and that %x", data, text, err, again)
		}
	})
}
