import type { Command, NewEvent } from '../../eventstore/index.ts';
import type { FactAsserted, MemoryEvent, Source, TurnRef } from '../../memory/events.ts';
import type { Scope } from '../../memory/scope.ts';
import { careOf } from './care-history.ts';
import { documentsOf } from './document-history.ts';
import { entitiesOf } from './entity-history.ts';
import { writesOf } from './writes-history.ts';
import { proceduresOf } from './procedure-history.ts';

export interface HistoryOptions {
  readonly seed: number;
  readonly turns: number;
  /** Stands in every id and text, so that two histories never share one. @default 'h' */
  readonly mark?: string;
  /** Events say whom they are about: the turn's user, now and then a second one. @default false: nobody */
  readonly subjects?: boolean;
}

const aboutNobody: ReadonlySet<string> = new Set(['AgentConfigured', 'HistoryArchived', 'ToolStarted', 'BranchForked']);

type FactData = FactAsserted['data'];

/**
 * Commands of a plausible, random but repeatable past of a tenant: threads with turns that complete, fail, are aborted or hang,
 * tools, approvals, facts that are confirmed, superseded and retracted, how-tos, blocks, failed and repeated extractions.
 */
export function history({ seed, turns, mark = 'h', subjects = false }: HistoryOptions): Command<MemoryEvent>[] {
  const random = generator(seed);
  const chance = (probability: number): boolean => random() < probability;
  const pick = <const T>(items: readonly [T, ...T[]]): T => items[Math.floor(random() * items.length)] ?? items[0];
  const commands: Command<MemoryEvent>[] = [];
  const facts: { fact: string; scope: Scope }[] = [];
  const forks: (() => void)[] = [];
  const versions = new Map<string, number>();
  let minutes = 0;
  let about: readonly string[] = [];

  const commit = (id: string, ...events: readonly MemoryEvent[]): void => {
    const stream = `${mark}/${id.split('/')[0] ?? id}`;
    const own: NewEvent<MemoryEvent>[] = events.map((event) => ({
      ...event,
      stream,
      ...(subjects && !aboutNobody.has(event.type) ? { subjects: about } : {}),
    }));
    commands.push({
      id: `${mark}/${commands.length}/${id}`,
      streams: [{ name: stream, expectedVersion: 'any' }],
      events: own,
    });
  };
  const now = (): string => new Date(Date.UTC(2026, 0, 1) + minutes++ * 60_000).toISOString();
  const assertion = (fact: string, scope: Scope, source: Source, links: Partial<FactData> = {}): FactAsserted => ({
    type: 'FactAsserted',
    data: {
      fact,
      scope,
      kind: pick(['preference', 'fact', 'task_state', 'feedback']),
      subject: 'user',
      relation: pick(['lives_in', 'likes', 'works_at']),
      value: `value ${fact}`,
      text: `The user has ${fact} in ${pick(['Lisbon', 'Oslo', 'Kyoto'])}.`,
      contentHash: `hash-${fact}`,
      confidence: 0.5,
      trust: pick(['direct_user', 'model_inference']),
      validFrom: now(),
      validTo: null,
      replaces: null,
      disputedWith: null,
      ...(fact.endsWith('1-fact') ? { kind: 'own', data: { city: `City of ${fact}` }, key: `key ${fact}` } : {}),
      source,
      ...links,
    },
  });

  commit('agent', {
    type: 'AgentConfigured',
    data: { agent: `${mark}-agent`, hash: 'h1', model: 'demo', instructions: `You are ${mark}.`, tools: [] },
  });
  for (const id of ['weekly', 'paused', 'deleted']) schedule(id);
  for (let n = 0; n < turns; n++) turn(n);
  // Last, so that they change nothing about the rest.
  for (const each of forks) each();
  about = ['user:ana'];
  const [first, second, third] = facts;
  if (first && second && third) careOf({ mark, facts: [first, second, third], now, assertion, commit });
  documentsOf({ mark, now, commit });
  writesOf({ mark, scope: { user: 'ana' }, commit });
  proceduresOf({ mark, now, commit });
  entitiesOf({ mark, commit });
  return commands;

  function schedule(id: string): void {
    about = ['user:bo'];
    const schedule = `${mark}-${id}`;
    const place = { thread: `${mark}-thread-0`, branch: 'main', agent: `${mark}-agent`, user: 'bo' };
    const message = `Reminder of ${mark}`;
    commit(`schedule/${id}`, {
      type: 'ScheduleDefined',
      data: { ...place, schedule, message, timing: { cron: '0 9 * * 1', everyMs: null, at: null } },
    });
    about = [];
    for (const state of ['paused', id === 'weekly' ? 'active' : id] as const) {
      if (state !== 'paused' && state !== 'active' && state !== 'deleted') continue;
      if (id !== 'paused' || state === 'paused')
        commit(`schedule/${id}/${state}`, { type: 'ScheduleChanged', data: { schedule, state, actor: 'bo' } });
    }
  }

  function turn(n: number): void {
    const ref: TurnRef = {
      thread: `${mark}-thread-${Math.floor(random() * 4)}`,
      branch: chance(0.85) ? 'main' : 'fork',
      turn: `${mark}-${n}`,
    };
    const user = pick(['ana', 'bo', null]);
    about = user === null ? [] : n % 5 === 4 ? ['user:ana', 'user:bo'] : [`user:${user}`];
    const scope: Scope =
      user === null ? { thread: ref.thread } : chance(0.8) ? { user } : { user, agent: `${mark}-agent` };
    const agent = `${mark}-agent`;
    const message = `Question ${n} of ${mark} about ${pick(['trains', 'tea', 'taxes'])}\0`;
    commit(`${ref.turn}/request`, { type: 'TurnRequested', data: { ...ref, agent, user, message, occurredAt: now() } });
    if (n > 2 && chance(0.1)) return;
    let step = 1;
    // The first turns go through everything, so that even a short history covers every event.
    if (n === 0 || chance(0.5)) tools(ref, step++, n);
    if (n > 2 && chance(0.1)) return;
    const ending =
      n < 3 ? (['complete', 'fail', 'abort'] as const)[n] : pick(['complete', 'complete', 'complete', 'fail', 'abort']);
    if (ending === 'fail') {
      commit(
        `${ref.turn}/end`,
        { type: 'LimitReached', data: { ...ref, step, limit: 'steps', allowed: 1, used: step } },
        { type: 'TurnFailed', data: { ...ref, code: 'MODEL', message: 'no answer' } },
      );
    } else if (ending === 'abort') {
      commit(`${ref.turn}/end`, { type: 'TurnAborted', data: { ...ref, actor: 'ops', reason: 'stopped' } });
    } else {
      const reply = `Answer ${n} about ${message}`;
      commit(
        `${ref.turn}/end`,
        stepCompleted(ref, step, reply, []),
        {
          type: 'RoundRecorded',
          data: {
            ...ref,
            round: `${ref.turn}-round`,
            scope,
            agent,
            message: { speaker: user ?? 'user', text: message },
            reply: { speaker: agent, text: reply },
            occurredAt: now(),
          },
        },
        {
          type: 'TurnCompleted',
          data: { ...ref, steps: step, ...(n % 3 === 0 ? {} : { extraction: 'later' as const }) },
        },
      );
      extraction(ref, scope, n);
    }
    if (n % 4 === 0) forks.push(() => fork(ref, scope, n));
    if (n === 0 || chance(0.3)) {
      commit(`${ref.turn}/history`, {
        type: 'HistoryArchived',
        data: {
          ...ref,
          workflowId: `w-${ref.turn}`,
          runId: 'r',
          events: 9,
          encoding: 'temporal-history-protobuf+base64',
          history: '',
        },
      });
    }
  }

  /** A branch that removes one memory, takes back another, and has some of its own. */
  function fork({ thread, turn: from }: TurnRef, scope: Scope, n: number): void {
    const branch = `what-if-${n}`;
    const own = { ...scope, fork: `${thread}/${branch}` };
    const source: Source = { thread, branch, turn: `${from}~${branch}`, quote: `words of ${from}` };
    const [first, second] = facts;
    commit(
      `${from}/fork`,
      {
        type: 'BranchForked',
        data: {
          thread,
          branch,
          parent: 'main',
          asked: { turn: null, step: null, position: 3 + n },
          position: 3 + n,
          turn: null,
          step: 0,
          newTurn: null,
          tools: 'stub',
          changes: {
            message: false,
            instructions: null,
            model: null,
            removed: first ? [first.fact] : [],
            removedBlocks: [{ scope, label: 'persona' }],
            toolResults: [],
          },
        },
      },
      assertion(`${from}-fork-fact`, own, source),
      {
        type: 'BlockEdited',
        data: {
          scope: own,
          label: 'persona',
          description: 'who',
          value: `${mark} in ${branch}`,
          limit: 500,
          actor: 'model',
          reason: 'said so',
        },
      },
    );
    commit(`${from}/rerun`, {
      type: 'StepRerun',
      data: {
        ...{ thread, branch: 'main', turn: from, step: 1 },
        changes: { model: null, instructions: null, message: `words of ${mark}`, prompt: false },
        ...{ prompt: { hash: `hash of ${mark}` }, requestedModel: 'demo', model: 'demo', text: `reply of ${mark}` },
        ...{ toolCalls: [], finishReason: 'stop', usage: { inputTokens: 1, outputTokens: 1 } },
      },
    });
    if (!second) return;
    commit(`${from}/fork-ends`, {
      type: 'FactRetracted',
      data: { fact: second.fact, fork: own.fork, validTo: now(), reason: 'taken back', source },
    });
  }

  function tools(ref: TurnRef, step: number, n: number): void {
    const calls = Array.from({ length: n === 0 ? 2 : 1 + Math.floor(random() * 3) }, (_, i) => ({
      id: `call-${i}`,
      name: 'lookup',
      arguments: '{"q":1}',
    }));
    commit(`${ref.turn}/step`, stepCompleted(ref, step, null, calls));
    calls.forEach((call, ordinal) => {
      const approval = `${ref.turn}.${step}.${ordinal}`;
      const asks = n === 0 || chance(0.4);
      if (asks) {
        commit(`${ref.turn}/ask`, {
          type: 'ApprovalRequested',
          data: {
            ...ref,
            approval,
            step,
            ordinal,
            call: call.id,
            tool: call.name,
            arguments: { q: 1 },
            argumentsHash: 'a',
            argumentsSchema: {},
            reason: 'asks',
            deadline: now(),
            onTimeout: 'reject',
          },
        });
        if (n % 5 === 0)
          commit(`${ref.turn}/escalate`, {
            type: 'ApprovalEscalated',
            data: { ...ref, approval, tool: call.name, to: 'lead', deadline: now() },
          });
        if (n > 0 && chance(0.3)) return;
        const decision = pick(['approve', 'edit', 'respond', 'reject']);
        commit(`${ref.turn}/decide`, {
          type: 'ApprovalDecided',
          data: {
            ...ref,
            approval,
            decision,
            actor: 'bo',
            reason: null,
            arguments: { q: 2 },
            message: null,
            timedOut: false,
            ...(n % 3 === 0 ? { remember: { for: 'thread', tool: call.name } } : {}),
          },
        });
        if (n % 5 === 0)
          commit(`${ref.turn}/revoke`, {
            type: 'ToolAllowanceRevoked',
            data: { thread: ref.thread, branch: ref.branch, tool: call.name, actor: 'bo' },
          });
        if (n % 5 === 0)
          commit(`${ref.turn}/waive`, {
            type: 'ApprovalWaived',
            data: { ...ref, step, ordinal, tool: call.name, allowedBy: approval },
          });
        if (n === 0 || chance(0.3)) {
          commit(`${ref.turn}/late`, {
            type: 'ApprovalDecisionIgnored',
            data: { ...ref, approval, decision, actor: 'late', why: 'already_decided' },
          });
        }
      }
      if (n % 4 === 0) {
        commit(`steer/${ref.turn}`, {
          type: 'MessageSteered',
          data: {
            ...ref,
            ...{
              key: `${ref.turn}+${commands.length}`,
              user: 'ana',
              message: `${mark} and more`,
              occurredAt: '2026-05-01T10:00:00Z',
            },
          },
        });
      }
      commit(`${ref.turn}/started`, {
        type: 'ToolStarted',
        data: { ...ref, step, ordinal, tool: call.name, effectKey: approval },
      });
      commit(`${ref.turn}/tool`, {
        type: 'ToolCompleted',
        data: {
          ...ref,
          step,
          ordinal,
          call: call.id,
          tool: call.name,
          outcome: pick(['ok', 'failed', 'rejected', 'invalid', 'timed_out']),
          code: null,
          arguments: { q: 1 },
          result: `result ${mark}`,
          effectKey: approval,
          durationMs: 3,
        },
      });
    });
  }

  function extraction(ref: TurnRef, scope: Scope, n: number): void {
    const source: Source = { ...ref, quote: `words of ${ref.turn}` };
    if (n === 0 || chance(0.25)) {
      commit(`${ref.turn}/extraction`, {
        type: 'ExtractionFailed',
        data: { ...ref, code: 'PARSE', message: 'no JSON' },
      });
      if (n > 0 && chance(0.5)) return;
    }
    const learnt: MemoryEvent[] = [];
    const known = facts.find((fact) => JSON.stringify(fact.scope) === JSON.stringify(scope));
    const fact = `${ref.turn}-fact`;
    if (known && chance(0.5)) {
      facts.splice(facts.indexOf(known), 1);
      learnt.push(assertion(fact, scope, source, { replaces: known.fact }), {
        type: 'FactSuperseded',
        data: { fact: known.fact, by: fact, validTo: now(), source },
      });
    } else if (known && chance(0.4)) {
      learnt.push(
        { type: 'FactConfirmed', data: { fact: known.fact, source } },
        assertion(fact, scope, source, { disputedWith: known.fact }),
      );
    } else {
      learnt.push(assertion(fact, scope, source), assertion(`${fact}-old`, scope, source, { validTo: now() }));
    }
    facts.push({ fact, scope });
    if (n === 0 || chance(0.4)) {
      // Learnt and taken back by one command: rows with both ends inside one range.
      const brief = `${fact}-brief`;
      learnt.push(assertion(brief, scope, source), {
        type: 'FactRetracted',
        data: { fact: brief, validTo: now(), reason: 'taken back', source },
      });
    }
    for (let again = 0; again < 2 && (n === 0 || chance(0.3)); again++) {
      const procedure = `${mark}-how-${n % 3}`;
      const version = (versions.get(procedure) ?? 0) + 1;
      versions.set(procedure, version);
      learnt.push({
        type: 'ProcedureLearned',
        data: {
          procedure,
          version,
          scope,
          goal: 'return a parcel',
          text: `Step ${version}: print the label.`,
          contentHash: `p${version}`,
          trust: 'direct_user',
          validFrom: now(),
          source,
        },
      });
    }
    if (n === 0 || chance(0.3)) {
      learnt.push({
        type: 'BlockEdited',
        data: {
          scope,
          label: 'persona',
          description: 'who',
          value: `${mark} ${n}`,
          limit: 500,
          actor: 'model',
          reason: 'said so',
        },
      });
    }
    commit(`${ref.turn}/compaction`, {
      type: 'ContextCompacted',
      data: {
        ...{ ...ref, compaction: `c-${ref.turn}`, previous: null, by: 'extract', model: null, problems: [] },
        replaces: { turns: [ref.turn], positions: [1], upTo: 1 },
        summary: `Summary of ${mark} ${n}`,
        tokens: { before: 100, after: 10 },
        usage: { inputTokens: 0, outputTokens: 0 },
      },
    });
    commit(
      `${ref.turn}/extraction`,
      ...learnt,
      // Some are given up and wait to be asked for.
      n % 3 === 2
        ? { type: 'ExtractionFailed', data: { ...ref, code: 'MODEL_UNAVAILABLE', message: `${mark} was not read` } }
        : {
            type: 'ExtractionCompleted',
            data: { ...ref, model: 'demo', outcomes: [], usage: { inputTokens: 1, outputTokens: 1 } },
          },
    );
  }
}

function stepCompleted(
  ref: TurnRef,
  step: number,
  text: string | null,
  toolCalls: readonly { id: string; name: string; arguments: string }[],
): MemoryEvent {
  return {
    type: 'StepCompleted',
    data: {
      ...ref,
      step,
      basePosition: 1,
      prompt: { hash: 'p', parts: [], tokens: 10 },
      retrieval: null,
      model: 'demo',
      requestedModel: 'demo',
      codeVersion: 'test',
      text,
      toolCalls,
      finishReason: toolCalls.length > 0 ? 'tool_calls' : 'stop',
      usage: { inputTokens: 3, outputTokens: 4 },
    },
  };
}

/** Numbers from 0 to 1 that are the same on every run (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
