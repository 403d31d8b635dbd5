import { defineConfig } from '../../agents/index.ts';
import { supportAgent } from './agent.ts';

/** What the demo's workers run. */
export default defineConfig({ agents: [supportAgent] });
