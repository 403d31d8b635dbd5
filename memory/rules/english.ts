import type { LanguagePack } from './language-pack.ts';

const kin =
  'wife|husband|partner|girlfriend|boyfriend|fiancé|fiancée|son|daughter|brother|sister|mother|father|mum|mom|dad|uncle|aunt|cousin|boss|manager|neighbour|neighbor|friend|colleague|roommate|flatmate|grandmother|grandfather|niece|nephew';
const pets = 'dog|cat|rabbit|parrot|horse|hamster|tortoise|goldfish|puppy|kitten';
const trade =
  /^(?:[\p{L}-]+ ){0,2}(?:[\p{L}-]*(?:er|or|ist|ian|ant|ect|man|woman)|nurse|chef|coach|pilot|judge|scientist|midwife|clerk|student|vet|cook|lawyer|nanny|secretary)$/iu;

/** How English says what the rules read. */
export const english: LanguagePack = {
  language: 'en',
  common:
    'the and is my i you at of have was with for not from this that am been live work like do does has an to it we they his her she he now are name who but longer',
  me: "(?:I(?:'m| am|'ve| have|'d| had)?|we(?:'re| are|'ve| have)?) ",
  elided: 'I ',
  adverbs: 'now|currently|also|still|really|just|always|actually|recently|finally|usually|absolutely|both',
  kin: `(?:my|our) (?<kin>${kin})(?:,? (?<kinName>\\p{Lu}[\\p{L}'-]+),?)?`,
  sayings: [
    { relation: 'name', whole: true, me: 'my (?:full |first )?name is VALUE' },
    { relation: 'name', whole: true, me: '(?:please )?call me VALUE' },
    { relation: 'name', me: 'called VALUE' },
    {
      relation: 'lives_in',
      me: '(?:used to live|once lived|lived) in VALUE',
      they: '(?:used to live|once lived|lived) in VALUE',
      isPast: true,
    },
    {
      relation: 'lives_in',
      me: '(?:live|living|been living|reside|based|lived) in VALUE',
      they: '(?:lives|is living|is based|resides) in VALUE',
    },
    {
      relation: 'lives_in',
      me: '(?:moved|relocated)(?: back| house)?(?: from (?<from>.+?))? to VALUE',
      they: '(?:has )?(?:moved|relocated)(?: back)?(?: from (?<from>.+?))? to VALUE',
    },
    { relation: 'lives_in', whole: true, me: 'my (?:new )?home(?: town| city)? is (?:now )?(?:in )?VALUE' },
    {
      relation: 'staying_in',
      kind: 'task_state',
      me: '(?:staying|visiting|travelling|traveling) (?:in |to |through )?VALUE',
      they: '(?:is )?(?:staying|visiting) (?:in )?VALUE',
    },
    { relation: 'staying_in', kind: 'task_state', me: 'in VALUE', they: 'is in VALUE', only: /^\p{Lu}[\p{L} -]+$/u },
    {
      relation: 'works_at',
      me: '(?:used to work|once worked|worked) (?:at|for) VALUE',
      they: '(?:used to work|worked) (?:at|for) VALUE',
      isPast: true,
    },
    {
      relation: 'works_at',
      me: '(?:work|working|employed|started|started work|started working|got a job|got a new job) (?:at|for|by|with) VALUE',
      they: '(?:works|is working|started|started working|got a job) (?:at|for|with) VALUE',
    },
    { relation: 'works_at', me: '(?:joined|switched to|changed jobs to) VALUE', they: '(?:joined|switched to) VALUE' },
    {
      relation: 'works_at',
      whole: true,
      me: 'my (?:new )?(?:employer|company|job) is (?:now )?(?:at )?VALUE',
      only: /^\p{Lu}/u,
    },
    {
      relation: 'works_at',
      me: '(?:left|quit(?: my job at)?|resigned from|(?:was |were |been |got )?(?:laid off|fired|let go) (?:from|by)) VALUE',
      they: '(?:has )?(?:left|quit|resigned from|was laid off from) VALUE',
      isEnd: true,
      only: /^\p{Lu}/u,
    },
    { relation: 'works_at', me: '(?:quit|lost|left|gave up) my (?:old )?job', value: '', isEnd: true },
    { relation: 'job', me: '(?:work|working) as an? VALUE', they: '(?:works|is working) as an? VALUE' },
    { relation: 'job', whole: true, me: 'my (?:profession|occupation|job) is VALUE' },
    {
      relation: 'diet',
      me: '(?:become |became |turned |gone |went |am |now )*(?:a )?VALUE',
      they: '(?:is|became|turned) (?:a )?VALUE',
      only: /^(?:strict )?(?:vegan|vegetarian|pescatarian|pescetarian|omnivore)$/i,
    },
    { relation: 'job', me: '(?:am |became |now )*an? VALUE', they: '(?:is|became) an? VALUE', only: trade },
    {
      relation: 'age',
      me: '(?:turned )?VALUE(?: years old)?',
      they: '(?:is|turned) VALUE(?: years old)?',
      only: /^\d{1,3}$/,
    },
    { relation: 'birthday', whole: true, me: 'my birthday (?:is|falls) (?:on )?(?:the )?VALUE' },
    { relation: 'email', whole: true, me: '(?:my |the )?(?:new )?e-?mail(?: address)? is (?:now )?VALUE', only: /@/ },
    {
      relation: 'phone',
      whole: true,
      me: 'my (?:new )?(?:phone|telephone|mobile|cell)(?: number)? is (?:now )?VALUE',
      only: /\d{3}/,
    },
    {
      relation: 'prefers_contact',
      kind: 'preference',
      whole: true,
      me: '(?:please )?(?:contact|reach|notify|message) me (?:by|via|on|through|over) VALUE',
    },
    {
      relation: 'prefers_contact',
      kind: 'preference',
      me: 'prefer (?:to be (?:contacted|reached) )(?:by|via|on) VALUE',
    },
    { relation: 'allergic_to', me: '(?:am )?allergic to VALUE', they: 'is allergic to VALUE', isList: true },
    { relation: 'does_not_eat', me: '(?:never|cannot) eat VALUE', they: '(?:never|cannot) eats? VALUE', isList: true },
    {
      relation: 'eats',
      me: '(?:eat|eating|started eating|started to eat) VALUE',
      they: 'eats VALUE',
      only: /^(?:meat|fish|eggs?|dairy|pork|beef|gluten|sugar|seafood|chicken)(?: again)?$/i,
    },
    {
      relation: 'dislikes',
      kind: 'preference',
      me: "(?:hate|dislike|detest|loathe|can't stand|cannot stand) VALUE",
      they: "(?:hates|dislikes|detests|can't stand) VALUE",
      isList: true,
    },
    {
      relation: 'likes',
      kind: 'preference',
      me: '(?:like|love|enjoy|adore|fond of|(?:a )?(?:big |huge )?fan of) VALUE',
      they: '(?:likes|loves|enjoys|adores|is (?:a )?(?:big |huge )?fan of) VALUE',
      isList: true,
    },
    { relation: 'prefers', kind: 'preference', me: 'prefer VALUE', they: 'prefers VALUE' },
    {
      relation: 'PET_name',
      whole: true,
      me: `(?:my|our) (?<pet>${pets})(?:'s name is|(?: is)? (?:called|named)) VALUE`,
    },
    { relation: 'PET_name', me: `(?:got|have|adopted) an? (?:[\\p{L}-]+ )?(?<pet>${pets}) (?:called|named) VALUE` },
    {
      relation: 'spouse_name',
      me: '(?:am |got |now )*(?:married to|married) VALUE',
      only: /^\p{Lu}[\p{L}'-]+(?: \p{Lu}[\p{L}'-]+)?$/u,
    },
    {
      relation: 'relationship_status',
      me: '(?:am |got |now )*VALUE',
      they: '(?:is|got) (?:now )?VALUE',
      only: /^(?:married|divorced|single|engaged|widowed|separated)$/i,
    },
    {
      relation: 'KIN_name',
      whole: true,
      me: `(?:my|our) (?<kinOf>${kin})(?:'s name is|(?: is)? (?:called|named)) VALUE`,
    },
    { relation: 'speaks', me: 'speak VALUE', they: 'speaks VALUE', isList: true },
    { relation: 'plays', me: '(?:play|playing|started playing|took up) VALUE', they: 'plays VALUE', isList: true },
    {
      relation: 'plays',
      me: '(?:stopped|quit|gave up) playing VALUE',
      they: '(?:stopped|quit|gave up) playing VALUE',
      isEnd: true,
    },
    { relation: 'studies', me: '(?:study|studying|started studying) VALUE', they: '(?:studies|is studying) VALUE' },
    { relation: 'drives', me: 'drive an? VALUE', they: 'drives an? VALUE' },
    { relation: 'FAVOURITE', kind: 'preference', whole: true, me: 'my favou?rite (?<thing>\\p{L}+) is (?:now )?VALUE' },
    { relation: 'SIZE', whole: true, me: 'my (?<thing>\\p{L}+) size is (?:now )?VALUE' },
    { relation: 'SIZE', me: 'wear (?<thing>\\p{L}+) size VALUE' },
    {
      relation: 'reply_style',
      kind: 'feedback',
      whole: true,
      me: '(?:please )?(?<whole>(?:always|never|stop|keep|do not|don.t) (?:answer|reply|respond|write|use|us|ask|your)\\p{L}*.*)VALUE',
      value: 'whole',
    },
  ],
  fillers:
    /^(?:(?:hi|hello|hey|oh|well|ok|okay|so|and|also|but|by the way|btw|fyi|yes|yeah|please note|note that|just so you know|quick update|update|good news|guess what|today|as for me|for the record|remember that|remember|please remember that|it turns out(?: that)?)(?:[,:!.-]+\s*|\s+))+/i,
  corrections:
    /^(?:(?:actually|correction|sorry|no|wait|oops|rather|in fact|scratch that|i was wrong|i misspoke|my mistake|i meant(?: to say)?|i mean|let me correct (?:that|myself))(?:[,:;.!—-]+\s*|\s+))+/i,
  questions:
    /^(?:what|who|where|when|why|how|which|whose|do|does|did|is|are|was|were|can|could|should|would|will|have|has|am|tell me|remind me)\b(?! (?:playing|working)\b)/i,
  hypotheticals:
    /\b(?:if|suppose|imagine|what if|in theory|hypothetically|unless|whether)\b|\b(?:i|we)(?:'d| would| could| might| may| should)\b|\b(?:i wish|i dream of|let's say|let's pretend|in the (?:story|novel|game)|my character|pretend)\b/i,
  hearsay:
    /\b(?:apparently|supposedly|allegedly|rumou?r|reportedly|i (?:heard|read|was told)|(?:he|she|they|people|everyone|everybody|someone|somebody|\p{Lu}\p{L}+|my \p{L}+) (?:says?|said|claims?|claimed|thinks?|thought|believes?|tells?|told|reckons?|keeps? saying|insists?)|according to|word is|it is said|the (?:article|email|letter|page|form|document) says?)(?!\p{L})/iu,
  sarcasm:
    /\byeah,? right\b|\bas if\b|\bsure,? (?:because|i just)\b|\boh,? (?:great|sure|yeah|wonderful|joy|fantastic)\b|\/s\b|\bjust what i needed\b|\bbecause that went so well\b|🙄|\bnot!\s*$|\bof course i (?:just )?(?:love|adore|live)\b|\bhow (?:lovely|wonderful)\b/iu,
  temporary:
    /\b(?:this (?:week|month|weekend|summer|winter)|for (?:a|the|two|three|a few|a couple of) (?:days?|weeks?|weekend|months?|summer|while)(?! now)|at the moment|temporarily|until (?:\p{Lu}\p{L}+day|then|next \p{L}+|the end of \p{L}+)|on (?:holiday|vacation|a business trip)|for work this week|right now)\b/iu,
  negations: [
    { find: /\bused to be\b/i, put: 'no-longer', longer: true },
    { find: /\b(?:am|are|is|'m|'re) no longer\b/i, put: 'am', longer: true },
    { find: /\bno longer\b\s*/i, put: '', longer: true },
    { find: /\b(?:do not|don't|don’t|does not|doesn't) (.+?) (?:any ?more|any longer)\b/i, put: '$1', longer: true },
    { find: /\b(am|are|is|'m) not (.+?) (?:any ?more|any longer)\b/i, put: '$1 $2', longer: true },
    { find: /\bstopped (liking|eating|living|working|driving|studying)\b/i, put: '$1', longer: true },
    {
      find: /\b(?:do not|don't|don’t|does not|doesn't|never)(?: really| actually)?\s+(?=(?:like|likes|love|enjoy|live|work|speak|play|eat|drive|study)\b)/i,
      put: '',
      longer: false,
    },
    { find: /\b(am|are|is|'m|isn't|aren't) not\b/i, put: '$1', longer: false },
  ],
  swaps: [
    /^(?:it(?:'s| is| was)|that(?:'s| is)|i(?:'m| am) in)?\s*(?<now>[^,]+?),? (?:and )?not (?:in |at |on |by )?(?<before>[^,.!]+)$/i,
    /^(?:it(?:'s| is| was)|that(?:'s| is))? ?not (?:in |at |on |by )?(?<before>[^,]+?),? (?:but|it's|it is) (?:in |at |on |by )?(?<now>[^,.!]+)$/i,
  ],
  forgets: /^(?:please )?(?:forget|delete|erase|remove)(?: about| that| the fact that)? (?<what>.+)$/i,
  joins:
    /\s*(?:,?\s+(?:and|but|so|because|while|whereas|then)\s+(?:also |now |then )?|;\s*|,\s*(?:and |but |so )?|\s+[—–-]\s+|:\s+)/i,
  tails:
    /[,\s]+(?:now|these days|any ?more|currently|too|as well|by the way|please|though|instead|actually|thanks|again|for good|with my .+|with our .+|from now on|full time|part time|a lot|very much|so much|the most|at all|after all|nowadays|for (?:now|years|ages|ever))$/i,
  articles: /^(?:the|an?|some|my|our) /i,
};
