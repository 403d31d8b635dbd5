import { defineAgent, defineConfig } from '../../agents/index.ts';
import { crashAgents } from '../../chaos/crash-agents.ts';
import { supportAgent } from '../../examples/support-agent/agent.ts';

export { crashAgents } from '../../chaos/crash-agents.ts';

/** Whose conversations are full after a few turns. */
export const talkative = defineAgent({
  name: 'talkative',
  instructions: 'You listen.',
  memory: { messageTokens: 250, extract: false, recallLimit: 0 },
});

/** For workers in processes of their own. */
export default defineConfig({
  agents: [supportAgent, talkative, ...crashAgents(process.env['HOLDFAST_SHOP_URL'] ?? '')],
});
