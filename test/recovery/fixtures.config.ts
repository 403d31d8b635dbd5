import { defineConfig } from '../../agents/index.ts';
import { crashAgents } from '../../chaos/crash-agents.ts';
import { supportAgent } from '../../examples/support-agent/agent.ts';

export { crashAgents } from '../../chaos/crash-agents.ts';

/** For workers in processes of their own. */
export default defineConfig({
  agents: [supportAgent, ...crashAgents(process.env['HOLDFAST_SHOP_URL'] ?? '')],
});
