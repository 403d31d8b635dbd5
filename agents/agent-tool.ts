import type { Agent } from './define-agent.ts';
import { defineTool } from './define-tool.ts';
import type { Tool, ToolOptions } from './define-tool.ts';
import { definitionChecks } from './definition-checks.ts';
import type { InputSchema } from './schema.ts';

/** What another agent is asked. */
export interface AgentQuestion {
  readonly message: string;
}

export interface AgentToolOptions extends Pick<
  ToolOptions<AgentQuestion>,
  'name' | 'description' | 'approval' | 'approvalTimeoutMs' | 'maxResultLength' | 'scrub'
> {
  /** The agent that is asked, or its name; it stands in the configuration like every other one. */
  readonly agent: string | Agent;
  /** True: the asking turn waits, and the reply is the tool's result. False: the work goes on by itself. @default true */
  readonly wait?: boolean;
  /** Longest wait for the reply, in milliseconds, people who are asked included; then the child is aborted. @default 86400000 (24 h) */
  readonly timeoutMs?: number;
}

const parameters = {
  type: 'object',
  properties: {
    message: {
      type: 'string',
      minLength: 1,
      description: 'Everything it needs to know: it does not see this conversation',
    },
  },
  required: ['message'],
  additionalProperties: false,
};

const question: InputSchema<AgentQuestion> = {
  '~standard': {
    version: 1,
    vendor: 'holdfast',
    validate: (value) =>
      typeof value === 'object' &&
      value !== null &&
      'message' in value &&
      typeof value.message === 'string' &&
      value.message.trim() !== ''
        ? { value: { message: value.message } }
        : { issues: [{ message: 'must be some text', path: ['message'] }] },
  },
};

/**
 * Declares a tool by which an agent asks another one: a turn of its own in a thread of its own, for the same user. It is started
 * once, whatever crashes; its failure is a result of the tool; cancelling the turn that waits for it aborts it.
 * Throws InvalidDefinitionError TOOL_INVALID.
 */
export function agentTool({ agent, wait = true, timeoutMs = 86_400_000, ...options }: AgentToolOptions): Tool {
  const name = typeof agent === 'string' ? agent : (agent as Agent | undefined)?.name;
  const checks = definitionChecks('TOOL_INVALID', `tool "${options.name}"`);
  checks.text('agent', name, { max: 100 });
  checks.flag('wait', wait);
  const tool = defineTool<AgentQuestion>({
    ...options,
    timeoutMs,
    input: question,
    parameters,
    // The turn of the agent that is asked is keyed by the call: asking again is asking the same.
    repeatable: true,
    execute: () => {
      throw new Error('an agent is asked by a turn of its own');
    },
  });
  return { ...tool, subAgent: { agent: name ?? '', wait } };
}
