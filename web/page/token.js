/**
 * The token that whoever sent somebody here has put behind the # of the
 * address: browsers send that to no server, so no log has it. It is taken out
 * of the address at once, since addresses are copied and kept, and lives as
 * long as this tab, for a reload.
 */

const KEPT = 'signal.token';

/**
 * @typedef {{
 *   location: {href: string, hash: string}, history: {state: any, replaceState(state: any, title: string, url: string): void},
 *   sessionStorage: {getItem(key: string): string | null, setItem(key: string, value: string): void},
 * }} Window
 */

/** @param {Window} window @returns {string | undefined} */
export function takeToken(window) {
  const { location, history } = window;
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token === null) return kept(window);
  history.replaceState(history.state, '', location.href.replace(/#.*$/, ''));
  keep(window, token);
  return token || undefined;
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
