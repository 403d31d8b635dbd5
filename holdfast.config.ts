import { defineConfig } from './agents/index.ts';
import { supportAgent } from './examples/support-agent/agent.ts';

/** The agents of this checkout's workers. */
export default defineConfig({ agents: [supportAgent] });
