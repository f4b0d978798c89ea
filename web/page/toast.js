import { h } from './dom.js';

/**
 * Short messages: seen for a few seconds in a corner, and spoken by screen
 * readers through two regions that index.html has from the start (a region
 * that comes with its text is not announced).
 */

const SEEN = 4000;
const SPOKEN_EVERY = 1000;

/** @type {string[]} */
let waiting = [];
let spoken = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/**
 * @param {string} text
 * @param {{urgent?: boolean}} [options] urgent: interrupts the reader, and looks it
 */
export function toast(text, { urgent = false } = {}) {
  const list = /** @type {HTMLElement} */ (document.getElementById('toasts'));
  const same = [...list.children].find((t) => t.textContent === text);
  if (same) return;
  announce(text, { urgent });
  const item = h('div', { class: urgent ? 'toast urgent' : 'toast', 'data-test': 'toast' }, text);
  list.append(item);
  if (list.children.length > 3) list.firstElementChild?.remove();
  setTimeout(() => item.remove(), urgent ? 2 * SEEN : SEEN);
}

/** What was said about one screen is not about the next. */
export function clearToasts() {
  document.getElementById('toasts')?.replaceChildren();
}

/**
 * Speaks without showing. What comes within a second is said in one go.
 * @param {string} text
 * @param {{urgent?: boolean}} [options]
 */
export function announce(text, { urgent = false } = {}) {
  if (urgent) return speak('alert', text);
  waiting.push(text);
  timer ??= setTimeout(flush, Math.max(50, spoken + SPOKEN_EVERY - Date.now()));
}

function flush() {
  timer = undefined;
  spoken = Date.now();
  speak('status', waiting.join(' '));
  waiting = [];
}

/** @param {'status' | 'alert'} region @param {string} text */
function speak(region, text) {
  const element = /** @type {HTMLElement} */ (document.getElementById(region));
  element.textContent = '';
  // The same text twice is two announcements, but only if it was gone in between.
  requestAnimationFrame(() => { element.textContent = text; });
}
