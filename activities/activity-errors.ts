import { HoldfastError } from '../errors/holdfast-error.ts';
import type { LimitName } from '../memory/events.ts';

/** Thrown when a turn names an agent that this worker does not know. */
export class UnknownAgentError extends HoldfastError {
  constructor(agent: string, known: readonly string[]) {
    super(
      'UNKNOWN_AGENT',
      `No agent "${agent}" is configured; this worker knows ${known.map((name) => `"${name}"`).join(', ')}.`,
      {
        hint: 'Add it to holdfast.config.ts and restart the worker, or send to an agent that exists.',
      },
    );
  }
}

/** Thrown when a turn is not in this tenant's log. */
export class UnknownTurnError extends HoldfastError {
  constructor(turn: string) {
    super('UNKNOWN_TURN', `There is no turn "${turn}" in this tenant.`, {
      hint: 'List turns with `holdfast threads <thread>`.',
    });
  }
}

/** Thrown when work arrives for a turn that has its terminal event: the worker that sent it was taken for dead. */
export class TurnEndedError extends HoldfastError {
  constructor(turn: string, status: string) {
    super('TURN_ENDED', `Turn "${turn}" has ended as ${status}; nothing more is added to it.`, {
      hint: 'Send a new turn.',
    });
  }
}

/** What each guard counts, for people. */
const limitWords: Readonly<
  Record<LimitName, { readonly code: string; readonly unit: string; readonly option: string }>
> = {
  steps: { code: 'LIMIT_STEPS', unit: 'model calls', option: 'maxSteps' },
  tool_calls: { code: 'LIMIT_TOOL_CALLS', unit: 'tool calls', option: 'maxToolCalls' },
  tokens: { code: 'LIMIT_TOKENS', unit: 'tokens', option: 'maxTokens' },
  cost: { code: 'LIMIT_COST', unit: 'US dollars', option: 'maxCostUsd' },
  wall_time: { code: 'LIMIT_WALL_TIME', unit: 'milliseconds of work', option: 'maxWallMs' },
};

/** Thrown when a turn wants to go on past one of its agent's guards. */
export class LimitError extends HoldfastError {
  readonly limit: LimitName;
  readonly allowed: number;
  readonly used: number;

  constructor({ limit, allowed, used }: { limit: LimitName; allowed: number; used: number }) {
    const { code, unit, option } = limitWords[limit];
    super(code, `The turn may use ${allowed} ${unit}; it has used ${used} and wants to go on.`, {
      hint: `Raise limits.${option} of the agent, or look at \`holdfast why\` for what it keeps doing.`,
    });
    this.limit = limit;
    this.allowed = allowed;
    this.used = used;
  }
}

/** Code of a guard's failure, for example `LIMIT_STEPS`. */
export function limitCode(limit: LimitName): string {
  return limitWords[limit].code;
}
