import type { Command } from 'commander';
import { asTyped } from './invocation.ts';

/** Registers `dev`: the whole stack of this folder, until Ctrl-C. */
export function registerDev(program: Command): void {
  program
    .command('dev')
    .description('keep the whole stack up: Temporal with its UI, PostgreSQL, a worker and the demo model')
    .addHelpText(
      'after',
      asTyped('\nExamples:\n  npm run dev\n  OPENAI_API_KEY=… HOLDFAST_MODEL=gpt-4.1-mini npm run dev\n'),
    )
    .action(async () => (await import('./run-dev.ts')).runDev());
}
