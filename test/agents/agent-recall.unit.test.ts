import { expect, test } from 'vitest';
import type { AgentRecall } from '../../agents/agent-recall.ts';
import { defineAgent } from '../../agents/define-agent.ts';
import { recallKinds, recallPlaces } from '../../memory/recall/policy.ts';

const define = (recall: AgentRecall) => defineAgent({ name: 'a', instructions: '', memory: { recall } });

test('an agent may ask for everything that recall can be asked for', () => {
  const recall = { kinds: recallKinds, scopes: recallPlaces, sinceDays: 30, recency: 0.5, minConfidence: 0.5 };
  expect(define(recall).memory.recall).toEqual(recall);
  expect(defineAgent({ name: 'a', instructions: '' }).memory.recall).toEqual({});
});

test.each([
  [{ kind: ['fact'] }, /memory\.recall/],
  [{ kinds: ['facts'] }, /memory\.recall\.kinds/],
  [{ kinds: [] }, /a list that is not empty/],
  [{ scopes: ['team'] }, /memory\.recall\.scopes/],
  [{ sinceDays: -1 }, /a number from 0 on/],
  [{ recency: 1.5 }, /a number from 0 to 1/],
  [{ minConfidence: 'much' }, /memory\.recall\.minConfidence/],
])('%j is refused', (recall, message) => {
  expect(() => define(recall as AgentRecall)).toThrow(message);
});
