import { Application } from './application.js';
import { SignalError, closed } from './errors.js';
import { Target } from './events.js';
import { Mailbox } from './mailbox.js';
import { Room } from './room.js';
import { Session } from './session.js';
import { Users } from './users.js';
import { encode, size } from './wire.js';

/** @typedef {import('./wire.js').Frame} Frame */
/**
 * @typedef {{
 *   url?: string | URL, app?: string, token?: string | (() => string | Promise<string>),
 *   signal?: AbortSignal, relayOnly?: boolean, rtc?: RTCConfiguration,
 *   reconnect?: false | ((tries: number, code: string) => number | null),
 *   log?: (level: 'debug' | 'info' | 'warn', what: string, detail?: object) => void,
 *   handlers?: Record<string, import('./application.js').Handler>, joined?: (room: Room) => void, env?: import('./probe.js').Env,
 * }} ConnectOptions
 *   joined: the server has made this client join a room
 */
/** @typedef {ConnectOptions & import('./room.js').RoomOptions} JoinOptions */

/** Frames that one peer sends to another. */
const relayed = new Set(['offer', 'answer', 'candidates', 'negotiate', 'reject', 'message', 'got']);

/**
 * A connection to a server, through all its links.
 * @extends {Target<{statechange: {}, error: {error: SignalError}} & import('./users.js').UserEvents>}
 */
export class Client extends Target {
  #options;
  #env;
  #session;
  /** @type {Map<string, Room>} */ #rooms = new Map();
  /** @type {Map<string, import('./room.js').RoomHandlers>} */ #handlers = new Map();
  /** @type {Map<string, Mailbox>} by peer; they live as long as both ids */ #mailboxes = new Map();
  /** @type {Map<string, Set<string>>} by room: the ids in it */ #rosters = new Map();
  /** @type {SignalError | null} */ #error = null;
  #users;
  /** @type {string | null} the room that this was made for, and ends with */ #own;
  #log;
  #application;

  /**
   * @param {ConnectOptions} [options]
   * @param {string} [own] the room that it is made for, and ends with
   */
  constructor(options = {}, own) {
    super();
    this.#own = own ?? null;
    this.#options = options;
    const env = (this.#env = options.env ?? /** @type {import('./probe.js').Env} */ (/** @type {unknown} */ (globalThis)));
    this.#log = options.log ?? (() => {});
    this.#session = new Session(
      { ...options, env, url: address(options, env), log: this.#log },
      {
        state: () => this.#stateChanged(),
        frame: (frame, bytes) => this.#frame(frame, bytes),
        lost: (how) => this.#lost(how),
        unsaid: (frame, fate) => this.#unsaid(frame, fate),
        ended: (error) => this.#ended(error),
      },
    );
    this.#users = new Users({
      push: (frame, fate) => this.#session.push(frame, fate),
      enter: (room, roomOptions) => this.join(room, roomOptions),
      fire: (type, fields) => this.fire(type, /** @type {any} */ (fields)),
      late: (error) => this.fire('error', { error }),
      setTimeout: (f, ms) => env.setTimeout(f, ms),
      clearTimeout: (timer) => env.clearTimeout(timer),
    });
    this.#application = new Application(this.#session, this.#log, options.handlers);
    if (options.signal?.aborted) this.#abort();
    options.signal?.addEventListener('abort', this.#abort);
  }

  get state() {
    return this.#session.state;
  }

  /** How others see this client; it changes only if the server has forgotten it. */
  get id() {
    return this.#session.id;
  }

  /** Who the server says that I am, or null. */
  get user() {
    return this.#session.user;
  }

  /** @returns {ReadonlyMap<string, Room>} by name */
  get rooms() {
    return this.#rooms;
  }

  /** Resolves when connected; rejects with why that will not be. */
  async connected() {
    while (this.state === 'connecting' || this.state === 'reconnecting') await this.next('statechange');
    this.#mustLive();
  }

  /**
   * Joins a room. It resolves with the participants who are there.
   * @param {string} name
   * @param {import('./room.js').RoomOptions} [options]
   * @returns {Promise<Room>}
   */
  async join(name, options = {}) {
    this.#mustLive();
    const room = this.#rooms.get(name) ?? this.#room(name, options);
    await room.enter();
    return room;
  }

  /** @param {string} name @param {import('./room.js').RoomOptions} [options] */
  #room(name, options = {}) {
    const room = new Room(name, this.#wire(name), options);
    this.#rooms.set(name, room);
    return room;
  }

  /** @returns {ReadonlyMap<string, import('./users.js').Presence | null>} those who are watched; null: not known yet */
  get presence() {
    return this.#users.presence;
  }

  /**
   * Tells of these users by `presence` from now on. Who may not be watched
   * looks offline.
   * @param {string[]} users
   */
  async watch(users) {
    this.#mustLive();
    await this.#users.watch(users);
  }

  /** @param {string[]} users */
  async unwatch(users) {
    this.#mustLive();
    await this.#users.unwatch(users);
  }

  /** Says whether I am busy, as I am by myself during a call. @param {boolean} busy */
  busy(busy) {
    this.#users.busy(busy);
  }

  /**
   * Rings a user on all devices.
   * @param {string} user
   * @param {import('./users.js').CallOptions} [options]
   */
  call(user, options) {
    this.#mustLive();
    return this.#users.call(user, options);
  }

  /**
   * Sends data to all devices of a user. Resolves when the server has it.
   * @param {string} user
   * @param {any} data any JSON
   */
  async send(user, data) {
    this.#mustLive();
    await this.#users.send(user, data);
  }

  #mustLive() {
    if (this.state === 'disconnected') throw this.#error ?? closed();
  }

  /**
   * Shows the server a new token of the `token` function, as happens by itself
   * before the old one ends: call it when a new one grants something else.
   */
  async renew() {
    this.#mustLive();
    await this.#session.renew();
  }

  /**
   * Sends the server's application an event. Resolves with its answer; rejects
   * with its refusal, or with `outcome_unknown` if the server was lost meanwhile.
   * @param {string} name
   * @param {any} [data] any JSON
   * @returns {Promise<any>}
   */
  async emit(name, data) {
    this.#mustLive();
    return this.#application.emit(name, data);
  }

  /**
   * Handles the events of that name which the server's application sends, in
   * their order. The option `handlers` is for those that come with the welcome.
   * @param {string} name
   * @param {import('./application.js').Handler} handler
   * @returns {() => void} takes the handler away
   */
  handle(name, handler) {
    return this.#application.handle(name, handler);
  }

  /** Says goodbye: others see this client leave at once. */
  async close() {
    this.#session.close();
  }

  /** @param {string} room @returns {import('./room.js').Wire} */
  #wire(room) {
    return {
      client: this,
      env: this.#env,
      log: this.#log,
      session: this.#session,
      configuration: (policy) => this.#configuration(policy),
      post: (to, frame, fate) => this.#mailbox(to).put(frame, size(encode(frame)), fate),
      attach: (handlers) => this.#handlers.set(room, handlers),
      gone: (id) => this.#maybeGone(id),
      over: (inside) => this.#over(room, inside),
    };
  }

  /** @param {import('./wire.js').CandidatePolicy} [policy] of the room; the strictest holds @returns {RTCConfiguration} */
  #configuration(policy) {
    const { rtc, relayOnly } = this.#options;
    return {
      bundlePolicy: 'max-bundle',
      ...rtc,
      ...((relayOnly || policy === 'relay' || this.#session.candidates === 'relay') && { iceTransportPolicy: 'relay' }),
      iceServers: [...this.#session.iceServers, ...(rtc?.iceServers ?? [])],
    };
  }

  /** @param {string} room @param {boolean} inside as the server has it */
  async #over(room, inside) {
    this.#rooms.delete(room);
    this.#handlers.delete(room);
    if (room === this.#own) return this.#session.close();
    const ids = [...(this.#rosters.get(room) ?? [])];
    this.#rosters.delete(room);
    if (inside) await new Promise((resolve) => this.#session.push({ type: 'leave', room }, { answer: true, ok: resolve, fail: resolve }));
    for (const id of ids) this.#maybeGone(id);
  }

  /** @param {string} peer */
  #mailbox(peer) {
    let mailbox = this.#mailboxes.get(peer);
    if (!mailbox) {
      mailbox = new Mailbox(peer, {
        post: (frame, fate) => this.#session.push(frame, fate),
        later: (f, ms) => {
          const timer = this.#env.setTimeout(f, ms);
          return () => this.#env.clearTimeout(timer);
        },
      });
      // Whom no roster has was forgotten by a lost server, and is on the way back.
      if (!this.#sharedElsewhere(peer, '')) mailbox.hold();
      this.#mailboxes.set(peer, mailbox);
    }
    return mailbox;
  }

  /** @param {Frame} frame @param {number} bytes */
  #frame(frame, bytes) {
    if (this.#users.frame(frame)) return;
    const { room = '', from } = frame;
    if (from && relayed.has(frame.type)) {
      for (const ripe of this.#mailbox(from).receive(frame, bytes)) this.#handlers.get(ripe.room ?? '')?.frame(ripe);
      return;
    }
    if (frame.type === 'event') return void this.#application.frame(frame);
    const made = frame.type === 'joined' && frame.re === undefined && !this.#handlers.has(room);
    if (made && !this.#options.joined) return this.#session.push({ type: 'leave', room }); // nobody here wants it
    const joined = made && this.#room(room);
    this.#note(frame);
    this.#handlers.get(room)?.frame(frame);
    if (joined) queueMicrotask(() => this.#options.joined?.(joined)); // what it throws is not ours
  }

  /** Keeps the rosters, and sends again what a lost server may have swallowed. @param {Frame} frame */
  #note({ type, room = '', from = '', peer, peers = [], resumed }) {
    if (!this.#handlers.has(room)) return;
    const roster = this.#rosters.get(room) ?? new Set();
    this.#rosters.set(room, roster);
    if (type === 'joined') {
      roster.clear();
      for (const { id } of peers) {
        roster.add(id);
        if (this.#mailboxes.get(id)?.held) this.#mailbox(id).resend(room);
      }
    } else if (type === 'peer-joined') {
      // A known id that comes anew has lost its server too, and with it what was on its way.
      if (!this.#sharedElsewhere(peer.id, room)) this.#mailboxes.get(peer.id)?.resend(room);
      roster.add(peer.id);
    } else if (type === 'peer-back' && resumed === false) {
      this.#mailboxes.get(from)?.resend(room);
    } else if (type === 'peer-left') {
      roster.delete(from);
    }
  }

  /** @param {string} id @param {string} room */
  #sharedElsewhere(id, room) {
    return [...this.#rosters].some(([name, ids]) => name !== room && ids.has(id));
  }

  /** @param {string} id */
  #maybeGone(id) {
    if (!this.#sharedElsewhere(id, '')) this.#mailboxes.get(id)?.giveUp();
  }

  #stateChanged() {
    for (const handlers of [...this.#handlers.values()]) handlers.state();
    this.fire('statechange');
  }

  /** @param {'history' | 'session'} how */
  #lost(how) {
    this.#rosters.clear();
    if (how === 'session') {
      for (const mailbox of this.#mailboxes.values()) mailbox.giveUp(new SignalError('outcome_unknown', 'the session was lost'));
      this.#mailboxes.clear();
    } else {
      for (const mailbox of this.#mailboxes.values()) mailbox.hold();
    }
    for (const handlers of [...this.#handlers.values()]) handlers.lost(how);
    this.#users.lost();
  }

  /**
   * A message that was never on a link.
   * @param {Frame} frame
   * @param {import('./outbox.js').Fate} fate
   */
  #unsaid(frame, fate) {
    if (frame.room !== undefined) this.#handlers.get(frame.room)?.unsaid(frame, fate);
    else this.#session.push({ ...frame, id: undefined }, fate); // to a user, who may still be there
  }

  #abort = () => {
    this.#error = new SignalError('aborted', 'it was aborted', { cause: this.#options.signal?.reason });
    this.#session.close();
  };

  /** @param {SignalError | null} error */
  #ended(error) {
    this.#error ??= error;
    this.#options.signal?.removeEventListener('abort', this.#abort);
    const reason = !error ? 'left' : error.code === 'replaced' ? 'replaced' : 'failed';
    for (const handlers of [...this.#handlers.values()]) handlers.over(reason, this.#error);
    // What is held back here is in no outbox that could tell its fate.
    for (const mailbox of this.#mailboxes.values()) mailbox.giveUp(error ?? closed());
    this.#users.over();
    this.#rooms.clear();
    this.#handlers.clear();
    if (error) this.fire('error', { error });
  }
}

/**
 * @param {ConnectOptions} options
 * @param {import('./probe.js').Env} env
 */
function address({ url, app }, env) {
  const full = new URL(url ?? '/', env.location?.href);
  full.protocol = full.protocol.replace(/^http/, 'ws');
  full.pathname = `${full.pathname.replace(/\/+$/, '')}/ws`;
  full.hash = '';
  if (app) full.searchParams.set('app', app);
  return full.href;
}
