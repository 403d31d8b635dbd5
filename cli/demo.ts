import type { Command } from 'commander';
import { asTyped, invocation } from './invocation.ts';

/** Registers `demo`: a conversation, three kills, an approval, time travel, and the count. */
export function registerDemo(program: Command): void {
  program
    .command('demo')
    .description(
      'show a durable turn: memory, three SIGKILLs, an approval, time travel; each proven by a query on the log',
    )
    .addHelpText(
      'after',
      `\nWith --json it prints JSON lines; the last one is {"command":"demo","ok":…,"figures":{…}}.\n\nExamples:\n  ${asTyped('npm run demo')}\n  ${invocation} demo --json | tail -1\n`,
    )
    .action(async (_options: object, command: Command) => {
      const { runDemo } = await import('./demo/run-demo.ts');
      return runDemo(command.optsWithGlobals<{ json?: boolean }>());
    });
}
