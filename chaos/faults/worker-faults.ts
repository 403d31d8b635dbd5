import type { Boundary } from '../../activities/deps.ts';
import type { WorkKind } from '../history.ts';
import { endedByKill, killWorker, times } from '../workers.ts';
import type { Fault, FaultContext } from './fault.ts';
import { landed, last, missed, within } from './fault.ts';

/** How many workers run while nothing is broken. */
export const workerCount = 2;

/** Named boundaries with work that passes them. */
const boundaries: Readonly<Record<Boundary, WorkKind>> = {
  'step.model_answered': 'remember',
  'step.committed': 'remember',
  'child.recorded': 'child',
  'tool.executed': 'lookup',
  'tool.committed': 'pay_once',
  'extraction.model_answered': 'plain',
  'extraction.committed': 'plain',
  'compaction.model_answered': 'talk',
  'compaction.committed': 'talk',
  'consolidation.planned': 'consolidate',
  'consolidation.decided': 'consolidate',
  'consolidation.committed': 'consolidate',
  'consolidation.completed': 'consolidate',
};

/** Faults of workers: killed at random and at each boundary in turn, frozen and thawed, replaced by another code version. */
export const workerFaults: readonly Fault[] = [
  {
    kind: 'worker_kill',
    share: 8,
    inject: async ({ arena: { workers }, random }) => {
      const struck = await killWorker(random.pick(workers.running()));
      await workers.refill(workerCount);
      return struck ? landed(1) : missed;
    },
  },
  {
    kind: 'workers_all_killed',
    share: 2,
    inject: async ({ arena: { workers } }) => {
      const struck = await Promise.all(workers.running().map((worker) => killWorker(worker)));
      await workers.refill(workerCount);
      const kills = struck.filter((killed) => killed).length;
      return kills > 0 ? landed(kills) : missed;
    },
  },
  ...Object.entries(boundaries).map(([boundary, kind]): Fault => ({
    kind: `worker_kill@${boundary}`,
    share: 1.5,
    inject: (context) => killAt(context, boundary, kind),
  })),
  {
    // A worker that is taken for dead and is not: what it still sends must count for nothing.
    kind: 'worker_frozen',
    share: 2,
    inject: async ({ arena: { workers }, random }) => {
      const worker = random.pick(workers.running());
      process.kill(worker.pid, 'SIGSTOP');
      await last(times.heartbeatMs * 2);
      process.kill(worker.pid, 'SIGCONT');
      return landed();
    },
  },
  {
    // The old one finishes what it is at while the new one takes over.
    kind: 'deploy',
    share: 2,
    inject: async ({ arena: { workers } }) => {
      const old = workers.running();
      const version = (old[0]?.version ?? 0) + 1;
      for (let i = 0; i < workerCount; i++) await workers.start({ version });
      await Promise.all(old.map((worker) => worker.stop({ graceMs: 12_000 })));
      return old.length > 0 ? landed() : missed;
    },
  },
];

async function killAt({ arena: { workers }, clients, random }: FaultContext, boundary: string, kind: WorkKind) {
  const [replaced] = random.shuffle(workers.running());
  const armed = await workers.start({ failpoint: boundary });
  // The other one goes as well, as after a power cut of its machine: what it was at comes to the armed one.
  const struck = replaced !== undefined && (await killWorker(replaced));
  clients.demand(kind, 4);
  let end: Awaited<typeof armed.exited> | undefined;
  void armed.exited.then((exit) => (end = exit));
  await within(12_000, () => end !== undefined);
  if (end === undefined) await armed.stop({ graceMs: 5_000 });
  await workers.refill(workerCount);
  const reached = end !== undefined && endedByKill(end);
  return { landed: reached, kills: Number(struck) + Number(reached) };
}
