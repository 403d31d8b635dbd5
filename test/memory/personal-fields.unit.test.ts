import { describe, expect, test } from 'vitest';
import type { MemoryEvent } from '../../memory/events.ts';
import { personalFields } from '../../memory/personal-fields.ts';
import { readGoldenFiles } from '../golden/golden-files.ts';
import { history } from '../projections/history.ts';

/** Fields of every event that are names, numbers of ours or texts of ours: stored as they are. */
const names = ['thread', 'branch', 'turn', 'agent', 'scope.user', 'scope.agent', 'scope.thread', 'scope.fork', 'fork'];
const ofSource = ['source.thread', 'source.branch', 'source.turn'];
const ofCall = ['call', 'tool', 'effectKey'];
const publicFields: Readonly<Record<MemoryEvent['type'], readonly string[]>> = {
  AgentConfigured: ['hash', 'model', 'instructions', 'tools.*.name', 'tools.*.description', 'tools.*.parameters'],
  TurnRequested: ['user', 'occurredAt', 'parent.turn'],
  MessageSteered: ['turn', 'thread', 'branch', 'key', 'user', 'occurredAt'],
  StepCompleted: [
    'prompt.parts.*.role',
    'retrieval.embedder',
    'retrieval.items.*.id',
    'retrieval.items.*.kind',
    'retrieval.items.*.trust',
    'retrieval.items.*.label',
    // Ranks and numbers in words, nothing of the memory itself (memory/pack.ts).
    'retrieval.items.*.reason',
    'retrieval.items.*.rejected',
    'retrieval.degraded.*',
    'model',
    'requestedModel',
    // The author's words.
    'modelOptions',
    'codeVersion',
    'toolCalls.*.id',
    'toolCalls.*.name',
    'finishReason',
    'heard',
  ],
  ToolStarted: ofCall,
  ToolCompleted: [...ofCall, 'outcome', 'code'],
  ApprovalRequested: [...ofCall, 'approval', 'argumentsSchema', 'risk', 'deadline', 'onTimeout', 'escalation.to'],
  ApprovalEscalated: ['approval', 'tool', 'to', 'deadline'],
  ApprovalWaived: ['tool', 'allowedBy'],
  ScheduleDefined: ['schedule', 'user', 'timing.cron'],
  ScheduleChanged: ['schedule', 'state', 'actor'],
  ToolAllowanceRevoked: ['tool', 'actor'],
  ApprovalDecided: ['approval', 'decision', 'actor', 'remember.for', 'remember.tool'],
  ApprovalDecisionIgnored: ['approval', 'decision', 'actor', 'why'],
  RoundRecorded: ['round', 'message.speaker', 'reply.speaker', 'heard', 'occurredAt', 'expiresAt'],
  LimitReached: ['limit'],
  TurnCompleted: ['code', 'extraction'],
  // Texts of our own errors, which hold no words of a conversation: they stand in Temporal, too.
  TurnFailed: ['code', 'message'],
  TurnAborted: ['actor'],
  FactAsserted: ['fact', 'kind', 'trust', 'validFrom', 'validTo', 'expiresAt', 'replaces', 'disputedWith', ...ofSource],
  FactConfirmed: ['fact', ...ofSource],
  FactSuperseded: ['fact', 'by', 'validTo', ...ofSource],
  FactRetracted: ['fact', 'validTo', ...ofSource],
  ProcedureLearned: [
    // Tools have names that their authors gave them.
    ...['procedure', 'trust', 'validFrom', 'steps.*', 'run', ...ofSource],
    ...['sources.*.thread', 'sources.*.branch', 'sources.*.turn'],
  ],
  ProcedureConfirmed: ['procedure', 'run', 'sources.*.thread', 'sources.*.branch', 'sources.*.turn'],
  ProcedureProofsWithdrawn: ['procedure', 'run', 'turns.*'],
  ProcedureRolledBack: [
    ...['procedure', 'actor', 'restored.trust', 'restored.validFrom', 'restored.steps.*'],
    ...['restored.source.thread', 'restored.source.branch', 'restored.source.turn'],
  ],
  FactRetired: ['fact', 'run', 'why', 'into', 'validTo', 'sources.*.thread', 'sources.*.branch', 'sources.*.turn'],
  FactRestored: [
    ...['fact', 'run', 'kind', 'trust', 'validFrom', 'replaces', 'disputedWith', 'expiresAt', 'from.into'],
    'from.turns.*',
  ],
  ObservationDerived: [
    ...['observation', 'run', 'evidence.*', 'trust', 'validFrom', 'by'],
    ...['sources.*.thread', 'sources.*.branch', 'sources.*.turn'],
  ],
  SessionSummarised: ['run', 'beganAt', 'endedAt', 'by', 'trust'],
  SessionSummaryWithdrawn: ['run'],
  // Reasons and problems are texts and codes of ours.
  ConsolidationCompleted: ['run', 'outcome', 'reason', 'problems.*'],
  ConsolidationUndone: ['run', 'actor', 'restored.*', 'withdrawn.*', 'left.*.id', 'left.*.why', 'items.*'],
  DocumentStored: ['document', 'mimeType', 'occurredAt'],
  DocumentChunkStored: ['document', 'chunk', 'occurredAt'],
  DocumentChunksMoved: ['document', 'chunks.*.chunk'],
  DocumentChunksEnded: ['document', 'chunks.*'],
  DocumentRemoved: ['document', 'chunks.*'],
  EntitiesMerged: ['merge', 'actor'],
  EntitiesSplit: ['merge', 'actor'],
  BlockEdited: ['label', 'actor'],
  ContextCompacted: ['compaction', 'replaces.turns.*', 'previous', 'heard', 'by', 'model', 'problems.*'],
  ExtractionCompleted: ['model', 'extractor', 'problems', 'problems.*', 'outcomes.*.outcome', 'outcomes.*.id'],
  ExtractionFailed: ['code', 'message'],
  MemoryProposed: [
    ...['proposal', 'action', 'target', 'kind', 'trust', 'validFrom', 'validTo', 'expiresAt', 'keyFields', ...ofSource],
  ],
  ProposalDecided: ['proposal', 'decision', 'actor', 'outcome.outcome', 'outcome.id'],
  // The author's words, as in AgentConfigured.
  StepRerun: [
    'changes.model',
    'changes.instructions',
    'changes.modelOptions',
    'requestedModel',
    'modelOptions',
    'model',
    'toolCalls.*.id',
    'toolCalls.*.name',
    'finishReason',
  ],
  BranchForked: ['parent', 'asked.turn', 'newTurn', 'tools', 'changes'],
  HistoryArchived: ['workflowId', 'runId', 'encoding', 'history'],
};

/** Paths of all texts in a value, `*` for the items of arrays. */
function textPaths(value: unknown, path = ''): string[] {
  if (typeof value === 'string') return [path];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    textPaths(inner, [...(path === '' ? [] : [path]), Array.isArray(value) ? '*' : name].join('.')),
  );
}

/** Texts of an event that nobody has decided about. */
function undecided(type: MemoryEvent['type'], data: object): string[] {
  const decided = [...names, ...publicFields[type], ...Object.keys(declared[type] ?? {})];
  return textPaths(data).filter((path) => !decided.some((field) => path === field || path.startsWith(`${field}.`)));
}

const declared: Readonly<Record<string, object>> = personalFields;
/** Every field of every version of every event (test/golden). */
const golden = readGoldenFiles();

describe('every text of every event', () => {
  test.each(golden)('of $type v$version is personal or known to be public', ({ type, data }) => {
    expect(undecided(type, data)).toEqual([]);
  });

  test('of a past with all its variants is, too', () => {
    const events = [1, 2, 3].flatMap((seed) => history({ seed, turns: 20 }).flatMap((command) => command.events));
    expect(new Set(events.map(({ type }) => type)).size).toBe(new Set(golden.map(({ type }) => type)).size);
    const paths = events.flatMap(({ type, data }) => undecided(type, data).map((path) => `${type}.${path}`));
    expect([...new Set(paths)]).toEqual([]);
  });

  test('would be missed if nobody had listed it', () => {
    expect(undecided('BlockEdited', { label: 'x', note: 'new', list: [{ x: 'new' }] })).toEqual(['note', 'list.*.x']);
  });

  test('that is declared personal exists', () => {
    for (const [type, fields] of Object.entries(declared)) {
      const paths = golden.filter((file) => file.type === type).flatMap(({ data }) => textPaths(data));
      for (const field of Object.keys(fields)) {
        expect(
          paths.some((path) => path === field || path.startsWith(`${field}.`)),
          `${type}.${field}`,
        ).toBe(true);
      }
    }
  });
});
