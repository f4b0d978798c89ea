import { devices, join } from './sdk/signal.js';
import { callScreen } from './call.js';
import { landing } from './landing.js';
import { roomFrom } from './names.js';
import { noticeScreen } from './notice.js';
import { prejoin } from './prejoin.js';
import { announce, clearToasts } from './toast.js';
import { takeKeys } from './token.js';

/** @typedef {import('../sdk/signal.js').Room} Room */
/** @typedef {Record<import('./strings.js').Kind, MediaTrackConstraints>} Wants which devices, when they are turned on again */
/** @typedef {{element: HTMLElement, title: string, dispose?: () => void}} Screen */

/**
 * What the screens know of each other and of the address:
 * `<base>/?room=NAME`, with `relay=1` (media only through TURN) and `debug=1`
 * (the room is `window.signalRoom`), and behind it `#token=…` and `#link=…`, which
 * are taken out at once. The base is wherever this page is served,
 * at the root or below a prefix.
 */
export class App {
  join = join;
  devices = devices;
  #base = new URL('.', document.baseURI);
  #options = new URLSearchParams(location.search);
  /** @type {string | undefined} */ #token;
  /** @type {{link: string, room: string} | null} */ #link = null;
  /** @type {Screen | null} */ #screen = null;

  /** Where the server is, for the SDK. */
  get url() {
    return this.#base.href.replace(/\/$/, '');
  }

  get relayOnly() {
    return this.#options.get('relay') === '1';
  }

  get debug() {
    return this.#options.get('debug') === '1';
  }

  get token() {
    return this.#token;
  }

  /** What lets in to a room, if the address had it. @param {string} room */
  linkTo(room) {
    return this.#link?.room === room ? this.#link.link : undefined;
  }

  get homeAddress() {
    return this.#address();
  }

  /** The link to give to others: without our own options. @param {string} room */
  invitation(room) {
    return new URL(`?room=${encodeURIComponent(room)}`, this.#base).href;
  }

  /** Shows what the address says. */
  route() {
    const { token, link } = takeKeys(window);
    this.#token = token;
    this.#options = new URLSearchParams(location.search);
    const room = roomFrom(this.#options.get('room') ?? '');
    if (link && room) this.#link = { link, room };
    if (!room) return this.#show(landing(this));
    if (!globalThis.RTCPeerConnection || !globalThis.WebSocket) return this.notice('unsupported');
    this.#show(prejoin(this, room));
  }

  /** Goes to the screen before a room. @param {string} room */
  room(room) {
    const address = this.#address(room);
    if (address !== location.href) history.pushState(null, '', address);
    this.route();
  }

  /** @param {Room} room @param {Wants} wants */
  call(room, wants) {
    if (room.state === 'disconnected') return this.notice(room.reason ?? 'failed'); // between the answer and now
    this.#show(callScreen(this, room, wants));
    if (this.debug) Object.assign(window, { signalRoom: room });
  }

  /** @param {string} code @param {string} [message] */
  notice(code, message) {
    const screen = noticeScreen(this, { code, message, room: roomFrom(this.#options.get('room') ?? '') });
    this.#show(screen);
    announce(screen.title, { urgent: true });
  }

  /** @param {string} [room] */
  #address(room) {
    const url = new URL(this.#base);
    if (room) url.searchParams.set('room', room);
    if (this.relayOnly) url.searchParams.set('relay', '1');
    if (this.debug) url.searchParams.set('debug', '1');
    return url.href;
  }

  /** @param {Screen} screen */
  #show(screen) {
    const first = this.#screen === null;
    this.#screen?.dispose?.();
    clearToasts();
    this.#screen = screen;
    document.title = screen.title;
    document.getElementById('app')?.replaceChildren(screen.element);
    // A screen reader is told about the new screen by its heading.
    if (!first) /** @type {HTMLElement | null} */ (screen.element.querySelector('h1[tabindex]'))?.focus();
  }
}

const app = new App();
window.addEventListener('popstate', () => app.route());
app.route();
