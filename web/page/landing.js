import { brand } from './controls.js';
import { h } from './dom.js';
import { icon } from './icons.js';
import { roomFrom, suggestion } from './names.js';
import { say } from './strings.js';

/** @typedef {import('./main.js').App} App */
/** @typedef {import('./main.js').Screen} Screen */

/** The start page: begin a call under a suggested name, or go to one by name or link. @param {App} app @returns {Screen} */
export function landing(app) {
  const element = h(
    'div',
    { class: 'page', 'data-test': 'landing' },
    h('header', { class: 'page-head' }, brand()),
    h(
      'main',
      { class: 'columns' },
      h(
        'section',
        { class: 'pitch' },
        h('h1', { tabindex: -1 }, 'Video calls, from browser to browser'),
        h('p', { class: 'lead' }, 'Start a call, send the link, and talk. Up to six people see each other.'),
        h(
          'ul',
          { class: 'points' },
          point('check', 'No account, and nothing to install'),
          point('direct', 'Pictures and sound take the direct way wherever there is one'),
          point('wave', 'The call goes on when the network stumbles'),
        ),
      ),
      h('section', { class: 'card' }, start(app), h('div', { class: 'or', 'aria-hidden': 'true' }, 'or'), enter(app)),
    ),
  );
  return { element, title: say.title };
}

/** @param {string} name @param {string} text */
const point = (name, text) => h('li', {}, icon(name), text);

/** @param {App} app */
function start(app) {
  const room = h('input', {
    id: 'room', 'data-test': 'room', value: suggestion(), autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false', maxlength: 128, required: true, onfocus: () => room.select(),
  });
  const label = 'Suggest another name';
  const another = h(
    'button',
    { type: 'button', class: 'in-field', 'aria-label': label, title: label, onclick: () => { room.value = suggestion(); } },
    icon('shuffle'),
  );
  return form(app, room, [
    h('label', { for: 'room' }, 'Room name'),
    h('div', { class: 'field big' }, room, another),
    h('button', { class: 'button primary', 'data-test': 'start' }, icon('camera'), 'Start a call'),
  ]);
}

/** @param {App} app */
function enter(app) {
  const room = h('input', { id: 'known', 'data-test': 'known-room', placeholder: 'Link or room name', autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false', required: true });
  return form(app, room, [
    h('label', { for: 'known' }, 'Were you invited?'),
    h('div', { class: 'row' }, h('div', { class: 'field' }, room), h('button', { class: 'button', 'data-test': 'join-room' }, 'Join')),
  ]);
}

/**
 * A form that goes to the room in its field, or says why it cannot.
 * @param {App} app
 * @param {HTMLInputElement} field
 * @param {HTMLElement[]} children
 */
function form(app, field, children) {
  const problem = h('p', { class: 'problem', role: 'alert', id: `${field.id}-problem` });
  field.setAttribute('aria-describedby', problem.id);
  field.addEventListener('input', () => complain(''));
  /** @param {string} text */
  const complain = (text) => {
    problem.textContent = text;
    field.setAttribute('aria-invalid', String(text !== ''));
  };
  /** @param {SubmitEvent} event */
  const onsubmit = (event) => {
    event.preventDefault();
    const name = roomFrom(field.value);
    if (name) return app.room(name);
    complain(say.badRoom);
    field.focus();
  };
  return h('form', { class: 'stack', novalidate: true, onsubmit }, ...children, problem);
}
