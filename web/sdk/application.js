import { SignalError } from './errors.js';
import { encode, size } from './wire.js';

const HEAD = 64; // bytes that id and ack may add to a frame

/** @typedef {import('./wire.js').Frame} Frame */
/**
 * An event of the server's application.
 * @typedef {{name: string, data: any, room?: string}} ServerEvent
 */
/**
 * What it returns, or resolves to, is the answer if the server waits for one; a
 * SignalError that it throws refuses with its code, anything else as `internal`.
 * @typedef {(event: ServerEvent) => any} Handler
 */

/** Events to and from the application that the server is part of. */
export class Application {
  #session;
  #log;
  /** @type {Map<string, Handler>} */ #handlers;

  /**
   * @param {{push: import('./session.js').Session['push'], limits: {message: number}}} session
   * @param {(level: 'debug' | 'info' | 'warn', what: string, detail?: object) => void} log
   * @param {Record<string, Handler>} [handlers]
   */
  constructor(session, log, handlers = {}) {
    this.#session = session;
    this.#log = log;
    this.#handlers = new Map(Object.entries(handlers));
  }

  /**
   * @param {string} name
   * @param {Handler} handler
   * @returns {() => void}
   */
  handle(name, handler) {
    this.#handlers.set(name, handler);
    return () => {
      if (this.#handlers.get(name) === handler) this.#handlers.delete(name);
    };
  }

  /**
   * @param {string} name
   * @param {any} data
   * @returns {Promise<any>}
   */
  async emit(name, data) {
    const bytes = size(name);
    if (!bytes || bytes > 128) throw new SignalError('bad_message', `an event has a name of 1 to 128 bytes, not ${bytes}`);
    const frame = this.#checked({ type: 'event', name, data });
    const answer = await new Promise((ok, fail) => this.#session.push(frame, { answer: true, ok, fail }));
    return answer.data;
  }

  /** An event has come. @param {Frame} frame */
  async frame({ name = '', data, room, rid }) {
    const answer = await this.#answer({ name, data, room });
    if (rid) this.#session.push({ type: 'reply', rid, ...answer });
  }

  /** @param {ServerEvent} event @returns {Promise<{data?: any, code?: string, text?: string}>} */
  async #answer(event) {
    const handler = this.#handlers.get(event.name);
    if (!handler) {
      this.#log('info', 'unhandled event', { name: event.name });
      return { code: 'unknown_event', text: 'the client does not handle it' };
    }
    try {
      const data = await handler(event);
      return { data: this.#checked({ type: 'reply', data }).data };
    } catch (error) {
      if (error instanceof SignalError) return { code: error.code, text: error.message };
      this.#log('warn', 'event handler failed', { name: event.name, error });
      return { code: 'internal', text: 'the client has made a mistake' };
    }
  }

  /**
   * The frame as it is now: what cannot be sent throws here, and not when it is
   * its turn.
   * @param {Frame} frame
   * @returns {Frame}
   */
  #checked(frame) {
    let text;
    try {
      text = encode(frame);
    } catch (cause) {
      throw new SignalError('bad_message', 'the data is not JSON', { cause });
    }
    if (size(text) + HEAD > this.#session.limits.message) throw new SignalError('too_big', `the data is more than a message may have (${this.#session.limits.message} bytes)`);
    return JSON.parse(text);
  }
}
