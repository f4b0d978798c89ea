/** A clock that stands until it is moved. */
export class Clock {
  #now = 1_000_000;
  #timers = new Map();
  #last = 0;

  setTimeout = (f, ms) => {
    this.#timers.set(++this.#last, { f, at: this.#now + Math.max(0, ms) });
    return this.#last;
  };

  clearTimeout = (timer) => this.#timers.delete(timer);

  now = () => this.#now;

  /** Lets promises settle. */
  settle() {
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** Moves on by ms, timer by timer. */
  async advance(ms) {
    const end = this.#now + ms;
    await this.settle();
    for (let due; (due = this.#due(end)); ) {
      const [timer, { f, at }] = due;
      this.#timers.delete(timer);
      this.#now = Math.max(this.#now, at);
      f();
      await this.settle();
    }
    this.#now = end;
  }

  /** Moves on at once, as if the machine had slept: timers are late. */
  sleep(ms) {
    this.#now += ms;
  }

  #due(end) {
    let first;
    for (const entry of this.#timers) {
      if (entry[1].at <= end && (!first || entry[1].at < first[1].at)) first = entry;
    }
    return first;
  }
}

/** A small seeded generator (mulberry32): a failing history can be had again. */
export function seeded(seed) {
  let a = seed >>> 0;
  const random = () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return Object.assign(random, {
    below: (n) => Math.floor(random() * n),
    pick: (list) => list[Math.floor(random() * list.length)],
  });
}
