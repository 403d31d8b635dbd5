import type { Command } from 'commander';
import type { ConsumerState } from '../eventstore/index.ts';
import { findAdminUrl } from './admin-url.ts';
import { oneLine, statusColour, table } from './format.ts';
import { explain, runCommand, wholeNumber } from './run-command.ts';

/** Registers `consumers`: what follows the logs, how far it is, and what it could not handle. */
export function registerConsumers(program: Command): void {
  const consumers = program
    .command('consumers')
    .description('see what follows the logs, and decide about parked events');
  explain(
    consumers
      .command('list', { isDefault: true })
      .alias('ls')
      .description('every consumer in every log: where it is, how far behind, what is parked')
      .option('--consumer <name>', 'only this consumer')
      .action(({ consumer }: { consumer?: string }, command: Command) =>
        runCommand(command, async ({ config }) => {
          const { listConsumers } = await import('../eventstore/index.ts');
          const adminUrl = await findAdminUrl(config);
          const all = await listConsumers({ adminUrl, ...(consumer === undefined ? {} : { consumer }) });
          return { data: all, text: all.length === 0 ? '' : consumerText(all) };
        }),
      ),
    {
      examples: ['consumers', 'consumers list --consumer embeddings/hash --json'],
      json: '[{consumer, tenant, position, lag, state, attempts, lastError, leaseOwner, parked: [{position, state, attempts, error, parkedAt, decisions: [{action, actor, reason, at}]}]}]',
    },
  );
  registerDecision(consumers, 'retry', 'handle a parked event again');
  registerDecision(consumers, 'skip', 'never handle a parked event, and go on behind it');
}

function consumerText(all: readonly ConsumerState[]): string {
  const places = table(
    ['CONSUMER', 'TENANT', 'POSITION', 'LAG', 'STATE', 'LAST ERROR'],
    all.map(({ consumer, tenant, position, lag, state, lastError }) => [
      oneLine(consumer),
      oneLine(tenant),
      String(position),
      String(lag),
      state === 'stopped' ? statusColour('failed').replace('failed', state) : state,
      oneLine(lastError ?? ''),
    ]),
  );
  const waiting = all.flatMap(({ consumer, tenant, parked }) =>
    parked
      .filter(({ state }) => state === 'parked' || state === 'retry')
      .map(({ position, state, attempts, error }) => [
        oneLine(consumer),
        oneLine(tenant),
        String(position),
        state,
        String(attempts),
        oneLine(error),
      ]),
  );
  if (waiting.length === 0) return places;
  return `${places}\n\n${table(['PARKED BY', 'TENANT', 'POSITION', 'STATE', 'ATTEMPTS', 'ERROR'], waiting)}`;
}

interface DecisionFlags {
  readonly reason: string;
  readonly tenant?: string;
  readonly actor?: string;
}

function registerDecision(consumers: Command, action: 'retry' | 'skip', description: string): void {
  explain(
    consumers
      .command(`${action} <consumer> <position>`)
      .description(description)
      .requiredOption('--reason <text>', 'why, for the record')
      .option('--tenant <id>', 'whose log (default: HOLDFAST_TENANT)')
      .option('--actor <name>', 'who decides (default: HOLDFAST_USER)')
      .action((consumer: string, place: string, flags: DecisionFlags, command: Command) =>
        runCommand(command, async ({ config }) => {
          const { decideParked } = await import('../eventstore/index.ts');
          const decision = {
            consumer,
            tenant: flags.tenant ?? config.tenant,
            position: wholeNumber(1)(place),
            action,
            actor: flags.actor ?? config.user,
            reason: flags.reason,
          };
          await decideParked({ adminUrl: await findAdminUrl(config), ...decision });
          return {
            data: decision,
            text: `${statusColour('ok')} ${action === 'retry' ? 'to be tried again' : 'skipped'}: position ${place} of tenant "${oneLine(decision.tenant)}" by "${oneLine(consumer)}"`,
          };
        }),
      ),
    {
      examples: [`consumers ${action} embeddings/hash 120 --reason "the embedder was mended"`],
      json: '{consumer, tenant, position, action, actor, reason}',
    },
  );
}
