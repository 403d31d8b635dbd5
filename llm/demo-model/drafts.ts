/** Kinds of memory that a statement can give. */
export type MemoryKind = 'preference' | 'fact' | 'procedure' | 'task_state' | 'feedback';

interface DraftFacts {
  readonly kind: MemoryKind;
  readonly relation: string;
  readonly value: string;
  /** @default 0.9 */
  readonly confidence?: number;
}

/** What a rule read. The sentence is `<name> <says>`, `<name>'s <owns>`, or the whole clause turned into third person. */
export type Draft = DraftFacts &
  ({ readonly says: string } | { readonly owns: string } | { readonly sentence: string });

/** Matches a nationality alone. */
export const NATIONALITIES =
  /^(?:portuguese|spanish|french|german|italian|dutch|belgian|british|english|irish|scottish|welsh|american|canadian|mexican|brazilian|argentinian|chilean|peruvian|colombian|chinese|japanese|korean|indian|pakistani|bangladeshi|thai|vietnamese|indonesian|filipino|malaysian|australian|swiss|austrian|polish|czech|slovak|hungarian|romanian|bulgarian|greek|turkish|russian|ukrainian|swedish|norwegian|danish|finnish|icelandic|estonian|latvian|lithuanian|croatian|serbian|egyptian|moroccan|nigerian|kenyan|ethiopian|israeli|lebanese|syrian|iranian|iraqi|saudi)$/i;
/** Matches a diet alone; the group is its name. */
export const DIETS =
  /^(?:strictly )?(?:an? )?((?:strict |lacto-?ovo[- ])?(?:vegan|vegetarian|pescatarian|lactose[- ]intolerant|gluten[- ](?:free|intolerant)|halal|kosher|diabetic|coeliac|celiac))$/i;
const NO_PLAIN_OWNER =
  /^(?:question|problem|issue|point|guess|concern|request|idea|goal here|answer|apologies|bad|fault|understanding|pleasure)$/i;

const CHANNELS: readonly (readonly [RegExp, string])[] = [
  [/^(?:an? )?(?:sms|text(?: message)?s?|texting)(?: messages?)?$/i, 'SMS'],
  [/^(?:an? |my )?e-?mails?$/i, 'email'],
  [/^(?:the |my |a )?(?:(?:tele)?phone(?: calls?)?|calls?|calling|voice calls?)$/i, 'phone'],
  [/^(?:on )?whats ?app(?: messages?)?$/i, 'WhatsApp'],
  [/^(?:regular |snail |a )?(?:post|letters?|mail)$/i, 'post'],
  [/^(telegram|signal|slack|teams|discord|messenger|chat)$/i, 'chat'],
];

/** Gives the name of a way to contact somebody in one spelling ("text message" is "SMS"), or null for anything else. */
export function channelOf(phrase: string): string | null {
  const clean = phrase
    .trim()
    .replace(/^(?:by|via|through|with|using|over|on) /i, '')
    .replace(/ (?:please|only)$/i, '');
  const found = CHANNELS.find(([pattern]) => pattern.test(clean));
  if (found === undefined) return null;
  return found[1] === 'chat' ? clean : found[1];
}

/** Strips closing punctuation, fillers ("now", "please") and trailing side clauses from a value. */
export function clean(value: string): string {
  let text = value.trim();
  for (let round = 0; round < 2; round += 1) {
    text = text
      .replace(/[\s,.;:!]+$/u, '')
      .replace(
        /[, ]+(?:please|thanks|thank you|now|these days|anymore|any more|currently|too|as well|by the way|at the moment|though|actually)$/i,
        '',
      )
      .replace(
        /,? (?:and|but|so|because|since|which|who|where|while|when|that) (?:i|we|it|is|was|are|there|my|the)\b.*$/is,
        '',
      );
  }
  return text.replace(/^["'](.*)["']$/s, '$1').trim();
}

/** Gives the items of "tea, coffee and cake". */
function itemsIn(value: string): string[] {
  return clean(value)
    .split(/\s*,\s*(?:and |or )?|\s+(?:and|&)\s+/i)
    .map((item) => clean(item))
    .filter((item) => item !== '');
}

/** Gives a relation name: "T-shirt size" is "t_shirt_size". */
export function snakeCase(text: string): string {
  return text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '_')
    .replace(/^_+|_+$/g, '')
    .slice(0, 60);
}

/** Gives a draft whose sentence is the name and `says`; nothing when the value is empty. */
export function one(
  kind: MemoryKind,
  relation: string,
  value: string,
  says: string,
  more: Partial<DraftFacts> = {},
): Draft[] {
  const tidy = clean(value);
  return tidy === '' ? [] : [{ kind, relation, value: tidy, says: clean(says), ...more }];
}

/** Gives one draft per item of a list such as "tea, coffee and cake". */
export function each(kind: MemoryKind, relation: string, value: string, verb: string): Draft[] {
  return itemsIn(value).map((item) => ({ kind, relation, value: item, says: `${verb} ${item}` }));
}

/** Gives the draft for a preferred way of contact. */
export function contact(channel: string, over: string | null): Draft[] {
  const rest = over === null || over === '' ? '' : ` over ${channelOf(over) ?? clean(over)}`;
  return [
    {
      kind: 'preference',
      relation: 'prefers_contact',
      value: channel,
      says: `prefers ${channel}${rest}${rest === '' ? ' for contact' : ''}`,
    },
  ];
}

/** Gives a name with capital letters. */
export function properName(name: string): string {
  return name.replace(/(^|[\s-])(\p{Ll})/gu, (_, before: string, letter: string) => before + letter.toUpperCase());
}

/** Gives the draft for a pet or relative with a name. */
export function named(who: string, name: string): Draft[] {
  const value = properName(clean(name));
  return [
    { kind: 'fact', relation: `${snakeCase(who)}_name`, value, owns: `${who} is called ${value}`, confidence: 0.95 },
  ];
}

/** Gives the drafts for "I am Ana from Lisbon"; nothing when the word is no name. */
export function ownName(name: string, rest: string): Draft[] {
  const value = properName(clean(name));
  if (/^(?:a|an|the|not|so|very|here|sure|sorry|happy|fine|ok|okay|back)\b/i.test(name)) return [];
  if (NATIONALITIES.test(value) || DIETS.test(value)) return [];
  const drafts: Draft[] = [{ kind: 'fact', relation: 'name', value, owns: `name is ${value}`, confidence: 0.95 }];
  const from = /^from (.+)$/is.exec(rest)?.[1];
  return from === undefined ? drafts : [...drafts, ...home(from)];
}

/** Gives the draft for where somebody lives. */
export function home(place: string): Draft[] {
  const bare = place
    .replace(/^to\b/i, '')
    .replace(
      /,? (?:with|for the|since|until|last|this|next|yesterday|today|in \d{4}|(?:a|an|\d+|some) \w+ ago)\b.*$/is,
      '',
    );
  const tidy = clean(bare);
  const value = tidy === tidy.toLowerCase() && !/^(?:a|an|the|my|our)\b/.test(tidy) ? properName(tidy) : tidy;
  return value === ''
    ? []
    : [{ kind: 'fact', relation: 'lives_in', value, says: `lives in ${value}`, confidence: 0.95 }];
}

/** Gives the draft for "I prefer X over Y", a contact preference where X is a channel. */
export function preference(value: string, over: string, clause: string): Draft[] {
  const aim = value.replace(
    /^(?:to be |being |to get |getting )?(?:contacted|reached|notified|messaged|called)? ?(?:by|via|through|on|over|in)? ?/i,
    '',
  );
  const channel = channelOf(aim) ?? channelOf(value);
  if (channel !== null) return contact(channel, over);
  const topic = /^(.+?) for (?:contact|communication|messages|notifications|updates)$/i.exec(value)?.[1];
  const topicChannel = topic === undefined ? null : channelOf(topic);
  if (topicChannel !== null) return contact(topicChannel, over);
  const says = over === '' ? `prefers ${value}` : `prefers ${value} over ${over}`;
  return clause === '' ? [] : one('preference', 'prefers', value, says);
}

// One name for what people call differently, so that a correction finds what it corrects.
const RELATIONS: Readonly<Record<string, string>> = {
  phone_number: 'phone',
  telephone: 'phone',
  telephone_number: 'phone',
  mobile: 'phone',
  mobile_number: 'phone',
  cell: 'phone',
  e_mail: 'email',
  email_address: 'email',
  home_address: 'address',
  occupation: 'job',
  profession: 'job',
  time_zone: 'timezone',
};

/** Gives the draft for "my X is Y". */
export function owned(thing: string, value: string): Draft[] {
  const relation = RELATIONS[snakeCase(thing)] ?? snakeCase(thing);
  if (relation === '' || NO_PLAIN_OWNER.test(thing) || /\b(?:i|you|we|it|is|are|that|who)\b/i.test(thing)) return [];
  const kind = /\b(?:order|refund|package|parcel|delivery|ticket|return|flight|appointment|meeting|deadline)\b/i.test(
    thing,
  )
    ? 'task_state'
    : /^favou?rite\b/i.test(thing)
      ? 'preference'
      : 'fact';
  const tidy = clean(value.replace(/^(?:now|currently|still|actually|changed to|set to) /i, ''));
  return tidy === '' ? [] : [{ kind, relation, value: tidy, owns: `${thing} is ${tidy}` }];
}

/** True for relations of which several values can hold at once, as with likes: a new value does not replace an old one. */
export function isMany(relation: string): boolean {
  return MANY.has(relation);
}

const MANY: ReadonlySet<string> = new Set(
  (
    'prefers likes dislikes habit allergic_to does_not_eat avoids_contact reply_style feedback plan bought is_a speaks ' +
    'plays drives uses owns studies collects runs_on has how_to note'
  ).split(' '),
);
