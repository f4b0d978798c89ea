import { Target } from './events.js';
import { Source } from './source.js';

/** @typedef {import('./slots.js').SlotName} SlotName */

/**
 * How I appear in one room.
 * @extends {Target<{changed: {}}>}
 */
export class Me extends Target {
  #session;
  #publish;
  #check;
  #name;
  #metadata;

  /** What the room lets me do. @type {import('./wire.js').Role} */
  role = 'participant';

  /**
   * @param {{env: import('./probe.js').Env, session: import('./session.js').Session, publish: () => Promise<void>, check: (data: object) => void, name?: string, metadata?: any}} options
   *   publish tells the others; check throws if that is too much to tell
   */
  constructor({ env, session, publish, check, name = '', metadata }) {
    super();
    this.#session = session;
    this.#publish = publish;
    this.#check = check;
    this.#name = name;
    this.#metadata = metadata;
    this.camera = new Source(env, 'camera');
    this.microphone = new Source(env, 'microphone');
  }

  get id() {
    return this.#session.id;
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
    const { role, camera, microphone } = this;
    const { name = this.#name, metadata } = { metadata: this.#metadata, ...what };
    this.#check(rosterData({ name, metadata, role, camera, microphone })); // or it would be refused later, with whatever comes then
    this.#name = name;
    this.#metadata = metadata;
    this.fire('changed');
    await this.#publish();
  }
}

/**
 * The metadata by which the others know me: see readSlots for how they read it.
 * @param {Pick<Me, 'name' | 'metadata' | 'role' | 'camera' | 'microphone'>} me
 */
export function rosterData({ name, metadata, role, camera, microphone }) {
  /** @param {Source} source */
  const carries = (source) => (!source.active || role === 'viewer' ? 'off' : source.muted ? 'muted' : 'on');
  return { name: name || undefined, metadata, slots: { microphone: carries(microphone), camera: carries(camera) } };
}
