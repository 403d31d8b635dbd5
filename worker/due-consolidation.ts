import type pg from 'pg';
import type { DueConsolidationActivities } from '../activities/consolidation-types.ts';
import type { EventStore } from '../eventstore/index.ts';
import type { MemoryEvent } from '../memory/events.ts';
import { listUsersToConsolidate } from '../projections/care/queries.ts';
import { readViews } from '../projections/read-views.ts';

/** Id of the schedule that consolidates the memories of a deployment's tenants. */
export function consolidationScheduleId(taskQueue: string): string {
  return `consolidate/${taskQueue}`;
}

/** Scopes of one page; the schedule's workflow asks for the next one. */
const pageSize = 200;

/** Gives the activity by which the schedule finds work, over the tenants of a worker. */
export function createDueConsolidation(
  { store, pool }: { readonly store: EventStore<MemoryEvent>; readonly pool: pg.Pool },
  tenants: readonly string[],
): DueConsolidationActivities {
  return {
    async listDueScopes({ now, after }) {
      const from = after === null ? 0 : tenants.indexOf(after.tenant);
      for (const tenant of tenants.slice(Math.max(0, from))) {
        const number = await store.tenantNumber(tenant);
        const users = await readViews(pool, number, (reader) =>
          listUsersToConsolidate(reader, {
            now: new Date(now),
            after: tenant === after?.tenant ? after.user : '',
            limit: pageSize,
          }),
        );
        if (users.length > 0) return users.map((user) => ({ tenant, user }));
      }
      return [];
    },
  };
}
