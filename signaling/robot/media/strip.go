package media

import (
	"fmt"
	"image"
	"image/color"
)

// The strip's geometry, in pixels of the unscaled picture. One block is one
// VP8 macroblock, so that no block's edge lies within a transform: the strip
// survives any bitrate that leaves a picture at all.
const (
	Width  = 256
	Height = 144

	stripBlocks = 16
	stripTop    = Height - 16 // the strip is the last row of macroblocks
	senderBits  = 4
	frameBits   = 10
	payloadBits = senderBits + frameBits
)

// StripBits returns the sixteen blocks, left to right, that say sender and
// frame; true is white. See the package comment for the layout.
func StripBits(sender, frame int) [stripBlocks]bool {
	var bits [stripBlocks]bool
	v := sender<<frameBits | frame
	odd := [2]bool{true, true} // odd parity: all black and all white are both wrong
	for i := range payloadBits {
		bits[i] = v>>(payloadBits-1-i)&1 == 1
		odd[i%2] = odd[i%2] != bits[i]
	}
	bits[payloadBits], bits[payloadBits+1] = odd[0], odd[1]
	return bits
}

// ReadStrip reads the strip out of a decoded picture, which may have been
// scaled (a screenshot, a canvas of another size). It fails where the parity
// blocks say that this is no picture of a clip.
func ReadStrip(img image.Image) (sender, frame int, err error) {
	var bits [stripBlocks]bool
	for i := range bits {
		bits[i] = blockLuma(img, i) > 128
	}
	v := 0
	for _, bit := range bits[:payloadBits] {
		v <<= 1
		if bit {
			v |= 1
		}
	}
	sender, frame = v>>frameBits, v&(1<<frameBits-1)
	if bits != StripBits(sender, frame) {
		return 0, 0, fmt.Errorf("media: strip %v: wrong parity", bits)
	}
	return sender, frame, nil
}

// blockLuma is the mean luminance of the middle half of block i, which keeps
// away from the edges that scaling smears.
func blockLuma(img image.Image, i int) int {
	b := img.Bounds()
	x0 := b.Min.X + b.Dx()*(4*i+1)/(4*stripBlocks)
	x1 := b.Min.X + b.Dx()*(4*i+3)/(4*stripBlocks)
	y0 := b.Min.Y + b.Dy()*(stripTop+4)/Height
	y1 := b.Min.Y + b.Dy()*(stripTop+12)/Height
	sum, n := 0, 0
	for y := y0; y < max(y1, y0+1); y++ {
		for x := x0; x < max(x1, x0+1); x++ {
			sum += int(color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y)
			n++
		}
	}
	return sum / n
}
