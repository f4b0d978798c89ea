import { Call, Invitation } from './calls.js';
import { soonOrLate } from './outbox.js';

const GRACE = 5_000; // ms after which what rings is over though nobody said so

/** @typedef {import('./wire.js').Frame} Frame */
/** @typedef {import('./errors.js').SignalError} SignalError */
/** @typedef {{online: boolean, busy: boolean, peers: number}} Presence */
/** @typedef {{room?: string, data?: any, anyway?: boolean}} CallOptions room: the call's, else the server makes one. anyway: ring also who is busy */
/**
 * @typedef {{
 *   presence: {user: string, presence: Presence}, usermessage: {user: string | null, from: string, data: any},
 *   invited: {call: Invitation}, missed: {call: Invitation, ago: number},
 * }} UserEvents
 */
/**
 * @typedef {{
 *   push: (frame: Frame, fate: import('./outbox.js').Fate) => void,
 *   enter: import('./calls.js').Line['enter'],
 *   fire: <K extends keyof UserEvents>(type: K, fields: UserEvents[K]) => void,
 *   late: (error: SignalError) => void,
 *   setTimeout: (f: () => void, ms: number) => any, clearTimeout: (timer: any) => void,
 * }} UserWire
 *   late: a message was refused, and its sender waits no more
 */

/** Users: who is there, who rings whom. PROTOCOL.md, Users and Invitations. */
export class Users {
  #wire;
  #line;
  /** @type {Map<string, Presence | null>} null: not known yet */ #watched = new Map();
  /** @type {Set<Call>} that are not over */ #calls = new Set();
  /** @type {Map<string, {call: Invitation, timer: any, held: boolean}>} by id: what rings here. held: the application does not know */ #ringing = new Map();
  #talking = 0; // calls that there are
  #said = false; // busy, as the application says
  #told = false; // as the server knows it

  /** @param {UserWire} wire */
  constructor(wire) {
    this.#wire = wire;
    this.#line = {
      ask: (/** @type {Frame} */ frame) => this.#ask(frame),
      enter: wire.enter,
      busy: (/** @type {1 | -1} */ step) => {
        this.#talking += step;
        this.#status();
      },
    };
  }

  /** @returns {ReadonlyMap<string, Presence | null>} */
  get presence() {
    return this.#watched;
  }

  /** @param {string[]} users */
  async watch(users) {
    for (const user of users) if (!this.#watched.has(user)) this.#watched.set(user, null);
    await this.#ask({ type: 'watch', users });
  }

  /** @param {string[]} users */
  async unwatch(users) {
    for (const user of users) this.#watched.delete(user);
    await this.#ask({ type: 'unwatch', users });
  }

  /** @param {boolean} busy */
  busy(busy) {
    this.#said = busy;
    this.#status();
  }

  /** @param {string} user @param {any} data @returns {Promise<void>} */
  send(user, data) {
    return new Promise((ok, fail) => this.#wire.push({ type: 'message', user, data }, soonOrLate(() => ok(), fail, this.#wire.late)));
  }

  /** @param {string} user @param {CallOptions} [options] */
  call(user, { room, data, anyway } = {}) {
    const call = new Call(this.#line, user);
    this.#calls.add(call);
    call.on('statechange', () => this.#callChanged(call));
    this.#wire.push({ type: 'invite', user, room, data, anyway: anyway || undefined }, {
      answer: true,
      ok: (frame) => call.begun(frame?.invite ?? ''),
      fail: (error) => call.end(error.code === 'outcome_unknown' ? 'lost' : 'offline', error),
    });
    return call;
  }

  /** @param {Frame} frame @returns {boolean} whether it was about users */
  frame(frame) {
    switch (frame.type) {
      case 'presence': this.#presence(frame); break;
      case 'invited': this.#invited(frame); break;
      case 'missed': this.#wire.fire('missed', { call: this.#missed(frame), ago: frame.ttl ?? 0 }); break;
      case 'cancelled': this.#silence(frame.invite ?? '', /** @type {import('./calls.js').Ending} */ (frame.reason)); break;
      case 'ringing': case 'accepted': case 'declined':
        for (const call of this.#calls) if (call.id === frame.invite) call.frame(frame);
        break;
      case 'message':
        if (frame.room !== undefined) return false;
        this.#wire.fire('usermessage', { user: frame.user ?? null, from: frame.from ?? '', data: frame.data });
        break;
      default: return false;
    }
    return true;
  }

  /** The server has forgotten all: what is still wanted is said again. */
  lost() {
    for (const call of [...this.#calls]) call.end('lost');
    this.#told = false;
    this.#status();
    if (this.#watched.size) this.#ask({ type: 'watch', users: [...this.#watched.keys()] }).catch(() => {});
  }

  over() {
    for (const call of [...this.#calls]) call.end('closed');
    for (const id of [...this.#ringing.keys()]) this.#silence(id, 'closed');
  }

  /** @param {Frame} frame @returns {Promise<Frame>} */
  #ask(frame) {
    return new Promise((ok, fail) => this.#wire.push(frame, { answer: true, ok: (answer) => ok(answer ?? frame), fail }));
  }

  #status() {
    const busy = this.#said || this.#talking > 0;
    if (busy === this.#told) return;
    this.#told = busy;
    this.#ask({ type: 'status', busy }).catch(() => {}); // anonymous clients have none
  }

  /** @param {Frame} frame */
  #presence({ user = '', online, busy, peers }) {
    if (!this.#watched.has(user)) return;
    const presence = { online: !!online, busy: !!busy, peers: Number(peers) };
    this.#watched.set(user, presence);
    this.#wire.fire('presence', { user, presence });
  }

  /** @param {Frame} frame */
  #missed(frame) {
    const call = new Invitation(this.#line, frame);
    call.end('timeout');
    return call;
  }

  /** @param {Frame} frame */
  #invited(frame) {
    const id = frame.invite ?? '';
    if (this.#ringing.has(id)) return; // a server that was lost says it again
    const call = new Invitation(this.#line, frame);
    const timer = this.#wire.setTimeout(() => this.#silence(id, 'timeout'), (frame.ttl ?? 0) + GRACE);
    // Whom I ring myself and who rings me: the server makes one call of it.
    const held = [...this.#calls].some((own) => own.user === call.user);
    this.#ringing.set(id, { call, timer, held });
    call.on('statechange', () => this.#silence(id));
    if (!held) this.#wire.fire('invited', { call });
  }

  /** @param {string} id @param {import('./calls.js').Ending} [reason] */
  #silence(id, reason) {
    const entry = this.#ringing.get(id);
    if (!entry) return;
    this.#ringing.delete(id);
    this.#wire.clearTimeout(entry.timer);
    if (reason) entry.call.end(reason);
  }

  /** @param {Call} call */
  #callChanged(call) {
    if (call.state !== 'accepted' && call.state !== 'over') return;
    this.#calls.delete(call);
    if (call.state === 'accepted') return;
    for (const entry of [...this.#ringing.values()]) {
      if (!entry.held || entry.call.user !== call.user) continue;
      entry.held = false;
      this.#wire.fire('invited', { call: entry.call });
    }
  }
}
