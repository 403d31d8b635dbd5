import type { LanguagePack } from './language-pack.ts';

const kin =
  'femme|mari|compagnon|compagne|copain|copine|fils|fille|frère|sœur|soeur|mère|père|tante|oncle|cousin|cousine|patron|patronne|chef|voisin|voisine|ami|amie|collègue|grand-mère|grand-père';

/** How French says what the rules read. */
export const french: LanguagePack = {
  language: 'fr',
  common:
    'je suis le la les et est pas mon ma mes nous vous il elle habite travaille ai appelle aime plus maintenant depuis chez au un une dans avec pour des du suis ne c qu en mais déteste allergique',
  me: "(?:je |j'|nous )(?:me |m'|ne |n')*(?:suis |ai |sommes )?",
  elided: 'je ',
  adverbs: 'maintenant|désormais|actuellement|toujours|aussi|encore|vraiment|juste|enfin|récemment|déjà|suis|ai',
  kin: `(?:mon|ma|notre) (?<kin>${kin})(?:,? (?<kinName>\\p{Lu}[\\p{L}'-]+),?)?`,
  sayings: [
    { relation: 'name', me: 'appelle VALUE' },
    { relation: 'name', whole: true, me: '(?:mon (?:nom|prénom) est|appelez-moi|appelle-moi) VALUE' },
    {
      relation: 'lives_in',
      me: '(?:habitais|vivais)(?: avant)? (?:à|en|au|aux) VALUE',
      they: '(?:habitait|vivait) (?:à|en|au) VALUE',
      isPast: true,
    },
    { relation: 'lives_in', whole: true, me: "avant,? (?:j'habitais|je vivais) (?:à|en|au) VALUE", isPast: true },
    {
      relation: 'lives_in',
      me: '(?:habite|vis)(?: maintenant| désormais)? (?:à|en|au|aux) VALUE',
      they: '(?:habite|vit)(?: maintenant)? (?:à|en|au|aux) VALUE',
    },
    {
      relation: 'lives_in',
      me: '(?:déménagé|emménagé|installée?)(?: de (?<from>\\p{L}+))? (?:à|en|au) VALUE',
      they: "(?:a |s'est )?(?:déménagé|emménagé|installée?)(?: de (?<from>\\p{L}+))? (?:à|en|au) VALUE",
    },
    { relation: 'staying_in', kind: 'task_state', me: '(?:à|en|au) VALUE', only: /^\p{Lu}[\p{L}-]+$/u },
    {
      relation: 'works_at',
      me: 'travaillais(?: avant)? (?:chez|pour|à) VALUE',
      they: 'travaillait (?:chez|pour) VALUE',
      isPast: true,
    },
    {
      relation: 'works_at',
      me: '(?:travaille|bosse)(?: maintenant)? (?:chez|pour) VALUE',
      they: '(?:travaille|bosse)(?: maintenant)? (?:chez|pour) VALUE',
    },
    {
      relation: 'works_at',
      me: '(?:commencé|rejoint|embauchée? (?:chez|par)|passée? (?:chez|à)) (?:chez |à )?VALUE',
      they: '(?:a )?(?:commencé chez|rejoint) VALUE',
    },
    {
      relation: 'works_at',
      me: '(?:quitté|démissionné de|licenciée? (?:de|par)|viens de quitter) VALUE',
      they: '(?:a )?(?:quitté|démissionné de) VALUE',
      isEnd: true,
      only: /^\p{Lu}/u,
    },
    { relation: 'works_at', me: '(?:perdu|quitté) mon (?:travail|emploi|boulot)', value: '', isEnd: true },
    {
      relation: 'diet',
      me: '(?:devenue? )?VALUE',
      they: 'est (?:devenue? )?VALUE',
      only: /^(?:végane?|vegan|végétarien(?:ne)?|pescétarien(?:ne)?)$/i,
    },
    {
      relation: 'relationship_status',
      me: 'VALUE',
      they: 'est VALUE',
      only: /^(?:mariée?|divorcée?|célibataire|fiancée?|veufs?|veuve)$/i,
    },
    {
      relation: 'allergic_to',
      me: "(?:allergique) (?:à la |à l'|aux |au |à )VALUE",
      they: "est allergique (?:à la |à l'|aux |au |à )VALUE",
      isList: true,
    },
    {
      relation: 'job',
      me: 'VALUE',
      they: 'est VALUE',
      only: /^(?:\p{Ll}+(?:eur|euse|ien|ienne|ier|ière|iste|ecte|rice|aire|ant|ante)|prof|médecin|avocate?|cadre|chef)$/u,
    },
    { relation: 'age', me: 'VALUE ans', they: 'a VALUE ans', only: /^\d{1,3}$/ },
    { relation: 'birthday', whole: true, me: 'mon anniversaire (?:est|tombe) (?:le )?VALUE' },
    {
      relation: 'email',
      whole: true,
      me: '(?:mon|ma nouvelle) (?:nouvel )?(?:e-?mail|adresse e-?mail|courriel|mail) est (?:maintenant )?VALUE',
      only: /@/,
    },
    {
      relation: 'phone',
      whole: true,
      me: 'mon (?:nouveau )?numéro(?: de téléphone)? est (?:maintenant )?(?:le )?VALUE',
      only: /\d{2}/,
    },
    {
      relation: 'prefers_contact',
      kind: 'preference',
      whole: true,
      me: '(?:merci de )?(?:contactez|joignez|contacte|joins|me contacter)(?:-moi)? (?:par|via) VALUE',
    },
    { relation: 'does_not_eat', me: "(?:ne |n')?mange pas (?:de |d')?VALUE", isList: true },
    { relation: 'eats', me: '(?:re)?mange (?:de la |du |des )?VALUE', only: /^(?:viande|poisson|œufs|porc|gluten)$/i },
    { relation: 'dislikes', kind: 'preference', me: '(?:déteste|hais) VALUE', they: 'déteste VALUE', isList: true },
    {
      relation: 'likes',
      kind: 'preference',
      me: '(?:aime(?: bien| beaucoup)?|adore) VALUE',
      they: '(?:aime|adore) VALUE',
      isList: true,
    },
    {
      relation: 'PET_name',
      whole: true,
      me: "(?:mon|ma|notre) (?<pet>chien|chienne|chat|chatte|lapin|cheval) s'appelle VALUE",
    },
    { relation: 'KIN_name', whole: true, me: `(?:mon|ma|notre) (?<kinOf>${kin}) s'appelle VALUE` },
    { relation: 'speaks', me: 'parle VALUE', they: 'parle VALUE', isList: true },
    {
      relation: 'plays',
      me: "joue (?:du |de la |au |aux |de l')VALUE",
      they: 'joue (?:du |de la |au |aux )VALUE',
      isList: true,
    },
    { relation: 'studies', me: 'étudie VALUE', they: 'étudie VALUE' },
    {
      relation: 'FAVOURITE',
      kind: 'preference',
      whole: true,
      me: '(?:mon|ma) (?<thing>\\p{L}+) préférée? est (?:maintenant )?VALUE',
    },
    { relation: 'SIZE', whole: true, me: 'ma (?<thing>pointure) est (?:du )?VALUE' },
  ],
  fillers:
    /^(?:(?:bonjour|salut|bonsoir|alors|oui|et|mais|au fait|ok|bon|eh bien|pour info|voilà|note que|retiens que|sache que)(?:[,:!.-]+\s*|\s+))+/i,
  corrections:
    /^(?:(?:non|pardon|désolée?|en fait|correction|je voulais dire|je me suis trompée?|erreur|plutôt|attends|finalement)(?:[,:;.!—-]+\s*|\s+))+/i,
  questions:
    /^(?:qui|que|quoi|quel(?:le)?s?|où|quand|comment|pourquoi|combien|est-ce que|sais-tu|peux-tu|dis-moi|rappelle-moi)(?![\p{L}])/iu,
  hypotheticals:
    /(?<!\p{L})(?:si (?:je|j'|nous|on|un jour)|s'il|imagine[zr]?|supposons|aimerais|voudrais|pourrais|serais|habiterais|vivrais|travaillerais|peut-être|je rêve de)(?!\p{L})/iu,
  hearsay:
    /(?<!\p{L})(?:il paraît que|apparemment|selon|d'après|on dit que|on m'a dit|j'ai (?:lu|entendu)|(?:il|elle|\p{Lu}\p{L}+|m(?:on|a) \p{L}+) (?:dit|prétend|pense|croit|raconte|affirme|m'a dit))(?!\p{L})/iu,
  sarcasm: /(?<!\p{L})(?:mais bien sûr|ben voyons|c'est ça|oh génial|tu parles|comme par hasard)(?!\p{L})|🙄|\/s\b/iu,
  temporary:
    /(?<!\p{L})(?:cette semaine|ce week-end|ce mois-ci|cet été|pour (?:quelques|deux|trois|une|un) (?:jours?|semaines?|mois)|temporairement|en ce moment|pour l'instant|en vacances|en déplacement|de passage)(?!\p{L})/iu,
  negations: [
    { find: /(?<!\p{L})(?:ne |n')(\p{L}+) plus(?: de| d')?(?!\p{L})/iu, put: '$1', longer: true },
    {
      find: /(?<!\p{L})(?:ne |n')(habite|vis|travaille|aime|suis|joue|parle) (?:vraiment |du tout )?pas(?: du tout)?(?!\p{L})/iu,
      put: '$1',
      longer: false,
    },
  ],
  swaps: [
    /^(?:c'est|ce n'est)?\s*(?:à |en |chez )?(?<now>[^,]+?),? (?:et )?(?:pas|non) (?:à |en |chez |au )?(?<before>[^,.!]+)$/iu,
    /^ce n'est pas (?:à |chez )?(?<before>[^,]+?),? (?:mais|c'est) (?:à |chez )?(?<now>[^,.!]+)$/iu,
  ],
  forgets: /^(?:s'il te plaît,? )?(?:oublie|efface|supprime|oubliez)(?: que)? (?<what>.+)$/i,
  joins: /\s*(?:,?\s+(?:et|mais|parce que|car|alors que)\s+|;\s*|,\s*|\s+[—–-]\s+|\s?:\s+)/i,
  tails:
    /[,\s]+(?:maintenant|désormais|merci|aussi|d'ailleurs|actuellement|s'il te plaît|beaucoup|du tout|à présent|en fait|vraiment)$/i,
  articles: /^(?:le |la |les |l'|un |une |des |du |de la |de l'|mon |ma |mes )/i,
};
