import { describe, expect, test } from 'vitest';
import { conversations, play } from '../../bench/contradictions/play.ts';

/** Conversations that fixed rules are known not to understand. Short, or they are no use; each is one a person would find easy. */
const beyondRules = ['a sentence the rules do not know'];

test('there are at least sixty conversations, in five languages, each of its own name', () => {
  expect(conversations.length).toBeGreaterThanOrEqual(60);
  expect(new Set(conversations.map(({ name }) => name)).size).toBe(conversations.length);
});

describe('with what a model answered, written by hand', () => {
  test.each(conversations)('$name', (conversation) => {
    expect(play(conversation, 'scripted')).toMatchObject({ right: true, wronglyRetired: [] });
  });
});

describe('with the rules', () => {
  test.each(conversations)('$name', (conversation) => {
    const played = play(conversation, 'deterministic');
    expect(played.right, JSON.stringify(played)).toBe(!beyondRules.includes(conversation.name));
    // What they do not understand, they leave alone.
    expect(played.wronglyRetired).toEqual([]);
  });
});
