import { SignalError } from './errors.js';

/**
 * An async iterator that is fed from outside and loses nothing, however slow
 * its reader is.
 * @template T
 */
export class Feed {
  /** @type {T[]} */ #items = [];
  /** @type {((r: IteratorResult<T, undefined>) => void)[]} */ #readers = [];
  #over = false;
  #close;

  /** @param {() => void} [close] called once, when it ends from either side */
  constructor(close) {
    this.#close = close;
  }

  /** @param {T} item */
  push(item) {
    if (this.#over) return;
    const reader = this.#readers.shift();
    if (reader) reader({ value: item, done: false });
    else this.#items.push(item);
  }

  end() {
    if (this.#over) return;
    this.#over = true;
    this.#close?.();
    for (const reader of this.#readers.splice(0)) reader({ value: undefined, done: true });
  }

  /** @returns {Promise<IteratorResult<T, undefined>>} */
  async next() {
    if (this.#items.length) return { value: /** @type {T} */ (this.#items.shift()), done: false };
    if (this.#over) return { value: undefined, done: true };
    return new Promise((resolve) => this.#readers.push(resolve));
  }

  /** @returns {Promise<IteratorResult<T, undefined>>} */
  async return() {
    this.#items = [];
    this.end();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator]() {
    return this;
  }
}

/**
 * An EventTarget whose events are typed: E maps the name of an event to what
 * it carries beside being an Event.
 * @template {Record<string, object>} E
 */
export class Target extends EventTarget {
  /**
   * Adds a listener and returns the function that removes it.
   * @template {keyof E & string} K
   * @param {K} type
   * @param {(event: Event & E[K]) => void} listener
   * @param {AddEventListenerOptions} [options]
   * @returns {() => void}
   */
  on(type, listener, options) {
    const f = /** @type {EventListener} */ (listener);
    this.addEventListener(type, f, options);
    return () => this.removeEventListener(type, f, options);
  }

  /**
   * The next event of this type. Rejects with `aborted` when signal is aborted,
   * with `timeout` after that many milliseconds.
   * @template {keyof E & string} K
   * @param {K} type
   * @param {{signal?: AbortSignal, timeout?: number}} [options]
   * @returns {Promise<Event & E[K]>}
   */
  next(type, { signal, timeout } = {}) {
    return new Promise((resolve, reject) => {
      const end = () => {
        off();
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
      };
      const abort = () => {
        end();
        reject(new SignalError('aborted', 'it was aborted', { cause: signal?.reason }));
      };
      const off = this.on(type, (event) => {
        end();
        resolve(event);
      });
      const timer = timeout && setTimeout(() => {
        end();
        reject(new SignalError('timeout', `no ${type} within ${timeout} ms`));
      }, timeout);
      signal?.addEventListener('abort', abort);
      if (signal?.aborted) abort();
    });
  }

  /**
   * All events of this type from now on, for `for await`.
   * @template {keyof E & string} K
   * @param {K} type
   * @param {{signal?: AbortSignal}} [options]
   * @returns {Feed<Event & E[K]>}
   */
  events(type, { signal } = {}) {
    /** @type {Feed<Event & E[K]>} */
    const feed = new Feed(() => off());
    const off = this.on(type, (event) => feed.push(event));
    if (signal?.aborted) feed.end();
    signal?.addEventListener('abort', () => feed.end(), { once: true });
    return feed;
  }

  /**
   * @template {keyof E & string} K
   * @param {K} type
   * @param {E[K]} [fields] own properties of the event
   */
  fire(type, fields) {
    this.dispatchEvent(Object.assign(new Event(type), fields));
  }
}
