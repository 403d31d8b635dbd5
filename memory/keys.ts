import type { Scope } from './scope.ts';
import { scopeStream } from './scope.ts';

/**
 * Names of streams and commands. All are logical: tenant (the log itself), turn, step, ordinal; never a run, an attempt or a
 * random id, so a retry, a reset and a second worker all mean the same thing by the same key.
 * A part that a caller chose is escaped where it could imitate a separator: turn `a/step/1` is not step 1 of turn `a`.
 */

/** Streams of the log. */
export const streams = {
  turn: (turn: string): string => `turn/${escape(turn)}`,
  thread: (thread: string, branch: string): string =>
    `thread/${encodeURIComponent(thread)}/${encodeURIComponent(branch)}`,
  approval: (approval: string): string => `approval/${approval}`,
  allowance: (thread: string, branch: string, tool: string): string =>
    `allowance/${encodeURIComponent(thread)}/${encodeURIComponent(branch)}/${tool}`,
  schedule: (schedule: string): string => `schedule/${encodeURIComponent(schedule)}`,
  ignoredDecisions: (approval: string): string => `approval-ignored/${approval}`,
  extraction: (turn: string): string => `extraction/${escape(turn)}`,
  compaction: (thread: string, branch: string): string =>
    `compaction/${encodeURIComponent(thread)}/${encodeURIComponent(branch)}`,
  history: (turn: string): string => `history/${escape(turn)}`,
  reruns: (turn: string): string => `rerun/${escape(turn)}`,
  agent: (agent: string): string => `agent/${encodeURIComponent(agent)}`,
  memory: (scope: Scope): string => scopeStream('memory', scope),
  proposal: (proposal: string): string => `proposal/${encodeURIComponent(proposal)}`,
  consolidation: (run: string): string => `consolidation/${encodeURIComponent(run)}`,
  /** @param document a digest: a source may say more than an id should */
  document: (document: string): string => `document/${document}`,
  block: (scope: Scope, label: string): string => `${scopeStream('block', scope)}/l=${encodeURIComponent(label)}`,
};

/** Command ids. */
export const commands = {
  /** A message by its sender's key, whether it is a turn or is put into one that runs: whichever comes first stands. */
  requestTurn: (turn: string): string => `turn/${escape(turn)}`,
  /** A message that became a turn after all, because the turn it was put into ended before it read it. */
  unread: (key: string): string => `turn/${escape(key)}/unread`,
  step: (turn: string, step: number): string => `turn/${escape(turn)}/step/${step}`,
  rerun: (turn: string, step: number, key: string): string =>
    `turn/${escape(turn)}/step/${step}/rerun/${encodeURIComponent(key)}`,
  tool: (turn: string, step: number, ordinal: number): string => `turn/${escape(turn)}/step/${step}/tool/${ordinal}`,
  toolStarted: (turn: string, step: number, ordinal: number): string =>
    `turn/${escape(turn)}/step/${step}/tool/${ordinal}/started`,
  /** What a decision says besides is not in its id: ids are public for ever, and short texts can be guessed against a digest. */
  decision: (approval: string, decision: string, actor: string): string => `approval/${approval}/${decision}/${actor}`,
  /** @param version the stream's before */
  schedule: (schedule: string, version: number): string => `schedule/${encodeURIComponent(schedule)}/${version}`,
  escalation: (approval: string): string => `approval/${approval}/escalated`,
  /** Each allowance is revoked once: it is known by the approval that gave it. */
  revokeAllowance: (approval: string): string => `approval/${approval}/revoked`,
  ignoredDecision: (approval: string, decision: string, actor: string): string =>
    `approval/${approval}/ignored/${decision}/${actor}`,
  terminal: (turn: string): string => `turn/${escape(turn)}/terminal`,
  extraction: (turn: string): string => `turn/${escape(turn)}/extraction`,
  compaction: (turn: string): string => `turn/${escape(turn)}/compaction`,
  history: (turn: string): string => `turn/${escape(turn)}/history`,
  /** One part of a version of a document. @param version the stream's before */
  document: (document: string, version: number): string => `document/${document}/${version}`,
  /** The last part of a version, where its caller named the call. @param key digest of the caller's key */
  documentKey: (document: string, key: string): string => `document/${document}/key/${key}`,
  /** One part of a run of consolidation; `completed` and `undone` are its ends. */
  consolidation: (run: string, unit: string): string => `consolidation/${encodeURIComponent(run)}/${unit}`,
  /**
   * A merge or a split of names in a scope.
   * @param call digest of the caller's key, or the version of the scope's memory before
   */
  entities: (scope: Scope, call: string): string => `${scopeStream('entities', scope)}/${call}`,
  /** One per proposal, whoever decides: the first decision is the command. */
  proposalDecision: (proposal: string): string => `proposal/${encodeURIComponent(proposal)}/decided`,
  /** Named by the position at which the version that stood began to: it is rolled back once. */
  rollback: (procedure: string, fork: string, since: number): string =>
    `procedure/${encodeURIComponent(procedure)}/${encodeURIComponent(fork)}/rollback/${since}`,
  /** The branch's name is the caller's key: forking under one name again is the same fork. */
  fork: (thread: string, branch: string): string => `fork/${encodeURIComponent(thread)}/${encodeURIComponent(branch)}`,
  agent: (agent: string, hash: string): string => `agent/${encodeURIComponent(agent)}/${hash}`,
};

/** How the ids of all commands begin that belong to a turn, besides its request. */
export function commandPrefixes(turn: string): string[] {
  return [`turn/${escape(turn)}/`, `approval/${escape(turn, /[%/.]/g)}.`];
}

/** Id of the turn, and of its thread, by which one tool call of one step asks another agent. */
export function childTurnId(turn: string, step: number, ordinal: number): string {
  return `${turn}+${step}+${ordinal}`;
}

/** Id of the approval for one tool call of one step. */
export function approvalId(turn: string, step: number, ordinal: number): string {
  return `${escape(turn, /[%/.]/g)}.${step}.${ordinal}`;
}

function escape(part: string, separators = /[%/]/g): string {
  return part.replace(separators, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
