package media

import (
	"errors"
	"io"
	"sync/atomic"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
)

// RTCPReader is where a sender's feedback comes from: *webrtc.RTPSender.
type RTCPReader interface {
	Read([]byte) (int, interceptor.Attributes, error)
}

// Feedback counts what receivers ask of a sender. The zero Feedback is ready,
// for any number of senders.
type Feedback struct{ nack, keyframe, reports, fractionLost, malformed atomic.Int64 }

// FeedbackReport is a Feedback at one moment.
type FeedbackReport struct {
	Nacked       int64 // packets asked for again
	KeyframeAsks int64 // PLI and FIR; not answered, since a keyframe comes each second
	Reports      int64 // reception reports
	WorstLoss    int   // the largest fraction lost of these, in 1/256
	Malformed    int64 // not RTCP
}

// Run reads until the sender is stopped: by RemoveTrack, or Close of its
// PeerConnection. Somebody has to, as pion's interceptors (NACK, reports) see
// only the RTCP that is read.
func (f *Feedback) Run(sender RTCPReader) error {
	buf := make([]byte, maxPacket)
	for {
		n, _, err := sender.Read(buf)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrClosedPipe):
			return nil
		case err != nil:
			return err
		}
		packets, err := rtcp.Unmarshal(buf[:n])
		if err != nil {
			f.malformed.Add(1)
			continue
		}
		for _, p := range packets {
			f.count(p)
		}
	}
}

// Report returns the counts so far.
func (f *Feedback) Report() FeedbackReport {
	return FeedbackReport{
		Nacked:       f.nack.Load(),
		KeyframeAsks: f.keyframe.Load(),
		Reports:      f.reports.Load(),
		WorstLoss:    int(f.fractionLost.Load()),
		Malformed:    f.malformed.Load(),
	}
}

func (f *Feedback) count(p rtcp.Packet) {
	switch p := p.(type) {
	case *rtcp.TransportLayerNack:
		for _, pair := range p.Nacks {
			f.nack.Add(int64(len(pair.PacketList())))
		}
	case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
		f.keyframe.Add(1)
	case *rtcp.ReceiverReport:
		f.countReports(p.Reports)
	case *rtcp.SenderReport:
		f.countReports(p.Reports)
	}
}

func (f *Feedback) countReports(reports []rtcp.ReceptionReport) {
	for _, r := range reports {
		f.reports.Add(1)
		for lost := int64(r.FractionLost); ; {
			worst := f.fractionLost.Load()
			if lost <= worst || f.fractionLost.CompareAndSwap(worst, lost) {
				break
			}
		}
	}
}
