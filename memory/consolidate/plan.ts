import { itemKey } from './item-key.ts';
import type { CaredFact, Merge } from './near-duplicates.ts';
import { findNearDuplicates } from './near-duplicates.ts';

/** A session with rounds that no summary is about yet. */
export interface OpenSession {
  readonly thread: string;
  readonly branch: string;
  /** Position of its last round. */
  readonly upTo: number;
}

/** An observation and those of its facts that hold, counting one that was merged into a fact that holds. */
export interface ObservationProof {
  readonly observation: string;
  readonly holding: number;
}

/** What a plan is made from: one scope as it stands. */
export interface PlanInput {
  readonly facts: readonly CaredFact[];
  readonly observations: readonly ObservationProof[];
  readonly sessions: readonly OpenSession[];
  /** What an undo forbids to do again (see `itemKey`). */
  readonly undone: ReadonlySet<string>;
  /** When the run began, ISO 8601. */
  readonly now: string;
  /** There is a model to propose observations, and facts that came since it was last asked. */
  readonly observes: boolean;
  /** There are sequences of tools that worked, of which not everything is known. */
  readonly learns: boolean;
}

/** One part of a run: one command, all of it or nothing. References only. */
export type ConsolidationUnit =
  | { readonly kind: 'merge'; readonly key: string; readonly keep: string; readonly gone: readonly string[] }
  | { readonly kind: 'retire'; readonly key: string; readonly facts: readonly RetiredItem[] }
  | {
      readonly kind: 'summarise';
      readonly key: string;
      readonly thread: string;
      readonly branch: string;
      readonly upTo: number;
    }
  | { readonly kind: 'learn'; readonly key: string }
  | { readonly kind: 'observe'; readonly key: string };

/** A fact that is to end, and why. */
export interface RetiredItem {
  readonly fact: string;
  readonly why: 'expired' | 'unproven';
}

/** What a run is going to do, or why it does nothing. */
export interface ConsolidationPlan {
  readonly units: readonly ConsolidationUnit[];
  /** A guard that stops the run; null when none does. */
  readonly refused: string | null;
  /** Facts that held. */
  readonly facts: number;
}

/** What one run does at most of each thing: the next one goes on. */
export const mostPerRun = { merges: 200, retired: 500, sessions: 50 } as const;

/** The share of a scope's facts that one run may retire by its own judgement. */
const mostRetiredShare = 0.2;

/**
 * Decides what a run over a scope does. The guard: a run that would retire more than a fifth of the scope's facts (one is always allowed)
 * does nothing and says so. Facts past their expiry do not count: their end was set when they were written.
 */
export function planConsolidation(input: PlanInput): ConsolidationPlan {
  const { facts, observations, sessions, undone, now } = input;
  const expired = facts
    .filter((one) => one.expiresAt !== null && one.expiresAt <= now && !undone.has(itemKey.expire(one.fact)))
    .map(({ fact }): RetiredItem => ({ fact, why: 'expired' }));
  const ended = new Set(expired.map(({ fact }) => fact));
  const holding = facts.filter(({ fact }) => !ended.has(fact));
  const unproven = observations
    .filter((one) => one.holding === 0 && !ended.has(one.observation) && !undone.has(itemKey.unproven(one.observation)))
    .map(({ observation }): RetiredItem => ({ fact: observation, why: 'unproven' }));
  const merges = findNearDuplicates(holding).flatMap((merge): Merge[] => {
    const gone = merge.gone.filter((fact) => !undone.has(itemKey.merge(merge.keep, fact)));
    return gone.length > 0 ? [{ keep: merge.keep, gone }] : [];
  });
  const judged = merges.reduce((sum, { gone }) => sum + gone.length, 0) + unproven.length;
  const allowed = Math.max(1, Math.floor(mostRetiredShare * facts.length));
  if (judged > allowed) {
    const refused = `it would retire ${judged} of ${facts.length} facts; a run may retire ${allowed} (20 %)`;
    return { units: [], refused, facts: facts.length };
  }
  const retired = [...expired, ...unproven].slice(0, mostPerRun.retired);
  return {
    refused: null,
    facts: facts.length,
    units: [
      ...merges.slice(0, mostPerRun.merges).map(({ keep, gone }): ConsolidationUnit => ({
        kind: 'merge',
        key: `merge/${encodeURIComponent(keep)}`,
        keep,
        gone,
      })),
      ...(retired.length > 0 ? [{ kind: 'retire', key: 'retire', facts: retired } as const] : []),
      ...sessions
        .filter(({ thread, upTo }) => !undone.has(itemKey.summarise(thread, upTo)))
        .slice(0, mostPerRun.sessions)
        .map((session): ConsolidationUnit => ({
          kind: 'summarise',
          key: `summarise/${encodeURIComponent(session.thread)}/${encodeURIComponent(session.branch)}`,
          ...session,
        })),
      ...(input.learns ? [{ kind: 'learn', key: 'learn' } as const] : []),
      ...(input.observes ? [{ kind: 'observe', key: 'observe' } as const] : []),
    ],
  };
}
