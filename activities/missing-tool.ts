import type { Agent } from '../agents/define-agent.ts';
import { failed } from './tool-result.ts';
import type { ToolEnd } from './tool-result.ts';

/** Gives the end of a call whose tool is gone since the model asked for it: its server is down, or it is no longer configured. */
export function missingTool(agent: Agent, tool: string): ToolEnd {
  const source = sourceDown(agent, tool);
  return source === undefined
    ? failed('TOOL_NOT_CONFIGURED', `The tool "${tool}" is no longer configured.`)
    : failed('TOOL_UNAVAILABLE', `"${tool}" was not called: its server "${source}" cannot be reached at the moment.`);
}

/** Name of the source that would offer a tool of this name if it could be reached, or undefined. */
export function sourceDown(agent: Agent, tool: string): string | undefined {
  return agent.sources.find(
    ({ name }) => tool.startsWith(`${name}_`) && !agent.tools.some((one) => one.name.startsWith(`${name}_`)),
  )?.name;
}
