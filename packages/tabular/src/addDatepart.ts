import { TensorError } from "@fai/tensor";
import { cellsOf, kindOf, numbersOf, type Table, withColumns, withoutColumns } from "./arrow.js";

/** Options of `addDatepart`. */
export interface AddDatepartOptions {
  /** Whether the date itself goes (true). */
  drop?: boolean;
  /** Whether hour, minute and second are added (false). */
  time?: boolean;
  /** What the names of the new columns begin with (the column's name without "Date" at its end). */
  prefix?: string;
}

const day = 86_400_000;

/**
 * The table with a date taken apart, as fastai does it: Year, Month (1-12), Week (ISO 8601), Day, Dayofweek (Monday 0), Dayofyear (from 1),
 * whether it is the first or last day of a month, quarter and year, and Elapsed (seconds since 1970); each behind the column's name.
 * Dates are taken in UTC. Missing dates give missing numbers (and false). Throws for a column that holds no dates.
 */
export function addDatepart(
  table: Table,
  column: string,
  { drop = true, time = false, prefix = column.replace(/ ?[Dd]ate$/, "") }: AddDatepartOptions = {},
): Table {
  const dates = datesOf(table, column);
  const number = (part: (date: Date, ms: number) => number) =>
    Float64Array.from(dates, (ms) => (Number.isNaN(ms) ? ms : part(new Date(ms), ms)));
  const flag = (is: (date: Date) => boolean) => Array.from(dates, (ms) => !Number.isNaN(ms) && is(new Date(ms)));
  const tomorrow = (date: Date) => new Date(date.getTime() + day);
  const startsMonth = (date: Date) => date.getUTCDate() === 1;
  const parts = {
    Year: number((date) => date.getUTCFullYear()),
    Month: number((date) => date.getUTCMonth() + 1),
    Week: number(isoWeek),
    Day: number((date) => date.getUTCDate()),
    Dayofweek: number((date) => (date.getUTCDay() + 6) % 7),
    Dayofyear: number((date) => Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / day) + 1),
    Is_month_end: flag((date) => startsMonth(tomorrow(date))),
    Is_month_start: flag(startsMonth),
    Is_quarter_end: flag((date) => startsMonth(tomorrow(date)) && tomorrow(date).getUTCMonth() % 3 === 0),
    Is_quarter_start: flag((date) => startsMonth(date) && date.getUTCMonth() % 3 === 0),
    Is_year_end: flag((date) => startsMonth(tomorrow(date)) && tomorrow(date).getUTCMonth() === 0),
    Is_year_start: flag((date) => startsMonth(date) && date.getUTCMonth() === 0),
    ...(time && {
      Hour: number((date) => date.getUTCHours()),
      Minute: number((date) => date.getUTCMinutes()),
      Second: number((date) => date.getUTCSeconds()),
    }),
    Elapsed: number((_, ms) => Math.floor(ms / 1000)),
  };
  const named = Object.fromEntries(Object.entries(parts).map(([name, values]) => [`${prefix}${name}`, values]));
  const wide = withColumns(table, named);
  return drop ? withoutColumns(wide, [column]) : wide;
}

/** The dates of a column as milliseconds since 1970, missing ones as NaN. Texts are read as ISO 8601. */
export function datesOf(table: Table, column: string): Float64Array {
  const kind = kindOf(table, column);
  if (kind === "date") return numbersOf(table, column);
  if (kind !== "text")
    throw new TensorError(
      "datesOf",
      `column ${column} holds ${kind}s, expected dates. Read it with { types: { ${column}: "date" } }?`,
    );
  return Float64Array.from(cellsOf(table, column), (cell, row) => {
    const ms = cell === null ? Number.NaN : Date.parse(String(cell));
    if (cell !== null && Number.isNaN(ms))
      throw new TensorError("datesOf", `${column} of row ${row} is ${JSON.stringify(cell)}, which is no date.`);
    return ms;
  });
}

/** The week of the year that Thursday lies in (ISO 8601). */
function isoWeek(date: Date): number {
  const thursday = new Date(date.getTime() + (3 - ((date.getUTCDay() + 6) % 7)) * day);
  return Math.floor((thursday.getTime() - Date.UTC(thursday.getUTCFullYear(), 0, 1)) / (7 * day)) + 1;
}
