import { describe, expect, it } from 'vitest';
import { allowsStrict, NEWEST_DIALECT, toChatParams } from '../../llm/openai-request.ts';
import type { ModelOptions } from '../../memory/model-options.ts';
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

  it('carries every option of the model under its name in the API, and no other', () => {
    const asked: ChatRequest = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] };
    const messages = [{ role: 'user', content: 'Hi' }];
    expect(toChatParams(asked, NEWEST_DIALECT)).toEqual({ model: 'm', messages });
    const options: Required<ModelOptions> = {
      temperature: 0,
      topP: 0.5,
      maxOutputTokens: 50,
      seed: 0,
      reasoningEffort: 'low',
      stop: ['END', '\n\n'],
      frequencyPenalty: -0.5,
      presencePenalty: 1,
    };
    expect(toChatParams({ ...asked, ...options }, NEWEST_DIALECT)).toEqual({
      model: 'm',
      messages,
      temperature: 0,
      top_p: 0.5,
      max_completion_tokens: 50,
      seed: 0,
      reasoning_effort: 'low',
      stop: ['END', '\n\n'],
      frequency_penalty: -0.5,
      presence_penalty: 1,
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
