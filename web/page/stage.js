import { h } from './dom.js';
import { CORNERS, float, grid, selfFloats } from './layout.js';

/** @typedef {import('./tile.js').PersonTile} PersonTile */
/** @typedef {import('./tile.js').SelfTile} SelfTile */

/** Where the tiles are laid out, in the order of joining, oneself last. */
export class Stage {
  /** @type {Map<string, PersonTile>} */ tiles = new Map();
  #self;
  #empty;
  #corner = 0;
  #mover = h('button', { type: 'button', class: 'mover', 'aria-label': 'Move your picture to the next corner', onclick: () => this.#move() });
  #observer = new ResizeObserver(() => this.layout({ animate: false })); // it follows the window at once

  /**
   * @param {SelfTile} self
   * @param {HTMLElement} empty what is shown in the middle while one is alone
   */
  constructor(self, empty) {
    this.#self = self;
    this.#empty = empty;
    self.element.append(this.#mover);
    this.element = h('section', { class: 'stage', 'aria-label': 'People in the call' }, empty, self.element);
    this.#observer.observe(this.element);
  }

  /** @param {string} id @param {PersonTile} tile */
  add(id, tile) {
    this.tiles.set(id, tile);
    this.#self.element.before(tile.element);
    this.layout();
  }

  /** @param {string} id */
  remove(id) {
    this.tiles.get(id)?.dispose();
    this.tiles.delete(id);
    this.layout();
  }

  /** @param {{animate?: boolean}} [options] */
  layout({ animate = true } = {}) {
    const { clientWidth: w, clientHeight: h } = this.element;
    if (!w || !h) return;
    this.element.classList.toggle('animate', animate);
    const floating = selfFloats(this.tiles.size + 1, w);
    const others = [...this.tiles.values()];
    const rects = grid(others.length + (floating ? 0 : 1), w, h);
    others.forEach((tile, i) => tile.place(rects[i]));
    this.#self.place(floating ? float(CORNERS[this.#corner], w, h) : rects[others.length], floating);
    this.#mover.hidden = !floating || others.length === 0;
    this.#empty.hidden = others.length > 0;
  }

  dispose() {
    this.#observer.disconnect();
    for (const tile of this.tiles.values()) tile.dispose();
  }

  #move() {
    this.#corner = (this.#corner + 1) % CORNERS.length;
    this.layout();
  }
}
