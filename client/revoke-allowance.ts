import { commands, streams } from '../memory/keys.ts';
import { readViews } from '../projections/read-views.ts';
import { findAllowance } from '../projections/threads/approval-queries.ts';
import type { AllowanceRow } from '../projections/threads/approval-queries.ts';
import { isActor } from './actor.ts';
import { AllowanceNotFoundError, InvalidDecisionError } from './client-errors.ts';
import type { ClientContext } from './send-turn.ts';

/** What shall ask again. */
export interface RevokeAllowance {
  readonly thread: string;
  /** @default 'main' */
  readonly branch?: string;
  readonly tool: string;
  /** Who revokes; recorded. */
  readonly actor: string;
}

/**
 * Has a tool ask again in a thread, from its next call on; gives the allowance that has ended. Throws AllowanceNotFoundError,
 * InvalidDecisionError and the errors of the store.
 */
export async function revokeAllowance(
  context: ClientContext,
  { thread, branch = 'main', tool, actor }: RevokeAllowance,
): Promise<AllowanceRow> {
  if (!isActor(actor))
    throw new InvalidDecisionError('A revocation needs an actor of 1 to 200 plain characters.', 'Say who (`--actor`).');
  const { tenant, store, pool } = context;
  const allowance = await readViews(pool, await store.tenantNumber(tenant), (reader) =>
    findAllowance(reader, { thread, branch, tool }),
  );
  if (!allowance) throw new AllowanceNotFoundError(thread, tool);
  const stream = streams.allowance(thread, branch, tool);
  await store.append(tenant, {
    id: commands.revokeAllowance(allowance.approval),
    streams: [{ name: stream, expectedVersion: 'any' }],
    events: [{ type: 'ToolAllowanceRevoked', stream, data: { thread, branch, tool, actor } }],
    meta: { actor },
  });
  return allowance;
}
