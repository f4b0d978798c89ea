import assert from 'node:assert/strict';
import { test } from 'node:test';
import { takeKeys } from '../page/token.js';

const takeToken = (window) => takeKeys(window).token;

function tab(href, storage = new Map()) {
  const location = { href, hash: new URL(href).hash };
  return {
    location,
    history: { state: null, replaceState: (state, title, url) => Object.assign(location, { href: url, hash: new URL(url).hash }) },
    sessionStorage: { getItem: (key) => storage.get(key) ?? null, setItem: (key, value) => storage.set(key, value) },
  };
}

test('a token behind the # is taken, and the address has it no more', () => {
  const window = tab('https://calls.example/x/?room=standup&relay=1#token=e30.e30.c2ln_-');
  assert.equal(takeToken(window), 'e30.e30.c2ln_-');
  assert.equal(window.location.href, 'https://calls.example/x/?room=standup&relay=1');
});

test('it lives as long as the tab, and a newer one goes before it', () => {
  const storage = new Map();
  takeToken(tab('https://calls.example/#token=old', storage));
  assert.equal(takeToken(tab('https://calls.example/?room=a', storage)), 'old');
  assert.equal(takeToken(tab('https://calls.example/?room=a#token=new', storage)), 'new');
  assert.equal(takeToken(tab('https://calls.example/', storage)), 'new');
  assert.equal(takeToken(tab('https://calls.example/#token=', storage)), undefined);
  assert.equal(takeToken(tab('https://calls.example/', storage)), undefined);
});

test('a token in the query is none, and other fragments stay', () => {
  const window = tab('https://calls.example/?token=t#help');
  assert.equal(takeToken(window), undefined);
  assert.equal(window.location.href, 'https://calls.example/?token=t#help');
});

test('without storage it works as well', () => {
  const window = tab('https://calls.example/#token=t');
  const refuse = () => { throw new DOMException('forbidden', 'SecurityError'); };
  window.sessionStorage = { getItem: refuse, setItem: refuse };
  assert.equal(takeToken(window), 't');
  assert.equal(takeToken(window), undefined);
});

test('a link is taken as well, beside a token, and is not kept', () => {
  const storage = new Map();
  const window = tab('https://calls.example/?room=standup#token=t&link=L1_-', storage);
  assert.deepEqual(takeKeys(window), { token: 't', link: 'L1_-' });
  assert.equal(window.location.href, 'https://calls.example/?room=standup');
  assert.deepEqual(takeKeys(tab(window.location.href, storage)), { token: 't', link: undefined });
});
