import { Feed } from './events.js';
import { Pair } from './pair.js';
import { Seat } from './seat.js';

const AWAY_AFTER = 1_000;

/** @typedef {import('./wire.js').Frame} Frame */
/** @typedef {import('./wire.js').Peer} Peer */
/** @typedef {import('./participant.js').Participant} Participant */
/** @typedef {'left' | 'timeout' | 'forbidden' | 'kicked' | 'banned' | 'ended' | 'replaced'} LeftReason why a participant is not there any more */
/**
 * What a room tells.
 * @typedef {{
 *   statechange: {}, blocked: {}, error: {error: import('./errors.js').SignalError},
 *   participantjoined: {participant: Participant}, participantaway: {participant: Participant},
 *   participantback: {participant: Participant}, participantchanged: {participant: Participant},
 *   participantleft: {participant: Participant, reason: LeftReason},
 *   message: {participant: Participant, data: any}, muterequest: {participant: Participant, data: any},
 *   waiting: {after: number}, role: {role: import('./wire.js').Role, by: Participant | null}, rules: {rules: import('./moderation.js').Rules, by: Participant | null},
 *   knock: {knocker: import('./lobby.js').Knocker}, knockended: {knocker: import('./lobby.js').Knocker, reason: import('./lobby.js').KnockEnd},
 * }} RoomEvents
 */
/**
 * What a roster needs of its room.
 * @typedef {{
 *   name: string, me: import('./me.js').Me, wire: import('./room.js').Wire,
 *   configuration: () => RTCConfiguration,
 *   fire: <K extends keyof RoomEvents>(type: K, fields: RoomEvents[K]) => void,
 * }} RosterOptions
 */

/** The others in a room: a Seat for each, as the server tells of them. */
export class Roster {
  #options;
  #wire;
  #env;
  /** @type {Map<string, Seat>} */ #seats = new Map();
  /** @type {Map<string, Participant>} */ #participants = new Map();
  /** @type {Map<string, Pair>} offering machines: their pc goes on when a peer comes back */ #pairs = new Map();
  /** @type {Map<string, any>} by id: timers of those whom a lost server forgot */ #missing = new Map();
  /** @type {Set<Feed<Participant>>} */ #feeds = new Set();

  /** @param {RosterOptions} options */
  constructor(options) {
    this.#options = options;
    this.#wire = options.wire;
    this.#env = options.wire.env;
  }

  /** @returns {ReadonlyMap<string, Participant>} by id, longest here first */
  get participants() {
    return this.#participants;
  }

  /** Somebody was forgotten by a server that is lost, and may be on the way back. */
  get misses() {
    return this.#missing.size > 0;
  }

  /** @param {string} [id] */
  seat(id = '') {
    return this.#seats.get(id);
  }

  /** @returns {Feed<Participant>} */
  feed() {
    /** @type {Feed<Participant>} */
    const feed = new Feed(() => this.#feeds.delete(feed));
    for (const participant of this.#participants.values()) feed.push(participant);
    this.#feeds.add(feed);
    return feed;
  }

  /** Starts the sound that the browser has blocked. */
  async play() {
    await Promise.all([...this.#seats.values()].map((seat) => seat.play()));
  }

  tracksChanged() {
    for (const seat of this.#seats.values()) seat.tracksChanged();
  }

  linkChanged() {
    for (const seat of this.#seats.values()) seat.linkChanged();
  }

  /** The own role is another. */
  roleChanged() {
    for (const seat of this.#seats.values()) this.#settle(seat);
    this.tracksChanged();
  }

  /** The next session is another peer, which begins every pair anew. */
  renumber() {
    this.#pairs.clear();
  }

  /**
   * A snapshot: whoever is not in it is gone, or was forgotten by a server that
   * is lost.
   * @param {Peer[]} peers
   * @param {'history' | 'session' | null} lost since the one before
   */
  snapshot(peers, lost) {
    const here = new Set(peers.map((peer) => peer.id));
    for (const seat of [...this.#seats.values()]) {
      if (!here.has(seat.id)) lost === 'history' ? this.#miss(seat) : this.remove(seat, 'timeout');
    }
    for (const peer of peers) {
      if (lost === 'session') this.#seats.get(peer.id)?.renew(peer); // a new id of mine: a new pair, perhaps with other sides
      this.peer(peer);
    }
  }

  /** Is there, perhaps for a while. @param {Peer} peer */
  peer(peer) {
    const known = this.#seats.get(peer.id);
    if (!known) return this.#add(peer);
    this.updated(peer);
    this.#settle(known);
    this.setAway(known, peer.away ?? false);
  }

  /** @param {Peer} peer */
  #add(peer) {
    const { name, me, fire, configuration } = this.#options;
    /** @type {Seat} */
    const seat = new Seat(peer, {
      ...this.#wire,
      configuration,
      trackOf: (slot) => (me.role === 'viewer' ? null : me[slot].track),
      send: (to, frame) => this.#wire.post(to, { ...frame, room: name }),
      onerror: (error) => {
        error.participant = seat.participant;
        fire('error', { error });
      },
      onblocked: () => fire('blocked', {}),
    });
    this.#seats.set(peer.id, seat);
    this.#participants.set(peer.id, seat.participant);
    this.#settle(seat);
    for (const feed of this.#feeds) feed.push(seat.participant);
    fire('participantjoined', { participant: seat.participant });
  }

  /** Begins or ends the pair, as both roles say: two viewers are none. @param {Seat} seat */
  #settle(seat) {
    if (seat.role === 'viewer' && this.#options.me.role === 'viewer') seat.part();
    else if (!seat.paired) seat.begin(this.#pairWith(seat));
  }

  /** @param {Seat} seat */
  #pairWith({ id, offers }) {
    if (offers) return new Pair(false);
    const pair = this.#pairs.get(id) ?? new Pair(true);
    this.#pairs.set(id, pair);
    return pair;
  }

  /** @param {Peer} peer */
  updated(peer) {
    const seat = this.#seats.get(peer.id);
    if (!seat?.update(peer)) return;
    this.#settle(seat);
    this.#options.fire('participantchanged', { participant: seat.participant });
  }

  /** @param {Seat} seat @param {boolean} away */
  setAway(seat, away) {
    this.#found(seat);
    if (seat.away === away) return;
    seat.setAway(away);
    this.#options.fire(away ? 'participantaway' : 'participantback', { participant: seat.participant });
  }

  /** @param {Seat} seat */
  #found({ id }) {
    this.#env.clearTimeout(this.#missing.get(id));
    this.#missing.delete(id);
  }

  /** Most of those whom a lost server forgot are on their way, too: away after a moment, as with any lost link. @param {Seat} seat */
  #miss(seat) {
    if (this.#missing.has(seat.id)) return; // since the server before
    const { setTimeout } = this.#env;
    this.#missing.set(seat.id, setTimeout(() => {
      this.setAway(seat, true);
      this.#missing.set(seat.id, setTimeout(() => this.remove(seat, 'timeout'), this.#wire.session.window));
    }, AWAY_AFTER));
  }

  /** Somebody is gone, and what goes between us is closed before this returns. @param {Seat} seat @param {LeftReason} reason */
  remove(seat, reason) {
    this.#found(seat);
    seat.end();
    this.#seats.delete(seat.id);
    this.#participants.delete(seat.id);
    this.#wire.gone(seat.id);
    this.#options.fire('participantleft', { participant: seat.participant, reason });
  }

  /** The room is over. */
  end() {
    for (const seat of this.#seats.values()) {
      this.#found(seat);
      seat.end();
    }
    this.#seats.clear();
    this.#participants.clear();
  }

  /** Nobody comes any more. */
  endFeeds() {
    for (const feed of this.#feeds) feed.end();
  }
}
