import { styleText } from 'node:util';
import Table from 'cli-table3';

/** Figures of the closing line; the names are stable. */
export interface DemoFigures {
  readonly turns: number;
  readonly kills: number;
  readonly events: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly partial: number;
  readonly approvals: number;
  readonly replayed: number;
}

/** Shows the demo to a person, or as JSON lines to a program. */
export interface Presenter {
  /** A new part. */
  part(number: number, title: string): void;
  /** Something that was said. */
  said(turn: {
    readonly turn: string;
    readonly thread: string;
    readonly user: string;
    readonly message: string;
    readonly reply: string;
  }): void;
  /** Something that happened. */
  note(text: string, facts?: Readonly<Record<string, unknown>>): void;
  /** A query on the log and what it gave. */
  proof(what: string, sql: string, rows: readonly Readonly<Record<string, unknown>>[]): void;
  /** A line of progress, for people only. */
  progress(line: string): void;
  close(ok: boolean, figures: DemoFigures, seconds: number, hints: readonly string[]): void;
}

/** One JSON object a line on stdout; the last has `command`, `ok` and `figures`. */
export function jsonPresenter(): Presenter {
  const line = (value: object): void => console.log(JSON.stringify(value));
  return {
    part: (number, title) => line({ part: number, title }),
    said: (turn) => line({ said: turn }),
    note: (text, facts = {}) => line({ note: text, ...facts }),
    proof: (what, sql, rows) => line({ proof: what, sql: flat(sql), rows }),
    progress: () => undefined,
    close: (ok, figures) => line({ command: 'demo', ok, figures }),
  };
}

/** Text with tables on stdout, progress on stderr. */
export function textPresenter(): Presenter {
  return {
    part: (number, title) => console.log(`\n${styleText(['bold', 'cyan'], `${number}. ${title}`)}`),
    said({ thread, user, message, reply }) {
      console.log(`\n  ${styleText('dim', `[${thread}]`)} ${styleText('bold', `${user}:`)} ${message}`);
      console.log(`  ${styleText('dim', `[${thread}]`)} ${styleText(['bold', 'green'], 'agent:')} ${indent(reply)}`);
    },
    note: (text) => console.log(`  ${styleText('yellow', '•')} ${text}`),
    proof(what, sql, rows) {
      console.log(
        `\n  ${styleText('bold', what)}\n  ${styleText('dim', `${/^(select|with) /i.test(sql) ? 'sql>' : '$'} ${flat(sql)}`)}`,
      );
      console.log(indent(`  ${rows.length === 0 ? '(no rows)' : table(rows)}`));
    },
    progress: (line) => console.error(styleText('dim', `  … ${line}`)),
    close(ok, figures, seconds, hints) {
      console.log(`\n${styleText('bold', 'Result')}, counted from the log`);
      console.log(indent(`  ${table([{ ...figures }])}`));
      const verdict = ok
        ? styleText(['bold', 'green'], 'Nothing lost, nothing twice, nothing half.')
        : styleText(['bold', 'red'], 'NOT as promised: see the figures above.');
      console.log(`\n  ${verdict} ${seconds.toFixed(0)} s in all.`);
      for (const hint of hints) console.log(`  ${hint}`);
    },
  };
}

function table(rows: readonly Readonly<Record<string, unknown>>[]): string {
  const head = Object.keys(rows[0] ?? {});
  const width = Math.max(24, Math.floor(((process.stdout.columns || 120) - 8) / Math.max(1, head.length)) * 2);
  const rendered = new Table({ head, style: { head: [], border: [] }, wordWrap: true });
  for (const row of rows) rendered.push(head.map((name) => cell(row[name], width)));
  return rendered.toString();
}

function cell(value: unknown, width: number): string {
  const text = cellText(value);
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}

function cellText(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return value.toISOString().slice(0, 19);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function indent(text: string): string {
  return text.replaceAll('\n', '\n  ');
}

function flat(sql: string): string {
  return sql.replace(/\s+/g, ' ').trim();
}
