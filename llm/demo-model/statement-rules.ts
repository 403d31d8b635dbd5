import {
  channelOf,
  clean,
  contact,
  DIETS,
  type Draft,
  each,
  home,
  named,
  NATIONALITIES,
  one,
  owned,
  ownName,
  preference,
  properName,
  snakeCase,
} from './drafts.ts';

/** One way of saying something about oneself. The first rule whose pattern fits and that reads something wins. */
export interface Rule {
  readonly pattern: RegExp;
  read(groups: readonly string[], clause: string): Draft[];
}

const ADV = String.raw`(?:(?:really|also|just|now|currently|still|always|usually|absolutely|particularly|especially|only|mostly|generally|quite|very much) )*`;
const I = String.raw`^(?:i|we) (?:would )?${ADV}`;
const BE = String.raw`^(?:i am|we are) ${ADV}`;
const NAME = String.raw`\p{L}[\p{L}'-]*(?: \p{Lu}[\p{L}'-]*){0,3}`;
const KIN =
  'dog|cat|puppy|kitten|rabbit|hamster|parrot|horse|pony|fish|turtle|pet|wife|husband|partner|spouse|girlfriend|boyfriend|fiancee?|fiancée?|son|daughter|child|baby|brother|sister|mother|mum|mom|father|dad|grandmother|grandfather|aunt|uncle|cousin|niece|nephew|friend|best friend|boss|manager|colleague|doctor|lawyer|teacher';
function rule(pattern: string, read: Rule['read'], flags = 'isu'): Rule {
  return { pattern: new RegExp(pattern, flags), read };
}

/** The rules, most specific first. They see clauses in the first person with contractions spelled out. */
export const RULES: readonly Rule[] = [
  rule(
    String.raw`^(?:my (?:full |first |real )?name is|call me|you can call me|this is|name is) (${NAME})(?: (?:here|speaking))?(?:[ ,;.-]+(.*))?$`,
    ([name = '', rest = '']) => ownName(name, rest),
    'su',
  ),
  rule(
    String.raw`^(?:My (?:full |first )?name is|Call me|This is|Name is|my name is|I am|i am) (${NAME})(?:[ ,;.-]+(.*))?$`,
    ([name = '', rest = ''], clause) =>
      /^i am /i.test(clause) && !/^\p{Lu}/u.test(name)
        ? []
        : /^(?:and|from|,|at|of|here|$)/i.test(rest) || /[,;.]/.test(clause)
          ? ownName(name, rest)
          : [],
    'su',
  ),

  rule(String.raw`^(?:i|we) would rather (?:have |use |be )?(.+?)(?: than (.+))?$`, ([value = '', over = ''], clause) =>
    preference(clean(value), clean(over), clause),
  ),
  rule(String.raw`^(?:i|we) (?:would )?${ADV}prefer (to .+|being .+)$`, ([value = ''], clause) =>
    preference(value.replace(/^to (?!be |get )/i, 'to '), '', clause),
  ),
  rule(
    String.raw`^(?:i|we) (?:would )?${ADV}prefer (.+?)(?:,? (?:over|to|rather than|instead of|and not) (.+))?$`,
    ([value = '', over = ''], clause) => preference(clean(value), clean(over), clause),
  ),
  rule(
    String.raw`^(?:you (?:can|should) |it is best to |only )?(?:contact|reach|notify|message|ping|write to|get hold of|inform|update) (?:me|us) (?:only |instead )?(?:at|on) (\S+@\S+)$`,
    ([value = '']) => one('fact', 'email', value, `has the email address ${value}`),
  ),
  rule(
    String.raw`^(?:you (?:can|should) |it is best to |only )?(?:contact|reach|notify|message|ping|write to|get hold of|inform|update|call) (?:me|us) (?:only |instead )?(?:by|via|through|on|with|using|over|at) (.+?)(?: only| instead)?$`,
    ([value = '']) => {
      const channel = channelOf(clean(value));
      return channel === null ? [] : contact(channel, null);
    },
  ),
  rule(String.raw`^(?:only )?(text|call|phone|email|e-mail) me\b(?! when)`, ([verb = '']) =>
    contact(channelOf(verb) ?? verb, null),
  ),
  rule(
    String.raw`^(?:do not|never|stop|no more) (text|texting|call|calling|phone|email|emailing|emails|calls|texts)(?: me)?\b`,
    ([verb = '']) => {
      const channel = channelOf(verb.replace(/emailing/i, 'email')) ?? verb;
      return one('preference', 'avoids_contact', channel, `does not want to be contacted by ${channel}`, {});
    },
  ),
  rule(String.raw`^(?:the )?best way to (?:reach|contact|get hold of) me is (.+)$`, ([value = '']) => {
    const channel = channelOf(clean(value));
    return channel === null ? [] : contact(channel, null);
  }),
  rule(
    String.raw`^(?:use )?(.+?)(?: is (?:better|best|fine|easier)(?: for me)?| from now on)?$`,
    ([value = ''], clause) => {
      const channel = /^use | is (?:better|best|easier)| from now on/i.test(clause) ? channelOf(clean(value)) : null;
      return channel === null ? [] : contact(channel, null);
    },
  ),

  rule(String.raw`${I}(?:live|reside|stay) (?:in|at|near) (.+)$`, ([place = '']) => home(place)),
  rule(String.raw`${I}(?:have )?(?:just |recently )?moved (?:(?:back )?to|into) (.+)$`, ([place = '']) => home(place)),
  rule(String.raw`^(?:i am|we are|i come|we come) ${ADV}(?:from|based in|living in) (.+)$`, ([place = '']) =>
    home(place),
  ),
  rule(String.raw`${I}work (?:at|for) (.+)$`, ([place = '']) =>
    one('fact', 'works_at', place.replace(/ as an? .*$/is, ''), `works at ${place}`),
  ),
  rule(String.raw`^(?:i am|we are) (?:working at|employed (?:at|by)) (.+)$`, ([place = '']) =>
    one('fact', 'works_at', place, `works at ${place}`),
  ),
  rule(String.raw`${I}work as (an? )?(.+)$`, ([article = '', job = '']) =>
    one('fact', 'job', job, `works as ${article === '' ? '' : `${article} `}${job}`),
  ),
  rule(String.raw`^my (?:employer|company) is (.+)$`, ([place = '']) =>
    one('fact', 'works_at', place, `works at ${place}`),
  ),

  rule(String.raw`^(?:my|our) (${KIN})(?:'s)?(?: name)?(?: is)? (?:called|named) (${NAME})`, ([who = '', name = '']) =>
    named(who, name),
  ),
  rule(String.raw`^(?:my|our) (${KIN})'s name is (${NAME})`, ([who = '', name = '']) => named(who, name)),
  rule(String.raw`^(?:my|our) (?:${KIN})'s name is (.+)$`, () => []),
  rule(
    String.raw`^(?:[Mm]y|[Oo]ur) (${KIN})(?: is|,)? (\p{Lu}[\p{L}'-]+)(?:$|[ ,.])`,
    ([who = '', name = '']) => named(who, name),
    'su',
  ),
  rule(
    String.raw`${I}have (?:a|an|one|two|three) (?:\p{L}+ )?(${KIN})s?(?:,| who is| which is)? (?:called|named) (${NAME})`,
    ([who = '', name = '']) => named(who, name),
  ),
  rule(String.raw`${BE}(?:married to|engaged to) (${NAME})`, ([name = '']) =>
    one('fact', 'spouse_name', properName(name), `is married to ${properName(name)}`),
  ),

  rule(String.raw`${BE}allergic to (.+)$`, ([value = '']) => each('fact', 'allergic_to', value, 'is allergic to')),
  rule(String.raw`${I}have an? (.+?) allergy$`, ([value = '']) => each('fact', 'allergic_to', value, 'is allergic to')),
  rule(String.raw`${I}(?:do not|cannot|never) eat (.+)$`, ([value = '']) =>
    each('fact', 'does_not_eat', value.replace(/ or /gi, ', '), 'does not eat'),
  ),
  rule(String.raw`${BE}(.+)$`, ([value = '']) => {
    const diet = DIETS.exec(clean(value))?.[1];
    return diet === undefined ? [] : one('fact', 'diet', diet, `is ${diet}`);
  }),
  rule(String.raw`${BE}(\d{1,3})(?: years old| years of age)?$`, ([age = '']) =>
    one('fact', 'age', age, `is ${age} years old`),
  ),
  rule(String.raw`^(?:i was|we were) born (?:on|in) (.+)$`, ([value = '']) =>
    one(
      'fact',
      /\d/.test(value) ? 'birthday' : 'born_in',
      value,
      `was born ${/\d/.test(value) ? 'on' : 'in'} ${value}`,
    ),
  ),
  rule(String.raw`^(?:my|our) birthday (?:is|falls) (?:on )?(.+)$`, ([value = '']) =>
    clean(value) === ''
      ? []
      : [{ kind: 'fact', relation: 'birthday', value: clean(value), owns: `birthday is ${clean(value)}` }],
  ),
  rule(String.raw`${I}wear (?:a )?(?:(\p{L}+) )?size (\S+)$`, ([what = '', size = '']) => {
    const thing = what === '' ? 'size' : `${what} size`;
    return [{ kind: 'fact', relation: snakeCase(thing), value: clean(size), owns: `${thing} is ${clean(size)}` }];
  }),
  rule(String.raw`${BE}(?:a size|size) (\S+)$`, ([size = '']) => [
    { kind: 'fact', relation: 'size', value: clean(size), owns: `size is ${clean(size)}` },
  ]),

  rule(String.raw`${BE}(?:a )?(?:big |huge |great )?(?:fan of|fond of|into) (.+)$`, ([value = '']) =>
    each('preference', 'likes', value, 'likes'),
  ),
  rule(String.raw`${I}(?:like|love|enjoy|adore) (?!to know|to ask|it\b|that\b|this\b)(.+)$`, ([value = ''], clause) =>
    /^(?:i|we) would/i.test(clause) ? [] : each('preference', 'likes', value, 'likes'),
  ),
  rule(
    String.raw`${I}(?:do not (?:really )?(?:like|enjoy|care for)|hate|dislike|detest|cannot stand) (?!it\b|that\b|this\b)(.+)$`,
    ([value = '']) => each('preference', 'dislikes', value.replace(/ or /gi, ', '), 'dislikes'),
  ),
  rule(
    String.raw`^(?:please )?((?:always|never|do not|stop|keep) (?:answer|answering|reply|replying|respond|write|use|ask|asking|greet|address|call|your|replies|answers|it|send)\b.+)$`,
    ([wish = '']) => [{ kind: 'feedback', relation: 'reply_style', value: clean(wish), says: `asks: ${clean(wish)}` }],
  ),
  rule(
    String.raw`^(?:please )?((?:answer|reply|respond|write|speak)(?: to me)? (?:in|with|briefly|shortly|using)\b.*)$`,
    ([wish = '']) => [{ kind: 'feedback', relation: 'reply_style', value: clean(wish), says: `asks: ${clean(wish)}` }],
  ),
  rule(
    String.raw`^(?:your (?:last )?(?:answer|reply|advice|suggestion)|(?:the|that|this) (?:last )?(?:answer|reply|advice|suggestion)) (?:was|is) ((?:very |really |so |not |too |completely |exactly )*(?:wrong|right|helpful|useful|great|good|bad|perfect|correct|incorrect|long|short|slow|rude|confusing|what i needed).*)$`,
    ([value = '']) => [
      {
        kind: 'feedback',
        relation: 'feedback',
        value: clean(value),
        says: `said that the answer was ${clean(value)}`,
        confidence: 0.7,
      },
    ],
  ),

  rule(
    String.raw`${BE}(?:waiting|planning|going to|trying to|about to|working on|looking for|preparing|travelling|traveling|flying|moving) ?(.+)$`,
    (_, clause) => [
      {
        kind: 'task_state',
        relation: 'plan',
        value: clean(clause.replace(/^(?:i am|we are) /i, '')),
        sentence: clean(clause),
        confidence: 0.7,
      },
    ],
  ),
  rule(
    String.raw`^(?:i|we) (?:need|have|plan|intend) to (?!know|ask|talk|speak|check|see|tell|say|understand|go now)(.+)$`,
    ([value = ''], clause) => [
      {
        kind: 'task_state',
        relation: 'plan',
        value: clean(value),
        sentence: clean(clause),
        confidence: 0.6,
      },
    ],
  ),
  rule(String.raw`${I}(?:ordered|bought) (.+)$`, ([value = ''], clause) => [
    {
      kind: 'task_state',
      relation: 'bought',
      value: clean(value),
      sentence: clean(clause),
      confidence: 0.8,
    },
  ]),

  rule(String.raw`${BE}(.+)$`, ([value = '']) =>
    NATIONALITIES.test(clean(value)) ? one('fact', 'nationality', clean(value), `is ${clean(value)}`) : [],
  ),
  rule(String.raw`${BE}(an? )(.+)$`, ([article = '', value = '']) =>
    /\b(?:bit|little|lot|problem|hurry|moment)\b/i.test(value)
      ? []
      : one('fact', 'is_a', value, `is ${article} ${value}`, { confidence: 0.8 }),
  ),
  rule(String.raw`${I}speak (.+)$`, ([value = '']) =>
    /\bto\b|\bwith\b/.test(value) ? [] : each('fact', 'speaks', value, 'speaks'),
  ),
  rule(String.raw`${I}play (.+)$`, ([value = '']) => each('fact', 'plays', value, 'plays')),
  rule(String.raw`${I}(drive|use|own|study|collect|run on) (.+)$`, ([verb = '', value = '']) => {
    const does = verb
      .toLowerCase()
      .replace(/^study$/, 'studies')
      .replace(/^(drive|use|own|collect|run)/, '$1s');
    return one('fact', snakeCase(does), value, `${does} ${value}`, { confidence: 0.8 });
  }),
  rule(String.raw`^(?:i|we) (?:always|usually|often|never|normally) (.+)$`, ([value = ''], clause) => [
    { kind: 'preference', relation: 'habit', value: clean(value), sentence: clean(clause), confidence: 0.7 },
  ]),
  rule(String.raw`${I}have ((?:an?|one|two|three|four|five|\d+) .+)$`, ([value = '']) =>
    /\b(?:question|problem|issue|doubt|request|minute|moment|complaint)\b/i.test(value)
      ? []
      : one('fact', 'has', value, `has ${value}`, { confidence: 0.8 }),
  ),
  rule(
    String.raw`^(?:my|our) ((?:[\p{L}\p{N}'-]+ ){0,4}[\p{L}\p{N}'-]+?) (?:is|are|was changed to|has changed to|changed to) (?!being|getting|going|not\b)(.+)$`,
    ([thing = '', value = '']) => owned(thing, value),
  ),
];
