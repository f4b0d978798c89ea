package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"testing"
)

func TestBlobsStandInTheirPlaces(t *testing.T) {
	for _, c := range []struct{ data, want string }{
		{`{"$bin":0}`, `{"$bin":"AAE="}`},
		{` [ 1 , {"$bin" : 1}, {"a":{"$bin":0}} ] `, ` [ 1 , {"$bin":"/w=="}, {"a":{"$bin":"AAE="}} ] `},
		{`{"$bin":2}`, `{"$bin":2}`},
		{`{"$bin":"AAE="}`, `{"$bin":"AAE="}`},
		{`{"$bin":0,"x":1}`, `{"$bin":0,"x":1}`},
		{`{"$bin":-1}`, `{"$bin":-1}`},
		{`"{\"$bin\":0}"`, `"{\"$bin\":0}"`},
		{`null`, `null`},
	} {
		m := &Message{Type: TypeEvent, Name: "e", Data: json.RawMessage(c.data), Blobs: [][]byte{{0, 1}, {255}}}
		if got := string(m.Inline()); got != c.want {
			t.Errorf("%s: got %s, want %s", c.data, got, c.want)
		}
		if body := string(m.AppendBody(nil)); body != `"type":"event","name":"e","data":`+c.want+`}` {
			t.Errorf("%s: encoded as %s", c.data, body)
		}
	}
	if m := (&Message{Data: json.RawMessage(`{"$bin":0}`)}); string(m.Inline()) != `{"$bin":0}` {
		t.Errorf("without blobs: %s", m.Inline())
	}
}

// FuzzInline: whatever JSON it stands in, a blob comes out as JSON again, and
// nothing else of the data changes.
func FuzzInline(f *testing.F) {
	for _, s := range []string{`{"$bin":0}`, `[{"$bin":1},{"$bin":"0"}]`, `{"a":{"$bin":0,"b":[]}}`, `"\"$bin\":0"`, `{"$bin":{"$bin":0}}`} {
		f.Add([]byte(s), []byte{1, 2})
	}
	f.Fuzz(func(t *testing.T, data, blob []byte) {
		m, err := Scan(append(append([]byte(`{"type":"event","id":1,"name":"e","data":`), data...), '}'))
		if err != nil || m.Data == nil {
			return
		}
		m.Blobs = [][]byte{blob}
		out := m.Inline()
		if !json.Valid(out) {
			t.Fatalf("%q became %q", m.Data, out)
		}
		if !bytes.Contains(m.Data, []byte("$bin")) && !bytes.Equal(out, m.Data) {
			t.Fatalf("%q became %q", m.Data, out)
		}
		if string(m.Data) == `{"$bin":0}` && string(out) != `{"$bin":"`+base64.StdEncoding.EncodeToString(blob)+`"}` {
			t.Fatalf("%q became %q", m.Data, out)
		}
	})
}
