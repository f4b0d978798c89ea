package jsep

import (
	"strconv"
	"strings"
)

// A Kind is the kind of an m-line.
type Kind uint8

// The kinds.
const (
	Audio Kind = iota
	Video
	Data
	Kinds // how many there are
)

var kindNames = [Kinds]string{"audio", "video", "application"}

func (k Kind) String() string { return kindNames[k] }

// A direction as one side sees it. To receive is always wanted.
type direction struct{ send, recv bool }

func (d direction) String() string {
	switch d {
	case direction{true, true}:
		return "sendrecv"
	case direction{true, false}:
		return "sendonly"
	case direction{false, true}:
		return "recvonly"
	}
	return "inactive"
}

// parseDirection reads an attribute line; ok is false if it is another one.
func parseDirection(line string) (d direction, ok bool) {
	switch line {
	case "a=sendrecv":
		return direction{true, true}, true
	case "a=sendonly":
		return direction{true, false}, true
	case "a=recvonly":
		return direction{false, true}, true
	}
	return direction{}, line == "a=inactive"
}

// reversed is the direction as the other side sees it.
func (d direction) reversed() direction { return direction{d.recv, d.send} }

func (d direction) and(e direction) direction { return direction{d.send && e.send, d.recv && e.recv} }

// A section is one m-line of a description.
type section struct {
	kind Kind
	dir  direction // of the side that made the description
}

// A description is an SDP, as far as the model knows it.
type description struct {
	ufrag    string
	sections []section
}

// text writes a description as SDP.
func (d description) text() string {
	b := make([]byte, 0, 64+64*len(d.sections))
	b = append(b, "v=0\r\n"...)
	if len(d.sections) == 0 {
		// A real one has no ufrag without m-lines either; the model's has, so
		// that candidates and restarts can be tested on it.
		b = append(append(append(b, "a=ice-ufrag:"...), d.ufrag...), "\r\n"...)
	}
	for mid, s := range d.sections {
		b = append(append(append(b, "m="...), s.kind.String()...), " 9 X 0\r\na=mid:"...)
		b = append(strconv.AppendInt(b, int64(mid), 10), "\r\na="...)
		b = append(append(b, s.dir.String()...), "\r\na=ice-ufrag:"...)
		b = append(append(b, d.ufrag...), "\r\n"...)
	}
	return string(b)
}

// parse reads what text wrote.
func parse(sdp string) (d description, ok bool) {
	for line := range strings.Lines(sdp) {
		line = strings.TrimRight(line, "\r\n")
		if name, isMedia := strings.CutPrefix(line, "m="); isMedia {
			name, _, _ = strings.Cut(name, " ")
			kind := Audio
			for kind < Kinds && kindNames[kind] != name {
				kind++
			}
			if kind == Kinds {
				return d, false
			}
			d.sections = append(d.sections, section{kind: kind})
			continue
		}
		if ufrag, isUfrag := strings.CutPrefix(line, "a=ice-ufrag:"); isUfrag {
			d.ufrag = ufrag
			continue
		}
		if len(d.sections) == 0 {
			continue
		}
		if dir, isDir := parseDirection(line); isDir {
			d.sections[len(d.sections)-1].dir = dir
		}
	}
	return d, d.ufrag != ""
}
