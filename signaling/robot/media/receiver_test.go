package media

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
)

// bench feeds a Receiver with packets made by hand.
type bench struct {
	t          *testing.T
	r          *Receiver
	packetizer rtp.Packetizer
	stream     *Stream
	now        time.Time
	seen       []Frame
}

func newBench(t *testing.T, name string, kind webrtc.RTPCodecType, seq uint16, cfg Config) *bench {
	t.Helper()
	p := newPlayer(t, name)
	stream, err := p.stream(kind)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, stream: stream, now: time.Now()}
	cfg.OnFrame = func(f Frame) { b.seen = append(b.seen, f) }
	b.r = NewReceiver(&scriptedTrack{kind: kind, mime: stream.Codec.MimeType}, cfg)
	b.sendAnew(seq, 1000)
	return b
}

// sendAnew lets what follows begin with this sequence number and timestamp.
func (b *bench) sendAnew(seq uint16, timestamp uint32) {
	var payloader rtp.Payloader = &codecs.VP8Payloader{EnablePictureID: true}
	if b.stream.Codec.MimeType == webrtc.MimeTypeOpus {
		payloader = &codecs.OpusPayloader{}
	}
	b.packetizer = rtp.NewPacketizerWithOptions(1200, payloader, rtp.NewFixedSequencer(seq), b.stream.Codec.ClockRate, rtp.WithTimestamp(timestamp))
}

// frames returns the packets of frames first … last of the endless loop.
func (b *bench) frames(first, last int) []*rtp.Packet {
	var packets []*rtp.Packet
	for k := first; k <= last; k++ {
		packets = append(packets, b.packetizer.Packetize(slices.Clone(b.stream.Frame(k)), uint32(b.stream.ticks()))...)
	}
	return packets
}

// feed lets packets arrive, 10 ms apart.
func (b *bench) feed(packets ...*rtp.Packet) {
	b.t.Helper()
	for _, p := range packets {
		raw, err := p.Marshal()
		if err != nil {
			b.t.Fatal(err)
		}
		b.now = b.now.Add(10 * time.Millisecond)
		b.r.handle(raw, b.now)
	}
}

// want compares the counts of the report, and those only.
func (b *bench) want(want Report) {
	b.t.Helper()
	got := b.r.Report()
	got.MimeType, got.Kind, got.Bytes, got.Keyframes, got.Width, got.Height = "", 0, 0, 0, 0, 0
	got.FirstFrame, got.LastFrame, got.MaxGap = time.Time{}, time.Time{}, 0
	if !reflect.DeepEqual(got, want) {
		b.t.Errorf("report\n%+v, want\n%+v", got, want)
	}
}

func video(t *testing.T, seq uint16) *bench {
	t.Helper()
	return newBench(t, "ana", webrtc.RTPCodecTypeVideo, seq, Config{})
}

func TestFramesInOrderAreIntact(t *testing.T) {
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		b := newBench(t, "fin", kind, 65500, Config{}) // the numbers wrap around on the way
		packets := b.frames(7, 407)
		b.feed(packets...)
		b.want(Report{Sender: "fin", Frames: 401, Matched: 401, First: 7, Last: 407, Packets: len(packets)})
		if err := b.r.Report().Intact(); err != nil {
			t.Error(err)
		}
		for i, f := range b.seen {
			if f.Number != int64(7+i) || f.Index != (7+i)%b.stream.Len() || f.Sender != "fin" {
				t.Fatalf("frame %d is %+v", i, f)
			}
		}
	}
}

func TestPacketsArePutInOrder(t *testing.T) {
	b := video(t, 65530)
	packets := b.frames(0, 99)
	random := rand.New(rand.NewPCG(1, 2))
	for i := 1; i+8 < len(packets); i += 8 { // the very first begins, whatever it is
		random.Shuffle(8, func(j, k int) { packets[i+j], packets[i+k] = packets[i+k], packets[i+j] })
	}
	b.feed(packets...)
	b.want(Report{Sender: "ana", Frames: 100, Matched: 100, Last: 99, Packets: len(packets), Reordered: b.r.Report().Reordered})
	if b.r.Report().Reordered == 0 {
		t.Error("nothing was out of order")
	}
}

func TestDuplicatesAreCountedOnce(t *testing.T) {
	b := video(t, 10)
	packets := b.frames(0, 19)
	held := packets[len(packets)-1]
	packets = packets[:len(packets)-2]
	b.feed(packets...)
	b.feed(packets[3], packets[10], held, held)
	b.want(Report{Sender: "ana", Frames: 18, Matched: 18, Last: 17, Packets: len(packets) + 4, Duplicates: 3})
}

func TestLossIsReportedByNumber(t *testing.T) {
	b := newBench(t, "ana", webrtc.RTPCodecTypeVideo, 10, Config{MaxHeld: 8})
	b.feed(b.frames(0, 4)...)
	lost := b.frames(5, 6)
	b.feed(b.frames(7, 18)...)
	b.frames(19, 19)
	headless := b.frames(20, 20)
	b.feed(headless[1:]...)
	b.feed(b.frames(21, 39)...)
	tailless := b.frames(40, 40)
	b.feed(tailless[:len(tailless)-1]...)
	b.feed(b.frames(41, 85)...)
	packets := b.r.Report().Packets
	want := Report{Sender: "ana", Frames: 5 + 12 + 19 + 45, Matched: 5 + 12 + 19 + 45, Last: 85, Missing: 5,
		Gaps: []Gap{{5, 2}, {19, 2}, {40, 1}}, Broken: 2, Packets: packets, Lost: 5}
	b.want(want)
	b.feed(lost...)
	b.feed(headless[0])
	want.Packets, want.Late = packets+3, 3
	b.want(want)
	if err := b.r.Report().Intact(); err == nil {
		t.Error("a report with gaps is called intact")
	}
}

func TestMissingPacketIsWaitedForOneSecond(t *testing.T) {
	b := video(t, 10)
	b.feed(b.frames(0, 0)...)
	first := b.r.Report().Packets
	b.frames(1, 1)
	b.feed(b.frames(2, 2)...)
	b.now = b.now.Add(time.Second - 10*time.Millisecond)
	b.feed(b.frames(3, 3)...)
	b.want(Report{Sender: "ana", Frames: 1, Matched: 1, Packets: first + 2})
	b.feed(b.frames(4, 4)...)
	b.want(Report{Sender: "ana", Frames: 4, Matched: 4, Last: 4, Missing: 1, Gaps: []Gap{{1, 1}}, Packets: first + 3, Lost: 1})
	if got := b.r.Report().MaxGap; got != time.Second+20*time.Millisecond {
		t.Errorf("longest time without a frame is %v, want 1.02s", got)
	}
}

func TestGapLongerThanTheLoop(t *testing.T) {
	b := video(t, 10)
	b.feed(b.frames(0, 9)...)
	b.frames(10, 10+3*80) // 241 frames: three loops and one
	b.feed(b.frames(251, 900)...)
	if got, want := b.r.Report().Gaps, []Gap{{10, 241}}; !slices.Equal(got, want) || b.r.Report().Last != 900 {
		t.Errorf("gaps %v to %d, want %v to 900", got, b.r.Report().Last, want)
	}
}

func TestSenderBeginsAnew(t *testing.T) {
	b := video(t, 10)
	b.feed(b.frames(0, 9)...)
	b.sendAnew(40000, 1<<31)
	b.feed(b.frames(20, 29)...)
	packets := b.r.Report().Packets
	b.want(Report{Sender: "ana", Frames: 20, Matched: 20, Last: 29, Missing: 10, Gaps: []Gap{{10, 10}}, Packets: packets, Restarts: 1})
}

func TestStrayPacketIsNoNewBeginning(t *testing.T) {
	b := video(t, 10)
	b.feed(b.frames(0, 9)...)
	b.feed(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: 30000}, Payload: []byte{1}})
	b.feed(b.frames(10, 19)...)
	b.want(Report{Sender: "ana", Frames: 20, Matched: 20, Last: 19, Packets: b.r.Report().Packets})
}

func TestCorruptFrameIsNoticed(t *testing.T) {
	b := video(t, 10)
	packets := b.frames(0, 0)
	packets[0].Payload[len(packets[0].Payload)-1] ^= 1
	b.feed(packets...) // foreign, as long as it is alone
	b.want(Report{Frames: 1, Foreign: 1, Packets: len(packets)})
	b.feed(b.frames(1, 5)...)
	damaged := b.frames(6, 6)
	damaged[0].Payload[50] ^= 0x80
	b.feed(damaged...)
	b.feed(b.frames(7, 9)...)
	b.want(Report{Sender: "ana", Frames: 10, Matched: 8, Corrupt: 2, First: 1, Last: 9, Missing: 1, Gaps: []Gap{{6, 1}}, Packets: len(packets) + 9})
}

func TestOtherSendersAndRepeatsAreNoProgress(t *testing.T) {
	b := video(t, 10)
	b.feed(b.frames(0, 9)...)
	packets := b.r.Report().Packets
	b.sendAnew(uint16(10+packets), 1000+9*4500)
	b.feed(b.frames(9, 9)...)
	other := newPlayer(t, "ben").clip.Video
	b.feed(b.packetizer.Packetize(slices.Clone(other.Frame(10)), 4500)...)
	b.feed(b.frames(11, 12)...)
	b.want(Report{Sender: "ana", Frames: 14, Matched: 12, Repeated: 1, Mixed: 1, Last: 12,
		Missing: 1, Gaps: []Gap{{10, 1}}, Packets: packets + 4})
	if got := b.seen[10]; got.Verdict != Repeated || got.Number != 9 {
		t.Errorf("%+v, want frame 9 repeated", got)
	}
	if got := b.seen[11]; got.Verdict != Mixed || got.Sender != "ben" || got.Index != 10 {
		t.Errorf("%+v, want frame 10 of ben", got)
	}
}

func TestPaddingIsNoFrame(t *testing.T) {
	b := video(t, 10)
	packets := b.frames(0, 9)
	b.feed(packets...)
	padding := b.packetizer.GeneratePadding(5)
	b.feed(padding...)
	b.feed(b.frames(10, 19)...)
	b.want(Report{Sender: "ana", Frames: 20, Matched: 20, Last: 19, Packets: len(packets) + 15, Padding: 5})
}

func TestJoinedInTheMiddleOfAFrame(t *testing.T) {
	b := video(t, 10)
	b.feed(b.frames(0, 9)[1:]...)
	b.want(Report{Sender: "ana", Frames: 9, Matched: 9, First: 1, Last: 9, Packets: b.r.Report().Packets})
}

func TestFramesWithoutMarkerAreTold(t *testing.T) {
	b := video(t, 10)
	packets := b.frames(0, 9)
	for _, p := range packets {
		p.Marker = false
	}
	b.feed(packets...)
	b.want(Report{Sender: "ana", Frames: 9, Matched: 9, Last: 8, Packets: len(packets)}) // the last may go on
}

// A browser's camera: VP8 that is no clip's.
func TestForeignFramesAreCounted(t *testing.T) {
	b := video(t, 10)
	key := append([]byte{0x10, 0x20, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01}, make([]byte, 30000)...)
	b.feed(b.packetizer.Packetize(key, 3000)...)
	for range 29 {
		b.feed(b.packetizer.Packetize(append([]byte{0x11}, make([]byte, 5000)...), 3000)...)
	}
	got := b.r.Report()
	if got.Frames != 30 || got.Foreign != 30 || got.Keyframes != 1 || got.Width != 640 || got.Height != 480 || got.Sender != "" || got.Broken > 0 {
		t.Errorf("%+v", got)
	}
	if got.Intact() == nil {
		t.Error("foreign frames are called intact: nothing was compared")
	}
}

func TestOtherCodecsAreCountedByMarker(t *testing.T) {
	b := video(t, 10)
	b.r = NewReceiver(&scriptedTrack{kind: webrtc.RTPCodecTypeVideo, mime: webrtc.MimeTypeH264}, Config{MaxHeld: 4})
	packets := func(n int) (all []*rtp.Packet) {
		for range n {
			all = append(all, b.packetizer.Packetize(make([]byte, 3000), 3000)...)
		}
		return all
	}
	b.feed(packets(10)...)
	torn := packets(1)
	b.feed(torn[0], torn[2])
	b.feed(packets(10)...)
	b.want(Report{Frames: 20, Foreign: 20, Broken: 1, Packets: 62, Lost: 1})
}

func TestMalformedPacketsAreCounted(t *testing.T) {
	b := video(t, 10)
	b.r.handle([]byte{0x80, 0x60}, b.now)
	b.feed(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: 1, Marker: true}, Payload: []byte{0x80}}) // a descriptor cut short
	b.want(Report{Packets: 1, Malformed: 1})
}

func TestEndlessFrameIsCutOff(t *testing.T) {
	b := video(t, 1)
	b.feed(b.frames(0, 0)...)
	first := b.r.Report().Packets
	part := make([]byte, 8000)
	part[0] = 0x10
	for i := range maxFrame/len(part) + 2 {
		b.feed(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(1 + first + i), Timestamp: 9}, Payload: part})
		part[0] = 0
	}
	if len(b.r.frames.frame.data) > 0 || b.r.Report().Broken != 1 {
		t.Errorf("%d bytes are held, %d frames broken", len(b.r.frames.frame.data), b.r.Report().Broken)
	}
}

func TestGapListIsBounded(t *testing.T) {
	b := newBench(t, "ana", webrtc.RTPCodecTypeAudio, 10, Config{MaxHeld: 1})
	for k := 0; k < 400; k += 2 {
		b.feed(b.frames(k, k)...)
		b.frames(k+1, k+1)
	}
	b.r.end()
	got := b.r.Report()
	if got.Missing != 199 || len(got.Gaps) != maxGaps || got.Gaps[maxGaps-1] != (Gap{397, 1}) || got.Lost != 199 {
		t.Errorf("%d missing, %d lost, %d gaps up to %v", got.Missing, got.Lost, len(got.Gaps), got.Gaps[len(got.Gaps)-1])
	}
}
