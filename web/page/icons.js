/**
 * Icons on a grid of 24, drawn with a line of 2. They are built here, not
 * fetched: nothing flashes, and no policy on images is in the way.
 */
const SVG = 'http://www.w3.org/2000/svg';

/** @type {Record<string, string[]>} */
const paths = {
  microphone: ['M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3z', 'M5.5 11a6.5 6.5 0 0 0 13 0', 'M12 17.5V21', 'M8.5 21h7'],
  'microphone-off': ['M9 9v2a3 3 0 0 0 5 2.2', 'M15 10V6a3 3 0 0 0-5.8-1', 'M5.5 11a6.5 6.5 0 0 0 10.4 5.2', 'M18.1 13.3a6.5 6.5 0 0 0 .4-2.3',
    'M12 17.5V21', 'M8.5 21h7', 'M4 3l17 17'],
  camera: ['M4.5 6.5h9a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2h-9a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2z', 'M15.5 10.8l6-3.3v9l-6-3.3'],
  'camera-off': ['M9.5 6.5h4a2 2 0 0 1 2 2v3.8', 'M15.3 16.6a2 2 0 0 1-1.8.9h-9a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2h.7', 'M15.5 10.8l6-3.3v9l-3-1.6', 'M4 3l17 17'],
  link: ['M10 13.5a4.5 4.5 0 0 0 6.6.4l3-3a4.5 4.5 0 0 0-6.4-6.4l-1.6 1.6', 'M14 10.5a4.5 4.5 0 0 0-6.6-.4l-3 3a4.5 4.5 0 0 0 6.4 6.4l1.6-1.6'],
  check: ['M4.5 12.5l5 5 10-11'],
  leave: ['M2.8 14.6c-1-1.1-.9-2.8.3-3.7a15 15 0 0 1 17.8 0c1.2.9 1.3 2.6.3 3.7l-1 1.1a1.6 1.6 0 0 1-1.9.3l-2.3-1.2a1.6 1.6 0 0 1-.8-1.4v-1.6a11 11 0 0 0-6.4 0v1.6c0 .6-.3 1.1-.8 1.4L5.7 16a1.6 1.6 0 0 1-1.9-.3z'],
  person: ['M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8z', 'M4.5 20.500a7.5 7.5 0 0 1 15 0'],
  shuffle: ['M20 11a8 8 0 0 0-14.3-4L3.5 9.5', 'M3.5 4.500v5h5', 'M4 13a8 8 0 0 0 14.3 4l2.2-2.5', 'M20.5 19.500v-5h-5'],
  direct: ['M4 8.500h15', 'M15.5 5L19 8.5 15.5 12', 'M20 15.500H5', 'M8.5 12L5 15.5 8.5 19'],
  relay: ['M3 18a3 3 0 1 0 6 0 3 3 0 1 0-6 0z', 'M15 18a3 3 0 1 0 6 0 3 3 0 1 0-6 0z', 'M9 6a3 3 0 1 0 6 0 3 3 0 1 0-6 0z', 'M10.4 8.600L7.5 15.4', 'M13.6 8.600l2.9 6.8'],
  warning: ['M12 3.500L2.5 20h19z', 'M12 10v4.5', 'M12 17.300v.2'],
  lock: ['M6 10.500h12v10H6z', 'M8.5 10.500V7.500a3.5 3.5 0 0 1 7 0v3'],
  people: ['M9 4.500a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z', 'M2.5 19.500a6.5 6.5 0 0 1 13 0', 'M16 5a3.3 3.3 0 0 1 0 6.2', 'M18 14a6.3 6.3 0 0 1 3.5 5.5'],
  sound: ['M4 9.500h3.500L12 5.500v13l-4.5-4H4z', 'M15.5 9a4.2 4.2 0 0 1 0 6', 'M18 6.500a7.8 7.8 0 0 1 0 11'],
  wave: ['M3 12h2.5', 'M8.5 7v10', 'M12 4v16', 'M15.5 8v8', 'M18.5 12H21'],
};

/**
 * @param {string} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  setIcon(svg, name);
  return svg;
}

/**
 * Changes what an icon shows.
 * @param {SVGSVGElement} svg
 * @param {string} name
 */
export function setIcon(svg, name) {
  if (svg.dataset.icon === name) return;
  svg.replaceChildren(...draw(name));
  svg.dataset.icon = name;
}

/** @param {string} name */
function draw(name) {
  return paths[name].map((d) => {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', d);
    return path;
  });
}

export const icons = Object.keys(paths);
