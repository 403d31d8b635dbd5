import { describe, expect, it } from 'vitest';
import { allowsStrict, NEWEST_DIALECT, toChatParams } from '../../llm/openai-request.ts';
import type { ChatRequest } from '../../llm/ports.ts';

describe('toChatParams', () => {
  it('translates every kind of message and mends lone surrogates', () => {
    const request: ChatRequest = {
      model: 'm',
      messages: [
        { role: 'system', content: 'Be terse.' },
        { role: 'user', content: 'a\ud800b' },
        { role: 'assistant', content: null, toolCalls: [{ id: 'c', name: 'look', arguments: '{' }] },
        { role: 'tool', toolCallId: 'c', content: 'ok' },
        { role: 'assistant', content: null },
      ],
      maxOutputTokens: 5,
    };
    expect(toChatParams(request, NEWEST_DIALECT)).toEqual({
      model: 'm',
      max_completion_tokens: 5,
      messages: [
        { role: 'system', content: 'Be terse.' },
        { role: 'user', content: 'a\ufffdb' },
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'c', type: 'function', function: { name: 'look', arguments: '{' } }],
        },
        { role: 'tool', tool_call_id: 'c', content: 'ok' },
        { role: 'assistant', content: '' },
      ],
    });
  });

  it('puts the schema into the first system message for servers without schemas', () => {
    const request: ChatRequest = {
      model: 'm',
      messages: [
        { role: 'system', content: 'Be terse.' },
        { role: 'user', content: 'Hi' },
      ],
      responseSchema: { name: 'x', schema: { type: 'object' } },
    };
    const { messages, response_format: format } = toChatParams(request, { ...NEWEST_DIALECT, format: 'json_object' });
    expect(format).toEqual({ type: 'json_object' });
    expect(messages).toHaveLength(2);
    expect(messages[0]?.content).toMatch(/^Be terse\.\n\nReply with one JSON value only.*\{"type":"object"\}$/);
  });
});

describe('allowsStrict', () => {
  const closed = {
    type: 'object',
    properties: { a: { type: 'string' } },
    required: ['a'],
    additionalProperties: false,
  };

  it.each([
    [closed, true],
    [{ type: 'array', items: closed }, true],
    [{ ...closed, properties: { a: closed } }, true],
    [{ ...closed, required: [] }, false],
    [{ type: 'object', properties: {} }, false],
    [{ type: 'object' }, false],
    [{ ...closed, properties: { a: { type: 'object' } } }, false],
    [{ anyOf: [closed, { type: 'object', properties: { b: {} } }] }, false],
  ])('%j: %s', (schema, expected) => {
    expect(allowsStrict(schema)).toBe(expected);
  });
});
