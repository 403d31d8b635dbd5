import { normaliseText } from '../text.ts';

/** Capitalised words that begin sentences and name nobody, in the languages of the rules. */
const openers = new Set(
  (
    'the a an i he she they it we you my his her their our your this that these those user users in on at for and but or ' +
    'der die das ein eine ich er sie es wir mein meine sein seine ihr ihre im am der nutzer benutzer nutzerin ' +
    'le la les un une il elle ils elles je mon ma mes son sa ses leur l utilisateur utilisatrice ' +
    'el los las uno una yo mi mis su sus usuario usuaria o os as um uma eu meu minha seu sua'
  ).split(' '),
);

const negations = new Set(
  (
    'not no never none nobody nothing neither nor without cannot t dislikes dislike hates hate avoids avoid stopped quit ' +
    'nicht kein keine keinen keinem keiner keines nie niemals ohne nichts weder ' +
    'ne pas jamais sans aucun aucune rien ' +
    'nunca sin ningun ninguna nada jamas tampoco nao nem sem nenhum nenhuma'
  ).split(' '),
);

/** Months, days and words for times, folded, in the languages of the rules. */
const times = new Set(
  (
    'january february march april may june july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec ' +
    'januar februar marz mai juni juli oktober dezember janvier fevrier mars avril juin juillet aout septembre octobre novembre decembre ' +
    'enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre ' +
    'janeiro fevereiro marco maio junho julho setembro outubro novembro dezembro ' +
    'monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays saturdays sundays ' +
    'montag dienstag mittwoch donnerstag freitag samstag sonntag montags dienstags mittwochs donnerstags freitags samstags sonntags ' +
    'lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes miercoles jueves viernes sabado domingo ' +
    'segunda terca quarta quinta sexta today tomorrow yesterday daily weekly monthly yearly morning evening night noon midnight weekend ' +
    'heute gestern morgens abends nachts wochenende hier demain matin soir nuit ayer hoy manana noche ontem hoje amanha manha noite'
  ).split(' '),
);

const numberWords = new Set(
  (
    'one two three four five six seven eight nine ten eleven twelve twenty hundred ' +
    'zwei drei vier funf sechs sieben acht neun zehn deux trois quatre cinq sept huit neuf dix ' +
    'dos tres cuatro cinco seis siete ocho nueve diez dois quatro sete oito nove dez twice once half'
  ).split(' '),
);

/** What of a text must not be lost: numbers, links, code, names and dates; and what turns its sense round. All folded. */
export interface Essentials {
  readonly tokens: ReadonlySet<string>;
  readonly negations: ReadonlySet<string>;
}

/** Finds the essentials of a text. It errs to the side of too many: what is not lost is never wrong. */
export function essentialsOf(text: string): Essentials {
  const tokens = new Set<string>();
  const turned = new Set<string>();
  for (const [code] of text.matchAll(/`[^`]+`|https?:\/\/\S+|[\w.+-]+@[\w-]+\.[\w.]+/gu))
    tokens.add(code.toLowerCase());
  for (const [word] of text.matchAll(/[\p{L}\p{N}\p{M}]+(?:[.,:/-]\p{N}+)*|\p{Emoji_Presentation}/gu)) {
    const folded = normaliseText(word) || word;
    if (negations.has(folded)) turned.add(folded);
    else if (/\p{N}/u.test(word) || times.has(folded) || numberWords.has(folded)) tokens.add(folded);
    else if (!/\p{Script=Latin}|\p{Script=Cyrillic}|\p{Script=Greek}/u.test(word)) tokens.add(folded);
    else if (/^\p{Lu}/u.test(word) && !openers.has(folded)) tokens.add(folded);
  }
  return { tokens, negations: turned };
}

/** True when a text keeps everything essential of another one and turns nothing round. */
export function losesNothing(kept: string, gone: string): boolean {
  const [has, needs] = [essentialsOf(kept), essentialsOf(gone)];
  const words = new Set(normaliseText(kept).split(' '));
  const same =
    has.negations.size === needs.negations.size && [...needs.negations].every((word) => has.negations.has(word));
  return same && [...needs.tokens].every((token) => has.tokens.has(token) || words.has(token));
}

/** Essentials of a text that stand in none of its sources: what somebody made up. */
export function inventedIn(text: string, sources: readonly string[]): string[] {
  const known = new Set(sources.flatMap((source) => normaliseText(source).split(' ')));
  const spelled = new Set(sources.flatMap((source) => [...essentialsOf(source).tokens]));
  const own = essentialsOf(text);
  return [...own.tokens].filter(
    (token) =>
      !spelled.has(token) &&
      !normaliseText(token)
        .split(' ')
        .every((word) => known.has(word)),
  );
}
