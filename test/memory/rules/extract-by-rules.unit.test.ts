import { describe, expect, test } from 'vitest';
import { extractByRules } from '../../../memory/rules/extract-by-rules.ts';
import { unknownStart } from '../../../memory/timeline.ts';
import { known } from '../given.ts';

const occurredAt = '2026-05-10T12:00:00.000Z';
const read = (text: string, facts = [] as ReturnType<typeof known>[]) => extractByRules({ text, occurredAt }, facts);
const said = (text: string): string[] =>
  read(text).proposals.map(({ subject, relation, value }) => `${subject}|${relation}|${value}`);
const day = (text: string): string => `${text}T00:00:00.000Z`;

test.each([
  ['My name is Ana, I’m 34 years old and allergic to nuts.', ['user|name|Ana', 'user|age|34', 'user|allergic_to|nuts']],
  ['I live in New York and love it', ['user|lives_in|New York']],
  ['My sister Anna lives in Rome and works at Fiat.', ['Anna (sister)|lives_in|Rome', 'Anna (sister)|works_at|Fiat']],
  ['Please contact me by SMS.', ['user|prefers_contact|SMS']],
  ['Mein Hund heißt Bello und ich bin Lehrerin.', ['user|hund_name|Bello', 'user|job|Lehrerin']],
  ["Je m'appelle Luc et je suis végétarien.", ['user|name|Luc', 'user|diet|végétarien']],
  ['Me llamo Eva, tengo 40 años y hablo francés.', ['user|name|Eva', 'user|age|40', 'user|speaks|francés']],
  ['Chamo-me Rui e gosto de fado.', ['user|name|Rui', 'user|likes|fado']],
  ['I live in 東京.', ['user|lives_in|東京']],
])('%s', (text, expected) => {
  expect(said(text)).toEqual(expected);
});

describe('says nothing of', () => {
  test.each([
    'I live in hope.',
    'I work hard.',
    'I started at 9.',
    'I moved to the next step.',
    'I left the keys at home.',
    'I like how you explained that.',
    'I like it.',
    'He lives in Rome.',
    'I would like a refund.',
    'Thanks, that is all!',
    '```\nI live in Rome\n```',
    '> I live in Rome.',
  ])('%s', (text) => {
    expect(read(text).proposals).toEqual([]);
  });
});

test.each([
  ['Where do I live?', 'question'],
  ['If I lived in Rome, I would be happy.', 'hypothetical'],
  ['Bo says that I live in Rome.', 'hearsay'],
  ['Of course I love rain.', 'sarcasm'],
  ['Dicen que vivo en Bilbao.', 'hearsay'],
])('%s is a %s: unknown, and told so', (text, why) => {
  expect(read(text)).toMatchObject({ proposals: [], unread: [{ why }] });
});

test.each([
  ['I moved to Porto last month.', day('2026-04-10').replace('00:00', '12:00')],
  ['I have lived in Porto since 2019.', day('2019-01-01')],
  ['I moved to Porto in March.', day('2026-03-01')],
  ['I moved to Porto in August.', day('2025-08-01')],
  ['I moved to Porto on 2026-02-03.', day('2026-02-03')],
  ['I moved to Porto three weeks ago.', '2026-04-19T12:00:00.000Z'],
  ['Ich wohne seit drei Jahren in Porto.', '2023-05-10T12:00:00.000Z'],
  ["J'habite à Porto depuis mars 2020.", day('2020-03-01')],
  ['Vivo en Oporto desde hace dos meses.', '2026-03-10T12:00:00.000Z'],
  ['Moro no Porto desde 2021.', day('2021-01-01')],
  ['I live in Porto.', occurredAt],
])('%s: the time is resolved against the message’s', (text, validFrom) => {
  expect(read(text).proposals).toMatchObject([{ relation: 'lives_in', validFrom }]);
});

test('what is over has an end, and a beginning only where one was said', () => {
  expect(read('I used to live in Bern.').proposals).toMatchObject([
    { value: 'Bern', validFrom: unknownStart, validTo: occurredAt },
  ]);
  expect(read('I lived in Rome from 2015 to 2018.').proposals).toMatchObject([
    { value: 'Rome', validFrom: day('2015-01-01'), validTo: day('2018-01-01') },
  ]);
});

test('corrections and endings are about what is known, and about nothing else', () => {
  const facts = [
    known('home'),
    known('tea', { relation: 'likes', value: 'tea' }),
    known('size', { relation: 'shoe_size', value: '42' }),
  ];
  expect(read('It’s Porto, not Lisbon.', facts).proposals).toMatchObject([
    { action: 'supersede', target: 'home', value: 'Porto' },
  ]);
  expect(read('I no longer like tea.', facts).proposals).toMatchObject([{ action: 'retract', target: 'tea' }]);
  expect(read('Please forget my shoe size.', facts).proposals).toMatchObject([{ action: 'retract', target: 'size' }]);
  expect(read('I no longer like jazz.', facts).proposals).toEqual([]);
  expect(read('Please forget everything.', facts).proposals).toEqual([]);
});

test('a name that two people have is nobody’s', () => {
  const anna = known('rome', { subject: 'Anna (sister)', value: 'Rome' });
  const boss = known('oslo', { subject: 'Anna (boss)', value: 'Oslo' });
  expect(read('Anna lives in Bern.', [anna]).proposals).toMatchObject([{ subject: 'Anna (sister)' }]);
  expect(read('Anna lives in Bern.', [anna, boss]).proposals).toMatchObject([{ subject: 'Anna' }]);
});

test('the words stand as they were said', () => {
  expect(read('Ich wohne in Köln.').proposals).toMatchObject([{ text: 'Ich wohne in Köln.' }]);
});

test('a long message made to be slow is read in a moment', () => {
  const started = performance.now();
  for (const part of ['I live in ', 'my sister ', 'not , but ', 'from 2 years ago ', "it's , not "])
    read(part.repeat(2_000));
  expect(performance.now() - started).toBeLessThan(5_000);
});
