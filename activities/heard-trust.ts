import type { Agent } from '../agents/define-agent.ts';
import type { RecordedToolCall, Trust } from '../memory/events.ts';
import { childTurnId } from '../memory/keys.ts';
import { leastTrusted, lessTrusted } from '../memory/trust.ts';
import type { ViewReader } from '../projections/read-views.ts';
import { listSteps } from '../projections/threads/queries.ts';
import type { ThreadMessages } from '../projections/working/queries.ts';
import { readMessages } from '../projections/working/queries.ts';
import { isMemoryTool } from './memory-tools.ts';

/** The messages a model has before it, and who hears them. */
export interface Heard extends Pick<ThreadMessages, 'messages' | 'turns' | 'heard'> {
  readonly agents: ReadonlyMap<string, Agent>;
  readonly agent: Agent;
}

/**
 * The least trusted of all that these messages may rest on: the tools that have spoken in them, and what their steps had heard (memories that
 * were recalled, messages that a summary has replaced since). Null when that is the user and the model alone. A tool that the agent has no more
 * is taken for an external one; an agent that was asked is as good as what it heard itself.
 */
export async function heardTrust(
  reader: ViewReader,
  { messages, turns, heard, agents, agent }: Heard,
): Promise<Trust | null> {
  let least = leastTrusted(...heard);
  for (const [index, message] of messages.entries()) {
    if (message.role !== 'assistant') continue;
    for (const call of message.toolCalls) {
      if (isMemoryTool(call.name)) continue;
      const tool = agent.tools.find(({ name }) => name === call.name);
      const trust = tool?.subAgent
        ? await childTrust(reader, { agents, agent: agents.get(tool.subAgent.agent), turn: turns[index] ?? '', call })
        : tool?.trust === 'internal'
          ? 'tool_internal'
          : 'tool_external';
      least = leastTrusted(least, trust);
    }
  }
  return least;
}

async function childTrust(
  reader: ViewReader,
  {
    agents,
    agent,
    turn,
    call,
  }: {
    readonly agents: Heard['agents'];
    readonly agent: Agent | undefined;
    readonly turn: string;
    readonly call: RecordedToolCall;
  },
): Promise<Trust> {
  const at = (await listSteps(reader, { turn }))
    .map(({ step, tool_calls: calls }) => ({
      step,
      ordinal: (calls as readonly RecordedToolCall[]).findIndex(({ id }) => id === call.id),
    }))
    .find(({ ordinal }) => ordinal >= 0);
  if (!agent || !at) return 'tool_external';
  const child = childTurnId(turn, at.step, at.ordinal);
  const thread = await readMessages(reader, { thread: child, branch: 'main', turn: child });
  // Its reply is a model's words in any case.
  return lessTrusted('model_inference', (await heardTrust(reader, { ...thread, agents, agent })) ?? 'model_inference');
}
