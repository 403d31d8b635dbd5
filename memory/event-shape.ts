/** The shape of every event: its type, and data that nobody changes. */
export type Event<Type extends string, Data extends object> = { readonly type: Type; readonly data: Readonly<Data> };
