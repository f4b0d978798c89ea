import { SignalError, closed, fromFrame, fromResponse } from './errors.js';
import { Link } from './link.js';
import { Outbox, Pace } from './outbox.js';
import { watchPage } from './probe.js';
import { Renewal } from './renewal.js';
import { Policy } from './retry.js';
import { LIMITS, VERSION, encode, size } from './wire.js';

const ACK_DELAY = 1_000;
const HUNG = 1_000; // ms after which an attempt is not waited for when the network changes
const WHY_TIMEOUT = 5_000;

/** @typedef {import('./wire.js').Frame} Frame */
/** @typedef {'connecting' | 'connected' | 'reconnecting' | 'disconnected'} State */
/**
 * @typedef {{
 *   env: import('./probe.js').Env, url: string, token?: string | (() => string | Promise<string>),
 *   reconnect?: false | ((tries: number, code: string) => number | null),
 *   log: (level: 'debug' | 'info' | 'warn', what: string, detail?: object) => void,
 * }} SessionOptions
 */
/**
 * @typedef {{
 *   state: () => void,
 *   frame: (frame: Frame, bytes: number) => void,
 *   lost: (how: 'history' | 'session') => void,
 *   unsaid: (frame: Frame, fate: import('./outbox.js').Fate) => void,
 *   ended: (error: SignalError | null) => void,
 * }} SessionHandlers
 *   lost, history: same peer id, but the server knows nothing of the rooms and
 *   frames before. lost, session: the next welcome brings a new peer id.
 *   unsaid: a message to a room that was lost before it was sent.
 */

/**
 * What outlives connections: the peer id, the resume token (in memory only)
 * and delivery to the server. It dials, resumes, and judges when to give up.
 */
export class Session {
  #options;
  #env;
  #handlers;
  #policy;
  #renewal;
  #outbox = new Outbox();
  #pace = new Pace(LIMITS);
  /** @type {Link | null} welcomed */ #link = null;
  /** @type {Link | null} on its way */ #next = null;
  /** @type {object | null} the attempt that #next belongs to */ #attempt = null;
  /** @type {{token: string, nonce: string} | null} */ #resume = null;
  /** @type {string | undefined} of the hello that does not resume, until a welcome came */ #first;
  /** @type {any} */ #retry;
  /** @type {any} */ #flushing;
  /** @type {any} */ #acking;
  /** @type {number | undefined} said by going-away */ #goingAway;
  #dialed = 0;
  #asked = false; // to resume, on another link than the one that is there
  #connected = false; // once at least
  #away = false; // the page is hidden for good, or in the back/forward cache
  #unwatch;

  /** @type {State} */ state = 'connecting';
  id = '';
  /** @type {string | null} */ user = null;
  limits = LIMITS;
  /** @type {import('./wire.js').CandidatePolicy} */
  candidates = 'all';
  window = 60_000; // ms that a session outlives its link
  /** @type {RTCIceServer[]} */ iceServers = [];

  /** @param {SessionOptions} options @param {SessionHandlers} handlers */
  constructor(options, handlers) {
    this.#options = options;
    this.#env = options.env;
    this.#handlers = handlers;
    this.#policy = new Policy(options.reconnect, () => this.#env.Math.random());
    this.#renewal = new Renewal(options.env, () => this.renew());
    this.#unwatch = watchPage(options.env, {
      probe: (why) => this.#probe(why),
      hide: () => this.#hide(),
      show: () => this.#show(),
    });
    this.#dial();
  }

  /**
   * Sends a frame as soon as there is a link for it.
   * @param {Frame} frame
   * @param {import('./outbox.js').Fate} [fate]
   */
  push(frame, fate) {
    if (this.state === 'disconnected') return fate?.fail?.(closed());
    this.#outbox.push(frame, fate);
    this.#flush();
  }

  /**
   * Shows the server a new token. What a refusal says, the caller gets; nothing
   * has changed then.
   * @returns {Promise<void>}
   */
  async renew() {
    if (!this.#link) throw new SignalError('unreachable', 'there is no connection: the next one has a new token');
    const token = await this.#token();
    const { expires } = await new Promise((ok, fail) => this.push({ type: 'token', token }, { answer: true, ok, fail }));
    this.#expires(expires);
  }

  /** A string cannot be renewed. @param {number} [ms] */
  #expires(ms) {
    this.#renewal.expires(typeof this.#options.token === 'function' && this.state !== 'disconnected' ? ms : undefined);
  }

  /** Says bye and ends. */
  close() {
    if (this.state === 'disconnected') return;
    this.#bye();
    this.#end(null);
  }

  #bye() {
    this.#outbox.push({ type: 'bye' });
    this.#repace();
    this.#flush();
  }

  #repace() {
    this.#env.clearTimeout(this.#flushing);
    this.#flushing = undefined;
    this.#pace = new Pace(this.limits);
  }

  #hide() {
    if (this.state === 'disconnected') return;
    this.#away = true;
    this.#bye();
    this.#dropLinks();
    this.#setState('reconnecting');
    this.#lose('session');
  }

  #show() {
    if (!this.#away) return;
    this.#away = false;
    this.#setState('reconnecting');
    this.#dial();
  }

  /** @param {string} why */
  #probe(why) {
    this.#options.log('debug', 'probe', { why });
    if (this.#away) return;
    if (this.#link) this.#link.probe();
    else if (this.#retry || this.#env.Date.now() - this.#dialed > HUNG) this.#dial();
  }

  async #dial() {
    this.#env.clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#next?.close(4000);
    this.#next = null;
    const attempt = (this.#attempt = {});
    this.#dialed = this.#env.Date.now();
    let token;
    try {
      token = await this.#token();
    } catch (cause) {
      const error = new SignalError('unauthenticated', 'the token function failed', { retry: 'now', cause });
      if (attempt === this.#attempt) this.#failed(error);
      return;
    }
    if (attempt !== this.#attempt) return;
    try {
      /** @type {Link} */
      const link = new Link(this.#env, this.#options.url, VERSION, {
        opened: () => this.#opened(link, token),
        welcome: (frame) => this.#welcome(link, frame),
        frame: (frame, bytes) => this.#frame(link, frame, bytes),
        ended: (error, opened) => this.#ended(link, error, opened),
        silent: () => this.#silent(link),
      });
      this.#next = link;
    } catch (cause) {
      this.#end(new SignalError('unreachable', 'the address cannot be used', { retry: 'never', cause }));
    }
  }

  /** A second link beside the first, which may be dead: the newest wins. @param {Link} link */
  #silent(link) {
    if (link !== this.#link || this.#next) return;
    if (this.#resume) this.#dial();
    else link.fail(new SignalError('idle', 'the server does not answer'));
  }

  async #token() {
    const { token } = this.#options;
    return typeof token === 'function' ? token() : token;
  }

  /** @param {Link} link @param {string} [token] */
  #opened(link, token) {
    const resume = this.#resume && { ...this.#resume, seq: this.#outbox.seq };
    if (token && !resume) this.#first ??= this.#nonce();
    const nonce = token && !resume ? this.#first : undefined;
    link.send(encode({ type: 'hello', versions: [VERSION], token, nonce, resume: resume ?? undefined }));
    this.#asked = resume !== null;
    if (resume) return; // nothing may follow before its welcome
    this.#outbox.rewind();
    this.#repace();
    this.#flush(link);
  }

  /** @param {Link} link @param {Frame} frame */
  #welcome(link, frame) {
    if (link !== this.#next) return;
    const resumed = this.#resume !== null;
    this.#link?.close();
    this.#link = link;
    this.#next = null;
    this.#asked = false;
    this.#first = undefined;
    this.#goingAway = undefined;
    this.#policy.welcomed();
    this.id = frame.peer;
    this.user = frame.user ?? null;
    this.limits = { ...LIMITS, ...frame.limits };
    this.candidates = frame.candidates ?? 'all';
    if (frame.ice) this.iceServers = frame.ice.list;
    this.#connected = true;
    this.window = frame.resume?.window ?? 0;
    this.#expires(frame.expires);
    this.#resume = frame.resume?.token ? { token: frame.resume.token, nonce: this.#nonce() } : null;
    if (resumed) {
      this.#repace();
      this.#outbox.rewind();
      if (frame.resumed) this.#outbox.acked(frame.ack ?? 0);
      else this.#lose('history');
    }
    this.#options.log('info', 'welcome', { peer: this.id, resumed: frame.resumed });
    this.#setState('connected');
    this.#flush();
  }

  /** @param {Link} link @param {Frame} frame @param {number} bytes */
  #frame(link, frame, bytes) {
    if (link !== this.#link) return;
    if (frame.seq !== undefined) {
      try {
        if (!this.#outbox.received(frame.seq, bytes)) return this.#outbox.acked(frame.ack ?? 0);
      } catch (error) {
        return link.fail(/** @type {SignalError} */ (error));
      }
      this.#owe();
    }
    if (frame.re !== undefined) {
      this.#outbox.acked(Math.min(frame.ack ?? 0, frame.re - 1));
      this.#outbox.answered(frame.re, frame.type === 'error' ? fromFrame(frame) : frame); // a refusal says more than the ack beside it
    }
    if (frame.ack) this.#outbox.acked(frame.ack);
    if (frame.type === 'ping') return this.#say({ type: 'pong' });
    if (frame.type === 'pong' || frame.type === 'ack') return;
    if (frame.code === 'out_of_order' && frame.re === undefined) return link.fail(new SignalError('out_of_order', 'the server misses a frame', { retry: 'now' }));
    if (frame.type === 'going-away') this.#goingAway = frame.after ?? 0;
    if (frame.ice) this.iceServers = frame.ice.list;
    this.#handlers.frame(frame, bytes);
  }

  /** @param {Frame} frame */
  #say(frame) {
    const ack = this.#outbox.owes ? this.#outbox.ack() : undefined;
    this.#link?.send(encode({ ...frame, ack }));
  }

  #owe() {
    if (this.#outbox.owesNow) this.#say({ type: 'ack' });
    this.#acking ??= this.#env.setTimeout(() => {
      this.#acking = undefined;
      if (this.#outbox.owes) this.#say({ type: 'ack' });
    }, ACK_DELAY);
  }

  /** Writes what may be written. @param {Link | null} [link] */
  #flush(link = this.#link ?? (this.#resume ? null : this.#next)) {
    if (!link?.opened || this.#flushing) return;
    for (let frame; (frame = this.#outbox.peek()); this.#outbox.advance()) {
      const text = encode({ ...frame, ack: this.#outbox.owes ? this.#outbox.seq : undefined });
      const wait = this.#pace.take(size(text), this.#env.Date.now());
      if (wait) {
        this.#flushing = this.#env.setTimeout(() => {
          this.#flushing = undefined;
          this.#flush();
        }, wait);
        return;
      }
      this.#outbox.ack();
      link.send(text);
    }
  }

  /** @param {Link} link @param {SignalError} error @param {boolean} opened */
  async #ended(link, error, opened) {
    this.#options.log('info', 'link ended', { code: error.code });
    if (link === this.#next) {
      const attempt = this.#attempt;
      const why = opened ? error : await this.#why();
      if (attempt !== this.#attempt) return;
      this.#next = null;
      this.#failed(why);
    } else if (link === this.#link) {
      this.#link = null;
      this.#policy.lost(this.#env.Date.now() - link.since);
      // By a link of our own, that was lost before its welcome: the session is still ours.
      const ours = error.code === 'replaced' && this.#asked;
      if (!this.#next) this.#failed(ours ? new SignalError('unreachable', 'the connection was lost') : error);
      else if (error.code !== 'replaced') this.#setState('reconnecting');
    }
  }

  /** Browsers hide why an upgrade was refused: the same address tells it to a plain GET. */
  async #why() {
    const url = new URL(this.#options.url.replace(/^ws/, 'http'));
    // A GET to the page's own origin has no Origin header, and the upgrade had: a proxy may have made another origin of it.
    if (this.#env.location) url.searchParams.set('origin', this.#env.location.origin);
    try {
      const response = await this.#env.fetch(url, {
        headers: { accept: 'application/problem+json' },
        cache: 'no-store',
        credentials: 'same-origin', // what stands before the server may ask for a cookie, as it did with the upgrade
        signal: AbortSignal.timeout(WHY_TIMEOUT),
      });
      if (!response.ok) return await fromResponse(response);
      return new SignalError('unreachable', 'the server did not open the connection');
    } catch (cause) {
      return new SignalError('unreachable', 'the server does not answer', { cause });
    }
  }

  /** @param {SignalError} error */
  #failed(error) {
    if (this.state === 'disconnected' || this.#away) return;
    if (this.#link) return this.#link.silent ? this.#link.fail(error) : undefined; // it lives, or neither does
    if (error.code === 'going_away') error.after ??= this.#goingAway;
    if (error.retry === 'fresh' || (this.id && !this.#resume)) this.#lose('session');
    const delay = this.#policy.next(error, typeof this.#options.token === 'function');
    if (delay === null) return this.#end(error);
    this.#options.log('info', 'retry', { code: error.code, delay });
    this.#setState(this.#connected ? 'reconnecting' : 'connecting');
    this.#retry = this.#env.setTimeout(() => this.#dial(), delay);
  }

  /** @param {'history' | 'session'} how */
  #lose(how) {
    if (how === 'session') {
      this.#resume = null;
      this.id = '';
    }
    const unsaid = this.#outbox.reset(new SignalError('outcome_unknown', 'the server was lost before it answered'));
    this.#handlers.lost(how);
    for (const { frame, fate } of unsaid) this.#handlers.unsaid(frame, fate);
  }

  #dropLinks() {
    this.#attempt = null;
    this.#renewal.stop();
    this.#link?.close();
    this.#next?.close();
    this.#link = this.#next = null;
    for (const timer of [this.#retry, this.#flushing, this.#acking]) this.#env.clearTimeout(timer);
    this.#retry = this.#flushing = this.#acking = undefined;
  }

  /** @param {SignalError | null} error null: by us */
  #end(error) {
    if (this.state === 'disconnected') return;
    this.#dropLinks();
    this.#unwatch();
    this.#setState('disconnected');
    this.#handlers.ended(error);
    const over = error ?? closed();
    for (const { fate } of this.#outbox.reset(over)) fate.fail?.(over);
  }

  /** @param {State} state */
  #setState(state) {
    if (state === this.state) return;
    this.state = state;
    this.#handlers.state();
  }

  /** 32 random characters, the same until a welcome has come. */
  #nonce() {
    return [...this.#env.crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('');
  }
}
