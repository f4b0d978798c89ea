import { SignalError, fromClose, fromFrame } from './errors.js';
import { decode, encode, size } from './wire.js';

const OPEN_TIMEOUT = 10_000; // ms until welcome
const PROBE_TIMEOUT = 500; // ms in which a living link answers a probe
const TICK = 1_000;
const ASLEEP = 5_000; // ms that a tick may be late before we take it that the machine slept

/** @typedef {import('./wire.js').Frame} Frame */
/**
 * @typedef {{
 *   opened: () => void,
 *   welcome: (frame: Frame) => void,
 *   frame: (frame: Frame, bytes: number) => void,
 *   ended: (error: SignalError, opened: boolean) => void,
 *   silent: () => void,
 * }} LinkHandlers
 *   opened: hello may go out. silent: a probe has no answer, or the machine
 *   slept; the link may be dead. ended comes once, and last.
 */

/** One connection's life: opening, heartbeat, probes, its end and why. */
export class Link {
  #env;
  #socket;
  #handlers;
  #over = false;
  #dead = OPEN_TIMEOUT;
  #heard;
  /** @type {any} */ #ticker;
  /** @type {any} */ #probe;
  /** @type {SignalError | null} told in a frame before the close */ #error = null;

  /** Of the newest welcome on this link; 0 before it. */
  since = 0;
  /** Frames can be sent. */
  opened = false;
  /** A probe has had no answer yet: it may be dead. */
  silent = false;

  /**
   * @param {import('./probe.js').Env} env
   * @param {string} url
   * @param {string} protocol
   * @param {LinkHandlers} handlers
   */
  constructor(env, url, protocol, handlers) {
    this.#env = env;
    this.#handlers = handlers;
    this.#heard = env.Date.now();
    this.#socket = new env.WebSocket(url, [protocol]);
    this.#socket.onopen = () => {
      if (this.#over) return;
      this.opened = true;
      handlers.opened();
    };
    this.#socket.onmessage = ({ data }) => this.#message(data);
    // The frame before the close says more than the close; an older one was about something else.
    this.#socket.onclose = (event) => this.#end(this.#error?.code === event.reason ? this.#error : fromClose(event));
    this.#tick(env.Date.now());
  }

  /** @param {string} text */
  send(text) {
    if (!this.#over && this.opened) this.#socket.send(text);
  }

  /** Ends it from this side. No handler is called any more. */
  close(code = 1000) {
    if (this.#over) return;
    this.#stop();
    this.#socket.close(code);
  }

  /** Asks for a sign of life; silent() is called if none comes. */
  probe() {
    if (this.#over || this.#probe || !this.since) return;
    this.send(encode({ type: 'ping' }));
    this.#probe = this.#env.setTimeout(() => {
      this.#probe = undefined;
      this.silent = true;
      this.#handlers.silent();
    }, PROBE_TIMEOUT);
  }

  /** @param {unknown} text */
  #message(text) {
    if (this.#over) return;
    this.#heard = this.#env.Date.now();
    this.#env.clearTimeout(this.#probe);
    this.#probe = undefined;
    this.silent = false;
    let frame;
    try {
      frame = decode(text);
    } catch (error) {
      return this.fail(/** @type {SignalError} */ (error));
    }
    if (frame.type === 'error' && frame.re === undefined && frame.seq === undefined) this.#error = fromFrame(frame);
    if (frame.type === 'welcome') {
      this.since = this.#heard;
      this.#dead = frame.heartbeat?.dead ?? 25_000;
      this.#handlers.welcome(frame);
    } else if (this.since || frame.type === 'error') {
      this.#handlers.frame(frame, size(/** @type {string} */ (text)));
    }
  }

  /** Judges by elapsed time: timers of a hidden tab sleep. @param {number} before */
  #tick(before) {
    this.#ticker = this.#env.setTimeout(() => {
      const now = this.#env.Date.now();
      if (now - this.#heard >= this.#dead) {
        return this.fail(new SignalError(this.since ? 'idle' : 'unreachable', 'the server does not answer'));
      }
      if (now - before > TICK + ASLEEP) this.probe();
      this.#tick(now);
    }, TICK);
  }

  /** Gives the link up. @param {SignalError} error */
  fail(error) {
    if (this.#over) return;
    const { ended } = this.#handlers;
    const opened = this.opened;
    this.close(4000); // not 1000 or 1001: those end the session
    ended(error, opened);
  }

  /** @param {SignalError} error */
  #end(error) {
    if (this.#over) return;
    this.#stop();
    this.#handlers.ended(error, this.opened);
  }

  #stop() {
    this.#over = true;
    this.#env.clearTimeout(this.#ticker);
    this.#env.clearTimeout(this.#probe);
  }
}
