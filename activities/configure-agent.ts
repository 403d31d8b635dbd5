import type { Agent } from '../agents/define-agent.ts';
import type { ToolSpec } from '../llm/ports.ts';
import { commands, streams } from '../memory/keys.ts';
import type { ActivityDeps } from './deps.ts';
import { sha256 } from '../projections/digest.ts';
import { memoryToolsOf } from './memory-tools.ts';

/** Gives the position of the event that holds this version of an agent, for a tenant. */
export type ConfiguredAt = (agent: Agent, tenant: string) => Promise<number>;

/**
 * Records each version of an agent once per tenant (instructions, model, tools), so that recorded prompts can refer to it. The
 * positions never change, so they are remembered for the life of the worker.
 */
export function recordAgents({ store, defaultModel }: Pick<ActivityDeps, 'store' | 'defaultModel'>): ConfiguredAt {
  const positions = new Map<string, number>();
  return async (agent, tenant) => {
    const model = agent.model ?? defaultModel;
    const tools = toolSpecs(agent);
    const hash = sha256(JSON.stringify([model, agent.instructions, tools])).slice(0, 32);
    const key = JSON.stringify([tenant, agent.name, hash]);
    const known = positions.get(key);
    if (known !== undefined) return known;
    const stream = streams.agent(agent.name);
    const { firstPosition } = await store.append(tenant, {
      id: commands.agent(agent.name, hash),
      streams: [{ name: stream, expectedVersion: 'any' }],
      events: [
        {
          type: 'AgentConfigured',
          stream,
          data: { agent: agent.name, hash, model, instructions: agent.instructions, tools },
        },
      ],
    });
    positions.set(key, firstPosition);
    return firstPosition;
  };
}

/** The tools an agent's model sees. */
export function toolSpecs(agent: Agent): ToolSpec[] {
  const own = agent.tools.map(({ name, description, parameters }) => ({ name, description, parameters }));
  return [...own, ...memoryToolsOf(agent)];
}
