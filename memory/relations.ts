import { normaliseText } from './text.ts';

/**
 * How many values a subject has of a relation at a time: `one` (a newer value ends the older one), `many`, or `one of a pair`:
 * of a thing it says this or the opposite, and each thing stands for itself (tea is liked or disliked, whatever coffee is).
 */
export type Holds = 'one' | 'many' | 'one of a pair';

/** One family of relations: different words for one thing. Only members of one family can retire each other. */
export interface RelationFamily {
  /** The name that stands for all of them. */
  readonly relation: string;
  readonly also: readonly string[];
  readonly holds: Holds;
  /** The relation that says the contrary of it, for pairs. */
  readonly opposite?: string;
  /** Beginnings of words, in several languages, by which a message speaks of it without its name: "I quit my job". */
  readonly cues: readonly string[];
}

const one = (relation: string, also: readonly string[], cues: string): RelationFamily => ({
  ...{ relation, also, holds: 'one' },
  cues: cues.split(' '),
});
const many = (relation: string, also: readonly string[], cues: string): RelationFamily => ({
  ...{ relation, also, holds: 'many' },
  cues: cues.split(' '),
});
const pair = (relation: string, also: readonly string[], opposite: string, cues: string): RelationFamily => ({
  ...{ relation, also, opposite, holds: 'one of a pair' },
  cues: cues.split(' '),
});

/**
 * The families. A relation that is not here stands for itself and has many values, unless its name ends in `_size` or begins with
 * `favourite_`. Names of pets and relatives are not single: there may be several.
 */
export const relationFamilies: readonly RelationFamily[] = [
  one('name', ['is_called', 'full_name', 'first_name'], 'name call nenn heiss heiß appel llam cham nom nombre nome'),
  one(
    'lives_in',
    ['residence', 'home_city', 'city', 'location', 'current_city', 'resides_in', 'home'],
    'live living move moved moving home wohn zieh gezogen umgezogen habit viv demenag mud mor casa',
  ),
  one(
    'works_at',
    ['employer', 'works_for', 'company', 'workplace', 'employed_by'],
    'work job employ company fired laid resign quit arbeit gekundigt stelle firma travail emploi boite trabaj empleo empresa trabalh emprego demiti',
  ),
  one(
    'job',
    ['profession', 'occupation', 'job_title', 'works_as'],
    'job work beruf arbeit metier travail profes trabaj trabalh',
  ),
  one('age', ['age_years'], 'age old years jahre alt ans anos años'),
  one(
    'birthday',
    ['birth_date', 'date_of_birth', 'born_on'],
    'birth born geburt geboren anniversaire naissance cumple nac anivers',
  ),
  one('email', ['email_address', 'e_mail'], 'mail correo courriel'),
  one('phone', ['phone_number', 'telephone', 'mobile'], 'phone number telefon nummer numer tele celular movil'),
  one('address', ['postal_address', 'street_address', 'delivery_address'], 'address adress direcc endereco'),
  one(
    'prefers_contact',
    ['contact_channel', 'preferred_contact', 'contact_preference'],
    'contact reach call text sms mail whatsapp erreich kontakt joign contact avis',
  ),
  one(
    'diet',
    ['dietary_preference', 'eating_style'],
    'vegan vegetari meat fleisch viande carne pescat eat ess mang com diet',
  ),
  one('language', ['preferred_language', 'reply_language'], 'language english german sprach langue idioma lingua'),
  one('timezone', ['time_zone'], 'time zone zeitzone fuseau huso fuso'),
  one('nationality', ['citizenship'], 'nation citizen staats nacional'),
  one(
    'spouse_name',
    ['married_to', 'spouse', 'partner'],
    'marri wife husband partner spouse divorc verheirat frau mann mari femme cas espos marid',
  ),
  one(
    'relationship_status',
    ['marital_status'],
    'marri divorc single verheirat geschieden mari divorc casad divorc solter',
  ),
  one('drives', ['car'], 'car drive auto fahr voiture condu coche carro dirij'),
  one('studies', ['studies_at', 'field_of_study'], 'stud universit'),
  pair(
    'likes',
    ['loves', 'enjoys', 'is_fan_of'],
    'dislikes',
    'like love enjoy mag lieb gern aim ador gust encant gost',
  ),
  pair(
    'dislikes',
    ['hates', 'does_not_like', 'avoids'],
    'likes',
    'like hate dislike stand mag hass aim detest gust odi gost',
  ),
  pair('eats', [], 'does_not_eat', 'eat ess mang com'),
  pair('does_not_eat', ['cannot_eat', 'avoids_eating'], 'eats', 'eat ess mang com'),
  many('allergic_to', ['allergy', 'has_allergy'], 'allerg alerg'),
  many('has_pet', ['pet', 'owns_pet'], 'pet dog cat hund katze chien chat perro gato cachorro'),
  many('speaks', ['speaks_language'], 'speak sprech parl habl fal'),
  many('plays', ['plays_instrument', 'plays_sport'], 'play spiel jou jueg jog toc'),
  many('plan', ['plans', 'intends'], 'plan'),
];

const byName = new Map(
  relationFamilies.flatMap((row) => [row.relation, ...row.also].map((name) => [name, row] as const)),
);

/** The name that stands for a relation's family: `employer`, `Works for` and `works_at` are all `works_at`. */
export function relationKey(relation: string): string {
  const key = normaliseText(relation).replaceAll(' ', '_');
  return byName.get(key)?.relation ?? key;
}

/** How many values a subject has of this relation at a time. */
export function holdsOf(relation: string): Holds {
  const key = relationKey(relation);
  return byName.get(key)?.holds ?? (/_size$|^favou?rite_/.test(key) ? 'one' : 'many');
}

/** The relation that says the contrary, or null. */
export function oppositeOf(relation: string): string | null {
  return byName.get(relationKey(relation))?.opposite ?? null;
}

/** Beginnings of words by which a message speaks of a relation, normalised. */
export function cuesOf(relation: string): readonly string[] {
  const key = relationKey(relation);
  return [...(byName.get(key)?.cues ?? []), ...key.split('_').filter((word) => word.length > 3)].map(normaliseText);
}
