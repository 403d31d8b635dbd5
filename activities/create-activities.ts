import { awaitPredecessor } from './await-predecessor.ts';
import { completeConsolidation } from './complete-consolidation.ts';
import type { ConsolidationActivities } from './consolidation-types.ts';
import { compactContext } from './compact-context.ts';
import { recordAgents } from './configure-agent.ts';
import type { ActivityDeps } from './deps.ts';
import { deferExtraction, dueExtraction } from './due-extraction.ts';
import { endTurn } from './end-turn.ts';
import { extractMemory, recordExtractionFailure } from './extract-memory.ts';
import { learnPlaybooks } from './learn-playbooks.ts';
import { mergeFacts } from './merge-facts.ts';
import { observeScope } from './observe-scope.ts';
import { planConsolidation } from './plan-consolidation.ts';
import { retireFacts } from './retire-facts.ts';
import { runActivity } from './run-activity.ts';
import { runModelStep } from './run-model-step.ts';
import { runTool } from './run-tool.ts';
import { createScopeOrder } from './scope-order.ts';
import { settleApproval } from './settle-approval.ts';
import { abortChildren, awaitChild, startChild } from './sub-agents.ts';
import { summariseSession } from './summarise-session.ts';
import { forgetWords, withWords } from './stream-text.ts';
import { createStreamHub } from '../projections/streaming/hub.ts';
import type { Activities } from './types.ts';

/** Gives the activities of turns and of consolidation over their dependencies; one file each. */
export function createActivities(deps: ActivityDeps): Activities & ConsolidationActivities {
  const { hub = createStreamHub(), order = createScopeOrder() } = deps;
  const stepDeps = { ...deps, configuredAt: recordAgents(deps) };
  return {
    runModelStep: (input) =>
      runActivity(deps, input, (scope) =>
        withWords({ ...deps, hub }, input, (openWords) => runModelStep(stepDeps, input, scope, openWords)),
      ),
    runTool: (input) => runActivity(deps, input, (scope) => runTool(deps, input, scope)),
    awaitPredecessor: (input) => runActivity(deps, input, () => awaitPredecessor(deps, input)),
    settleApproval: (input) => runActivity(deps, input, () => settleApproval(deps, input)),
    startChild: (input) => runActivity(deps, input, () => startChild(deps, input)),
    awaitChild: (input) => runActivity(deps, input, () => awaitChild(deps, input)),
    abortChildren: (input) => runActivity(deps, input, () => abortChildren(deps, input)),
    endTurn: (input) =>
      runActivity(deps, input, async () => {
        const end = await endTurn(deps, input);
        forgetWords(deps, await deps.store.tenantNumber(input.tenant), input.turn);
        return end;
      }),
    decideApproval: (input) => runActivity(deps, input, () => deps.decideApproval(input)),
    extractMemory: (input) => runActivity(deps, input, (scope) => extractMemory({ ...deps, order }, input, scope)),
    deferExtraction: (input) => runActivity(deps, input, () => deferExtraction(deps, input)),
    dueExtraction: (input) =>
      runActivity(deps, { run: `extraction of ${input.thread}` }, () => dueExtraction(deps, input)),
    compactContext: (input) => runActivity(deps, input, (scope) => compactContext(deps, input, scope)),
    recordExtractionFailure: (input) => runActivity(deps, input, () => recordExtractionFailure(deps, input)),
    planConsolidation: (input) => runActivity(deps, input, () => planConsolidation(deps, input)),
    mergeFacts: (input) => runActivity(deps, input, (scope) => mergeFacts(deps, input, scope)),
    retireFacts: (input) => runActivity(deps, input, (scope) => retireFacts(deps, input, scope)),
    summariseSession: (input) => runActivity(deps, input, (scope) => summariseSession(deps, input, scope)),
    learnPlaybooks: (input) => runActivity(deps, input, (scope) => learnPlaybooks(deps, input, scope)),
    observeScope: (input) => runActivity(deps, input, (scope) => observeScope(deps, input, scope)),
    completeConsolidation: (input) => runActivity(deps, input, () => completeConsolidation(deps, input)),
  };
}
