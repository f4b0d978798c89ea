import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';

const page = new URL('../page/', import.meta.url);
/** @param {string} name */
const read = (name) => readFile(new URL(name, page), 'utf8');
const modules = (await readdir(page)).filter((/** @type {string} */ name) => name.endsWith('.js'));

test('the page asks for all its modules at once, not one after the other', async () => {
  const html = await read('index.html');
  const preloaded = [...html.matchAll(/rel="modulepreload" href="([^"]+)"/g)].map((m) => m[1]).filter((m) => !m.startsWith('sdk/'));
  assert.deepEqual([...preloaded, 'main.js'].sort(), modules.sort());
});

test('every address is relative, so that the page works below a prefix', async () => {
  const html = await read('index.html');
  for (const [, address] of html.matchAll(/(?:href|src)="([^"]+)"/g)) assert.match(address, /^[a-z]/, address);
  for (const name of modules) {
    for (const [, from] of (await read(name)).matchAll(/^import .* from '([^']+)'/gm)) assert.match(from, /^\.\//, `${name}: ${from}`);
  }
});

test('nothing needs what the policy forbids', async () => {
  assert.doesNotMatch(await read('index.html'), /<style|style=|<script(?![^>]*src=)| on\w+=/);
  for (const name of modules) assert.doesNotMatch(await read(name), /innerHTML|outerHTML|insertAdjacentHTML|\beval\(|new Function/, name);
});

test('the SDK is used through its front door alone', async () => {
  for (const name of modules) {
    for (const [, from] of (await read(name)).matchAll(/(?:from |import\()'([^']*sdk[^']*)'/g)) assert.match(from, /sdk\/signal\.js$/, name);
  }
});

test('icons that are asked for exist', async () => {
  const { icons } = await import('../page/icons.js');
  for (const name of modules) {
    for (const [, asked] of (await read(name)).matchAll(/(?:icon\(|icon: |name: |point\()'([a-z-]+)'/g)) assert.ok(icons.includes(asked), `${name}: ${asked}`);
  }
});
