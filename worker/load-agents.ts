import { pathToFileURL } from 'node:url';
import type { Agent, HoldfastConfig } from '../agents/define-agent.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';

/** Loads the agents that a `holdfast.config.ts` exports. Throws HoldfastError CONFIG_FILE_INVALID with the reason. */
export async function loadAgents(configFile: string): Promise<ReadonlyMap<string, Agent>> {
  let exported: unknown;
  try {
    exported = (await import(pathToFileURL(configFile).href)) as unknown;
  } catch (cause) {
    throw new HoldfastError(
      'CONFIG_FILE_INVALID',
      `${configFile} could not be loaded: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        hint:
          (cause instanceof HoldfastError ? cause.hint : undefined) ??
          'Create it with a default export of defineConfig({ agents: […] }), or point HOLDFAST_CONFIG at yours.',
        cause,
      },
    );
  }
  const config = (exported as { default?: Partial<HoldfastConfig> }).default;
  if (!Array.isArray(config?.agents) || config.agents.length === 0) {
    throw new HoldfastError('CONFIG_FILE_INVALID', `${configFile} has no agents.`, {
      hint: 'Its default export must be defineConfig({ agents: [defineAgent({ … })] }).',
    });
  }
  return new Map((config.agents as Agent[]).map((agent) => [agent.name, agent]));
}
