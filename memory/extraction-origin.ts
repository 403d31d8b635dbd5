/** Who read a turn for memories, and how that went. */
export interface ExtractionOrigin {
  /** `rules`: fixed patterns stand where a model's name would; they know less than a model and guess nothing. @default 'model' */
  readonly extractor?: 'model' | 'rules';
  /** Why answers of the model were not used; texts of ours. @default all were */
  readonly problems?: readonly string[];
}
