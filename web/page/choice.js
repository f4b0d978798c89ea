import { h, toggle } from './dom.js';

/** @typedef {import('./strings.js').Kind} Kind */

/**
 * Which camera or microphone, where there is more than one to choose from.
 * @param {{kind: Kind, devices: typeof import('../sdk/signal.js').devices, onchoose: (deviceId: string) => void}} options
 */
export function deviceChoice({ kind, devices, onchoose }) {
  const select = h('select', { id: `choice-${kind}`, 'data-test': `choice-${kind}`, onchange: () => onchoose(select.value) });
  const element = h(
    'div',
    { class: 'choice', hidden: true },
    h('label', { for: select.id }, kind === 'camera' ? 'Camera' : 'Microphone'),
    h('div', { class: 'field' }, select),
  );
  let current = '';
  const list = async () => {
    const all = await devices.list(kind === 'camera' ? 'videoinput' : 'audioinput');
    const named = all.filter((d) => d.deviceId && d.label); // they have none before a permission is given
    select.replaceChildren(...named.map((d) => h('option', { value: d.deviceId }, d.label)));
    select.value = current;
    toggle(element, named.length > 1);
  };
  const off = devices.on('change', list);
  return {
    element,
    off,
    /** Shows which one is used. @param {MediaStreamTrack | null} track */
    set(track) {
      const id = track?.getSettings().deviceId ?? '';
      if (!id || id === current) return;
      current = id;
      list();
    },
  };
}
