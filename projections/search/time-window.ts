import { casual } from 'chrono-node/en';
import type { ParsedComponents } from 'chrono-node';

/** Times between which something was said, in milliseconds of the epoch, both ends included. */
export interface TimeWindow {
  readonly from: number;
  readonly to: number;
}

const dayMs = 86_400_000;
/** People name a day and mean about then, and tell of it a little later. */
const slackDays = 2;
/** "5" and "may" alone are numbers and verbs; a window needs a word that is surely about time. */
const surelyTime =
  /\b(yesterday|today|tonight|tomorrow|last|next|ago|past|this (morning|week|month|year|weekend)|(mon|tues|wednes|thurs|fri|satur|sun)day|jan(uary)?|feb(ruary)?|march|apr(il)?|june?|july?|aug(ust)?|sept(ember)?|oct(ober)?|nov(ember)?|dec(ember)?|in may|may (of )?\d|\d may|(19|20)\d\d|spring|summer|autumn|winter)\b/i;

/**
 * The time a question speaks of ("last week", "in March 2023", "yesterday"), resolved against the time it is asked at and widened by two
 * days; null when it names none, or one that is not to be had (after it was asked, or an end before its beginning).
 * @param now milliseconds of the epoch
 */
export function timeWindowOf(text: string, now: number): TimeWindow | null {
  if (!surelyTime.test(text)) return null;
  const windows = casual
    .parse(text.slice(0, 2_000), { instant: new Date(now), timezone: 0 })
    .filter(({ text: found }) => surelyTime.test(found))
    .map(({ text: found, start, end }) => {
      const first = spanOf(start, found);
      const last = end ? spanOf(end, found) : first;
      return { from: first.from - slackDays * dayMs, to: last.to + slackDays * dayMs };
    });
  const [only = yearOf(text)] = windows;
  // Two times are compared with each other, or one is where the other is told: none of them is when it was said.
  if (!only || windows.length > 1 || !(only.from <= only.to) || only.from > now) return null;
  return only;
}

/** The day, month or year that is meant, whatever of it was said. */
function spanOf(parts: ParsedComponents, found: string): TimeWindow {
  const year = parts.get('year') ?? 1970;
  const month = (parts.get('month') ?? 1) - 1;
  const day = parts.get('day') ?? 1;
  const at = Date.UTC(year, month, day);
  const own = { from: at, to: at + dayMs - 1 };
  if (parts.isCertain('weekday')) return own;
  if (/week/i.test(found)) return { from: at - 3 * dayMs, to: at + 4 * dayMs };
  if (/months?\b/i.test(found)) return { from: Date.UTC(year, month, 1), to: Date.UTC(year, month + 1, 1) - 1 };
  if (parts.isCertain('day')) return own;
  if (parts.isCertain('month')) return { from: Date.UTC(year, month, 1), to: Date.UTC(year, month + 1, 1) - 1 };
  if (/year/i.test(found) || parts.isCertain('year'))
    return { from: Date.UTC(year, 0, 1), to: Date.UTC(year + 1, 0, 1) - 1 };
  return own;
}

/** "in 2022" is not for parsers of dates, but people ask so. */
function yearOf(text: string): TimeWindow | null {
  const year = Number(/\b(?:in|during|of|since) ((?:19|20)\d\d)\b/i.exec(text)?.[1]);
  if (Number.isNaN(year)) return null;
  return { from: Date.UTC(year, 0, 1) - slackDays * dayMs, to: Date.UTC(year + 1, 0, 1) - 1 + slackDays * dayMs };
}
