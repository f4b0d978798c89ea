/**
 * Section 7 of PROTOCOL.md as a pure state machine: one Pair for one side of a
 * negotiation (a room and two peers). It has no clock and touches nothing: the
 * driver hands it events, and carries out the actions that it returns, in
 * order. make-offer, make-answer and apply-answer end in exactly one made,
 * applied or failed with their pc and gen. The comments name the rows of the
 * table; the Go side replays the same golden traces.
 */
import { Book, ufragsOf } from './candidates.js';

/** For how long the timer runs, in ms: a side that has not answered by then, with both links up, will not. */
export const PATIENCE = 15_000;
const MAX_FAILURES = 3;
const MAX_NEED = 32;

/** @typedef {{audio: number, video: number, data: number}} Need */
/**
 * @typedef {{
 *   kind: 'begin' | 'end' | 'needed' | 'offer' | 'answer' | 'candidates' | 'negotiate' | 'reject' | 'made' | 'applied' | 'failed' |
 *     'gathered' | 'connected' | 'stuck' | 'broken' | 'timer' | 'peer-away' | 'peer-back' | 'link-down' | 'link-up',
 *   pc?: number, gen?: number, ufrag?: string, end?: boolean, flows?: boolean, need?: Need, reason?: string, data?: any,
 * }} PairEvent
 */
/**
 * @typedef {{
 *   kind: 'open' | 'close' | 'make-offer' | 'make-answer' | 'apply-answer' | 'add-candidates' | 'send' | 'start-timer' | 'stop-timer' | 'give-up',
 *   type?: string, pc?: number, gen?: number, restart?: true, need?: Need, ufrag?: string, end?: true, data?: any, reason?: string,
 * }} PairAction
 */

/** Events that are about no particular connection; an offer may bring a new one. */
const free = new Set(['begin', 'end', 'needed', 'offer', 'timer', 'peer-away', 'peer-back', 'link-down', 'link-up']);
const NONE = Object.freeze({ audio: 0, video: 0, data: 0 });
/** M-lines for b are enough for a. @param {Need} a @param {Need} b */
const within = (a, b) => a.audio <= b.audio && a.video <= b.video && a.data <= b.data;
/** @param {Need | null} a @param {Need} b */
const same = (a, b) => a !== null && within(a, b) && within(b, a);

export class Pair {
  #offers;
  /** @type {'over' | 'idle' | 'making' | 'waiting' | 'applying' | 'answering' | 'rejected'} */ #phase;
  #pc = 0;
  #gen = 0;
  #open = false;
  #wanted = false;
  #restart = false;
  /** @type {Need} of the side that answers, as last told */ #need = NONE;
  #restarted = 0; // offerer: the gen of the last offer with a restart
  #failures = 0;
  #timing = false;
  #away = false;
  #down = false;
  /** @type {Need | null} answerer: asked for on this pc, and perhaps not served yet */ #asked = null;
  #own = new Book();
  #remote = new Book();
  /** @type {string[]} ufrags of the description that is being applied */ #inHand = [];
  /** @type {PairAction[]} */ #actions = [];

  /** @param {boolean} offers this side offers */
  constructor(offers) {
    this.#offers = offers;
    this.#phase = offers ? 'over' : 'idle';
  }

  /** Nothing is under way. */
  get stable() {
    return this.#phase === 'idle' && this.#open && !this.#wanted && !this.#restart && !this.#asked;
  }

  /**
   * @param {PairEvent} event
   * @returns {PairAction[]}
   */
  handle(event) {
    this.#actions = [];
    if (!free.has(event.kind) && (event.pc !== this.#pc || !this.#open)) return []; // O6, C2
    switch (event.kind) {
      case 'gathered': this.#gathered(event); break;
      case 'candidates': this.#candidates(event); break;
      case 'peer-away': this.#away = true; this.#stopTimer(); break;
      case 'link-down': this.#down = true; this.#stopTimer(); break;
      case 'peer-back': this.#away = false; this.#startTimer(); break;
      case 'link-up': this.#down = false; this.#startTimer(); break;
      default: this.#offers ? this.#handleOfferer(event) : this.#handleAnswerer(event);
    }
    return this.#actions;
  }

  /** @param {PairEvent} event */
  #handleOfferer(event) {
    const { kind } = event;
    if (kind === 'end') this.#ended(); // O10
    else if (this.#phase === 'over') {
      if (kind === 'begin') { // O1
        this.#failures = 0;
        this.#newPC();
      }
    } else if (kind === 'needed') this.#want(); // O5
    else if (kind === 'negotiate') this.#negotiate(event);
    else if (kind === 'stuck') this.#stuckOfferer();
    else if (kind === 'broken') this.#fail(event.reason); // O8
    else if (kind === 'timer') this.#timeout(event.flows ?? false);
    else if (kind === 'connected') this.#failures = 0; // O11
    else if (event.gen === this.#gen) this.#handleCurrent(event);
  }

  /** What belongs to the offer that is under way. @param {PairEvent} event */
  #handleCurrent({ kind, data, reason }) {
    const phase = this.#phase;
    if (kind === 'made' && phase === 'making') { // O2
      this.#phase = 'waiting';
      this.#do({ kind: 'send', type: 'offer', pc: this.#pc, gen: this.#gen, data });
      this.#sent(data);
      this.#startTimer();
    } else if (kind === 'answer' && phase === 'waiting') { // O3
      this.#phase = 'applying';
      this.#stopTimer();
      this.#inHand = ufragsOf(data?.sdp);
      this.#do({ kind: 'apply-answer', pc: this.#pc, gen: this.#gen, data });
    } else if (kind === 'applied' && phase === 'applying') { // O4
      this.#phase = 'idle';
      this.#described();
      if (this.#wanted) this.#offer();
    } else if (kind === 'reject' && phase === 'waiting') { // O8
      this.#fail(typeof data?.reason === 'string' ? data.reason : '');
    } else if (kind === 'failed' && (phase === 'making' || phase === 'applying')) {
      this.#fail(reason);
    }
  }

  #newPC() { // O1
    this.#stopTimer();
    this.#openPC(this.#pc + 1);
    this.#offer();
  }

  #offer() { // O1
    this.#phase = 'making';
    this.#gen++;
    if (this.#restart) this.#restarted = this.#gen;
    const need = same(this.#need, NONE) ? undefined : this.#need;
    this.#do({ kind: 'make-offer', pc: this.#pc, gen: this.#gen, restart: this.#restart || undefined, need });
    this.#wanted = this.#restart = false;
  }

  #want() { // O5
    if (this.#phase === 'idle') this.#offer();
    else this.#wanted = true;
  }

  /** @param {PairEvent} event */
  #negotiate({ gen = 0, data }) { // O6
    const { need, restart: told, fresh } = readAsk(data);
    const restart = told && this.#restarted <= gen; // else a later offer has done it
    const crossed = this.#phase !== 'idle' && gen < this.#gen && within(need, this.#need) && !restart;
    this.#need = need;
    if (fresh) return this.#fail('fresh');
    if (crossed) return; // the answer to the offer that is out takes everything along
    this.#restart ||= restart;
    this.#want();
  }

  #stuckOfferer() { // O7
    if (this.#phase !== 'idle' && this.#restarted === this.#gen) return; // a restart is on its way
    this.#restart = true;
    this.#want();
  }

  /** @param {string} [reason] */
  #fail(reason) { // O8
    if (++this.#failures <= MAX_FAILURES) return this.#newPC();
    this.#finish();
    this.#do({ kind: 'give-up', reason: reason || undefined });
  }

  /** An offer on a connection that carries media waits: a new one would interrupt it. @param {boolean} flows */
  #timeout(flows) { // O9
    if (!this.#timing) return; // it was stopped while it fired
    this.#timing = false;
    if (flows) this.#startTimer();
    else this.#newPC();
  }

  #ended() { // O10
    this.#finish();
    this.#need = NONE;
    this.#away = this.#down = false;
  }

  /** The number of the connection stays: the other side knows it. */
  #finish() {
    this.#stopTimer();
    this.#closePC();
    this.#phase = 'over';
  }

  /** @param {PairEvent} event */
  #handleAnswerer(event) {
    const current = this.#phase === 'answering' && event.gen === this.#gen;
    switch (event.kind) {
      case 'offer': return this.#answer(event);
      case 'made': return current ? this.#answered(event) : undefined;
      case 'failed': return current ? this.#refuse(event.reason) : undefined;
      case 'needed': return this.#needed(event.need ?? NONE);
      case 'stuck': return this.#stuckAnswerer();
      case 'broken': // A6
        return this.#do({ kind: 'send', type: 'negotiate', pc: this.#pc, gen: this.#gen, data: { need: this.#need, fresh: true } });
      case 'end': return this.#forget();
    }
  }

  /** @param {PairEvent} event */
  #answer({ pc = 0, gen = 0, data }) { // A1
    if (pc === 0 || gen === 0 || pc < this.#pc || (pc === this.#pc && (gen <= this.#gen || this.#phase === 'answering'))) return;
    if (pc > this.#pc) this.#openPC(pc);
    this.#gen = gen;
    if (this.#phase === 'rejected') return this.#reject('failed before');
    this.#phase = 'answering';
    this.#wanted = false;
    this.#inHand = ufragsOf(data?.sdp);
    if (this.#restarts) this.#restart = false;
    this.#do({ kind: 'make-answer', pc, gen, data });
  }

  /** The offer in hand restarts ICE, or is the first one. */
  get #restarts() {
    return !this.#inHand.some((u) => this.#remote.counts(u));
  }

  /** @param {PairEvent} event */
  #answered({ data, need }) { // A2
    this.#phase = 'idle';
    this.#do({ kind: 'send', type: 'answer', pc: this.#pc, gen: this.#gen, data });
    this.#described();
    this.#sent(data);
    if (need) this.#need = need;
    else this.#asked = null;
    if (this.#wanted || (need && !same(this.#asked, need))) this.#ask();
  }

  /** What failed half-way is of no use any more: only a new pc is. @param {string} [reason] */
  #refuse(reason) { // A3
    this.#phase = 'rejected';
    this.#inHand = [];
    this.#reject(reason);
  }

  #reject(reason = '') { // A3
    this.#do({ kind: 'send', type: 'reject', pc: this.#pc, gen: this.#gen, data: { reason } });
  }

  /** @param {Need} need */
  #needed(need) { // A4
    this.#need = need;
    if (this.#pc === 0 || this.#phase === 'rejected') return; // the next offer takes the tracks along
    if (this.#phase === 'answering') this.#wanted = true;
    else if (!same(this.#asked, need)) this.#ask();
  }

  #ask() { // A4
    this.#asked = this.#need;
    this.#wanted = false;
    const data = { need: this.#need, ...(this.#restart && { restart: true }) };
    this.#do({ kind: 'send', type: 'negotiate', pc: this.#pc, gen: this.#gen, data });
  }

  #stuckAnswerer() { // A5
    if (this.#restart || this.#phase === 'rejected' || (this.#phase === 'answering' && this.#restarts)) return; // there is none to restart, or it is on its way
    this.#restart = true;
    if (this.#phase === 'answering') this.#wanted = true;
    else this.#ask();
  }

  #forget() { // A7
    this.#closePC();
    this.#phase = 'idle';
    this.#pc = this.#gen = 0;
    this.#wanted = this.#restart = this.#away = this.#down = false;
    this.#need = NONE;
    this.#asked = null;
  }

  /** @param {PairEvent} event */
  #gathered({ ufrag = '', data, end = false }) { // C1
    if (this.#own.counts(ufrag)) this.#do({ kind: 'send', type: 'candidates', pc: this.#pc, ufrag, end: end || undefined, data });
    else if (!this.#own.isPast(ufrag)) this.#own.keep(ufrag, data, end);
  }

  /** @param {PairEvent} event */
  #candidates({ ufrag = '', data, end = false }) { // C2
    const busy = this.#phase === 'answering' || this.#phase === 'applying';
    if (this.#remote.isPast(ufrag)) return;
    if (!this.#remote.counts(ufrag) || busy) this.#remote.keep(ufrag, data, end);
    else this.#do({ kind: 'add-candidates', pc: this.#pc, ufrag, end: end || undefined, data });
  }

  /** An own description has gone out; what was held for it follows. @param {any} data */
  #sent(data) { // C1
    for (const { ufrag, list, end } of this.#own.turn(ufragsOf(data?.sdp))) {
      this.#do({ kind: 'send', type: 'candidates', pc: this.#pc, ufrag, end: end || undefined, data: list });
    }
  }

  /** The description in hand counts from now on. */
  #described() { // C3
    for (const { ufrag, list, end } of this.#remote.turn(this.#inHand)) {
      this.#do({ kind: 'add-candidates', pc: this.#pc, ufrag, end: end || undefined, data: list });
    }
    this.#inHand = [];
  }

  /** @param {number} pc */
  #openPC(pc) {
    this.#closePC();
    this.#pc = pc;
    this.#gen = this.#restarted = 0;
    this.#phase = 'idle';
    this.#open = true;
    this.#wanted = this.#restart = false;
    this.#asked = null;
    this.#do({ kind: 'open', pc });
  }

  #closePC() {
    if (this.#open) this.#do({ kind: 'close', pc: this.#pc });
    this.#open = false;
    this.#own = new Book();
    this.#remote = new Book();
    this.#inHand = [];
  }

  #startTimer() { // O12
    if (this.#phase !== 'waiting' || this.#timing || this.#away || this.#down) return;
    this.#timing = true;
    this.#do({ kind: 'start-timer' });
  }

  #stopTimer() { // O12
    if (!this.#timing) return;
    this.#timing = false;
    this.#do({ kind: 'stop-timer' });
  }

  /** @param {{[K in keyof PairAction]: PairAction[K] | undefined}} action */
  #do(action) {
    const told = Object.entries(action).filter(([, value]) => value !== undefined);
    this.#actions.push(/** @type {PairAction} */ (Object.fromEntries(told)));
  }
}

/**
 * What a negotiate asks for. What cannot be read counts as not told: the other
 * side's mistake must not stop the negotiation.
 * @param {any} data
 */
function readAsk(data) {
  /** @param {string} kind @param {number} most */
  const count = (kind, most) => {
    const n = data?.need?.[kind];
    return Number.isInteger(n) && n > 0 ? Math.min(n, most) : 0;
  };
  const need = { audio: count('audio', MAX_NEED), video: count('video', MAX_NEED), data: count('data', 1) };
  return { need, restart: data?.restart === true, fresh: data?.fresh === true };
}
