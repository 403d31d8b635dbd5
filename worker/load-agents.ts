import { pathToFileURL } from 'node:url';
import type { OwnMemoryKind } from '../agents/define-memory-kind.ts';
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
  const wrong = config.agents.findIndex((agent) => !isAgent(agent));
  if (wrong >= 0) {
    throw new HoldfastError('CONFIG_FILE_INVALID', `agents[${wrong}] of ${configFile} is not what defineAgent gives.`, {
      hint: 'Write `agents: [defineAgent({ … })]`.',
    });
  }
  const agents = config.agents as readonly Agent[];
  const twice = agents.find(({ name }, index) => agents.findIndex((other) => other.name === name) !== index);
  if (twice) {
    throw new HoldfastError('CONFIG_FILE_INVALID', `${configFile} has two agents called "${twice.name}".`, {
      hint: 'Rename one of them: turns name the agent they are for.',
    });
  }
  const kinds = new Map<string, OwnMemoryKind>();
  for (const kind of agents.flatMap(({ memory }) => memory.ownKinds)) {
    if (kinds.has(kind.name) && kinds.get(kind.name) !== kind)
      throw new HoldfastError('CONFIG_FILE_INVALID', `${configFile} has two memory kinds called "${kind.name}".`, {
        hint: 'Define it once with defineMemoryKind and give it to each agent, or rename one: memories are known by their kind.',
      });
    kinds.set(kind.name, kind);
  }
  return new Map(agents.map((agent) => [agent.name, agent]));
}

function isAgent(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'limits' in value && 'sources' in value;
}
