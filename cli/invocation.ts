import { argv } from 'node:process';

const called = argv[1] ?? '';
const isCheckout = called.endsWith('main.ts');

/** How this command line is called: through npm in a checkout, through npx in a project, `holdfast` where it is installed for all. */
export const invocation = isCheckout
  ? 'npm run holdfast --'
  : /[\\/]node_modules[\\/]/.test(called)
    ? 'npx holdfast'
    : 'holdfast';

/** Rewrites `holdfast …`, and outside of a checkout `npm run dev`, in hints so that they can be pasted into the terminal they are read in. */
export function asTyped(text: string): string {
  const typed = text.replaceAll('`holdfast ', `\`${invocation} `);
  return isCheckout ? typed : typed.replaceAll(/\bnpm run (dev|demo|worker)\b/g, `${invocation} $1`);
}

/** A command line to paste: this program with arguments, quoted for a POSIX shell where they need it. */
export function commandLine(...args: readonly string[]): string {
  return [
    invocation,
    ...args.map((arg) => (/^[\w.,:/@=<>-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`)),
  ].join(' ');
}
