import type { Command, NewEvent } from '../eventstore/index.ts';
import type { MemoryEvent, Source, TurnRef } from '../memory/events.ts';

/** Events of one turn of the workload. */
export const eventsPerTurn = 11;

/**
 * The commands of one turn as the worker writes them, with texts of the usual lengths: request, a step with a tool, a second step
 * that ends the turn, extraction with a new fact that supersedes an old one, the archived history; all of it about the thread's user, so
 * that personal fields are encrypted. Every tenth turn edits a block.
 */
export function turnCommands(thread: string, n: number): Command<MemoryEvent>[] {
  const turn = `${thread}-${n}`;
  const ref: TurnRef = { thread, branch: 'main', turn };
  const scope = { user: `${thread}-user` };
  const at = new Date(Date.UTC(2026, 0, 1) + n * 60_000).toISOString();
  const source: Source = { ...ref, quote: words(n, 80) };
  const fact = `${turn}-fact`;
  const usage = { inputTokens: 900, outputTokens: 120 };
  const step = (no: number, text: string | null): MemoryEvent => ({
    type: 'StepCompleted',
    data: {
      ...ref,
      step: no,
      basePosition: 1,
      prompt: { hash: `p-${turn}-${no}`, parts: [{ role: 'system', text: words(n, 300) }], tokens: 800 },
      retrieval: null,
      model: 'demo',
      requestedModel: 'demo',
      codeVersion: 'bench',
      text,
      toolCalls: text === null ? [{ id: 'call', name: 'lookup', arguments: '{"q":"parcel"}' }] : [],
      finishReason: text === null ? 'tool_calls' : 'stop',
      usage,
    },
  });
  const message = words(n, 160);
  const reply = words(n + 1, 400);
  const parts: MemoryEvent[][] = [
    [{ type: 'TurnRequested', data: { ...ref, agent: 'bench', user: scope.user, message, occurredAt: at } }],
    [step(1, null)],
    [
      {
        type: 'ToolCompleted',
        data: {
          ...ref,
          step: 1,
          ordinal: 0,
          call: 'call',
          tool: 'lookup',
          outcome: 'ok',
          code: null,
          arguments: { q: 'parcel' },
          result: words(n, 500),
          effectKey: `${turn}.1.0`,
          durationMs: 40,
        },
      },
    ],
    [
      step(2, reply),
      {
        type: 'RoundRecorded',
        data: {
          ...ref,
          round: `${turn}-round`,
          scope,
          agent: 'bench',
          message: { speaker: scope.user, text: message },
          reply: { speaker: 'bench', text: reply },
          occurredAt: at,
        },
      },
      { type: 'TurnCompleted', data: { ...ref, steps: 2 } },
    ],
    [
      {
        type: 'FactAsserted',
        data: {
          fact,
          scope,
          kind: 'fact',
          subject: 'user',
          relation: 'asked_about',
          value: `parcel ${n}`,
          text: words(n, 90),
          contentHash: fact,
          confidence: 0.8,
          trust: 'direct_user',
          validFrom: at,
          validTo: null,
          replaces: n === 0 ? null : `${thread}-${n - 1}-fact`,
          disputedWith: null,
          source,
        },
      },
      n === 0
        ? { type: 'FactConfirmed', data: { fact, source } }
        : { type: 'FactSuperseded', data: { fact: `${thread}-${n - 1}-fact`, by: fact, validTo: at, source } },
      n % 10 === 0
        ? {
            type: 'BlockEdited',
            data: {
              scope,
              label: 'persona',
              description: 'who the user is',
              value: words(n, 300),
              limit: 2_000,
              actor: 'model',
              reason: 'said so',
            },
          }
        : { type: 'FactConfirmed', data: { fact, source: { ...source, turn: `${turn}-again` } } },
      { type: 'ExtractionCompleted', data: { ...ref, model: 'demo', outcomes: [], usage } },
    ],
    [
      {
        type: 'HistoryArchived',
        data: {
          ...ref,
          workflowId: `turn/${turn}`,
          runId: 'r',
          events: 14,
          encoding: 'temporal-history-protobuf+base64',
          history: Buffer.from(words(n, 3_000)).toString('base64'),
        },
      },
    ],
  ];
  return parts.map((events, index) => ({
    id: `turn/${turn}/${index}`,
    streams: [{ name: `turn/${turn}`, expectedVersion: 'any' }],
    events: events.map((event): NewEvent<MemoryEvent> => ({
      ...event,
      stream: `turn/${turn}`,
      subjects: [`user:${scope.user}`],
    })),
  }));
}

/** The commands of many turns as one, to write a long history quickly. */
export function turnsAsOne(thread: string, first: number, count: number): Command<MemoryEvent> {
  const commands = Array.from({ length: count }, (_, index) => turnCommands(thread, first + index)).flat();
  return {
    id: `turns/${thread}/${first}`,
    streams: [...new Set(commands.flatMap(({ streams }) => streams.map(({ name }) => name)))].map((name) => ({
      name,
      expectedVersion: 'any',
    })),
    events: commands.flatMap(({ events }) => events),
  };
}

const vocabulary =
  'parcel label courier refund window Lisbon Oslo train ticket invoice delayed address signature morning please customer order standing tea allergy meeting Thursday prefers SMS rather than phone calls because the office is loud'.split(
    ' ',
  );

/** Text of about a length, another for each `n`. */
function words(n: number, length: number): string {
  let text = `${n}`;
  for (let i = 0; text.length < length; i++)
    text += ` ${vocabulary[(n * 7 + i * (1 + (n % 5))) % vocabulary.length] ?? ''}`;
  return text;
}
