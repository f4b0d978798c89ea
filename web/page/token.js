/**
 * What whoever sent somebody here has put behind the # of the address: browsers
 * send that to no server, so no log has it. It is taken out of the address at
 * once, since addresses are copied and kept. A token lives as long as this tab,
 * for a reload; a link to a room may be good for one time only, and is not kept.
 */

const KEPT = 'signal.token';

/**
 * @typedef {{
 *   location: {href: string, hash: string}, history: {state: any, replaceState(state: any, title: string, url: string): void},
 *   sessionStorage: {getItem(key: string): string | null, setItem(key: string, value: string): void},
 * }} Window
 */

/** @param {Window} window @returns {{token?: string, link?: string}} */
export function takeKeys(window) {
  const { location, history } = window;
  const keys = new URLSearchParams(location.hash.slice(1));
  const token = keys.get('token');
  const link = keys.get('link');
  if (token !== null || link !== null) history.replaceState(history.state, '', location.href.replace(/#.*$/, ''));
  if (token !== null) keep(window, token);
  return { token: (token ?? kept(window)) || undefined, link: link || undefined };
}

/** Storage may be forbidden; a reload then needs the link again. @param {Window} window */
function kept(window) {
  try {
    return window.sessionStorage.getItem(KEPT) || undefined;
  } catch {
    return undefined;
  }
}

/** @param {Window} window @param {string} token */
function keep(window, token) {
  try {
    window.sessionStorage.setItem(KEPT, token);
  } catch {
    // Not worth a word.
  }
}
