import type { LanguagePack } from './language-pack.ts';

const kin =
  'Frau|Mann|Partner|Partnerin|Freundin|Freund|Sohn|Tochter|Bruder|Schwester|Mutter|Vater|Tante|Onkel|Chef|Chefin|Nachbar|Nachbarin|Kollege|Kollegin|Oma|Opa';

/** How German says what the rules read. */
export const german: LanguagePack = {
  language: 'de',
  common:
    'ich bin der die das und ist nicht mein meine wir sie er wohne arbeite habe heiße mag mehr jetzt seit bei im ein eine kein auf mit für zu von wohnt arbeitet nach nein doch bitte sondern esse kann keine',
  me: '(?:ich )',
  elided: 'ich ',
  adverbs: 'jetzt|nun|immer noch|noch|auch|inzwischen|mittlerweile|wirklich|aktuell|nur|gerne|gern|endlich|bin|habe',
  kin: `(?:mein|meine|unser|unsere) (?<kin>${kin})(?: (?<kinName>\\p{Lu}[\\p{L}'-]+))?`,
  sayings: [
    { relation: 'name', me: 'hei(?:ß|ss)e VALUE' },
    { relation: 'name', whole: true, me: 'mein name ist VALUE' },
    { relation: 'name', whole: true, me: '(?:bitte )?nenn(?:t|en sie)? mich (?:bitte )?VALUE' },
    {
      relation: 'lives_in',
      me: '(?:früher )?(?:wohnte|lebte) (?:früher |damals )?in VALUE',
      they: '(?:wohnte|lebte) (?:früher )?in VALUE',
      isPast: true,
    },
    { relation: 'lives_in', whole: true, me: 'früher (?:wohnte|lebte) ich in VALUE', isPast: true },
    { relation: 'lives_in', whole: true, me: 'früher habe ich in VALUE (?:gewohnt|gelebt)', isPast: true },
    { relation: 'lives_in', me: '(?:früher )?in VALUE (?:gewohnt|gelebt)', isPast: true },
    {
      relation: 'lives_in',
      me: '(?:wohne|lebe)(?: jetzt| nun)? in VALUE',
      they: '(?:wohnt|lebt)(?: jetzt| nun)? in VALUE',
    },
    {
      relation: 'lives_in',
      whole: true,
      me: '(?:jetzt|inzwischen|mittlerweile|heute|seitdem) (?:wohne|lebe) ich in VALUE',
    },
    {
      relation: 'lives_in',
      me: '(?:von (?<from>\\p{L}+) )?nach VALUE (?:um)?gezogen',
      they: '(?:ist )?(?:von (?<from>\\p{L}+) )?nach VALUE (?:um)?gezogen',
    },
    { relation: 'staying_in', kind: 'task_state', me: '(?:in|zu besuch in) VALUE', only: /^\p{Lu}[\p{L}-]+$/u },
    {
      relation: 'works_at',
      me: 'arbeite(?: jetzt| nun)? (?:bei|für) VALUE',
      they: 'arbeitet(?: jetzt)? (?:bei|für) VALUE',
    },
    { relation: 'works_at', me: 'arbeitete (?:früher )?(?:bei|für) VALUE', isPast: true },
    {
      relation: 'works_at',
      whole: true,
      me: 'früher (?:arbeitete ich|habe ich) (?:bei|für) VALUE(?: gearbeitet)?',
      isPast: true,
    },
    {
      relation: 'works_at',
      me: '(?:bei|zu) VALUE (?:angefangen|gewechselt)',
      they: '(?:hat |ist )?(?:bei|zu) VALUE (?:angefangen|gewechselt)',
    },
    { relation: 'works_at', whole: true, me: 'mein (?:neuer )?(?:arbeitgeber|chef) ist (?:jetzt )?VALUE' },
    { relation: 'works_at', me: '(?:bei|von) VALUE (?:gekündigt|entlassen)(?: worden)?', isEnd: true },
    {
      relation: 'works_at',
      me: 'meinen (?:job|arbeitsplatz)(?: bei VALUE)? (?:gekündigt|verloren)',
      value: '',
      isEnd: true,
    },
    {
      relation: 'diet',
      me: '(?:esse |lebe |geworden |jetzt )*VALUE(?: geworden)?',
      only: /^(?:vegan|veganer|veganerin|vegetarisch|vegetarier|vegetarierin)$/i,
    },
    { relation: 'job', me: '(?:arbeite als|von beruf) VALUE', they: '(?:arbeitet als|ist von beruf) VALUE' },
    {
      relation: 'job',
      me: '(?:geworden )?VALUE(?: von beruf| geworden)?',
      they: 'ist VALUE(?: von beruf| geworden)?',
      only: /^(?:\p{Lu}\p{Ll}+(?:er|erin|or|orin|ist|istin|in|arzt|ärztin|mann|frau|ent|entin)|Koch|Arzt|Pilot)$/u,
    },
    { relation: 'age', me: 'VALUE(?: jahre alt)?', they: 'ist VALUE(?: jahre alt)?', only: /^\d{1,3}$/ },
    { relation: 'birthday', whole: true, me: 'mein geburtstag ist (?:am )?VALUE' },
    {
      relation: 'email',
      whole: true,
      me: 'meine (?:neue )?e-?mail(?:-?adresse)? (?:ist|lautet) (?:jetzt )?VALUE',
      only: /@/,
    },
    {
      relation: 'phone',
      whole: true,
      me: 'meine (?:neue )?(?:telefonnummer|handynummer|nummer) (?:ist|lautet) (?:jetzt )?VALUE',
      only: /\d{3}/,
    },
    {
      relation: 'prefers_contact',
      kind: 'preference',
      whole: true,
      me: '(?:bitte )?(?:erreicht?|kontaktier(?:t|e)?|schreibt?)(?: sie)? mich (?:bitte )?(?:per|über|via) VALUE',
    },
    {
      relation: 'allergic_to',
      me: '(?:bin )?allergisch (?:gegen|auf) VALUE',
      they: 'ist allergisch (?:gegen|auf) VALUE',
      isList: true,
    },
    { relation: 'does_not_eat', me: 'esse kein(?:e|en)? VALUE', they: 'isst kein(?:e|en)? VALUE', isList: true },
    {
      relation: 'eats',
      me: 'esse VALUE',
      they: 'isst VALUE',
      only: /^(?:wieder )?(?:Fleisch|Fisch|Eier|Käse|Schwein|Gluten)$/i,
    },
    { relation: 'dislikes', kind: 'preference', me: '(?:hasse|verabscheue) VALUE', isList: true },
    {
      relation: 'dislikes',
      kind: 'preference',
      me: 'mag (?:kein(?:e|en)?) VALUE',
      they: 'mag (?:kein(?:e|en)?) VALUE',
      isList: true,
    },
    { relation: 'likes', kind: 'preference', me: '(?:mag|liebe) VALUE', they: '(?:mag|liebt) VALUE', isList: true },
    {
      relation: 'PET_name',
      whole: true,
      me: '(?:mein|meine|unser|unsere) (?<pet>Hund|Katze|Kater|Hase|Pferd) hei(?:ß|ss)t VALUE',
    },
    { relation: 'KIN_name', whole: true, me: `(?:mein|meine|unser|unsere) (?<kinOf>${kin}) hei(?:ß|ss)t VALUE` },
    {
      relation: 'relationship_status',
      me: 'VALUE',
      they: 'ist VALUE',
      only: /^(?:verheiratet|geschieden|ledig|verlobt|verwitwet|single)$/i,
    },
    { relation: 'speaks', me: 'spreche VALUE', they: 'spricht VALUE', isList: true },
    { relation: 'plays', me: 'spiele VALUE', they: 'spielt VALUE', isList: true },
    { relation: 'studies', me: 'studiere VALUE', they: 'studiert VALUE' },
    { relation: 'drives', me: 'fahre einen? VALUE' },
    {
      relation: 'FAVOURITE',
      kind: 'preference',
      whole: true,
      me: 'mein(?:e)? lieblings(?<thing>\\p{L}+) ist (?:jetzt )?VALUE',
    },
    { relation: 'SIZE', whole: true, me: 'meine (?<thing>\\p{L}+?)größe ist (?:jetzt )?VALUE' },
  ],
  fillers:
    /^(?:(?:hallo|hi|guten (?:morgen|tag|abend)|also|ja|und|aber|übrigens|ach|ok|okay|gut|nur zur info|merk dir(?: bitte)?(?:,? dass)?)(?:[,:!.-]+\s*|\s+))+/i,
  corrections:
    /^(?:(?:nein|doch|entschuldigung|sorry|korrektur|falsch|ich meinte|ich meine|stimmt nicht|eigentlich|moment|tut mir leid|ich habe mich vertan)(?:[,:;.!—-]+\s*|\s+))+/i,
  questions:
    /^(?:was|wer|wo|wann|warum|wie|welche[rs]?|wessen|weißt du|kannst du|könntest du|bist du|habe ich dir|sag mir)(?![\p{L}])/iu,
  hypotheticals:
    /(?<!\p{L})(?:wenn|falls|angenommen|stell dir vor|würde|hätte|wäre|könnte|möchte|sollte|träume|vielleicht|ob)(?!\p{L})/iu,
  hearsay:
    /(?<!\p{L})(?:angeblich|anscheinend|laut|gerücht|es heißt|man sagt|ich habe (?:gehört|gelesen)|(?:er|sie|\p{Lu}\p{L}+|mein\p{L}* \p{L}+) (?:sagt|sagte|meint|meinte|behauptet|behauptete|glaubt|denkt|erzählt|erzählte))(?!\p{L})/iu,
  sarcasm: /(?<!\p{L})(?:ja klar|na klar|na toll|klar doch|von wegen|wie toll|ganz toll)(?!\p{L})|🙄|\/s\b/iu,
  temporary:
    /(?<!\p{L})(?:diese woche|dieses wochenende|diesen (?:monat|sommer|winter)|für (?:ein paar|zwei|drei|eine|einen) (?:tage?|wochen?|monate?)|vorübergehend|gerade|momentan|im moment|im urlaub|auf dienstreise|zu besuch)(?!\p{L})/iu,
  negations: [
    { find: /(?<!\p{L})nicht mehr\s*/iu, put: '', longer: true },
    { find: /(?<!\p{L})kein(?:e|en)? (\p{L}+) mehr(?!\p{L})/iu, put: '$1', longer: true },
    { find: /(?<!\p{L})(mag|liebe|spiele|spreche) (.+?) nicht$/iu, put: '$1 $2', longer: false },
    {
      find: /(?<!\p{L})(wohne|lebe|arbeite|bin|wohnt|lebt|arbeitet|ist) nicht (?!.*,? sondern)/iu,
      put: '$1 ',
      longer: false,
    },
  ],
  swaps: [
    /^(?:(?:es|das) (?:ist|heißt))?\s*(?<now>[^,]+?),? (?:und )?nicht (?:in |bei |im |am )?(?<before>[^,.!]+)$/iu,
    /^(?:(?:ich (?<verb>wohne|lebe|arbeite)) |(?:es|das) ist )?nicht (?:in |bei )?(?<before>[^,]+?),? sondern (?:in |bei )?(?<now>[^,.!]+)$/iu,
  ],
  forgets: /^(?:bitte )?(?:vergiss|lösche|vergessen sie)(?: bitte)?(?:,? dass)? (?<what>.+)$/i,
  joins: /\s*(?:,?\s+(?:und|aber|weil|denn|während)\s+|;\s*|,\s*|\s+[—–-]\s+|:\s+)/i,
  tails:
    /[,\s]+(?:jetzt|mehr|bitte|auch|übrigens|danke|momentan|sehr|wieder|aktuell|und zwar|gerne|gern|am liebsten|überhaupt nicht|geworden)$/i,
  articles: /^(?:der|die|das|den|dem|ein|eine|einen|einem|einer|meine?|unsere?) /i,
};
