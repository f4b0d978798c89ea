/** @typedef {import('./wire.js').Frame} Frame */

const AGAIN = 1_000; // ms at least between two attempts
const LONGEST = 3_600_000; // what a timer can take is not much more, and then it fires at once

/**
 * Renews a session's token when three quarters of its time are over. What
 * fails is tried again when half of what is left is over; at the end the server
 * closes the link, and the next hello brings a new token anyway.
 */
export class Renewal {
  #env;
  #renew;
  #ends = 0;
  /** @type {any} */ #timer;

  /**
   * @param {import('./probe.js').Env} env
   * @param {() => Promise<void>} renew shows a new token to the server, and calls expires
   */
  constructor(env, renew) {
    this.#env = env;
    this.#renew = renew;
  }

  /** The token holds for so long from now. @param {number} [ms] none: for ever */
  expires(ms) {
    this.stop();
    if (!ms) return;
    this.#ends = this.#env.Date.now() + ms;
    this.#at(this.#ends - ms / 4);
  }

  stop() {
    this.#env.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#ends = 0;
  }

  /** @param {number} when */
  #at(when) {
    const wait = when - this.#env.Date.now();
    this.#timer = this.#env.setTimeout(() => (wait > LONGEST ? this.#at(when) : this.#due()), Math.min(wait, LONGEST));
  }

  async #due() {
    const ends = this.#ends;
    try {
      await this.#renew();
    } catch {
      if (ends !== this.#ends) return;
      const now = this.#env.Date.now();
      if (now < ends) this.#at(now + Math.max(AGAIN, (ends - now) / 2));
    }
  }
}
