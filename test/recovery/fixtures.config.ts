import { defineAgent, defineConfig } from '../../agents/index.ts';
import { crashAgents } from '../../chaos/crash-agents.ts';
import { supportAgent } from '../../examples/support-agent/agent.ts';

export { crashAgents } from '../../chaos/crash-agents.ts';

/** Reads turns in the pauses of a thread. */
export const idler = defineAgent({
  name: 'idler',
  instructions: 'You listen.',
  memory: { tools: false, extract: { afterIdleMs: 1_000 } },
});

/** For workers in processes of their own. */
export default defineConfig({
  agents: [supportAgent, idler, ...crashAgents(process.env['HOLDFAST_SHOP_URL'] ?? '')],
});
