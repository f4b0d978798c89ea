/**
 * Delays between attempts to reconnect: none, then doubling to a ceiling, with
 * jitter so that a restarted server is not met by every client at once.
 * @param {{random?: () => number}} [options] random is replaced in tests
 * @returns {Generator<number, never>} milliseconds
 */
export function* backoff({ random = Math.random } = {}) {
  yield 0;
  for (let d = 500; ; d = Math.min(2 * d, 15_000)) yield d * (0.5 + random() / 2);
}

/** A link that lived for so long was good: the next loss begins with no delay again. */
const STABLE = 5_000;

/**
 * When to try again, and whether at all.
 */
export class Policy {
  #tries = 0;
  #authenticated = false;
  #delays;
  #reconnect;
  #random;

  /**
   * @param {false | ((tries: number, code: string) => number | null) | undefined} reconnect
   * @param {() => number} random
   */
  constructor(reconnect, random) {
    this.#reconnect = reconnect;
    this.#random = random;
    this.#delays = backoff({ random });
  }

  /** @param {number} lived how long the link was there, in ms */
  lost(lived) {
    if (lived >= STABLE) this.reset();
  }

  reset() {
    this.#tries = 0;
    this.#delays = backoff({ random: this.#random });
  }

  /** A welcome: whatever the token was, it was good. */
  welcomed() {
    this.#authenticated = false;
  }

  /**
   * @param {import('./errors.js').SignalError} error
   * @param {boolean} renewable the token comes from a function
   * @returns {number | null} milliseconds, or null: give up
   */
  next(error, renewable) {
    if (error.retry === 'never' || this.#reconnect === false) return null;
    if (error.retry === 'authenticate') {
      if (!renewable || this.#authenticated) return null;
      this.#authenticated = true;
    }
    if (error.retry === 'fresh') this.reset(); // the server is there: nothing to wait for
    const tries = ++this.#tries;
    if (this.#reconnect) return this.#reconnect(tries, error.code);
    const delay = this.#delays.next().value;
    if (error.retry !== 'after') return delay;
    // A server that stops names the time over which its clients should spread.
    if (error.code === 'going_away' && error.after) return Math.max(delay, error.after * this.#random());
    return Math.max(delay, error.after ?? 1_000);
  }
}
