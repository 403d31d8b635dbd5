import { Context } from '@temporalio/activity';
import type { Agent } from '../agents/define-agent.ts';
import type { ActivityDeps } from '../activities/deps.ts';
import type { SweepActivities, SweepReport } from '../activities/types.ts';
import type { ClientContext } from '../client/send-turn.ts';
import { sweepTenant } from '../client/sweep-tenant.ts';
import { sweepExtractions } from './sweep-extractions.ts';

/** Id of the schedule that sweeps the tenants of a deployment. */
export function sweepScheduleId(taskQueue: string): string {
  return `sweep/${taskQueue}`;
}

/** Gives the sweeper's activity over the tenants of a worker. */
export function createSweepActivities(
  context: Pick<ClientContext, 'store' | 'pool' | 'starter'>,
  {
    tenants,
    agents,
    graceMs,
    log,
  }: {
    readonly tenants: readonly string[];
    readonly agents: ReadonlyMap<string, Agent>;
    readonly graceMs: number;
    readonly log: ActivityDeps['log'];
  },
): SweepActivities {
  return {
    async sweep() {
      const { heartbeat, cancellationSignal } = Context.current();
      const beat = setInterval(() => heartbeat(), 5_000);
      const total = { looked: 0, started: 0, closed: 0, told: 0, cancelled: 0, failed: 0 };
      try {
        for (const tenant of tenants) {
          const report = await sweepTenant(
            { ...context, tenant },
            {
              graceMs,
              signal: cancellationSignal,
              onFailure: (what, error) =>
                log('warn', 'not repaired; the next round tries again', { tenant, what, error: String(error) }),
            },
          );
          try {
            const started = await sweepExtractions(
              { ...context, tenant },
              { agents, graceMs, signal: cancellationSignal },
            );
            if (started > 0) log('info', 'the sweeper started extractions that were overdue', { tenant, started });
          } catch (error) {
            if (cancellationSignal.aborted) throw error;
            total.failed += 1;
            log('warn', 'overdue extractions were not started; the next round tries again', {
              tenant,
              error: String(error),
            });
          }
          for (const name of Object.keys(total) as (keyof SweepReport)[]) total[name] += report[name];
          const { started, closed, told, cancelled } = report;
          if (started + closed + told + cancelled > 0) log('info', 'the sweeper repaired turns', { tenant, ...report });
        }
      } finally {
        clearInterval(beat);
      }
      return total;
    },
  };
}
