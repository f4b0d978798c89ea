import { h, hidden } from './dom.js';
import { icon, setIcon } from './icons.js';

/**
 * A toggle for a device. Its label stays, aria-pressed says whether it is on.
 * @param {{kind: 'camera' | 'microphone', onclick: () => void, keys?: string}} options
 * @returns {{element: HTMLButtonElement, set(state: {on: boolean, problem?: boolean, busy?: boolean}): void}}
 */
export function deviceToggle({ kind, onclick, keys }) {
  const picture = icon(kind);
  const label = kind === 'camera' ? 'Camera' : 'Microphone';
  const badge = h('span', { class: 'badge', hidden: true, 'aria-hidden': 'true' }, '!');
  const element = h(
    'button',
    { type: 'button', class: 'control', 'data-test': kind, 'aria-pressed': 'false', 'aria-keyshortcuts': keys, title: keys && `${label} (${shown(keys)})`, onclick },
    h('span', { class: 'disc' }, picture, badge),
    h('span', { class: 'control-label' }, label),
  );
  return {
    element,
    set({ on, problem = false, busy = false }) {
      element.setAttribute('aria-pressed', String(on));
      element.toggleAttribute('aria-busy', busy);
      badge.hidden = !problem;
      setIcon(picture, on ? kind : `${kind}-off`);
    },
  };
}

/** Control on a PC, the command key on a Mac. @param {string} keys */
function shown(keys) {
  return keys.split(' ')[0].replace('Control', /Mac|iPhone|iPad/.test(navigator.platform) ? '⌘' : 'Ctrl');
}

/**
 * A round button of the bar.
 * @param {{name: string, label: string, test: string, class?: string, onclick: () => void}} options
 */
export function action({ name, label, test, class: more = '', onclick }) {
  const picture = icon(name);
  const text = h('span', { class: 'control-label' }, label);
  const element = h('button', { type: 'button', class: `control ${more}`, 'data-test': test, onclick }, h('span', { class: 'disc' }, picture), text);
  return {
    element,
    /** Shows another icon and label for two seconds. @param {string} name2 @param {string} label2 */
    flash(name2, label2) {
      setIcon(picture, name2);
      text.textContent = label2;
      setTimeout(() => {
        setIcon(picture, name);
        text.textContent = label;
      }, 2000);
    },
  };
}

/**
 * Keys that work anywhere in the call: Ctrl or Cmd with D and E.
 * @param {Record<string, () => void>} actions by lower-case letter
 * @returns {() => void} stops listening
 */
export function shortcuts(actions) {
  /** @param {KeyboardEvent} event */
  const listen = (event) => {
    const wanted = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && !event.repeat;
    const act = wanted && actions[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  };
  document.addEventListener('keydown', listen);
  return () => document.removeEventListener('keydown', listen);
}

/**
 * Puts a text into the clipboard: by the API, or by the old command where
 * that is refused or missing (http, a frame). False if neither works.
 * @param {string} text
 */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = h('textarea', { class: 'visually-hidden', readonly: true, 'aria-hidden': 'true' });
    const focused = /** @type {HTMLElement | null} */ (document.activeElement);
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand('copy');
    field.remove();
    focused?.focus();
    return done;
  }
}

/** The brand: a mark and a word. @param {string} [href] */
export function brand(href) {
  const content = [h('span', { class: 'mark' }, icon('wave')), h('span', {}, 'signal')];
  return href ? h('a', { class: 'brand', href, 'data-test': 'home' }, ...content, hidden(', to the start page')) : h('div', { class: 'brand' }, ...content);
}
