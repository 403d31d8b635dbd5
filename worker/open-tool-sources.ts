import type { ActivityDeps } from '../activities/deps.ts';
import { withApprovals } from '../agents/agent-approvals.ts';
import type { Agent } from '../agents/define-agent.ts';
import type { Tool } from '../agents/define-tool.ts';
import type { OpenToolSource, ToolSource } from '../agents/tool-source.ts';

/**
 * Opens the tool sources of all agents, each once, and gives the agents with the tools that are there: always the newest, as
 * sources come, change and go. A source that cannot be reached is logged and tried again; waiting for the first answers is over
 * when each source has answered or failed once.
 */
export async function openToolSources(
  agents: ReadonlyMap<string, Agent>,
  log: ActivityDeps['log'],
): Promise<{ readonly agents: ReadonlyMap<string, Agent>; close(): Promise<void> }> {
  const sources = new Set([...agents.values()].flatMap((agent) => agent.sources));
  const known = new Map<ToolSource, readonly Tool[]>();
  const current = new Map(agents);
  const opened: OpenToolSource[] = [...sources].map((source) =>
    source.open({
      onTools: (tools) => {
        known.set(source, tools);
        offerAll();
        log('info', 'tools were listed', { source: source.name, tools: tools.map(({ name }) => name) });
      },
      onDown: (reason) =>
        log('warn', 'a source of tools cannot be reached; will try again', { source: source.name, reason }),
      onSkipped: (tool, reason) => log('warn', 'a tool is not offered', { source: source.name, tool, reason }),
    }),
  );
  await Promise.all(opened.map(({ ready }) => ready));
  offerAll();
  return {
    agents: current,
    close: async () => {
      await Promise.all(opened.map((source) => source.close()));
    },
  };

  function offerAll(): void {
    for (const agent of agents.values()) if (agent.sources.length > 0) current.set(agent.name, together(agent));
  }

  /** The tools of the code come first: a server cannot take the name of one of them. */
  function together(agent: Agent): Agent {
    const tools = new Map(agent.tools.map((tool) => [tool.name, tool]));
    for (const source of agent.sources) {
      for (const tool of known.get(source) ?? []) {
        if (tools.has(tool.name)) {
          const reason = `agent "${agent.name}" has another tool of this name`;
          log('warn', 'a tool is not offered', { source: source.name, tool: tool.name, reason });
        } else tools.set(tool.name, withApprovals(tool, agent.approvals));
      }
    }
    return { ...agent, instructions: withMissing(agent), tools: [...tools.values()] };
  }

  /** A model that does not know what it lacks makes it up. */
  function withMissing({ instructions, sources: own }: Agent): string {
    const missing = own.filter((source) => !known.has(source)).map(({ name }) => name);
    if (missing.length === 0) return instructions;
    return `${instructions}\n\nThe tools of these servers cannot be reached at the moment: ${missing.join(', ')}. Say so when they are needed.`;
  }
}
