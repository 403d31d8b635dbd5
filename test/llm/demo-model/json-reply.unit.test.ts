import { describe, expect, it } from 'vitest';
import type { DemoMessage } from '../../../llm/demo-model/conversation.ts';
import { decideReply } from '../../../llm/demo-model/reply.ts';

function message(role: DemoMessage['role'], content: string): DemoMessage {
  return { role, content, toolCalls: [], toolCallId: null };
}

describe('requests for JSON', () => {
  const payload = JSON.stringify({
    messages: [
      { id: 1, speaker: 'user', time: '2026-11-21T10:00:00Z', text: 'I live in Porto' },
      { id: 2, speaker: 4 },
    ],
    known: [
      {
        alias: 1,
        kind: 'fact',
        subject: 'user',
        relation: 'lives_in',
        value: 'Lisbon',
        text: 'The user lives in Lisbon.',
      },
      'junk',
    ],
  });
  const proposals = [
    {
      action: 'supersede',
      target: 1,
      kind: 'fact',
      subject: 'user',
      relation: 'lives_in',
      value: 'Porto',
      text: 'The user lives in Porto.',
      confidence: 0.95,
      message: 1,
    },
  ];

  it('extracts memories', () => {
    const reply = decideReply({
      messages: [message('user', payload)],
      tools: [],
      format: { name: 'memory_proposals', schema: {} },
    });
    expect('text' in reply && (JSON.parse(reply.text) as unknown)).toEqual({ proposals });
  });

  it('extracts memories where the schema came as an instruction', () => {
    const system = message('system', 'It must satisfy this JSON Schema: {"properties":{"proposals":{}}}');
    const reply = decideReply({ messages: [system, message('user', payload)], tools: [], format: null });
    expect('text' in reply && (JSON.parse(reply.text) as unknown)).toEqual({ proposals });
  });

  it.each(['not JSON', '[]', '{"messages":7}'])('gives no proposals for %s', (text) => {
    const reply = decideReply({
      messages: [message('user', text)],
      tools: [],
      format: { name: 'memory_proposals', schema: {} },
    });
    expect(reply).toEqual({ text: '{"proposals":[]}' });
  });

  it('fills other schemas with empty values', () => {
    const schema = {
      type: 'object',
      properties: {
        title: { type: 'string' },
        count: { type: 'integer', minimum: 1 },
        tags: { type: 'array', items: { type: 'string' }, minItems: 2 },
        level: { enum: ['low', 'high'] },
        note: { type: ['string', 'null'] },
        inner: { type: 'object', properties: { ok: { type: 'boolean' }, share: { type: 'number', default: 0.5 } } },
      },
    };
    const reply = decideReply({
      messages: [message('user', 'Sum it up')],
      tools: [],
      format: { name: 'summary', schema },
    });
    expect('text' in reply && (JSON.parse(reply.text) as unknown)).toEqual({
      title: '',
      count: 1,
      tags: ['', ''],
      level: 'low',
      note: null,
      inner: { ok: false, share: 0.5 },
    });
  });
});
