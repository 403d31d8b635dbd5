#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { Command, CommanderError } from 'commander';
import { packageVersion } from '../config/package-version.ts';
import { registerApprovals } from './approvals.ts';
import { registerArchive } from './archive.ts';
import { registerCancel } from './cancel.ts';
import { registerChat } from './chat.ts';
import { registerCheckpoints } from './checkpoints.ts';
import { registerConsolidate } from './consolidate.ts';
import { registerConsumers } from './consumers.ts';
import { registerDiff } from './diff.ts';
import { registerDoctor } from './doctor.ts';
import { registerEval } from './eval.ts';
import { registerEvents } from './events.ts';
import { exitCodeHelp } from './exit-codes.ts';
import { registerExport } from './export.ts';
import { registerFork } from './fork.ts';
import { registerImport } from './import.ts';
import { invocation } from './invocation.ts';
import { registerKeys } from './keys.ts';
import { registerMemory } from './memory.ts';
import { registerMigrate } from './migrate.ts';
import { createOutput, UsageError } from './output.ts';
import { registerRebuild } from './rebuild.ts';
import { registerReplay } from './replay.ts';
import { registerRerunStep } from './rerun-step.ts';
import { registerSchedules } from './schedules.ts';
import { registerSend } from './send.ts';
import { registerState } from './state.ts';
import { registerSummaries } from './summaries.ts';
import { registerTenants } from './tenants.ts';
import { registerThreads } from './threads.ts';
import { registerVerify } from './verify.ts';
import { registerWhy } from './why.ts';
import { registerWhyNot } from './why-not.ts';
import { registerWorker } from './worker.ts';

const about = `
Settings come from the environment: DATABASE_URL and TEMPORAL_ADDRESS name the servers, or \`dev\` starts them here.
HOLDFAST_TENANT, HOLDFAST_USER and the rest: docs/configuration.md.

Output: data on stdout, everything else on stderr. --json prints one line {"command","ok","data"}; an error is
{"command","ok":false,"error":{"code","message","hint"}} (with "data" where there is some), also on stdout.

${exitCodeHelp}

Examples:
  ${invocation} send demo "Hello, I am Ana and I prefer SMS."
  ${invocation} help send
`;

function createProgram(): Command {
  const program = new Command('holdfast')
    .description('Durable agent turns with event-sourced memory.')
    .version(packageVersion(), '-v, --version', 'print the version')
    .option('--json', 'print one line of JSON instead of text')
    .option('--verbose', 'show where an error comes from')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help about a command')
    .addHelpText('after', about)
    .configureHelp({ showGlobalOptions: true })
    // Errors are printed below, in our own words and on the right stream.
    .configureOutput({ outputError: () => undefined })
    .exitOverride();
  return program;
}

const registrations = [
  registerMigrate,
  registerRebuild,
  registerConsumers,
  registerDoctor,
  registerSend,
  registerChat,
  registerCancel,
  registerThreads,
  registerEvents,
  registerWhy,
  registerWhyNot,
  registerState,
  registerCheckpoints,
  registerSummaries,
  registerFork,
  registerDiff,
  registerReplay,
  registerRerunStep,
  registerMemory,
  registerConsolidate,
  registerEval,
  registerKeys,
  registerApprovals,
  registerSchedules,
  registerExport,
  registerImport,
  registerVerify,
  registerArchive,
  registerTenants,
  registerWorker,
];

/** The program with every command that the arguments may be about. */
async function programFor(args: readonly string[]): Promise<Command> {
  const program = createProgram();
  for (const register of registrations) register(program);
  const first = args.find((arg) => !arg.startsWith('-'));
  if (program.commands.some((command) => command.name() === first)) return program;
  // These two bring servers and a bundler along, a second of loading that the commands above need not pay.
  const [{ registerDev }, { registerDemo }] = await Promise.all([import('./dev.ts'), import('./demo.ts')]);
  const whole = createProgram();
  for (const register of [registerDev, registerDemo, ...registrations]) register(whole);
  return whole;
}

async function main(args: readonly string[]): Promise<void> {
  const program = await programFor(args);
  if (args.length === 0) {
    program.outputHelp();
    return;
  }
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return;
    const words = args.slice(0, args.includes('--') ? args.indexOf('--') : args.length);
    const command = commandNamed(program, words);
    const output = createOutput({
      command: command === '' ? null : command,
      json: words.includes('--json'),
      verbose: words.includes('--verbose'),
    });
    process.exitCode = output.fail(error instanceof CommanderError ? usageError(error, command) : error);
  }
}

function usageError({ code, message }: CommanderError, command: string): UsageError {
  // Help was asked for by leaving the subcommand out: commander has printed it.
  const what = code === 'commander.help' ? `"${command}" needs a subcommand.` : message.replace(/^error: /, '');
  const [first = '', ...more] = what.split('\n');
  const suggestion = more.join(' ').replace(/^\((.*)\)$/, '$1 ');
  return new UsageError(
    `${first.slice(0, 1).toUpperCase()}${first.slice(1)}`,
    `${suggestion}See \`holdfast ${command === '' ? '' : `${command} `}--help\`.`,
  );
}

/** The longest known command that the words begin with, for help and for JSON. */
function commandNamed(program: Command, words: readonly string[]): string {
  const names: string[] = [];
  let current: Command | undefined = program;
  for (const word of words.filter((one) => !one.startsWith('-'))) {
    current = current.commands.find((one) => one.name() === word);
    if (!current) break;
    names.push(word);
  }
  return names.join(' ');
}

// `holdfast events | head` closes our stdout early; that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

// Every command is a process of its own: what it loads was compiled before.
enableCompileCache();
await main(process.argv.slice(2));
// A server that never answered leaves a channel behind that keeps trying; what there was to say has been said.
process.stdout.write('', () => process.stderr.write('', () => process.exit()));
