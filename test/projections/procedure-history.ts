import type { MemoryEvent, Source } from '../../memory/events.ts';
import type { ProcedureVersion } from '../../memory/procedure-events.ts';

interface ProcedureHistory {
  readonly mark: string;
  readonly now: () => string;
  readonly commit: (id: string, ...events: readonly MemoryEvent[]) => void;
}

/** A how-to of three versions that a turn used, went back to the first, to none, and in a fork to the second. */
export function proceduresOf({ mark, now, commit }: ProcedureHistory): void {
  const ref = { thread: `${mark}-thread-0`, branch: 'main', turn: `${mark}-used` };
  const source: Source = { ...ref, quote: `words of ${mark}` };
  const scope = { user: 'ana', agent: `${mark}-agent` };
  const procedure = `${mark}-packs`;
  const versions = [1, 2, 3].map((version): ProcedureVersion => ({
    version,
    goal: `pack tea for ${mark}`,
    text: `Way ${version} of ${mark}: wrap it.`,
    contentHash: `packs-${mark}-${version}`,
    trust: 'direct_user',
    validFrom: now(),
    source,
  }));
  const back = (to: number | null, from: number, fork?: string): MemoryEvent => ({
    type: 'ProcedureRolledBack',
    data: {
      ...{ procedure, from, actor: 'user:ana', reason: `it broke the tea of ${mark}` },
      scope: { ...scope, ...(fork === undefined ? {} : { fork }) },
      restored: versions.find(({ version }) => version === to) ?? null,
    },
  });
  for (const version of versions)
    commit(`${procedure}/${version.version}`, { type: 'ProcedureLearned', data: { procedure, scope, ...version } });
  commit(
    `${procedure}/used`,
    {
      type: 'TurnRequested',
      data: { ...ref, agent: scope.agent, user: 'ana', message: `Pack tea of ${mark}`, occurredAt: now() },
    },
    {
      type: 'StepCompleted',
      data: {
        ...{ ...ref, step: 1, basePosition: 1, prompt: { hash: 'p', parts: [], tokens: 10 } },
        retrieval: {
          ...{ query: `tea of ${mark}`, position: 1, embedder: 'm', channels: {}, tokens: 9, durationMs: 1 },
          degraded: [],
          items: [
            {
              ...{ id: procedure, kind: 'procedure', label: 'm1', score: 1, ranks: {}, factors: {} },
              ...{ reason: 'words #1', rejected: null, version: 3 },
            },
          ],
        },
        ...{ model: 'demo', requestedModel: 'demo', codeVersion: 'test', text: null, finishReason: 'tool_calls' },
        ...{ toolCalls: [{ id: 'c', name: 'wrap', arguments: '{}' }], usage: { inputTokens: 1, outputTokens: 1 } },
      },
    },
    {
      type: 'ToolCompleted',
      data: {
        ...{ ...ref, step: 1, ordinal: 0, call: 'c', tool: 'wrap', outcome: 'failed', code: null, arguments: {} },
        ...{ result: `torn ${mark}`, effectKey: 'e', durationMs: 1 },
      },
    },
    { type: 'TurnCompleted', data: { ...ref, steps: 2 } },
  );
  const playbook = { procedure: `${mark}-playbook`, version: 1, scope: { user: 'ana' } };
  commit(`${playbook.procedure}/learnt`, {
    type: 'ProcedureLearned',
    data: {
      ...{ ...playbook, goal: `wrap tea of ${mark}`, text: `What has worked for ${mark}: 1. Call wrap.` },
      ...{ contentHash: `playbook-${mark}`, trust: 'model_inference', validFrom: now(), source },
      ...{ steps: ['fetch', 'wrap'], run: `${mark}-run`, sources: [{ ...source }] },
    },
  });
  const more = (turn: string) => ({ ...playbook, run: `${mark}-run`, sources: [{ ...source, turn }] });
  commit(`${playbook.procedure}/more`, { type: 'ProcedureConfirmed', data: more(`${mark}-used`) });
  commit(`${playbook.procedure}/again`, { type: 'ProcedureConfirmed', data: more(`${mark}-0`) });
  commit(`${playbook.procedure}/undone`, {
    type: 'ProcedureProofsWithdrawn',
    data: { ...playbook, run: `${mark}-run`, turns: [`${mark}-0`] },
  });
  commit(`${procedure}/back`, back(1, 3));
  commit(`${procedure}/none`, back(null, 1));
  commit(`${procedure}/again`, back(3, 0));
  commit(`${procedure}/fork`, back(2, 3, `${mark}-thread-0/what-if-0`));
}
