import type { Cell, ColumnKind } from "./arrow.js";

/** How a column of texts is read. */
export type TextKind = Exclude<ColumnKind, "other">;

const numberPattern = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const datePattern = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

/** What a column of texts holds: numbers, dates (ISO 8601), booleans or texts; a column without values holds numbers. */
export function inferKind(texts: readonly string[], missing: ReadonlySet<string>): TextKind {
  const may = { number: true, date: true, boolean: true };
  let any = false;
  for (const text of texts) {
    const value = text.trim();
    if (missing.has(value)) continue;
    any = true;
    may.number &&= numberPattern.test(value);
    may.date &&= datePattern.test(value);
    may.boolean &&= /^(true|false)$/i.test(value);
    if (!may.number && !may.date && !may.boolean) return "text";
  }
  return !any || may.number ? "number" : may.date ? "date" : "boolean";
}

/** One text as a cell of that kind; undefined when it is none. Texts keep their blanks; dates without a zone are UTC. */
export function parseCell(text: string, kind: TextKind, missing: ReadonlySet<string>): Cell | undefined {
  const value = text.trim();
  if (missing.has(value)) return null;
  switch (kind) {
    case "text":
      return text;
    case "number":
      return numberPattern.test(value) ? Number(value) : undefined;
    case "boolean":
      return /^true$/i.test(value) ? true : /^false$/i.test(value) ? false : undefined;
    case "date": {
      if (!datePattern.test(value)) return undefined;
      const zoned = value.length === 10 || /(Z|[+-]\d{2}:?\d{2})$/.test(value) ? value : `${value}Z`;
      const date = new Date(zoned.replace(" ", "T"));
      return Number.isNaN(date.getTime()) ? undefined : date;
    }
  }
}
