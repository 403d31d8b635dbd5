import type { Command } from 'commander';
import type { Moment } from '../client/index.ts';
import type { Config } from '../config/config.ts';
import type { Scope } from '../memory/scope.ts';
import { positionOrTime } from './run-command.ts';

/** Whose memory a command is about, and as of when. */
export interface MemoryOptions {
  readonly user?: string;
  readonly agent?: string;
  readonly thread?: string;
  readonly at?: Moment;
  readonly limit?: number;
}

/** Adds the options of {@link MemoryOptions}. */
export function withScope(command: Command): Command {
  return command
    .option('--user <id>', 'what is remembered for this user (default: HOLDFAST_USER)')
    .option('--agent <name>', 'with what only this agent remembers')
    .option('--thread <id>', 'with what is remembered in this thread only')
    .option('--at <position|time>', 'as it was at this position of the log, or at this time', positionOrTime);
}

/** The scope that the options name; the user is the configured one unless they name another. */
export function scopeOf(config: Config, { user = config.user, agent, thread }: MemoryOptions): Scope {
  return { user, ...(agent === undefined ? {} : { agent }), ...(thread === undefined ? {} : { thread }) };
}
