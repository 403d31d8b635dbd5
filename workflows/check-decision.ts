import { ApplicationFailure } from '@temporalio/workflow';
import type { DecisionMessage } from './messages.ts';

const decisions = ['approve', 'edit', 'respond', 'reject'];

/**
 * Refuses what is no decision, before it is recorded anywhere. Whether it fits the approval is for the log to say. Throws
 * ApplicationFailure INVALID_DECISION.
 */
export function assertDecision(message: DecisionMessage): void {
  // From outside: it may be anything.
  const given = (typeof message === 'object' ? message : null) as Partial<
    Record<keyof DecisionMessage, unknown>
  > | null;
  const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';
  if (
    given !== null &&
    isText(given.approval) &&
    isText(given.actor) &&
    typeof given.decision === 'string' &&
    decisions.includes(given.decision) &&
    (['reason', 'message', 'argumentsHash'] as const).every(
      (name) => given[name] === undefined || typeof given[name] === 'string',
    ) &&
    (given.remember === undefined || given.remember === 'thread')
  )
    return;
  throw ApplicationFailure.nonRetryable(
    'A decision is an object with approval, decision (approve, edit, respond, reject) and actor.',
    'INVALID_DECISION',
  );
}
