import type { HoldfastClient } from '../client/index.ts';
import type { Arena } from './arena.ts';
import { within } from './faults/fault.ts';
import { workerCount } from './faults/worker-faults.ts';

/** Waits, with everything running, until every turn has ended, but not longer than `patienceMs`. Gives what has not. */
export async function settle(arena: Arena, client: HoldfastClient | undefined, patienceMs: number): Promise<string[]> {
  await arena.workers.refill(workerCount);
  const open = (): Promise<{ turn: string }[]> =>
    arena.query<{ turn: string }>(
      `select t.turn from holdfast.turn t
       where not exists (select from holdfast.turn_end e where e.tenant = t.tenant and e.turn = t.turn) order by 1`,
    );
  const done = await within(
    patienceMs,
    async () => {
      // What still waits for a person is told no: by somebody who comes last, and whose word counts only then.
      for (const { approval } of (await client?.approvals.list({ pending: true })) ?? [])
        await client?.approvals.decide({ approval, decision: 'reject', actor: 'closer' }).catch(() => undefined);
      return (await open()).length === 0;
    },
    500,
  );
  if (done) {
    const extracted = await within(patienceMs, async () => {
      const rows = await arena.query(
        `select from holdfast.turn_end e join holdfast.turn t using (tenant, turn)
         where e.status = 'completed' and t.agent = 'shopper'
           and not exists (select from holdfast.extraction x where x.tenant = e.tenant and x.turn = e.turn) limit 1`,
      );
      return rows.length === 0;
    });
    return extracted ? [] : [`a turn of the shopper was not extracted after ${patienceMs / 1_000} s of peace`];
  }
  return (await open())
    .slice(0, 10)
    .map(({ turn }) => `turn ${turn} has not ended after ${patienceMs / 1_000} s of peace`);
}
