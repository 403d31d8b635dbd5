import { join } from 'node:path';
import ts from 'typescript';

const root = join(import.meta.dirname, '..', '..');

/**
 * The shape of a type as flat text: path of each field → what it may be. `?` marks an optional field, `[]` the items of an array,
 * `{}` the values of a record. Whatever changes in a type changes here: a new optional field, one more word of a union, a null.
 */
export type Shape = Readonly<Record<string, string>>;

/** The shapes of the data of every event in the union `MemoryEvent`, by type, as the compiler sees them. */
export function memoryEventShapes(): Map<string, Shape> {
  const file = join(root, 'memory', 'events.ts');
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as {
    config: object;
  };
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [file] }, ts.sys, root);
  const program = ts.createProgram([file], options);
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(file);
  const module = source && checker.getSymbolAtLocation(source);
  const union = module && checker.getExportsOfModule(module).find(({ name }) => name === 'MemoryEvent');
  if (!union) throw new Error('memory/events.ts exports no MemoryEvent.');
  const events = checker.getDeclaredTypeOfSymbol(union);
  return new Map(
    (events.isUnion() ? events.types : [events]).map((event) => {
      const type = checker.typeToString(propertyType(checker, event, 'type'));
      return [type.slice(1, -1), shapeOf(checker, propertyType(checker, event, 'data'))];
    }),
  );
}

function propertyType(checker: ts.TypeChecker, type: ts.Type, name: string): ts.Type {
  const property = checker.getPropertyOfType(type, name);
  if (!property) throw new Error(`${checker.typeToString(type)} has no property "${name}".`);
  return checker.getTypeOfSymbol(property);
}

function shapeOf(checker: ts.TypeChecker, whole: ts.Type): Shape {
  const shape: Record<string, string> = {};
  const visit = (type: ts.Type, path: string): void => {
    if (path.split('.').length > 20) throw new Error(`The type at ${path} never ends.`);
    const members = type.isUnion() && !(type.flags & ts.TypeFlags.Boolean) ? type.types : [type];
    const words = new Set<string>();
    let objects = 0;
    for (const member of members) {
      const element = checker.isArrayType(member) ? checker.getTypeArguments(member as ts.TypeReference)[0] : undefined;
      if (element) {
        words.add('array');
        visit(element, `${path}[]`);
      } else if (member.flags & ts.TypeFlags.Object) {
        const place = objects++ === 0 ? path : `${path}|${objects}`;
        words.add(visitObject(member, place));
      } else if (!(member.flags & ts.TypeFlags.Undefined)) {
        words.add(checker.typeToString(member));
      }
    }
    if (path !== '') shape[path] = [...words].sort().join(' | ');
  };
  const visitObject = (type: ts.Type, path: string): string => {
    const values = checker.getIndexInfosOfType(type)[0]?.type;
    if (values) visit(values, `${path}{}`);
    for (const property of checker.getPropertiesOfType(type)) {
      const optional = property.flags & ts.SymbolFlags.Optional ? '?' : '';
      visit(checker.getTypeOfSymbol(property), `${path === '' ? '' : `${path}.`}${property.name}${optional}`);
    }
    return values ? 'record' : 'object';
  };
  visit(whole, '');
  return Object.fromEntries(Object.entries(shape).sort(([a], [b]) => (a < b ? -1 : 1)));
}
