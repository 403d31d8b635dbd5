import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { extractProposals, type KnownMemory, type MemoryProposal } from '../../../llm/demo-model/extract.ts';

const known: readonly KnownMemory[] = [
  memory(1, 'preference', 'prefers_contact', 'email', 'Ana prefers email for contact.'),
  memory(2, 'fact', 'lives_in', 'Lisbon', 'Ana lives in Lisbon.'),
  memory(3, 'preference', 'likes', 'coffee', 'Ana likes coffee.'),
  memory(4, 'fact', 'name', 'Ana', "The user's name is Ana."),
  memory(5, 'fact', 'shoe_size', '42', "Ana's shoe size is 42."),
];

function memory(alias: number, kind: string, relation: string, value: string, text: string): KnownMemory {
  return { alias, kind, subject: 'user', relation, value, text };
}

function extract(text: string, from: readonly KnownMemory[] = []): MemoryProposal[] {
  return extractProposals([{ id: 7, speaker: 'user', time: '2026-11-21T10:00:00Z', text }], from);
}

// text, then what is read: relation, value, sentence
const readings: readonly (readonly [string, ...(readonly [string, string, string])[]])[] = [
  [
    "Hi, I'm Ana Ruiz and I live in Lisbon.",
    ['name', 'Ana Ruiz', "The user's name is Ana Ruiz."],
    ['lives_in', 'Lisbon', 'Ana Ruiz lives in Lisbon.'],
  ],
  [
    'my name is ana and im from porto',
    ['name', 'Ana', "The user's name is Ana."],
    ['lives_in', 'Porto', 'Ana lives in Porto.'],
  ],
  ['I prefer SMS over email.', ['prefers_contact', 'SMS', 'The user prefers SMS over email.']],
  ['Please contact me by text message', ['prefers_contact', 'SMS', 'The user prefers SMS for contact.']],
  ['The best way to reach me is WhatsApp.', ['prefers_contact', 'WhatsApp', 'The user prefers WhatsApp for contact.']],
  ['I prefer tea over coffee', ['prefers', 'tea', 'The user prefers tea over coffee.']],
  ['I work at Acme', ['works_at', 'Acme', 'The user works at Acme.']],
  ['My dog Bruno is ill', ['dog_name', 'Bruno', "The user's dog is called Bruno."]],
  ['my dog is called Bruno', ['dog_name', 'Bruno', "The user's dog is called Bruno."]],
  ["My daughter's name is Sofia", ['daughter_name', 'Sofia', "The user's daughter is called Sofia."]],
  [
    'I like hiking, tea and jazz',
    ['likes', 'hiking', 'The user likes hiking.'],
    ['likes', 'tea', 'The user likes tea.'],
    ['likes', 'jazz', 'The user likes jazz.'],
  ],
  ["I don't like mornings", ['dislikes', 'mornings', 'The user dislikes mornings.']],
  [
    "I'm vegan and I'm allergic to nuts",
    ['diet', 'vegan', 'The user is vegan.'],
    ['allergic_to', 'nuts', 'The user is allergic to nuts.'],
  ],
  ['My shoe size is 42', ['shoe_size', '42', "The user's shoe size is 42."]],
  ["I'm 34 years old", ['age', '34', 'The user is 34 years old.']],
  ['My favourite colour is green', ['favourite_colour', 'green', "The user's favourite colour is green."]],
  [
    'My phone number is +351 912 345 678.',
    ['phone', '+351 912 345 678', "The user's phone number is +351 912 345 678."],
  ],
  ['My order A-1001 is late', ['order_a_1001', 'late', "The user's order A-1001 is late."]],
  ['Bob prefers window seats', ['prefers', 'window seats', 'Bob prefers window seats.']],
  [
    'I usually take the train with my son',
    ['habit', 'take the train with my son', 'The user usually takes the train with their son.'],
  ],
  [
    'To return shoes, first print the label. Then drop the box.',
    ['how_to', 'return shoes', 'To return shoes, first print the label. Then drop the box.'],
  ],
];

describe('extractProposals', () => {
  it.each(readings.map(([text, ...expected]) => ({ text, expected })))('reads "$text"', ({ text, expected }) => {
    expect(extract(text).map(({ relation, value, text: sentence }) => [relation, value, sentence])).toEqual(expected);
    for (const proposal of extract(text))
      expect(proposal).toMatchObject({ action: 'assert', target: null, message: 7 });
  });

  it.each([
    'Where do I live?',
    'Thanks!',
    "I'd like a refund please",
    "It's raining.",
    'If I lived in Rome, I would be happy.',
    'I want to return my shoes',
    'refund 120 EUR for order A-1001',
    '',
    '私は東京に住んでいます',
  ])('finds nothing in "%s"', (text) => {
    expect(extract(text)).toEqual([]);
  });

  it.each([
    ['Actually, I live in Porto now.', 'supersede', 2, 'Porto', 'Ana lives in Porto.'],
    ['I live in Porto', 'supersede', 2, 'Porto', 'Ana lives in Porto.'],
    ["It's Porto, not Lisbon.", 'supersede', 2, 'Porto', 'Ana lives in Porto.'],
    ['Not Lisbon but Porto.', 'supersede', 2, 'Porto', 'Ana lives in Porto.'],
    ["I don't live in Lisbon anymore, I live in Porto", 'supersede', 2, 'Porto', 'Ana lives in Porto.'],
    ['I live in Lisbon', 'confirm', 2, 'Lisbon', 'Ana lives in Lisbon.'],
    ['I no longer live in Lisbon.', 'retract', 2, 'Lisbon', 'Ana lives in Lisbon.'],
    ['Use SMS instead of email.', 'supersede', 1, 'SMS', 'Ana prefers SMS for contact.'],
    ['Actually SMS is better', 'supersede', 1, 'SMS', 'Ana prefers SMS for contact.'],
    ['Please email me', 'confirm', 1, 'email', 'Ana prefers email for contact.'],
    ['my shoe size is 43, not 42', 'supersede', 5, '43', "Ana's shoe size is 43."],
    ['Forget that I like coffee.', 'retract', 3, 'coffee', 'Ana likes coffee.'],
    ['I no longer like coffee', 'retract', 3, 'coffee', 'Ana likes coffee.'],
    ['Forget my shoe size', 'retract', 5, '42', "Ana's shoe size is 42."],
    ['I like tea', 'assert', null, 'tea', 'Ana likes tea.'],
  ])('against what is known: "%s" is %s %s', (text, action, target, value, sentence) => {
    const proposals = extract(text, known);
    expect(proposals).toHaveLength(1);
    expect(proposals[0]).toMatchObject({ action, target, value, text: sentence });
  });

  it('reads the user only, and lets later words win', () => {
    const time = '2026-11-21T10:00:00Z';
    const proposals = extractProposals(
      [
        { id: 1, speaker: 'user', time, text: 'I live in Lisbon.' },
        { id: 2, speaker: 'assistant', time, text: 'I live in the cloud. My name is Demo.' },
        { id: 3, speaker: 'user', time, text: 'Sorry, I live in Porto. I like tea.' },
        { id: 4, speaker: 'user', time, text: 'I like tea, call me Ana' },
      ],
      [],
    );
    expect(proposals.map(({ relation, value, text, message }) => [relation, value, text, message])).toEqual([
      ['lives_in', 'Porto', 'Ana lives in Porto.', 3],
      ['likes', 'tea', 'Ana likes tea.', 3],
      ['name', 'Ana', "The user's name is Ana.", 4],
    ]);
  });

  it('confirms what the memory tool stored from the same words', () => {
    const text = 'Please remember two things: 1) the gate code is 4471; 2) call Bob on Friday';
    const first = extract(text);
    expect(first.map(({ action }) => action)).toEqual(['assert', 'assert']);
    const stored = first.map((proposal, at): KnownMemory => ({ ...proposal, alias: at + 1 }));
    expect(extract(text, stored).map(({ action, target }) => [action, target])).toEqual([
      ['confirm', 1],
      ['confirm', 2],
    ]);
  });

  it('is total: any text gives well-formed proposals', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 300 }),
        fc.constantFrom('I like ', 'My ', 'forget ', ''),
        (text, lead) => {
          for (const proposal of extract(lead + text, known)) {
            expect(proposal.text).not.toBe('');
            expect(proposal.relation).not.toBe('');
            expect(proposal.confidence).toBeGreaterThan(0);
          }
        },
      ),
    );
  });

  it.each([
    ['one word', 'a'.repeat(1_000_000)],
    ['no full stop', 'I prefer to '.repeat(80_000)],
    ['corrections', 'not a but b instead of c, '.repeat(40_000)],
    ['remember', 'remember '.repeat(100_000)],
    ['spaces', `remember ${' '.repeat(1_000_000)}`],
    ['many sentences', 'I live in Lisbon. '.repeat(50_000)],
  ])('is quick on a megabyte of %s', (_, text) => {
    const start = performance.now();
    extract(text, known);
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});
