import { StreamSealedError } from '../eventstore/index.ts';
import type { TurnEnding } from '../memory/turn-end.ts';
import { turnEndCommand } from '../memory/turn-end.ts';
import { findTurn } from '../projections/threads/queries.ts';
import { readViews } from '../projections/read-views.ts';
import { UnknownTurnError } from './activity-errors.ts';
import type { ActivityDeps } from './deps.ts';
import type { EndTurnInput, TurnEnd } from './types.ts';

/** Writes the terminal event of a turn that did not end by its last step. Exactly one terminal event: an earlier one wins. */
export async function endTurn(deps: ActivityDeps, input: EndTurnInput): Promise<TurnEnd> {
  const { status, code, message } = input;
  const ending: TurnEnding = status === 'failed' ? { status, code, message } : { status, actor: code, reason: message };
  try {
    await deps.store.append(input.tenant, turnEndCommand(input, ending));
  } catch (error) {
    if (!(error instanceof StreamSealedError)) throw error;
  }
  return readViews(deps.pool, await deps.store.tenantNumber(input.tenant), async (reader) => {
    const turn = await findTurn(reader, input.turn);
    if (!turn || turn.status === 'running' || turn.status === 'waiting') throw new UnknownTurnError(input.turn);
    return { status: turn.status, position: reader.position, approvals: [], code: turn.code };
  });
}
