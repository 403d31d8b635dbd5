import {
  ActivityFailure,
  ApplicationFailure,
  condition,
  continueAsNew,
  proxyActivities,
  setHandler,
  setWorkflowOptions,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities, DueExtraction } from '../activities/types.ts';
import { backgroundQueue, turnEndedSignal } from './messages.ts';
import type { ExtractThreadInput } from './messages.ts';

/**
 * Reads the turns of one branch that wait for it, when they are due: after a pause in the conversation, or once enough of them wait. What
 * waits stands in the log, so this workflow may be lost, started twice or run beside another one: each turn is read once.
 */
export async function extractThread(input: ExtractThreadInput): Promise<{ readonly read: number }> {
  const { timeouts, after = 0, ...ref } = input;
  let ended = 0;
  setHandler(turnEndedSignal, () => void (ended += 1));
  const backoff = { initialInterval: '1s', backoffCoefficient: 2 } as const;
  const background = proxyActivities<Pick<Activities, 'extractMemory'>>({
    taskQueue: backgroundQueue(workflowInfo().taskQueue),
    startToCloseTimeout: timeouts.stepMs,
    heartbeatTimeout: timeouts.heartbeatMs,
    retry: { ...backoff, maximumInterval: '10m', maximumAttempts: 20 },
  });
  const short = proxyActivities<Pick<Activities, 'dueExtraction' | 'recordExtractionFailure'>>({
    startToCloseTimeout: '30s',
    retry: { ...backoff, maximumInterval: '10s' },
  });
  const tried = new Set<string>();
  let behind = after;
  for (;;) {
    // The log knows what has been read: nothing else is carried over.
    if (workflowInfo().continueAsNewSuggested)
      await continueAsNew<typeof extractThread>({ ...input, ...(ref.all ? { after: behind } : {}) });
    const seen = ended;
    const { turns, inMs }: DueExtraction = await short.dueExtraction({ ...ref, after: behind });
    const due = turns.filter(({ turn }) => !tried.has(turn));
    for (const { turn, agent, position } of due) {
      tried.add(turn);
      await read({ tenant: ref.tenant, thread: ref.thread, branch: ref.branch, turn, agent });
      // Those that are given up stay in the log's list: whoever reads all must come past them.
      if (ref.all) behind = position;
    }
    if (due.length > 0 || ended !== seen) continue;
    if (inMs === null) return { read: tried.size };
    await condition(() => ended !== seen, inMs);
  }

  async function read(turn: Parameters<Activities['extractMemory']>[0]): Promise<void> {
    try {
      await background.extractMemory(turn);
    } catch (error) {
      if (!(error instanceof ActivityFailure)) throw error;
      const { cause } = error;
      const code = cause instanceof ApplicationFailure ? (cause.type ?? 'EXTRACTION_FAILED') : 'EXTRACTION_FAILED';
      await short.recordExtractionFailure({ ...turn, code, message: cause?.message ?? error.message });
    }
  }
}
// It may wait for days: a version of the code that is gone would leave it behind. Workers without versions know no such thing.
setWorkflowOptions(() => {
  const version = workflowInfo().currentDeploymentVersion?.deploymentName ?? '';
  return version === '' ? {} : { versioningBehavior: 'AUTO_UPGRADE' };
}, extractThread);
