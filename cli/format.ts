import { styleText } from 'node:util';
import Table from 'cli-table3';

/** Makes text of users and models safe for a terminal: no escape sequences, no bells, no overwriting of lines. */
export function plain(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\uFFFD');
}

/** The same on one line. */
export function oneLine(text: string): string {
  return plain(text.replace(/\s+/g, ' ').trim());
}

/** Local time to the second. */
export function time(date: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`;
}

/** Local day. */
export function day(date: Date): string {
  return time(date).slice(0, 10);
}

/** Less important words. */
export const dim = (text: string, stream: NodeJS.WriteStream = process.stdout): string =>
  styleText('dim', text, { stream });
/** Headings and ids. */
export const bold = (text: string): string => styleText('bold', text);
/** The colour of a status word. */
export function statusColour(status: string): string {
  const colour = /^(completed|ok|approve|applied|yes)$/.test(status)
    ? 'green'
    : /^(failed|fail|aborted|reject|rejected|no|timed_out|invalid)$/.test(status)
      ? 'red'
      : 'yellow';
  return styleText(colour, status);
}

/**
 * A table without lines. On a terminal the last column wraps to its width; elsewhere every row is one line, for grep and awk.
 */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const width = process.stdout.isTTY ? process.stdout.columns : undefined;
  const others = head
    .slice(0, -1)
    .map((title, column) => Math.max(...[title, ...rows.map((row) => row[column] ?? '')].map(visibleLength)));
  const last = width === undefined ? undefined : Math.max(24, width - others.reduce((sum, one) => sum + one + 2, 0));
  const none = { top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '' };
  const lines = new Table({
    head: head.map((title) => dim(title)),
    chars: {
      ...none,
      'bottom-left': '',
      'bottom-right': '',
      left: '',
      'left-mid': '',
      mid: '',
      'mid-mid': '',
      right: '',
      'right-mid': '',
      middle: '  ',
    },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    ...(last === undefined ? {} : { colWidths: [...others.map(() => null), last], wordWrap: true }),
  });
  lines.push(...rows.map((row) => [...row]));
  return lines
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** Lines with the same indentation. */
export function indent(text: string, by = '    '): string {
  return text
    .split('\n')
    .map((line) => `${by}${line}`.trimEnd())
    .join('\n');
}

function visibleLength(text: string): number {
  return text.replace(/\u001b\[\d+m/g, '').length;
}
