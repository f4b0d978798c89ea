import { Target } from './events.js';
import { Source } from './source.js';

/** @typedef {import('./slots.js').SlotName} SlotName */

/**
 * How I appear in one room.
 * @extends {Target<{changed: {}}>}
 */
export class Me extends Target {
  #id;
  #publish;
  #name;
  #metadata;

  /**
   * @param {{env: import('./probe.js').Env, id: () => string, publish: () => Promise<void>, name?: string, metadata?: any}} options
   *   publish tells the others
   */
  constructor({ env, id, publish, name = '', metadata }) {
    super();
    this.#id = id;
    this.#publish = publish;
    this.#name = name;
    this.#metadata = metadata;
    this.camera = new Source(env, 'camera');
    this.microphone = new Source(env, 'microphone');
  }

  get id() {
    return this.#id();
  }

  get name() {
    return this.#name;
  }

  get metadata() {
    return this.#metadata;
  }

  /**
   * Resolves when the server has told the others.
   * @param {{name?: string, metadata?: any}} what
   */
  async update(what) {
    if (what.name !== undefined) this.#name = what.name;
    if ('metadata' in what) this.#metadata = what.metadata;
    this.fire('changed');
    await this.#publish();
  }
}

/**
 * The metadata by which the others know me: see readSlots for how they read it.
 * @param {Me} me
 */
export function rosterData(me) {
  /** @param {Source} source */
  const carries = (source) => (!source.active ? 'off' : source.muted ? 'muted' : 'on');
  return {
    name: me.name || undefined,
    metadata: me.metadata,
    slots: { microphone: carries(me.microphone), camera: carries(me.camera) },
  };
}
