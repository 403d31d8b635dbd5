import { defineConfig } from './agents/index.ts';
import { supportAgent } from './examples/support-agent/agent.ts';

/** The agents of this checkout's workers. In your own project, import `defineConfig` from 'holdfast'. */
export default defineConfig({ agents: [supportAgent] });
