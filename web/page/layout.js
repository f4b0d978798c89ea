/**
 * Where people's pictures go: pure functions, rectangles out. Order is by
 * join, never by who speaks, so that nobody jumps about.
 */

/** @typedef {{x: number, y: number, width: number, height: number}} Rect */

const WIDEST = 16 / 9;
const GAP = 8;
/** What an empty cell costs: a full grid may be a little smaller than one with holes. */
const PER_EMPTY_CELL = 0.06;
/** Below this width a stage is a phone's: the own picture floats over the others. */
export const NARROW = 600;
/** With more people than this the own picture is a tile like the others, on a phone too. */
const FLOAT_UP_TO = 3;

/**
 * n tiles of one size, as large as they can be in w × h, not wider than 16:9
 * and not narrower than a portrait that still shows a face. A short last row
 * is centred, and so is the whole.
 * @param {number} n
 * @param {number} w
 * @param {number} h
 * @param {number} [gap]
 * @returns {Rect[]}
 */
export function grid(n, w, h, gap = GAP) {
  const narrowest = w < h ? 9 / 16 : 4 / 5;
  let best = { score: -1, cols: 1, rows: n, width: 0, height: 0 };
  for (let cols = 1; cols <= n; cols++) {
    const rows = Math.ceil(n / cols);
    const cellWidth = (w - gap * (cols - 1)) / cols;
    const cellHeight = (h - gap * (rows - 1)) / rows;
    if (cellWidth < 1 || cellHeight < 1) continue;
    const ratio = Math.min(Math.max(cellWidth / cellHeight, narrowest), WIDEST);
    const width = Math.floor(Math.min(cellWidth, cellHeight * ratio));
    const height = Math.floor(Math.min(cellHeight, width / ratio + 1e-6)); // the rest of a division is no pixel less
    const score = width * height * (1 - PER_EMPTY_CELL * (cols * rows - n));
    if (score > best.score) best = { score, cols, rows, width, height };
  }
  return place(n, w, h, gap, best);
}

/**
 * @param {number} n
 * @param {number} w
 * @param {number} h
 * @param {number} gap
 * @param {{cols: number, rows: number, width: number, height: number}} size
 * @returns {Rect[]}
 */
function place(n, w, h, gap, { cols, rows, width, height }) {
  const top = Math.floor((h - rows * height - (rows - 1) * gap) / 2);
  return Array.from({ length: n }, (_, i) => {
    const row = Math.floor(i / cols);
    const inRow = Math.min(cols, n - row * cols);
    const left = Math.floor((w - inRow * width - (inRow - 1) * gap) / 2);
    return { x: left + (i - row * cols) * (width + gap), y: top + row * (height + gap), width, height };
  });
}

/**
 * Does the own picture float in a corner, instead of being a tile? When one is
 * alone (the invitation has the middle), and on a phone with one or two others.
 * @param {number} people including oneself
 * @param {number} w width of the stage
 */
export function selfFloats(people, w) {
  return people === 1 || (w < NARROW && people <= FLOAT_UP_TO);
}

export const CORNERS = /** @type {const} */ (['bottom-right', 'bottom-left', 'top-left', 'top-right']);
/** @typedef {typeof CORNERS[number]} Corner */

/**
 * The floating own picture, in its corner.
 * @param {Corner} corner
 * @param {number} w
 * @param {number} h
 * @param {number} [gap]
 * @returns {Rect}
 */
export function float(corner, w, h, gap = GAP) {
  const [width, height] = w < NARROW ? [96, 136] : [256, 144];
  const [vertical, horizontal] = corner.split('-');
  return {
    x: horizontal === 'left' ? gap : w - width - gap,
    y: vertical === 'top' ? gap : h - height - gap,
    width,
    height,
  };
}

/** How much of a camera's picture may be cut away to fill a tile. */
const MOST_CUT = 0.4;

/**
 * Where a camera's picture goes in its tile, which cuts what stands out: it
 * fills the tile, unless more than 40 % would be lost (a phone held upright in
 * a wide tile). Then it is as large as that allows, and centred.
 * @param {number} videoWidth
 * @param {number} videoHeight
 * @param {number} width of the tile
 * @param {number} height
 * @returns {Rect} to be covered by the picture
 */
export function picture(videoWidth, videoHeight, width, height) {
  const whole = { x: 0, y: 0, width, height };
  if (!videoWidth || !videoHeight || !width || !height) return whole;
  const ratio = videoWidth / videoHeight;
  const tallest = Math.min(height, Math.ceil(width / (ratio * (1 - MOST_CUT))));
  const widest = Math.min(width, Math.ceil((height * ratio) / (1 - MOST_CUT)));
  return { x: Math.floor((width - widest) / 2), y: Math.floor((height - tallest) / 2), width: widest, height: tallest };
}
