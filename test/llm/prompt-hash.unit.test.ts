import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { promptHash } from '../../llm/prompt-hash.ts';
import type { ChatMessage, ToolSpec } from '../../llm/ports.ts';

const messages: ChatMessage[] = [{ role: 'user', content: 'Hi' }];
const tools: ToolSpec[] = [{ name: 't', description: 'Does.', parameters: {} }];

test('without options is the digest of messages and tools, as steps recorded it before there were options', () => {
  const digest = createHash('sha256')
    .update(JSON.stringify([messages, tools]))
    .digest('hex');
  expect(promptHash(messages, tools)).toBe(digest);
  expect(promptHash(messages, tools, {})).toBe(digest);
});

test('speaks of the options, in whatever order they are given', () => {
  const given = promptHash(messages, tools, { temperature: 0, seed: 1 });
  expect(promptHash(messages, tools, { seed: 1, temperature: 0 })).toBe(given);
  expect(promptHash(messages, tools, { temperature: 0, seed: 2 })).not.toBe(given);
  expect(promptHash(messages, tools)).not.toBe(given);
});
