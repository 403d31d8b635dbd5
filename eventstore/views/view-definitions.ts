import type { EventShape } from '../event.ts';
import type { Projection, View } from './view.ts';
import { definitionHash } from './view.ts';

/** A view with what identifies its meaning and who fills it. */
export interface DefinedView {
  readonly view: View;
  /** Changes with the definition and with the projection's version. */
  readonly hash: string;
  readonly projection: string;
}

/** Signature of the generated function that applies operations to the live views. */
export const applyFunction = 'holdfast.apply_views(int, bigint[], jsonb)';

/** The views of projections, in order. */
export function viewsOf<E extends EventShape>(projections: readonly Projection<E>[]): DefinedView[] {
  return projections.flatMap((projection) =>
    projection.views.map((view) => ({
      view,
      hash: definitionHash(view, projection.version),
      projection: projection.name,
    })),
  );
}
