import { defineConfig } from '../agents/index.ts';
import { loadConfig } from '../config/config.ts';
import { crashAgents } from './crash-agents.ts';

/** For workers in processes of their own: the shop is at the host of the demo model. */
export default defineConfig({ agents: crashAgents((loadConfig().model.baseUrl ?? '').replace(/\/v1$/, '')) });
