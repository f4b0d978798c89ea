import { SignalError, closed, taken } from './errors.js';
import { Lobby } from './lobby.js';
import { Me, rosterData } from './me.js';
import { Moderated } from './moderation.js';
import { soonOrLate } from './outbox.js';
import { Roster } from './roster.js';
import { startSources } from './source.js';
import { size } from './wire.js';

/** @typedef {import('./wire.js').Frame} Frame */
/** @typedef {import('./wire.js').Role} Role */
/** @typedef {import('./participant.js').Participant} Participant */
/** @typedef {import('./lobby.js').Knocker} Knocker */
/** @typedef {import('./moderation.js').Rules} Rules */
/** @typedef {import('./roster.js').RoomEvents} RoomEvents */
/** @typedef {import('./session.js').State | 'waiting'} State waiting: in the lobby */
/** @typedef {'left' | 'replaced' | 'failed' | 'kicked' | 'banned' | 'ended' | 'forbidden'} Reason why the room is over */
/**
 * @typedef {{
 *   name?: string, metadata?: any, password?: string, link?: string, waiting?: (room: Room, after: number) => void,
 *   camera?: import('./devices.js').Want, microphone?: import('./devices.js').Want,
 * }} RoomOptions
 */
/**
 * What a room hears from its client.
 * @typedef {{
 *   frame: (frame: Frame) => void,
 *   state: () => void,
 *   lost: (how: 'history' | 'session') => void,
 *   unsaid: (frame: Frame, fate: import('./outbox.js').Fate) => void,
 *   over: (reason: Reason, error: SignalError | null) => void,
 * }} RoomHandlers
 */
/**
 * What a room needs of its client.
 * @typedef {{
 *   client: import('./client.js').Client, env: import('./probe.js').Env,
 *   log: (level: 'debug' | 'info' | 'warn', what: string, detail?: object) => void,
 *   session: import('./session.js').Session,
 *   configuration: (policy?: import('./wire.js').CandidatePolicy) => RTCConfiguration,
 *   post: (to: string, frame: Frame, fate?: import('./outbox.js').Fate) => void,
 *   attach: (handlers: RoomHandlers) => void,
 *   gone: (id: string) => void,
 *   over: (inside: boolean) => Promise<void>,
 * }} Wire
 *   session delivers to the server, post to another peer; configuration is by
 *   the room's own candidate policy; gone says that a peer has left this room;
 *   over says that this room is over, tells the server so if it has me inside,
 *   and gives up the connection if that was made for this room
 */
/** @type {Set<string>} */
const endings = new Set(['replaced', 'kicked', 'banned', 'ended', 'forbidden']);

/**
 * A room that this client is in. Iterating it yields who is there, then who
 * comes, and ends with it.
 * @extends {Moderated<RoomEvents>}
 */
export class Room extends Moderated {
  #wire;
  #roster;
  #lobby = new Lobby((type, fields) => this.fire(type, fields));
  /** @type {{password?: string, link?: string}} what lets me in */ #keys;
  /** @type {Rules} */ #rules = {};
  /** @type {State} */ #state = 'connecting';
  /** @type {Reason | null} */ #reason = null;
  /** @type {'session' | 'history' | null} what was lost since the last snapshot */ #lost = null;
  #snapshot = false; // of this session
  /** @type {((error: SignalError | null) => void) | null} */ #entered = null;
  /** @type {Promise<void> | null} */ #entering = null;
  /** @type {Promise<void> | null} */ #publishing = null;
  #told = ''; // what the others know of me, or will

  /**
   * @param {string} name
   * @param {Wire} wire
   * @param {RoomOptions} options
   */
  constructor(name, wire, { name: ownName, metadata, password, link, waiting, camera, microphone }) {
    const me = new Me({
      env: wire.env, session: wire.session, name: ownName, metadata,
      publish: () => this.#publish(),
      check: (data) => this.#check('update', JSON.stringify(data)),
    });
    super(me, (frame, answer) => this.#ask(frame, answer));
    this.name = name;
    this.#wire = wire;
    this.#keys = { password, link };
    this.#roster = new Roster({
      name, me, wire,
      configuration: () => wire.configuration(this.#rules.candidates),
      fire: (type, fields) => this.fire(type, fields),
    });
    wire.attach({
      frame: (frame) => this.#frame(frame),
      state: () => this.#judge(),
      lost: (how) => this.#lose(how),
      unsaid: (frame, fate) => this.#tellEach(frame, fate),
      over: (reason, error) => this.#end(reason, error),
    });
    if (waiting) this.on('waiting', ({ after }) => waiting(this, after));
    for (const source of [me.camera, me.microphone]) source.on('change', () => this.#sourceChanged());
    startSources(wire.env, me, { camera, microphone });
  }

  /** The connection that it goes over, for what goes beyond the room. */
  get client() {
    return this.#wire.client;
  }

  /** @returns {State} */
  get state() {
    return this.#state;
  }

  /** Why it is over, or null. */
  get reason() {
    return this.#reason;
  }

  /** @returns {ReadonlyMap<string, Participant>} by id, longest here first */
  get participants() {
    return this.#roster.participants;
  }

  /** What holds here, as hosts have said. */
  get rules() {
    return this.#rules;
  }

  /** @returns {ReadonlyMap<string, Knocker>} by id: who waits to be let in, as hosts are told */
  get knockers() {
    return this.#lobby.knockers;
  }

  /** Resolves when the server has let me in. */
  enter() {
    return (this.#entering ??= new Promise((resolve, reject) => {
      this.#entered = (error) => (error ? reject(error) : resolve());
      this.#join();
    }));
  }

  /** @returns {import('./events.js').Feed<Participant>} */
  [Symbol.asyncIterator]() {
    const feed = this.#roster.feed();
    if (this.#state === 'disconnected') feed.end();
    return feed;
  }

  /**
   * Sends data through the server, to one participant or to all. Resolves when
   * the server has it; reaches each receiver exactly once and in order.
   * @param {any} data any JSON
   * @param {{to?: Participant}} [options]
   * @returns {Promise<void>}
   */
  async send(data, { to } = {}) {
    this.#mustBeThere();
    if (to && !this.#roster.seat(to.id)) throw new SignalError('no_such_peer', 'this participant has left');
    const frame = { type: 'message', room: this.name, data: data ?? null };
    this.#check('message', JSON.stringify(frame.data), this.#wire.session.limits.message - 512);
    await new Promise((resolve, reject) => {
      const fate = soonOrLate(() => resolve(undefined), reject, (error) => this.fire('error', { error: Object.assign(error, { participant: to }) }));
      if (to) this.#wire.post(to.id, frame, fate);
      else if (this.#lost || this.#roster.misses) this.#tellEach(frame, fate);
      else this.#wire.session.push(frame, fate);
    });
  }

  /**
   * To each alone, and so also to those who are still on their way back from a
   * server that is lost.
   * @param {Frame} frame
   * @param {import('./outbox.js').Fate} fate
   */
  async #tellEach({ type, data }, fate) {
    await Promise.all([...this.participants.keys()].map((id) => new Promise((resolve) => {
      this.#wire.post(id, { type, room: this.name, data }, { ok: resolve, fail: resolve });
    })));
    fate.ok?.();
  }

  /** Leaves; `join()` without a client closes its connection with it. */
  async leave() {
    if (this.#state === 'disconnected') return;
    this.#end('left');
    await this.#wire.over(true);
  }

  /** Starts the sound that the browser has blocked; call it from a click. */
  async play() {
    await this.#roster.play();
  }

  #mustBeThere() {
    if (this.#state === 'disconnected') throw closed('room');
  }

  /** @param {string} type @param {string} data JSON @param {number} [limit] */
  #check(type, data, limit = this.#wire.session.limits.metadata) {
    const bytes = size(data);
    if (bytes > limit) throw new SignalError('too_big', `${type}: ${bytes} bytes, and ${limit} are allowed`);
  }

  /** @param {Frame} frame @param {boolean} [answer] */
  async #ask(frame, answer = true) {
    this.#mustBeThere();
    this.#check(frame.type, JSON.stringify(frame), this.#wire.session.limits.message - 512);
    return new Promise((ok, refused) => {
      /** @param {SignalError} error */
      const fail = (error) => (frame.type === 'end' && this.#reason === 'ended' ? ok(undefined) : refused(error)); // I am out before the answer comes
      this.#wire.session.push({ ...frame, room: this.name }, { answer, ok, fail });
    });
  }

  #join() {
    const frame = { type: 'join', room: this.name, ...this.#keys, data: rosterData(this.me) };
    this.#told = JSON.stringify(frame.data);
    try {
      this.#check('join', this.#told);
      this.#check('join', JSON.stringify(this.#keys));
    } catch (error) {
      return this.#out(/** @type {SignalError} */ (error));
    }
    this.#wire.session.push(frame, {
      answer: true,
      fail: (error) => error.code === 'outcome_unknown' || this.#refused(error), // it is sent again
    });
  }

  /** A link may have ended since it let me in, and is not needed to stay. @param {SignalError} error */
  #refused(error) {
    if (this.#entered || !this.#keys.link || !/^(bad_link|link_.*)$/.test(error.code)) return this.#out(error);
    this.#keys.link = undefined;
    this.#join();
  }

  /** The server does not have me inside, or no more. @param {SignalError} error @param {Reason} [reason] */
  #out(error, reason = 'failed') {
    if (this.#state === 'disconnected') return;
    this.#end(reason, error);
    this.#wire.over(false);
  }

  /** Tells the others who I am and what my slots carry; changes of one moment go together. */
  #publish() {
    this.#publishing ??= Promise.resolve().then(() => {
      this.#publishing = null;
      if (!this.#snapshot && this.#state !== 'waiting') return; // told when it is there
      const frame = { type: 'update', room: this.name, data: rosterData(this.me) };
      const told = JSON.stringify(frame.data);
      if (told === this.#told) return;
      this.#check('update', told);
      this.#told = told;
      return new Promise((resolve, reject) => {
        this.#wire.session.push(frame, {
          answer: true,
          ok: () => resolve(),
          fail: (error) => {
            if (error.code === 'outcome_unknown') return resolve(); // a join follows, and tells it too
            this.#told = '';
            reject(error);
          },
        });
      });
    });
    return this.#publishing;
  }

  #publishSoon() {
    this.#publish().catch((error) => this.#state !== 'disconnected' && this.fire('error', { error }));
  }

  #sourceChanged() {
    this.#roster.tracksChanged();
    this.#publishSoon();
    this.me.fire('changed');
    this.play(); // a page that captures may play sound
  }

  /** @param {'history' | 'session'} how */
  #lose(how) {
    this.#snapshot = false;
    if (this.#lost !== 'session') this.#lost = how;
    if (how === 'session') this.#roster.renumber();
    this.#lobby.lose();
    this.#judge();
    this.#join();
  }

  #judge() {
    const link = this.#wire.session.state;
    this.#roster.linkChanged();
    if (link === 'disconnected') return;
    if (link === 'connected' && this.#snapshot) this.#setState('connected');
    else if (this.#state === 'connected') this.#setState('reconnecting');
  }

  /** @param {State} state */
  #setState(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.fire('statechange');
  }

  /** @param {Reason} reason @param {SignalError | null} [error] */
  #end(reason, error) {
    if (this.#state === 'disconnected') return;
    this.#reason = reason;
    if (error && reason !== 'left' && reason !== 'replaced' && !this.#entered) this.fire('error', { error });
    this.#entered?.(error ?? closed('room'));
    this.#entered = null;
    this.#roster.end();
    this.me.camera.stop();
    this.me.microphone.stop();
    this.#setState('disconnected');
    this.#roster.endFeeds();
  }

  /** @param {Frame} frame */
  #frame(frame) {
    if (this.#state === 'disconnected') return;
    const seat = this.#roster.seat(frame.from);
    switch (frame.type) {
      case 'joined': return this.#handleJoined(frame);
      case 'waiting': return this.#handleWaiting(frame);
      case 'denied': return this.#taken(frame);
      case 'peer-joined': return this.#handlePeerJoined(frame);
      case 'peer-updated': return this.#roster.updated(frame.peer);
      case 'peer-left':
        if (frame.from === this.#wire.session.id) return this.#taken(frame);
        return seat && this.#roster.remove(seat, frame.reason ?? 'left');
      case 'peer-away': return seat && this.#roster.setAway(seat, true);
      case 'peer-back': return seat && this.#roster.setAway(seat, false);
      case 'role': return this.#setRole(frame);
      case 'rules': return this.#handleRules(frame);
      case 'knock': return this.#lobby.knock(frame.peer);
      case 'knock-ended': return this.#lobby.ended(frame.from ?? '', frame.reason);
      case 'message': return seat && 'data' in frame ? this.fire('message', { participant: seat.participant, data: frame.data }) : undefined;
      case 'mute-request': return seat && this.fire('muterequest', { participant: seat.participant, data: frame.data });
      case 'offer': case 'answer': case 'candidates': case 'negotiate': case 'reject': return seat?.handle(frame);
    }
  }

  /** Somebody has put me out, or nobody has let me in. @param {Frame} frame */
  #taken({ type, reason = '', text }) {
    this.#out(taken(type, reason, text), endings.has(reason) ? reason : 'failed');
  }

  /** @param {Frame} frame */
  #handleWaiting({ after = 0 }) {
    this.#roster.snapshot([], 'session'); // who was inside before is outside now
    this.#lost = null;
    this.#snapshot = false;
    this.#setState('waiting');
    this.#publishSoon();
    this.fire('waiting', { after });
  }

  /** @param {Frame} frame */
  #handleJoined({ peers = [], role, rules = {} }) {
    const lost = this.#lost;
    this.#lost = null;
    this.#snapshot = true;
    this.#rules = rules;
    this.#setRole({ type: 'role', role });
    this.#roster.snapshot(peers, lost);
    this.#judge();
    this.#publishSoon();
    this.#entered?.(null);
    this.#entered = null;
  }

  /** @param {Frame} frame */
  #handlePeerJoined({ peer }) {
    this.#lobby.ended(peer.id, 'admitted');
    this.#roster.peer(peer);
  }

  /** @param {Frame} frame */
  #setRole({ role = 'participant', from }) {
    if (role === this.me.role) return;
    this.me.role = role;
    if (role !== 'host') this.#lobby.lose();
    this.#roster.roleChanged();
    this.#publishSoon();
    this.me.fire('changed');
    this.fire('role', { role, by: this.#roster.seat(from)?.participant ?? null });
  }

  /** @param {Frame} frame */
  #handleRules({ rules = {}, from }) {
    this.#rules = rules;
    this.fire('rules', { rules, by: this.#roster.seat(from)?.participant ?? null });
  }
}
