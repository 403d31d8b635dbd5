/** The five languages that the rules read. */
export type Language = 'en' | 'de' | 'fr' | 'es' | 'pt';

/** What a clause says about time, and the clause without it. */
export interface SaidTimes {
  readonly rest: string;
  /** When it began: "since 2019", "last month". ISO 8601; null = not said. */
  readonly from: string | null;
  /** When it ended: "until May". */
  readonly to: string | null;
  /** It has yet to begin. */
  readonly isFuture: boolean;
}

const months: readonly string[] = [
  'january|jan|januar|janvier|enero|janeiro',
  'february|feb|februar|février|fevrier|febrero|fevereiro',
  'march|mar|märz|maerz|mars|marzo|março|marco',
  'april|apr|avril|abril',
  'may|mai|mayo|maio',
  'june|jun|juni|juin|junio|junho',
  'july|jul|juli|juillet|julio|julho',
  'august|aug|août|aout|agosto',
  'september|sept|sep|septembre|septiembre|setembro',
  'october|oct|oktober|octobre|octubre|outubro',
  'november|nov|novembre|noviembre|novembro',
  'december|dec|dezember|décembre|decembre|diciembre|dezembro',
];
const month = months.join('|');
const numbers: Readonly<Record<string, number>> = Object.fromEntries(
  [
    'a an one ein eine einem einer un une uno una um uma',
    'two zwei deux dos dois duas',
    'three drei trois tres três',
    'four vier quatre cuatro quatro',
    'five fünf cinq cinco',
    'six sechs seis',
    'seven sieben sept siete sete',
    'eight acht huit ocho oito',
    'nine neun neuf nueve nove',
    'ten zehn dix diez dez',
  ].flatMap((words, at) => words.split(' ').map((word) => [word, at + 1])),
);
const count = `(?<n>\\d{1,3}|${Object.keys(numbers).join('|')})`;
const units: readonly (readonly [Unit, string])[] = [
  ['day', 'days?|tag(?:en?)?|jours?|d[ií]as?|dias?'],
  ['week', 'weeks?|wochen?|semaines?|semanas?'],
  ['month', 'months?|monat(?:en?)?|mois|mes(?:es)?|m[eê]s'],
  ['year', 'years?|jahr(?:en?)?|ans?|ann[ée]es?|años?|anos?'],
];
type Unit = 'day' | 'week' | 'month' | 'year';
const unit = `(?<unit>${units.map(([, words]) => words).join('|')})`;

/** A phrase for a point in time, with what it means; the start of what it names, as UTC. */
const phrases: readonly (readonly [
  string,
  (found: Readonly<Record<string, string | undefined>>, now: Date) => Date,
])[] = [
  ['(?<iso>\\d{4}-\\d{2}-\\d{2})', ({ iso }) => new Date(`${iso}T00:00:00.000Z`)],
  [
    `(?:(?<day>\\d{1,2})(?:st|nd|rd|th|\\.)?\\s(?:of |de |do )?)?(?<month>${month})\\.?(?:,? (?:of |de |do )?(?<year>(?:19|20)\\d\\d))?`,
    ({ day, month: name = '', year }, now) => {
      const at = months.findIndex((names) => names.split('|').includes(name.toLowerCase()));
      const of = Number(year ?? now.getUTCFullYear() - (at > now.getUTCMonth() ? 1 : 0));
      return new Date(Date.UTC(of, at, Number(day ?? 1)));
    },
  ],
  ['(?<year>(?:19|20)\\d\\d)', ({ year }) => new Date(Date.UTC(Number(year), 0, 1))],
  [`${count} ${unit} ago`, ago],
  [`vor ${count} ${unit}`, ago],
  [`il y a ${count} ${unit}`, ago],
  [`hace ${count} ${unit}`, ago],
  [`há ${count} ${unit}`, ago],
  [`${count} ${unit} atrás`, ago],
  ['yesterday|gestern|hier|ayer|ontem', (_, now) => back(now, 'day', 1)],
  ['today|heute|aujourd.hui|hoy|hoje', (_, now) => now],
  ['(?:last|letzte[nrs]?|vorige[nrs]?) (?<unit>week|month|year|woche|monat|jahr)', last],
  [
    '(?:la |le |el |l.)?(?<unit>semaine|mois|an|année|semana|mes|mês|año|ano) (?:derni[eè]re?|pasad[oa]|passad[oa])',
    last,
  ],
];
const future =
  /\b(?:tomorrow|morgen|demain|mañana|amanhã|soon|bald|bientôt|pronto|em breve|next (?:week|month|year|spring|summer|autumn|winter|january|february|march|april|may|june|july|august|september|october|november|december)|nächste[nrs]? (?:woche|monat|jahr)|(?:la |le |l.)?(?:semaine|mois|année) prochaine?|(?:el |la )?(?:semana|mes|año) que viene|(?:no |na )?(?:próxim[oa] (?:semana|mes|mês|año|ano)|(?:semana|mês|ano) que vem))(?![\p{L}])/iu;
const sinceWords = 'since|as of|starting(?: in)?|seit(?: dem)?|ab|depuis|à partir de|desde(?: hace)?|a partir de';
const untilWords = 'until|till|up to|bis(?: zum)?|jusqu.(?:en|à|au)?|hasta|até';
const atWords = 'in|on|back in|im|am|en|le|au|el|em|no|na|à|a';
const any = phrases.map(([phrase]) => phrase.replace(/\?<\w+>/g, '?:')).join('|');
const edge = '(?![\\p{L}\\p{N}])';
const span = new RegExp(
  `\\s*\\b(?:from|between|von|zwischen|de|entre|desde)\\s(?<a>${any})\\s(?:to|and|until|till|bis|und|à|a|y|e|hasta|até)\\s(?<b>${any})${edge}`,
  'iu',
);
const since = new RegExp(`\\s*,?\\s*(?<![\\p{L}])(?:${sinceWords})\\s(?<at>${count} ${unit}|${any})${edge}`, 'iu');
const durationOf = new RegExp(`\\s*,?\\s*\\bfor (?:the (?:last|past) )?${count} ${unit}(?: now)?${edge}`, 'iu');
const until = new RegExp(`\\s*,?\\s*(?<![\\p{L}])(?:${untilWords})\\s*(?<at>${any})${edge}`, 'iu');
const at = new RegExp(`\\s*,?\\s*(?<![\\p{L}])(?:(?:${atWords})\\s)?(?<at>${any})${edge}`, 'iu');

/**
 * Takes the time expressions out of a clause and resolves them against the time of the message. A day is its beginning in UTC.
 * @param lasts the clause says that something goes on, so "for two years" tells when it began
 */
export function readTimes(clause: string, now: Date, lasts: boolean): SaidTimes {
  const isFuture = future.test(clause);
  let rest = clause.replace(future, ' ');
  let from: string | null = null;
  let to: string | null = null;
  const take = (pattern: RegExp, use: (groups: Readonly<Record<string, string | undefined>>) => void): void => {
    const found = pattern.exec(rest);
    if (!found) return;
    use(found.groups ?? {});
    rest = `${rest.slice(0, found.index)} ${rest.slice(found.index + found[0].length)}`;
  };
  take(span, ({ a = '', b = '' }) => ((from = resolve(a, now)), (to = resolve(b, now))));
  take(since, (groups) => (from = resolve(groups['at'] ?? '', now, groups)));
  take(until, ({ at: phrase = '' }) => (to = resolve(phrase, now)));
  if (lasts) take(durationOf, (groups) => (from ??= ago(groups, now).toISOString()));
  // The compiler does not see what the functions above set.
  const found = [from, to] as readonly (string | null)[];
  if (found.every((one) => one === null)) take(at, ({ at: phrase = '' }) => (from = resolve(phrase, now)));
  return {
    rest: rest
      .replace(/\s+/g, ' ')
      .replace(/\s+([,.])/g, '$1')
      .trim(),
    from,
    to,
    isFuture,
  };
}

function resolve(phrase: string, now: Date, length: Readonly<Record<string, string | undefined>> = {}): string | null {
  for (const [pattern, read] of phrases) {
    const found = new RegExp(`^(?:${pattern})$`, 'iu').exec(phrase.trim());
    if (found) return iso(read(found.groups ?? {}, now));
  }
  return length['n'] === undefined ? null : iso(ago(length, now));
}

function iso(date: Date): string | null {
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

function ago({ n = '1', unit: word = '' }: Readonly<Record<string, string | undefined>>, now: Date): Date {
  return back(now, unitOf(word), numbers[n.toLowerCase()] ?? Number(n));
}

function last({ unit: word = '' }: Readonly<Record<string, string | undefined>>, now: Date): Date {
  return back(now, unitOf(word), 1);
}

function unitOf(word: string): Unit {
  return units.find(([, words]) => new RegExp(`^(?:${words})$`, 'iu').test(word))?.[0] ?? 'day';
}

function back(now: Date, of: Unit, n: number): Date {
  const date = new Date(now);
  if (of === 'day') date.setUTCDate(date.getUTCDate() - n);
  if (of === 'week') date.setUTCDate(date.getUTCDate() - 7 * n);
  if (of === 'month') date.setUTCMonth(date.getUTCMonth() - n);
  if (of === 'year') date.setUTCFullYear(date.getUTCFullYear() - n);
  return date;
}
