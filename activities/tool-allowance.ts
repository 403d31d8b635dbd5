import { readViews } from '../projections/read-views.ts';
import { findAllowance } from '../projections/threads/approval-queries.ts';
import type { ActivityDeps } from './deps.ts';
import type { TurnRef } from './types.ts';

/** Tells which approval lets a tool run without asking in a thread; null when none does. Read once per tool. */
export type AllowedBy = (tool: string) => Promise<string | null>;

/** What people have allowed in the thread of a turn, as it is now. Asked only for calls that would need a person. */
export function allowancesOf({ store, pool }: Pick<ActivityDeps, 'store' | 'pool'>, ref: TurnRef): AllowedBy {
  return async (tool) => {
    const allowance = await readViews(pool, await store.tenantNumber(ref.tenant), (reader) =>
      findAllowance(reader, { thread: ref.thread, branch: ref.branch, tool }),
    );
    return allowance?.approval ?? null;
  };
}
