import { SignalError, closed } from './errors.js';
import { Feed, Target } from './events.js';
import { Me, rosterData } from './me.js';
import { Pair } from './pair.js';
import { Seat } from './seat.js';
import { startSources } from './source.js';
import { size } from './wire.js';

const AWAY_AFTER = 1_000;

/** @typedef {import('./wire.js').Frame} Frame */
/** @typedef {import('./participant.js').Participant} Participant */
/** @typedef {import('./session.js').State} State */
/** @typedef {'left' | 'replaced' | 'failed'} Reason why the room is over */
/** @typedef {'left' | 'timeout' | 'forbidden'} LeftReason why a participant is not there any more */
/**
 * @typedef {{
 *   name?: string, metadata?: any,
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
 *   env: import('./probe.js').Env,
 *   log: (level: 'debug' | 'info' | 'warn', what: string, detail?: object) => void,
 *   session: import('./session.js').Session,
 *   configuration: () => RTCConfiguration,
 *   post: (to: string, frame: Frame, fate?: import('./outbox.js').Fate) => void,
 *   attach: (handlers: RoomHandlers) => void,
 *   gone: (id: string) => void,
 *   leave: () => Promise<void>,
 * }} Wire
 *   session delivers to the server, post to another peer; gone says that a
 *   peer has left this room; leave says that this room is over, and gives up
 *   the connection if that was made for it
 */
/**
 * @typedef {{
 *   statechange: {}, blocked: {}, error: {error: SignalError},
 *   participantjoined: {participant: Participant}, participantaway: {participant: Participant},
 *   participantback: {participant: Participant}, participantchanged: {participant: Participant},
 *   participantleft: {participant: Participant, reason: LeftReason},
 *   message: {participant: Participant, data: any},
 * }} RoomEvents
 */

/**
 * A room that this client is in. Iterating it yields who is there, then who
 * comes, and ends with it.
 * @extends {Target<RoomEvents>}
 */
export class Room extends Target {
  #wire;
  /** @type {Map<string, Seat>} */ #seats = new Map();
  /** @type {Map<string, Participant>} */ #participants = new Map();
  /** @type {Map<string, Pair>} offering machines: their pc goes on when a peer comes back */ #pairs = new Map();
  /** @type {Map<string, any>} by id: timers of those whom a lost server forgot */ #missing = new Map();
  /** @type {Set<Feed<Participant>>} */ #feeds = new Set();
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
  constructor(name, wire, { name: ownName, metadata, camera, microphone }) {
    super();
    this.name = name;
    this.#wire = wire;
    this.me = new Me({
      env: wire.env, session: wire.session, name: ownName, metadata,
      publish: () => this.#publish(),
      check: (data) => this.#check('update', JSON.stringify(data)),
    });
    wire.attach({
      frame: (frame) => this.#frame(frame),
      state: () => this.#judge(),
      lost: (how) => this.#lose(how),
      unsaid: (frame, fate) => this.#tellEach(frame, fate),
      over: (reason, error) => this.#end(reason, error),
    });
    for (const source of [this.me.camera, this.me.microphone]) source.on('change', () => this.#sourceChanged());
    startSources(wire.env, this.me, { camera, microphone });
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
    return this.#participants;
  }

  /** Resolves when the server has let me in. */
  enter() {
    return (this.#entering ??= new Promise((resolve, reject) => {
      this.#entered = (error) => (error ? reject(error) : resolve());
      this.#join();
    }));
  }

  /** @returns {Feed<Participant>} */
  [Symbol.asyncIterator]() {
    /** @type {Feed<Participant>} */
    const feed = new Feed(() => this.#feeds.delete(feed));
    for (const participant of this.#participants.values()) feed.push(participant);
    if (this.#state === 'disconnected') feed.end();
    else this.#feeds.add(feed);
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
    if (to && !this.#seats.has(to.id)) throw new SignalError('no_such_peer', 'this participant has left');
    const frame = { type: 'message', room: this.name, data: data ?? null };
    this.#check('message', JSON.stringify(frame.data), this.#wire.session.limits.message - 512);
    await new Promise((resolve, reject) => {
      const fate = { ok: () => resolve(undefined), fail: reject };
      if (to) this.#wire.post(to.id, frame, fate);
      else if (this.#lost || this.#missing.size) this.#tellEach(frame, fate);
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
    await Promise.all([...this.#seats.keys()].map((id) => new Promise((resolve) => {
      this.#wire.post(id, { type, room: this.name, data }, { ok: resolve, fail: resolve });
    })));
    fate.ok?.();
  }

  /** Leaves; `join()` without a client closes its connection with it. */
  async leave() {
    if (this.#state === 'disconnected') return;
    this.#end('left');
    await this.#wire.leave();
  }

  /** Starts the sound that the browser has blocked; call it from a click. */
  async play() {
    await Promise.all([...this.#seats.values()].map((seat) => seat.play()));
  }

  #mustBeThere() {
    if (this.#state === 'disconnected') throw closed('room');
  }

  /** @param {string} type @param {string} data JSON @param {number} [limit] */
  #check(type, data, limit = this.#wire.session.limits.metadata) {
    const bytes = size(data);
    if (bytes > limit) throw new SignalError('too_big', `${type}: ${bytes} bytes, and ${limit} are allowed`);
  }

  #join() {
    const frame = { type: 'join', room: this.name, data: rosterData(this.me) };
    this.#told = JSON.stringify(frame.data);
    try {
      this.#check('join', this.#told);
    } catch (error) {
      return this.#refused(/** @type {SignalError} */ (error));
    }
    this.#wire.session.push(frame, {
      answer: true,
      fail: (error) => error.code === 'outcome_unknown' || this.#refused(error), // it is sent again
    });
  }

  /** @param {SignalError} error */
  #refused(error) {
    if (this.#state === 'disconnected') return;
    this.#end('failed', error);
    this.#wire.leave();
  }

  /** Tells the others who I am and what my slots carry; changes of one moment go together. */
  #publish() {
    this.#publishing ??= Promise.resolve().then(() => {
      this.#publishing = null;
      if (!this.#snapshot) return; // told when it is there
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
    for (const seat of this.#seats.values()) seat.tracksChanged();
    this.#publishSoon();
    this.me.fire('changed');
    this.play(); // a page that captures may play sound
  }

  /** @param {'history' | 'session'} how */
  #lose(how) {
    this.#snapshot = false;
    if (this.#lost !== 'session') this.#lost = how;
    if (how === 'session') this.#pairs.clear();
    this.#judge();
    this.#join();
  }

  #judge() {
    const link = this.#wire.session.state;
    for (const seat of this.#seats.values()) seat.linkChanged();
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
    if (reason === 'failed' && error && !this.#entered) this.fire('error', { error });
    this.#entered?.(error ?? closed('room'));
    this.#entered = null;
    for (const timer of this.#missing.values()) this.#wire.env.clearTimeout(timer);
    for (const seat of this.#seats.values()) seat.end();
    this.#seats.clear();
    this.#participants.clear();
    this.me.camera.stop();
    this.me.microphone.stop();
    this.#setState('disconnected');
    for (const feed of this.#feeds) feed.end();
  }

  /** @param {Frame} frame */
  #frame(frame) {
    if (this.#state === 'disconnected') return;
    const seat = this.#seats.get(frame.from ?? '');
    switch (frame.type) {
      case 'joined': return this.#handleJoined(frame.peers ?? []);
      case 'peer-joined': return this.#handlePeer(frame.peer);
      case 'peer-updated': return this.#handleUpdated(frame.peer);
      case 'peer-left':
        if (frame.from === this.#wire.session.id) return this.#refused(new SignalError('forbidden', `the server has taken you out of the room: ${frame.reason}`));
        return seat && this.#remove(seat, frame.reason ?? 'left');
      case 'peer-away': return seat && this.#setAway(seat, true);
      case 'peer-back': return seat && this.#setAway(seat, false);
      case 'message': return seat && 'data' in frame ? this.fire('message', { participant: seat.participant, data: frame.data }) : undefined;
      case 'offer': case 'answer': case 'candidates': case 'negotiate': case 'reject': return seat?.handle(frame);
    }
  }

  /** A snapshot: whoever is not in it is gone, or was forgotten by a server that is lost. @param {import('./wire.js').Peer[]} peers */
  #handleJoined(peers) {
    const lost = this.#lost;
    this.#lost = null;
    this.#snapshot = true;
    const here = new Set(peers.map((peer) => peer.id));
    for (const seat of [...this.#seats.values()]) {
      if (!here.has(seat.id)) lost === 'history' ? this.#miss(seat) : this.#remove(seat, 'timeout');
    }
    for (const peer of peers) {
      if (lost === 'session') this.#seats.get(peer.id)?.renew(peer, this.#pairWith(peer)); // a new id of mine: a new pair, perhaps with other roles
      this.#handlePeer(peer);
    }
    this.#judge();
    this.#publishSoon();
    this.#entered?.(null);
    this.#entered = null;
  }

  /** @param {import('./wire.js').Peer} peer */
  #handlePeer(peer) {
    const known = this.#seats.get(peer.id);
    if (!known) return this.#add(peer);
    this.#handleUpdated(peer);
    this.#setAway(known, peer.away ?? false);
  }

  /** @param {import('./wire.js').Peer} peer */
  #pairWith(peer) {
    if (peer.offers) return new Pair(false);
    const pair = this.#pairs.get(peer.id) ?? new Pair(true);
    this.#pairs.set(peer.id, pair);
    return pair;
  }

  /** @param {import('./wire.js').Peer} peer */
  #add(peer) {
    /** @type {Seat} */
    const seat = new Seat(peer, {
      ...this.#wire,
      trackOf: (name) => this.me[name].track,
      send: (to, frame) => this.#wire.post(to, { ...frame, room: this.name }),
      onerror: (error) => {
        error.participant = seat.participant;
        this.fire('error', { error });
      },
      onblocked: () => this.fire('blocked'),
    });
    this.#seats.set(peer.id, seat);
    this.#participants.set(peer.id, seat.participant);
    seat.begin(this.#pairWith(peer));
    for (const feed of this.#feeds) feed.push(seat.participant);
    this.fire('participantjoined', { participant: seat.participant });
  }

  /** @param {import('./wire.js').Peer} peer */
  #handleUpdated(peer) {
    const seat = this.#seats.get(peer.id);
    if (!seat || JSON.stringify(seat.data) === JSON.stringify(peer.data)) return;
    seat.update(peer);
    this.fire('participantchanged', { participant: seat.participant });
  }

  /** @param {Seat} seat @param {boolean} away */
  #setAway(seat, away) {
    this.#wire.env.clearTimeout(this.#missing.get(seat.id));
    this.#missing.delete(seat.id);
    if (seat.away === away) return;
    seat.setAway(away);
    this.fire(away ? 'participantaway' : 'participantback', { participant: seat.participant });
  }

  /** Most of those whom a lost server forgot are on their way, too: away after a moment, as with any lost link. @param {Seat} seat */
  #miss(seat) {
    if (this.#missing.has(seat.id)) return; // since the server before
    const { setTimeout } = this.#wire.env;
    this.#missing.set(seat.id, setTimeout(() => {
      this.#setAway(seat, true);
      this.#missing.set(seat.id, setTimeout(() => this.#remove(seat, 'timeout'), this.#wire.session.window));
    }, AWAY_AFTER));
  }

  /** @param {Seat} seat @param {LeftReason} reason */
  #remove(seat, reason) {
    this.#wire.env.clearTimeout(this.#missing.get(seat.id));
    this.#missing.delete(seat.id);
    seat.end();
    this.#seats.delete(seat.id);
    this.#participants.delete(seat.id);
    this.#wire.gone(seat.id);
    this.fire('participantleft', { participant: seat.participant, reason });
  }
}
