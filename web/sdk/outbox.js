import { SignalError } from './errors.js';

const ACK_FRAMES = 32;
const ACK_BYTES = 64 * 1024;
const REMEMBERED = 256; // frames below an ack whose refusal may still come

/** @typedef {import('./wire.js').Frame} Frame */
/**
 * What becomes of a frame. ok: it was answered, or (answer false) the server
 * has it. fail: it was refused, or its fate is not known (outcome_unknown).
 * A relayed frame may fail after ok: the ack can be faster than the refusal.
 * @typedef {{answer?: boolean, ok?: (frame?: Frame) => void, fail?: (error: SignalError) => void}} Fate
 */
/** @typedef {{frame: Frame, fate: Fate, sent: boolean, done: boolean}} Entry */

/**
 * The fate of a relayed frame that somebody waits for.
 * @param {() => void} ok
 * @param {(error: SignalError) => void} fail it was refused
 * @param {(error: SignalError) => void} late it was refused behind ok
 * @returns {Fate}
 */
export function soonOrLate(ok, fail, late) {
  let refused = fail;
  return {
    ok: () => {
      refused = late;
      ok();
    },
    fail: (error) => refused(error),
  };
}

/**
 * Delivery between this client and its server, PROTOCOL.md section 5: numbers
 * what goes out and keeps it until it is acknowledged; drops what came before.
 */
export class Outbox {
  #id = 0;
  #acked = 0;
  /** @type {Entry[]} not acknowledged, in order */ #open = [];
  #cursor = 0; // of #open: the next to write on this link
  /** @type {Map<number, Entry>} by id: waits for its answer, or was acknowledged a short time ago */ #waiting = new Map();

  /** The highest seq that came in order. */
  seq = 0;
  #owedFrames = 0;
  #owedBytes = 0;

  /**
   * @param {Frame} frame
   * @param {Fate} [fate]
   */
  push(frame, fate = {}) {
    const entry = { frame: { ...frame, id: ++this.#id }, fate, sent: false, done: false };
    this.#open.push(entry);
    this.#waiting.set(this.#id, entry);
  }

  /** The next frame to write, or undefined. */
  peek() {
    return this.#open[this.#cursor]?.frame;
  }

  advance() {
    this.#open[this.#cursor++].sent = true;
  }

  /** A new link: what is not acknowledged is written again. */
  rewind() {
    this.#cursor = 0;
  }

  /** The server has all up to id. @param {number} id */
  acked(id) {
    if (id <= this.#acked) return;
    this.#acked = id;
    while (this.#open.length && /** @type {number} */ (this.#open[0].frame.id) <= id) {
      const entry = /** @type {Entry} */ (this.#open.shift());
      this.#cursor = Math.max(0, this.#cursor - 1);
      if (entry.fate.answer || entry.done) continue;
      entry.done = true;
      entry.fate.ok?.();
    }
    for (const [old, entry] of this.#waiting) {
      if (old > id - REMEMBERED) break;
      if (entry.done) this.#waiting.delete(old);
    }
  }

  /** The answer to a frame. @param {number} id @param {Frame | SignalError} answer */
  answered(id, answer) {
    const entry = this.#waiting.get(id);
    if (!entry) return;
    this.#waiting.delete(id);
    const { done, fate } = entry;
    entry.done = true;
    if (answer instanceof SignalError) fate.fail?.(answer);
    else if (!done) fate.ok?.(answer);
  }

  /**
   * The session's history is lost, both ways: ids and seqs begin again. Open
   * requests fail with error.
   * @param {SignalError} error
   * @returns {Entry[]} messages to a room that were never on a link: nobody has them
   */
  reset(error) {
    const lost = [...this.#waiting.values()].filter((entry) => !entry.done);
    this.#waiting.clear();
    this.#open = [];
    this.#id = this.#acked = this.#cursor = 0;
    this.seq = this.#owedFrames = this.#owedBytes = 0;
    /** @param {Entry} entry */
    const unsaid = ({ sent, frame }) => !sent && frame.type === 'message' && !frame.to;
    for (const entry of lost) if (!unsaid(entry)) entry.fate.fail?.(error);
    return lost.filter(unsaid);
  }

  /**
   * A sequenced frame came. False: it was here before. Throws on a gap, which
   * only a new link can repair.
   * @param {number} seq
   * @param {number} bytes
   */
  received(seq, bytes) {
    if (seq <= this.seq) return false;
    if (seq > this.seq + 1) throw new SignalError('out_of_order', `frame ${this.seq + 1} of the server is missing`, { retry: 'now' });
    this.seq = seq;
    this.#owedFrames++;
    this.#owedBytes += bytes;
    return true;
  }

  /** Something has not been acknowledged. */
  get owes() {
    return this.#owedFrames > 0;
  }

  /** So much that an ack cannot wait for the next frame. */
  get owesNow() {
    return this.#owedFrames >= ACK_FRAMES || this.#owedBytes >= ACK_BYTES;
  }

  /** The ack for the frame that is about to be written. */
  ack() {
    this.#owedFrames = this.#owedBytes = 0;
    return this.seq;
  }
}

/** Keeps below the server's limits of frames and bytes per second, so that nobody is ever cut off for being fast. */
export class Pace {
  #frames = Infinity;
  #bytes = Infinity;
  #at = 0;
  #limits;

  /** @param {{rate: number, burst: number, bytes: number}} limits */
  constructor(limits) {
    this.#limits = limits;
  }

  /**
   * Takes room for one frame, or says how many ms it has to wait.
   * @param {number} size
   * @param {number} now
   */
  take(size, now) {
    const { rate, burst, bytes } = this.#limits;
    const elapsed = Math.max(0, now - this.#at) / 1000;
    this.#at = now;
    // A tenth below the limits: the two clocks and the network are not even.
    this.#frames = Math.min(0.9 * burst, this.#frames + elapsed * 0.9 * rate);
    this.#bytes = Math.min(3.6 * bytes, this.#bytes + elapsed * 0.9 * bytes);
    const wait = Math.max((1 - this.#frames) / (0.9 * rate), (Math.min(size, 3.6 * bytes) - this.#bytes) / (0.9 * bytes));
    if (wait > 0) return Math.ceil(wait * 1000);
    this.#frames -= 1;
    this.#bytes -= size;
    return 0;
  }
}
