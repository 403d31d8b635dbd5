import { describe, expect, it } from 'vitest';
import { rememberContent, toMemories } from '../../../llm/demo-model/remember.ts';

describe('rememberContent', () => {
  const five = [
    'my shoe size is 42',
    'my dog is called Bruno',
    'I live in Lisbon',
    'I prefer SMS over email',
    'the gate code is 4471',
  ];

  it.each([
    [
      'numbers',
      'Please remember these five things: 1) my shoe size is 42; 2) my dog is called Bruno; 3) I live in Lisbon; 4) I prefer SMS over email; 5) the gate code is 4471',
    ],
    [
      'numbered lines',
      `Hi. Please remember the following five facts:\n${five.map((item, at) => `${String(at + 1)}. ${item}`).join('\n')}\n\nThanks!`,
    ],
    ['bullets', `Note that:\n${five.map((item) => `- ${item}`).join('\n')}`],
    ['semicolons', `Keep in mind: ${five.join('; ')}`],
    ['sentences', `Remember five things about me. ${five.join('. ')}`],
    ['a question', `Could you remember these: ${five.join('; ')}?`],
  ])('finds five items in %s', (_, text) => {
    expect(rememberContent(text)?.items.map((item) => item.replace(/[.?]$/, ''))).toEqual(five);
  });

  it.each([
    ['Remember that I prefer SMS. What is my name?', ['I prefer SMS.']],
    ['Can you remember that I like tea?', ['I like tea.']],
    ['My shoe size is 42, remember that.', ['My shoe size is 42']],
    ['My shoe size is 42. Please remember that.', ['My shoe size is 42.']],
    ['For the record, I am vegan', ['I am vegan']],
    ["Don't forget my meeting is at 5", ['my meeting is at 5']],
    ['Note that my dog is called Bruno and I live in Lisbon', ['my dog is called Bruno', 'I live in Lisbon']],
    ['Remember I like jazz and blues', ['I like jazz and blues']],
  ])('reads "%s"', (text, items) => {
    expect(rememberContent(text)?.items).toEqual(items);
  });

  it.each([
    'Do you remember my name?',
    'What do you remember about me?',
    "I can't remember my password",
    'remember',
    'Remember when we met?',
    'Hello',
    '',
  ])('sees no request in "%s"', (text) => {
    expect(rememberContent(text)).toBeNull();
  });
});

describe('toMemories', () => {
  it('gives exactly one memory per item, a note where no rule fits', () => {
    expect(
      toMemories(['I prefer SMS over email', 'the gate code is 4471', 'call Bob', 'I like jazz and blues'], 'Ana'),
    ).toEqual([
      {
        kind: 'preference',
        subject: 'user',
        relation: 'prefers_contact',
        value: 'SMS',
        text: 'Ana prefers SMS over email.',
      },
      { kind: 'fact', subject: 'gate code', relation: 'is', value: '4471', text: 'The gate code is 4471.' },
      { kind: 'fact', subject: 'user', relation: 'note', value: 'call Bob', text: 'Call Bob.' },
      {
        kind: 'preference',
        subject: 'user',
        relation: 'likes',
        value: 'jazz, blues',
        text: 'Ana likes jazz and blues.',
      },
    ]);
  });

  it('keeps to what the memory tool accepts', () => {
    const memories = toMemories(
      Array.from({ length: 80 }, () => 'x'.repeat(5_000)),
      'Ana',
    );
    expect(memories).toHaveLength(50);
    expect(memories[0]?.value.length).toBeLessThanOrEqual(2_000);
  });
});
