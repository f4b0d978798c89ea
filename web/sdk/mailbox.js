import { SignalError } from './errors.js';

const LIMIT = 256 * 1024; // bytes of unconfirmed frames, and of frames that came too early
const GOT_FRAMES = 16;
const GOT_DELAY = 1_000;
const GONE = new SignalError('no_such_peer', 'this participant has left');

/** @typedef {import('./wire.js').Frame} Frame */
/**
 * @typedef {{
 *   post: (frame: Frame, fate: import('./outbox.js').Fate) => void,
 *   later: (f: () => void, ms: number) => () => void,
 * }} Post
 *   post hands a frame to the server's delivery; later is a timer and returns
 *   what stops it
 */
/** told: ok was called. @typedef {{frame: Frame, size: number, fate: import('./outbox.js').Fate, told?: boolean}} Letter */

/**
 * Delivery between this client and one other peer, PROTOCOL.md section 6: what
 * one server took is not lost with it. It counts over all rooms, and lives as
 * long as both ids.
 */
export class Mailbox {
  #post;
  #later;
  #room = ''; // one that we share, for a got alone
  #to;

  #n = 0;
  #confirmed = 0;
  /** @type {Letter[]} sent and not confirmed, in order of n */ #open = [];
  #bytes = 0;
  /** @type {Letter[]} no room in #open */ #waiting = [];
  #held = false;

  #got = 0;
  /** @type {Map<number, {frame: Frame, size: number}>} */ #early = new Map();
  #earlyBytes = 0;
  #owed = 0;
  /** @type {(() => void) | null} */ #timer = null;

  /** @param {string} to @param {Post} post */
  constructor(to, { post, later }) {
    this.#to = to;
    this.#post = post;
    this.#later = later;
  }

  /**
   * Sends a frame, now or as soon as there is room for it.
   * @param {Frame} frame with room and type
   * @param {number} size
   * @param {import('./outbox.js').Fate} [fate]
   */
  put(frame, size, fate = {}) {
    const letter = { frame: { ...frame, to: this.#to }, size, fate };
    if (this.#waiting.length || (this.#open.length && this.#bytes + size > LIMIT)) this.#waiting.push(letter);
    else this.#number(letter);
  }

  /** @param {Letter} letter */
  #number(letter) {
    letter.frame.n = ++this.#n;
    this.#open.push(letter);
    this.#bytes += letter.size;
    if (!this.#held) this.#send(letter);
  }

  /** @param {Letter} letter */
  #send(letter) {
    const { ok, fail } = letter.fate;
    this.#room = /** @type {string} */ (letter.frame.room);
    this.#post(this.#stamp(letter.frame), {
      ok: () => {
        letter.told = true;
        ok?.();
      },
      fail: (error) => {
        if (error.code === 'outcome_unknown') return; // resend comes
        if (this.#drop(letter)) fail?.(error);
      },
    });
  }

  /** Adds what the other side has to know. @param {Frame} frame */
  #stamp(frame) {
    this.#stopTimer();
    this.#owed = 0;
    const base = this.#base;
    return { ...frame, got: this.#got || undefined, base: base > this.#confirmed + 1 ? base : undefined };
  }

  /** The lowest n still to come. */
  get #base() {
    return this.#open[0]?.frame.n ?? this.#n + 1;
  }

  /** Takes out a letter that is not sent again. @param {Letter} letter */
  #drop(letter) {
    const at = this.#open.indexOf(letter);
    if (at < 0) return false;
    this.#open.splice(at, 1);
    this.#bytes -= letter.size;
    this.#afterRoom();
    return true;
  }

  /** There may be room for what waits, and a gap that the other side waits for. */
  #afterRoom() {
    const before = this.#n;
    for (let next; (next = this.#waiting[0]) && (!this.#open.length || this.#bytes + next.size <= LIMIT); ) {
      this.#waiting.shift();
      this.#number(next);
    }
    if (this.#n === before && this.#base > this.#confirmed + 1) this.#confirm();
  }

  /** Nothing is sent until resend: the server that had it is gone. */
  hold() {
    this.#held = true;
    this.#stopTimer();
  }

  get held() {
    return this.#held;
  }

  /** Sends again all that is not confirmed: a server has been lost between here and there. @param {string} room one that both are in */
  resend(room) {
    this.#held = false;
    this.#room = room;
    for (const letter of [...this.#open]) this.#send(letter);
    if (!this.#open.length && this.#base > this.#confirmed + 1) this.#confirm();
    else if (this.#owed) this.#owe(0);
  }

  /** The peer is gone from the last room that we shared. */
  giveUp(error = GONE) {
    const letters = [...this.#open, ...this.#waiting];
    this.#open = [];
    this.#waiting = [];
    for (const { fate, told } of letters) if (!told) fate.fail?.(error);
    this.#bytes = 0;
    this.#held = false;
    this.#stopTimer();
    this.#owed = 0;
  }

  /**
   * A frame from that peer.
   * @param {Frame} frame
   * @param {number} size
   * @returns {Frame[]} what is to be handed up, in order
   */
  receive(frame, size) {
    this.#room = frame.room ?? this.#room;
    this.#confirmedUpTo(frame.got ?? 0);
    const before = this.#got;
    const ripe = this.#skip(frame.base ?? 0);
    const { n } = frame;
    if (n && n > this.#got && !this.#early.has(n) && (n === this.#got + 1 || this.#earlyBytes + size <= LIMIT)) {
      this.#early.set(n, { frame, size });
      this.#earlyBytes += size;
    }
    for (let next; (next = this.#takeEarly(this.#got + 1)); this.#got++) ripe.push(next);
    // A base that moved us on is confirmed: without this its sender, who may have a second gap, waits for ever.
    if (n !== undefined || this.#got > before) this.#owe(1);
    if (n === undefined && frame.type !== 'got') ripe.push(frame);
    return ripe;
  }

  /** Waits for nothing below base; what came of it all the same is handed up. @param {number} base */
  #skip(base) {
    if (base <= this.#got + 1) return [];
    const early = [...this.#early.keys()].filter((n) => n < base).sort((a, b) => a - b);
    this.#got = base - 1;
    return early.map((n) => /** @type {Frame} */ (this.#takeEarly(n)));
  }

  /** @param {number} n */
  #takeEarly(n) {
    const early = this.#early.get(n);
    if (!early) return undefined;
    this.#early.delete(n);
    this.#earlyBytes -= early.size;
    return early.frame;
  }

  /** @param {number} got */
  #confirmedUpTo(got) {
    if (got <= this.#confirmed || got > this.#n) return;
    this.#confirmed = got;
    while (this.#open.length && /** @type {number} */ (this.#open[0].frame.n) <= got) {
      this.#bytes -= /** @type {Letter} */ (this.#open.shift()).size;
    }
    this.#afterRoom();
  }

  /** @param {number} frames */
  #owe(frames) {
    this.#owed += frames;
    if (this.#held) return;
    if (this.#owed >= GOT_FRAMES) this.#confirm();
    else this.#timer ??= this.#later(() => this.#confirm(), GOT_DELAY);
  }

  #confirm() {
    this.#stopTimer();
    if (this.#held || !this.#room) return;
    // Nothing is in order yet, and nothing was given up: a got that says nothing is refused.
    if (!this.#got && this.#base <= this.#confirmed + 1) return;
    this.#post(this.#stamp({ type: 'got', room: this.#room, to: this.#to }), {});
  }

  #stopTimer() {
    this.#timer?.();
    this.#timer = null;
  }
}
