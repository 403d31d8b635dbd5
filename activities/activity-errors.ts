import { HoldfastError } from '../errors/holdfast-error.ts';

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

/** Thrown when a turn used all the model calls it may. */
export class StepLimitError extends HoldfastError {
  constructor(turn: string, limit: number) {
    super('STEP_LIMIT', `Turn "${turn}" used its ${limit} model calls without a final reply.`, {
      hint: 'Raise limits.maxSteps of the agent, or look at `holdfast why` for what it keeps doing.',
    });
  }
}
