import { describe, expect, it } from 'vitest';
import type { ChatModel, ChatReply, ChatRequest } from '../../llm/ports.ts';

/** A model to put through the contract. It must understand the demo model's rules. */
export interface ModelContract {
  readonly name: string;
  /** Gives a model, the name to ask for, and what ends it. */
  open(): Promise<{ readonly model: ChatModel; readonly modelName: string; close(): Promise<void> }>;
}

const LOOKUP = {
  name: 'lookup_order',
  description: 'Looks an order up.',
  parameters: { type: 'object', properties: { order: { type: 'string' } }, required: ['order'] },
};

/** What every ChatModel must do, once for replies in one piece and once for streamed ones. */
export function modelContract(contract: ModelContract): void {
  describe.each([{ mode: 'in one piece' }, { mode: 'streamed' }])(`${contract.name}, $mode`, ({ mode }) => {
    async function ask(request: Omit<ChatRequest, 'model'>): Promise<{ reply: ChatReply; pieces: string[] }> {
      const opened = await contract.open();
      const pieces: string[] = [];
      try {
        const onText = (piece: string): void => void pieces.push(piece);
        const reply = await opened.model.complete({
          ...request,
          model: opened.modelName,
          ...(mode === 'streamed' && { onText }),
        });
        return { reply, pieces };
      } finally {
        await opened.close();
      }
    }

    it('answers with text, usage and the name of the answering model', async () => {
      const { reply, pieces } = await ask({
        messages: [
          { role: 'system', content: '[m3] preference · Ana prefers SMS over email. (since 2026-11-21, turn t-3)' },
          { role: 'user', content: 'How should I contact Ana?' },
        ],
      });
      expect(reply).toMatchObject({
        text: 'From what I remember: Ana prefers SMS over email. [m3]',
        toolCalls: [],
        finishReason: 'stop',
        refusal: null,
      });
      expect(reply.model).not.toBe('');
      expect(reply.usage.inputTokens).toBeGreaterThan(10);
      expect(reply.usage.outputTokens).toBeGreaterThan(5);
      expect(pieces.join('')).toBe(mode === 'streamed' ? reply.text : '');
      if (mode === 'streamed') expect(pieces.length).toBeGreaterThan(3);
    });

    it('calls a tool with whole arguments and an id', async () => {
      const { reply } = await ask({ messages: [{ role: 'user', content: 'Where is order A-1001?' }], tools: [LOOKUP] });
      expect(reply).toMatchObject({ text: null, finishReason: 'tool_calls' });
      expect(reply.toolCalls).toHaveLength(1);
      const [call] = reply.toolCalls;
      expect(call?.name).toBe('lookup_order');
      expect(JSON.parse(call?.arguments ?? '')).toEqual({ order: 'A-1001' });
      expect(call?.id).not.toBe('');
    });

    it('keeps parallel calls apart', async () => {
      const { reply } = await ask({
        messages: [{ role: 'user', content: 'Compare orders A-1001 and A-1002.' }],
        tools: [LOOKUP],
      });
      expect(reply.toolCalls.map((call) => JSON.parse(call.arguments) as unknown)).toEqual([
        { order: 'A-1001' },
        { order: 'A-1002' },
      ]);
      expect(new Set(reply.toolCalls.map((call) => call.id)).size).toBe(2);
    });

    it('goes on from a tool result', async () => {
      const { reply } = await ask({
        messages: [
          { role: 'user', content: 'Where is order A-1001?' },
          {
            role: 'assistant',
            content: null,
            toolCalls: [{ id: 'c1', name: 'lookup_order', arguments: '{"order":"A-1001"}' }],
          },
          { role: 'tool', toolCallId: 'c1', content: '{"order":"A-1001","item":"running shoes","status":"shipped"}' },
        ],
        tools: [LOOKUP],
      });
      expect(reply.text).toBe('Order A-1001: running shoes, shipped.');
    });

    it('gives JSON where a schema is asked for', async () => {
      const { reply } = await ask({
        messages: [{ role: 'user', content: 'Give me a summary.' }],
        responseSchema: {
          name: 'summary',
          schema: { type: 'object', properties: { title: { type: 'string' } }, required: ['title'] },
        },
      });
      expect(JSON.parse(reply.text ?? '')).toEqual({ title: '' });
    });

    it('reports a reply cut off by the token limit', async () => {
      const { reply } = await ask({ messages: [{ role: 'user', content: 'Who are you?' }], maxOutputTokens: 8 });
      expect(reply.finishReason).toBe('length');
      expect(reply.text).toMatch(/^I am the/);
    });

    it('survives hostile text', async () => {
      const { reply } = await ask({ messages: [{ role: 'user', content: `\u0000 \ud800 ${'{'.repeat(50_000)}` }] });
      expect(reply.finishReason).toBe('stop');
    });

    it('ends with MODEL_ABORTED when the signal has fired', async () => {
      const signal = AbortSignal.abort();
      await expect(ask({ messages: [{ role: 'user', content: 'Hello' }], signal })).rejects.toMatchObject({
        name: 'ModelError',
        code: 'MODEL_ABORTED',
        retryable: false,
      });
    });
  });
}
