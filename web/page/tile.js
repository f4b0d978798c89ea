import { h, hidden, toggle } from './dom.js';
import { icon, setIcon } from './icons.js';
import { picture } from './layout.js';
import { initials, shown } from './names.js';
import { say, tileStates } from './strings.js';

/** @typedef {import('./layout.js').Rect} Rect */
/** @typedef {import('../sdk/signal.js').Participant} Participant */
/** @typedef {import('../sdk/signal.js').Me} Me */

/**
 * One person's place on the stage: picture or initials, name, what is off,
 * and how it reaches us. The video element is made once and never again, or
 * the sound would stop.
 */
class Tile {
  #avatar = h('div', { class: 'avatar', 'aria-hidden': 'true' });
  #name = h('span', { class: 'name-text', dir: 'auto' });
  #muted = icon('microphone-off');
  #mutedText = hidden('microphone off');
  #state = h('div', { class: 'tile-state', hidden: true });
  /** @type {Rect} */ #rect = { x: 0, y: 0, width: 0, height: 0 };

  #own;

  /** @param {HTMLVideoElement} video @param {{own?: boolean}} [options] */
  constructor(video, { own = false } = {}) {
    this.video = video;
    this.#own = own;
    this.badge = h('span', { class: 'path', hidden: true });
    const label = h('figcaption', { class: 'tile-name' }, this.#muted, this.#mutedText, this.#name, this.badge);
    this.element = h('figure', { class: 'tile' }, video, this.#avatar, h('div', { class: 'cover' }), this.#state, label);
    for (const type of ['resize', 'loadedmetadata']) video.addEventListener(type, () => this.#fit());
  }

  /** @param {Rect} rect @param {boolean} [floating] */
  place(rect, floating = false) {
    const { style, classList } = this.element;
    this.#rect = rect;
    style.setProperty('transform', `translate(${rect.x}px, ${rect.y}px)`);
    style.setProperty('width', `${rect.width}px`);
    style.setProperty('height', `${rect.height}px`);
    classList.toggle('floating', floating);
    classList.toggle('small', rect.width < 200);
    this.#fit();
  }

  /** @param {{name: string, label: string, camera: boolean, microphone: boolean, state: string}} person name may be empty */
  show({ name, label, camera, microphone, state }) {
    const { dataset } = this.element;
    Object.assign(dataset, { state, camera: camera ? 'on' : 'off', microphone: microphone ? 'on' : 'off' });
    this.#name.textContent = label;
    this.#avatar.replaceChildren(initials(name) || icon('person'));
    this.#muted.toggleAttribute('hidden', microphone);
    toggle(this.#mutedText, !microphone);
    this.#state.textContent = tileStates[state] ?? '';
    toggle(this.#state, state in tileStates);
  }

  #fit() {
    const { videoWidth, videoHeight, style } = this.video;
    // How one's own picture is cut matters to nobody else.
    const { x, y, width, height } = this.#own ? { ...this.#rect, x: 0, y: 0 } : picture(videoWidth, videoHeight, this.#rect.width, this.#rect.height);
    for (const [property, value] of Object.entries({ left: x, top: y, width, height })) style.setProperty(property, `${value}px`);
  }
}

/** A picture that has not moved for so long is covered; most losses are shorter. In ms. */
const STALE = 8000;

/** Somebody else. */
export class PersonTile extends Tile {
  #person;
  #failed = false;
  #frames = { count: -1, since: 0 };
  #path = icon('direct');
  #pathText = hidden('');
  #offs;

  /** @param {Participant} person */
  constructor(person) {
    super(person.video());
    this.#person = person;
    this.element.dataset.peer = person.id;
    this.badge.append(this.#path, this.#pathText);
    const update = () => this.update();
    this.#offs = [person.on('statechange', () => this.#changed()), person.on('trackchange', update), person.on('pathchange', update)];
    this.update();
  }

  get name() {
    return shown(this.#person.name) || say.guest;
  }

  /** No way was found to this person; a later success takes it back. */
  fail() {
    this.#failed = true;
    this.update();
  }

  /**
   * Looks whether the picture moves; to be called about once a second. A hidden
   * page draws none, which says nothing.
   * @param {number} now in ms
   */
  watch(now) {
    const count = document.hidden ? -1 : this.video.getVideoPlaybackQuality().totalVideoFrames;
    if (count !== this.#frames.count || count < 1) this.#frames = { count, since: now };
    this.element.classList.toggle('stale', now - this.#frames.since > STALE);
  }

  update() {
    const { camera, microphone, path, state } = this.#person;
    this.show({
      name: shown(this.#person.name),
      label: this.name,
      camera: camera.active && !camera.muted && camera.track !== null,
      microphone: microphone.active && !microphone.muted,
      state: this.#failed ? 'failed' : state,
    });
    this.element.dataset.path = path ?? '';
    if (path) setIcon(this.#path, path);
    this.#pathText.textContent = say.path(path);
    this.badge.title = say.path(path);
    toggle(this.badge, path !== null);
  }

  dispose() {
    for (const off of this.#offs) off();
    this.element.remove();
  }

  #changed() {
    if (this.#person.state === 'connected') this.#failed = false;
    this.update();
  }
}

/** Oneself: mirrored, without sound. */
export class SelfTile extends Tile {
  #me;
  
  /** @param {Me} me */
  constructor(me) {
    const view = h('video', { class: 'mirrored', autoplay: true, playsinline: true });
    view.muted = true;
    super(view, { own: true });
    this.#me = me;
    this.element.dataset.self = '';
    this.element.dataset.test = 'self';
    this.update();
  }

  update() {
    const { camera, microphone } = this.#me;
    const name = shown(this.#me.name);
    const stream = camera.active ? camera.stream : null;
    if (this.video.srcObject !== stream) this.video.srcObject = stream;
    this.show({
      name,
      label: name ? `${name} (you)` : say.you,
      camera: camera.active && !camera.muted,
      microphone: microphone.active && !microphone.muted,
      state: 'connected',
    });
  }
}
