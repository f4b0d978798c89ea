const EAGER = 25; // attempts in about the minute for which a server keeps a session
const LONGEST = 3_600_000; // what a timer can take is not much more, and then it fires at once

/**
 * The delay before an attempt to reconnect: none, then doubling to a ceiling,
 * with jitter so that a restarted server is not met by every client at once.
 * The ceiling is low while a call can still be taken up again: people wait, and
 * an attempt at a server that is away costs next to nothing.
 * @param {number} tries 1 for the first
 * @param {number} random in [0, 1)
 * @returns {number} milliseconds
 */
export function backoff(tries, random) {
  if (tries === 1) return 0;
  return Math.min(500 * 2 ** (tries - 2), tries <= EAGER ? 3_000 : 15_000) * (0.5 + random / 2);
}

/** A link that lived for so long was good: the next loss begins with no delay again. */
const STABLE = 5_000;

/**
 * When to try again, and whether at all.
 */
export class Policy {
  #tries = 0;
  #authenticated = false;
  #renewed = false;
  #reconnect;
  #random;

  /**
   * @param {false | ((tries: number, code: string) => number | null) | undefined} reconnect
   * @param {() => number} random
   */
  constructor(reconnect, random) {
    this.#reconnect = reconnect;
    this.#random = random;
  }

  /** @param {number} lived how long the link was there, in ms */
  lost(lived) {
    if (lived < STABLE) return;
    this.#renewed = false;
    this.#tries = 0;
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
    if (error.retry === 'fresh' && !this.#renewed) {
      this.#renewed = true;
      this.#tries = 0; // the server is there: nothing to wait for, unless it ends every session
    }
    const tries = ++this.#tries;
    if (this.#reconnect) return this.#reconnect(tries, error.code);
    const delay = backoff(tries, this.#random());
    if (error.retry !== 'after') return delay;
    const after = Math.min(error.after ?? 1_000, LONGEST);
    // A server that stops names the time over which its clients should spread.
    return Math.max(delay, error.code === 'going_away' ? after * this.#random() : after);
  }
}
