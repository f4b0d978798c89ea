import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initials, roomFrom, shown, suggestion } from '../page/names.js';

test('a suggestion is a name that the server takes, and can be read out', () => {
  for (let i = 0; i < 200; i++) {
    const name = suggestion();
    assert.match(name, /^[a-z]+-[a-z]+-\d{4}$/);
    assert.equal(roomFrom(name), name);
  }
});

test('suggestions use the whole range', () => {
  assert.match(suggestion(() => 0), /^amber-badger-0000$/);
  assert.match(suggestion(() => 1 - Number.EPSILON), /^wise-willow-9999$/);
});

for (const [typed, room] of /** @type {[string, string | null][]} */ ([
  ['standup', 'standup'],
  ['  Standup ', 'Standup'], // a name that is valid stays as it is: they are told apart by case
  ['Team Standup!', 'team-standup'],
  ['Ünïcode Größe', 'unicode-gro-e'],
  ['https://calls.example/x/?room=standup&relay=1', 'standup'],
  ['https://calls.example/x/', 'https-calls.example-x'],
  ['a/../b', 'a-..-b'],
  ['https://[', 'https'],
  ['..', null],
  ['.', null],
  ['', null],
  ['会议', null],
  ['x'.repeat(200), 'x'.repeat(128)],
])) {
  test(`${JSON.stringify(typed.slice(0, 40))} means ${room?.slice(0, 40)}`, () => assert.equal(roomFrom(typed), room));
}

test('initials are of the first and the last word', () => {
  assert.equal(initials('Ana'), 'A');
  assert.equal(initials('ana maria lopez'), 'AL');
  assert.equal(initials('  '), '');
  assert.equal(initials('🦊 fox'), '🦊F');
});

test('a name is shown in its place and nowhere else', () => {
  assert.equal(shown('  Ana \n Maria '), 'Ana Maria');
  assert.equal(shown('\u202egnp.exe\u202c'), 'gnp.exe');
  assert.equal(shown('\u200b \u2066\u2069\t'), '');
  assert.equal(shown('🦊'.repeat(100)), '🦊'.repeat(60));
  assert.equal(shown(`Z${'\u0351'.repeat(50)}`), `Z${'\u0351'.repeat(3)}`);
  assert.equal(shown('👩‍👩‍👧 شكرا'), '👩‍👩‍👧 شكرا');
  assert.equal(shown('<b>'), '<b>');
});
