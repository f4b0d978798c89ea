import { brand } from './controls.js';
import { h } from './dom.js';
import { icon } from './icons.js';
import { notice, say } from './strings.js';

/** @typedef {import('./main.js').App} App */
/** @typedef {import('./main.js').Screen} Screen */

/**
 * One sentence on why there is no call, and the way on.
 * @param {App} app
 * @param {{code: string, message?: string, room: string | null}} what
 * @returns {Screen}
 */
export function noticeScreen(app, { code, message, room }) {
  const { icon: picture, title, text, again } = notice(code, message);
  const retry = again && room !== null && h('button', { type: 'button', class: 'button primary', 'data-test': 'again', onclick: () => app.room(room) }, again);
  const element = h(
    'div',
    { class: 'page', 'data-test': 'notice', 'data-code': code },
    h('header', { class: 'page-head' }, brand(app.homeAddress)),
    h(
      'main',
      { class: 'centre' },
      h(
        'section',
        { class: 'card notice' },
        h('div', { class: 'notice-icon' }, icon(picture)),
        h('h1', { tabindex: -1 }, title),
        h('p', { class: 'lead', 'data-test': 'sentence' }, text),
        h('div', { class: 'stack' }, retry, h('a', { class: 'button', href: app.homeAddress }, 'Start page')),
      ),
    ),
  );
  return { element, title: `${title} · ${say.title}` };
}
