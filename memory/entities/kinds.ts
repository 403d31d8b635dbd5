import { relationKey } from '../relations.ts';

/** What a named thing is, where the facts about it tell. */
export type EntityKind = 'person' | 'place' | 'organisation' | 'project';

const words = (text: string): string[] => text.trim().split(/\s+/);
const kinds = (lists: Readonly<Partial<Record<EntityKind, string>>>): ReadonlyMap<string, EntityKind> =>
  new Map(
    Object.entries(lists).flatMap(([kind, list]) =>
      words(list).map((relation) => [relationKey(relation), kind as EntityKind] as const),
    ),
  );

/** Relations whose values name something, and what. */
const ofValue = kinds({
  person: `spouse_name husband wife fiance fiancee boyfriend girlfriend sister brother sibling mother father mom mum dad parent son daughter
    child aunt uncle cousin niece nephew grandmother grandfather sister_name brother_name mother_name father_name son_name daughter_name
    child_name friend best_friend friend_name colleague coworker colleague_name boss boss_name manager mentor neighbour neighbor roommate
    flatmate teacher doctor therapist knows met works_with reports_to manages supervises`,
  place: `lives_in hometown home_town born_in birthplace birth_place place_of_birth from located_in based_in headquartered_in visited
    visits travels_to travelled_to moved_from moved_to`,
  organisation: `works_at member_of belongs_to studies_at_school school university attends founded owns_company volunteers_at`,
  project: `project works_on leads_project contributes_to maintains`,
});

/** Relations that only things of one kind have. */
const ofSubject = kinds({
  person: `works_at job age birthday nationality diet prefers_contact relationship_status spouse_name drives allergic_to speaks plays
    has_pet eats does_not_eat likes dislikes studies sister brother mother father son daughter husband wife boss manager works_with reports_to`,
  organisation: `headquartered_in founded_by founded_in employs ceo industry`,
  place: `country capital_of population`,
  project: `deadline maintained_by led_by repository`,
});

/** What a relation's value is; null where it names nothing, or nobody can tell. */
export function kindOfValue(relation: string): EntityKind | null {
  return ofValue.get(relationKey(relation)) ?? null;
}

/** What has such a relation; null where many kinds of things do. */
export function kindOfSubject(relation: string): EntityKind | null {
  return ofSubject.get(relationKey(relation)) ?? null;
}
