import { argv } from 'node:process';

/** How this command line is called: `holdfast` where it is installed, through npm in a checkout. */
export const invocation = (argv[1] ?? '').endsWith('main.ts') ? 'npm run holdfast --' : 'holdfast';

/** Rewrites `holdfast …` in hints so that they can be pasted into the terminal they are read in. */
export function asTyped(text: string): string {
  return text.replaceAll('`holdfast ', `\`${invocation} `);
}

/** A command line to paste: this program with arguments, quoted for a POSIX shell where they need it. */
export function commandLine(...args: readonly string[]): string {
  return [
    invocation,
    ...args.map((arg) => (/^[\w.,:/@=<>-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`)),
  ].join(' ');
}
