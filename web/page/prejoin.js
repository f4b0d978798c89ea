import { deviceChoice } from './choice.js';
import { brand, deviceToggle } from './controls.js';
import { h, toggle } from './dom.js';
import { icon } from './icons.js';
import { Preview } from './media.js';
import { deviceProblem, devicesProblem, say } from './strings.js';
import { announce } from './toast.js';

/** @typedef {import('./main.js').App} App */
/** @typedef {import('./main.js').Screen} Screen */
/** @typedef {import('./strings.js').Kind} Kind */

const REMEMBERED = 'signal.name';
const SLOW = 4000;
const KINDS = /** @type {const} */ (['microphone', 'camera']);

/** Before the call: how one looks, what one is called. @param {App} app @param {string} room @returns {Screen} */
export function prejoin(app, room) {
  return new Prejoin(app, room);
}

class Prejoin {
  #app;
  #room;
  #preview = new Preview();
  #joining = /** @type {AbortController | null} */ (null);
  #gone = false;

  #video = h('video', { class: 'mirrored', autoplay: true, playsinline: true });
  #hint = h('p', { class: 'preview-hint' });
  #problems = h('div', { class: 'problems', role: 'status', 'data-test': 'problem' });
  #name = h('input', { id: 'name', 'data-test': 'name', autocomplete: 'name', maxlength: 60, placeholder: 'Shown to the others (optional)', value: remembered() });
  #password = h('input', { id: 'password', type: 'password', 'data-test': 'password', autocomplete: 'off' });
  #secret = h('div', { class: 'stack', hidden: true }, h('label', { for: 'password' }, say.password), h('div', { class: 'field' }, this.#password));
  #toggles = KINDS.map((kind) => deviceToggle({ kind, onclick: () => this.#turn(kind) }));
  #choices;
  #label = h('span', {}, 'Join');
  #button = h('button', { class: 'button primary', 'data-test': 'join' }, this.#label);
  #cancel = h('button', { type: 'button', class: 'button', 'data-test': 'cancel', hidden: true, onclick: () => this.#joining?.abort() }, 'Cancel');
  #progress = h('p', { class: 'quiet', role: 'status', 'data-test': 'progress' });

  /** @param {App} app @param {string} room */
  constructor(app, room) {
    this.#app = app;
    this.#room = room;
    this.title = `${room} · ${say.title}`;
    this.#video.muted = true;
    const { devices } = app;
    this.#choices = KINDS.map((kind) => deviceChoice({ kind, devices, onchoose: (id) => this.#preview.use(kind, id) }));
    this.element = this.#build();
    this.#preview.addEventListener('change', () => this.#update());
    this.#update();
    this.#preview.open();
  }

  dispose() {
    this.#gone = true;
    for (const { off } of this.#choices) off();
    this.#joining?.abort();
    this.#preview.close();
  }

  #build() {
    const [microphone, camera] = this.#toggles;
    const relay = this.#app.relayOnly && h('span', { class: 'pill', title: say.relayOnlyWhy, 'data-test': 'relay-only' }, icon('relay'), say.relayOnly);
    /** @param {SubmitEvent} event */
    const onsubmit = (event) => {
      event.preventDefault();
      this.#join();
    };
    return h(
      'div',
      { class: 'page', 'data-test': 'prejoin' },
      h('header', { class: 'page-head' }, brand(this.#app.homeAddress), relay),
      h(
        'main',
        { class: 'columns prejoin' },
        h(
          'section',
          { class: 'preview', 'aria-label': 'Your camera' },
          this.#video,
          this.#hint,
          h('div', { class: 'controls over' }, microphone.element, camera.element),
        ),
        h(
          'form',
          { class: 'card stack', onsubmit },
          h('div', {}, h('p', { class: 'quiet' }, 'You are about to join'), h('h1', { class: 'room-name', tabindex: -1, 'data-test': 'room-name' }, this.#room)),
          h('label', { for: 'name' }, 'Your name'),
          h('div', { class: 'field' }, this.#name),
          this.#secret,
          this.#button,
          this.#cancel,
          this.#progress,
          this.#problems,
          ...this.#choices.map((c) => c.element),
        ),
      ),
    );
  }

  #update() {
    const { devices, asking } = this.#preview;
    const { camera, microphone } = devices;
    const shown = this.#video.srcObject instanceof MediaStream ? this.#video.srcObject.getVideoTracks()[0] : null;
    if (shown !== camera.track) this.#video.srcObject = camera.track && new MediaStream([camera.track]);
    toggle(this.#video, camera.track !== null);
    this.#hint.textContent = asking && camera.wanted ? say.asking : camera.track ? '' : say.cameraOff;
    toggle(this.#hint, camera.track === null);
    KINDS.forEach((kind, i) => {
      const { track, wanted, problem } = devices[kind];
      this.#toggles[i].set({ on: wanted && (asking || track !== null), problem: problem !== null, busy: asking && wanted && !track });
      this.#choices[i].set(track);
    });
    if (!this.#preview.opening) this.#complain(camera.problem, microphone.problem);
  }

  /** @param {string | null} camera @param {string | null} microphone */
  #complain(camera, microphone) {
    /** @type {string[]} */
    const sentences = [];
    if (camera && camera === microphone) sentences.push(devicesProblem(camera));
    else {
      if (camera) sentences.push(deviceProblem('camera', camera));
      if (microphone) sentences.push(deviceProblem('microphone', microphone));
    }
    const text = sentences.join('\n');
    if (this.#problems.dataset.text === text) return; // a live region speaks whenever it is touched
    this.#problems.dataset.text = text;
    this.#problems.replaceChildren(...sentences.map((s) => h('p', {}, icon('warning'), h('span', {}, s))));
  }

  /** @param {Kind} kind */
  async #turn(kind) {
    const { track, problem } = this.#preview.devices[kind];
    const on = track === null || problem !== null;
    await this.#preview.turn(kind, on);
    if (!this.#preview.devices[kind].problem) announce(say.turned(kind, on));
  }

  async #join() {
    if (this.#joining) return;
    const name = this.#name.value.trim();
    remember(name);
    const { signal } = (this.#joining = new AbortController());
    this.#busy(true);
    const slow = setTimeout(() => { this.#progress.textContent = navigator.onLine ? say.slowJoin : say.offline; }, SLOW);
    try {
      const { url, relayOnly, token } = this.#app;
      const password = this.#password.value || undefined;
      const link = this.#app.linkTo(this.#room);
      const waiting = () => {
        clearTimeout(slow);
        this.#progress.textContent = say.waiting;
      };
      const room = await this.#app.join(this.#room, { url, token, name, relayOnly, password, link, waiting, camera: this.#want('camera'), microphone: this.#want('microphone'), signal });
      if (this.#gone) return void room.leave();
      this.#joining = null;
      this.#preview.take();
      const { camera, microphone } = this.#preview.devices;
      this.#app.call(room, { camera: camera.want, microphone: microphone.want });
    } catch (error) {
      if (this.#gone) return;
      const { code = 'failed', message } = /** @type {{code?: string, message: string}} */ (error);
      const opens = code === 'password_required' || code === 'wrong_password';
      if (!signal.aborted && !opens) return this.#app.notice(code, message);
      this.#joining = null;
      this.#busy(false);
      if (opens) this.#askPassword(code);
    } finally {
      clearTimeout(slow);
    }
  }

  /** @param {'password_required' | 'wrong_password'} code */
  #askPassword(code) {
    toggle(this.#secret, true);
    this.#progress.textContent = say[code];
    this.#password.value = '';
    this.#password.focus();
  }

  /** The track of the preview; if the question is still open, the SDK asks again. @param {Kind} kind */
  #want(kind) {
    const { track, wanted, want } = this.#preview.devices[kind];
    return track ?? (wanted && this.#preview.asking ? want : false);
  }

  /** @param {boolean} busy */
  #busy(busy) {
    this.#button.disabled = this.#name.disabled = this.#password.disabled = busy;
    for (const { element } of this.#toggles) element.disabled = busy;
    this.#label.textContent = busy ? 'Joining…' : 'Join';
    toggle(this.#cancel, busy);
    this.#progress.textContent = '';
    if (!busy) this.#button.focus();
  }
}

/** Storage may be forbidden; a name is then typed each time. */
function remembered() {
  try {
    return localStorage.getItem(REMEMBERED) ?? '';
  } catch {
    return '';
  }
}

/** @param {string} name */
function remember(name) {
  try {
    localStorage.setItem(REMEMBERED, name);
  } catch {
    // Not worth a word.
  }
}
