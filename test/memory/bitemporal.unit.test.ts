import { describe, expect, test } from 'vitest';
import type { MemoryEvent } from '../../memory/events.ts';
import { relationKey, relationFamilies } from '../../memory/relations.ts';
import { unknownStart } from '../../memory/timeline.ts';
import { decide, known, proposal } from './given.ts';

const on = (day: string): string => `2026-${day}T00:00:00.000Z`;
const ended = (events: readonly MemoryEvent[]): string[] =>
  events.flatMap((event) => (event.type === 'FactSuperseded' ? [`${event.data.fact} ${event.data.validTo}`] : []));

describe('the cases of two values of one single-valued relation', () => {
  const lisbon = known('lisbon', { validFrom: on('03-01') });

  test('given one that had ended before, when another begins, then nothing happens to it', () => {
    const past = known('porto', { value: 'Porto', validFrom: on('01-01'), validTo: on('02-01') });
    const { said, events } = decide({ facts: [past] }, proposal({ validFrom: on('03-01') }));
    expect(said).toEqual([['stored', 'new-0']]);
    expect(ended(events)).toEqual([]);
  });

  test('given one that began first, then it ends where the new one begins', () => {
    const { said, events } = decide({ facts: [lisbon] }, proposal({ validFrom: on('06-01') }));
    expect(said).toEqual([['superseding', 'new-0']]);
    expect(ended(events)).toEqual([`lisbon ${on('06-01')}`]);
  });

  test('given one whose start nobody knows, then it began first', () => {
    const old = known('old', { validFrom: unknownStart });
    expect(ended(decide({ facts: [old] }, proposal({ validFrom: on('01-01') })).events)).toEqual([
      `old ${on('01-01')}`,
    ]);
  });

  test('given one that began later, then the new one is born historical', () => {
    const { said, events } = decide({ facts: [lisbon] }, proposal({ validFrom: on('01-01') }));
    expect(said).toEqual([['historical', 'new-0']]);
    expect(events).toMatchObject([{ data: { validTo: on('03-01') } }]);
  });

  test('given two that follow one another, when one between them is learnt of, then it stands between them', () => {
    const porto = known('porto', { value: 'Porto', validFrom: on('01-01'), validTo: on('03-01') });
    const { said, events } = decide({ facts: [porto, lisbon] }, proposal({ validFrom: on('02-01') }));
    expect(said).toEqual([['historical', 'new-0']]);
    expect(events).toMatchObject([{ data: { validTo: on('03-01'), replaces: null } }, { type: 'FactSuperseded' }]);
    expect(ended(events)).toEqual([`porto ${on('02-01')}`]);
  });

  test('when the words say that it is over, then it is born historical and ends nothing', () => {
    const stay = proposal({ value: 'Rome', validFrom: on('04-01'), validTo: on('05-01') });
    const { said, events } = decide({ facts: [lisbon] }, stay);
    expect(said).toEqual([['historical', 'new-0']]);
    expect(events).toMatchObject([{ data: { value: 'Rome', validTo: on('05-01'), replaces: null } }]);
    expect(ended(events)).toEqual([]);
  });

  test('given a stay that is over, when a value from before it is learnt of, then that one goes on', () => {
    const stay = known('stay', { value: 'Rome', validFrom: on('04-01'), validTo: on('05-01') });
    const { said, events } = decide({ facts: [stay] }, proposal({ validFrom: on('01-01') }));
    expect(said).toEqual([['stored', 'new-0']]);
    expect(events).toMatchObject([{ data: { validTo: null } }]);
  });

  test('when it is over, and it was taken to go on, then it ends there', () => {
    const over = proposal({ value: 'Lisbon', validFrom: unknownStart, validTo: on('05-01') });
    const { said, events } = decide({ facts: [lisbon] }, over);
    expect(said).toEqual([['retracted', 'lisbon']]);
    expect(events).toMatchObject([{ type: 'FactRetracted', data: { validTo: on('05-01') } }]);
  });

  test('when somebody comes back to a value that had ended, then it is a new stretch of time', () => {
    const first = known('first', { validFrom: on('01-01'), validTo: on('03-01') });
    const oslo = known('oslo', { value: 'Oslo', validFrom: on('03-01') });
    const { said } = decide({ facts: [first, oslo] }, proposal({ value: 'Lisbon', validFrom: on('06-01') }));
    expect(said).toEqual([['superseding', 'new-0']]);
  });

  test('when an ended value is told again from its own time, then it is confirmed', () => {
    const first = known('first', { validFrom: on('01-01'), validTo: on('03-01') });
    const oslo = known('oslo', { value: 'Oslo', validFrom: on('03-01') });
    const again = proposal({ value: 'Lisbon', validFrom: on('01-15'), validTo: on('02-01') });
    expect(decide({ facts: [first, oslo] }, again).said).toEqual([['duplicate', 'first']]);
  });

  test('when it is said to have ended before it began, then it is rejected', () => {
    const odd = proposal({ validFrom: on('05-01'), validTo: on('04-01') });
    expect(decide({}, odd).said).toEqual([['rejected', null]]);
  });
});

describe('relation families', () => {
  test('are told apart: no name stands in two rows', () => {
    const names = relationFamilies.flatMap(({ relation, also }) => [relation, ...also]);
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  });

  test('employer, works for and works_at are one, so that the newer employer ends the older', () => {
    expect(new Set(['employer', 'Works for', 'works_at', 'WORKPLACE'].map(relationKey))).toEqual(new Set(['works_at']));
    const acme = known('acme', { relation: 'works_at', value: 'Acme' });
    const { said } = decide({ facts: [acme] }, proposal({ relation: 'Employer', value: 'Globex' }));
    expect(said).toEqual([['superseding', 'new-0']]);
    const again = proposal({ relation: 'works for', value: 'ACME' });
    expect(decide({ facts: [acme] }, again).said).toEqual([['duplicate', 'acme']]);
  });

  test('a thing is liked or disliked, and other things stay as they are', () => {
    const tea = known('tea', { relation: 'likes', value: 'tea' });
    const milk = known('milk', { relation: 'loves', value: 'milk' });
    const { said, events } = decide({ facts: [tea, milk] }, proposal({ relation: 'hates', value: 'Tea' }));
    expect(said).toEqual([['superseding', 'new-0']]);
    expect(ended(events)).toEqual([`tea ${on('04-01')}`]);
  });
});

describe('taking back by content', () => {
  const piano = known('piano', { relation: 'plays', value: 'piano' });

  test('ends the fact of that content', () => {
    const gone = proposal({ action: 'retract', relation: 'plays', value: 'Piano' });
    expect(decide({ facts: [piano] }, gone).said).toEqual([['retracted', 'piano']]);
  });

  test.each([{ value: 'flute' }, { subject: 'Bo' }, { relation: 'likes' }])('%j ends nothing', (change) => {
    const gone = proposal({ action: 'retract', relation: 'plays', value: 'piano', ...change });
    expect(decide({ facts: [piano] }, gone)).toMatchObject({ said: [['rejected', null]], events: [] });
  });

  test('a fact never ends before it began', () => {
    const gone = proposal({ action: 'retract', target: 'piano', validFrom: on('01-01') });
    expect(decide({ facts: [piano] }, gone).events).toMatchObject([{ data: { validTo: piano.validFrom } }]);
  });
});
