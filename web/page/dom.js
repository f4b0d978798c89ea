/** @typedef {Node | string | null | undefined | false} Child */

/**
 * Makes an element. Properties that start with `on` are listeners, `true` and
 * `false` set and omit an attribute, anything else is an attribute.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, unknown>} [properties]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (typeof value === 'function') element.addEventListener(key.slice(2), /** @type {EventListener} */ (value));
    else if (value === true) element.setAttribute(key, '');
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, String(value));
  }
  element.append(...children.filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

/** Text for screen readers alone. @param {string} text */
export const hidden = (text) => h('span', { class: 'visually-hidden' }, text);

/**
 * Shows or hides an element. Hidden things are out of the tab order too.
 * @param {HTMLElement} element
 * @param {boolean} visible
 */
export function toggle(element, visible) {
  element.hidden = !visible;
}
