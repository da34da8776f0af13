/*
 * Rossmann's sales as the course's third lesson prepares them: Kaggle's train.csv, test.csv and store.csv, and beside them store_states.csv,
 * state_names.csv, googletrend.csv and weather.csv, which participants of the competition collected.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  addDatepart,
  type Cell,
  cellsOf,
  columnNames,
  elapsedEvents,
  leftJoin,
  numbersOf,
  readCsv,
  rollingSums,
  type Table,
  tableOf,
  takeRows,
  withColumns,
} from "@fai/tabular";

const names = ["train", "test", "store", "store_states", "state_names", "googletrend", "weather"] as const;
const day = 86_400_000;

/** The files as tables, by name. */
export type RossmannTables = Readonly<Record<(typeof names)[number], Table>>;

/** Columns whose values get vectors: the course's 22. */
export const rossmannCategorical = [
  "Store",
  "DayOfWeek",
  "Year",
  "Month",
  "Day",
  "StateHoliday",
  "CompetitionMonthsOpen",
  "Promo2Weeks",
  "StoreType",
  "Assortment",
  "PromoInterval",
  "CompetitionOpenSinceYear",
  "Promo2SinceYear",
  "State",
  "Week",
  "Events",
  "Promo_fw",
  "Promo_bw",
  "StateHoliday_fw",
  "StateHoliday_bw",
  "SchoolHoliday_fw",
  "SchoolHoliday_bw",
] as const;

/** What the weather stations measured, as far as the course uses it. */
const measured = [
  "Max_TemperatureC",
  "Mean_TemperatureC",
  "Min_TemperatureC",
  "Max_Humidity",
  "Mean_Humidity",
  "Min_Humidity",
  "Max_Wind_SpeedKm_h",
  "Mean_Wind_SpeedKm_h",
  "CloudCover",
] as const;

/** Columns of numbers: the course's 16. */
export const rossmannContinuous = [
  "CompetitionDistance",
  ...measured,
  "trend",
  "trend_DE",
  "AfterStateHoliday",
  "BeforeStateHoliday",
  "Promo",
  "SchoolHoliday",
] as const;

/** Reads the seven files of a folder. Throws, naming it, when one is missing. */
export async function readRossmann(folder: string): Promise<RossmannTables> {
  const types = {
    Date: "date",
    StateHoliday: "text",
    StoreType: "text",
    Assortment: "text",
    PromoInterval: "text",
    State: "text",
    StateName: "text",
    file: "text",
    week: "text",
    Events: "text",
  } as const;
  const missing = names.filter((name) => !existsSync(join(folder, `${name}.csv`)));
  if (missing.length > 0) {
    throw new Error(
      `${folder} lacks ${missing.map((name) => `${name}.csv`).join(", ")}. Kaggle has train, test and store (Rossmann Store Sales); the course's archive of the competition has all seven.`,
    );
  }
  const tables = await Promise.all(names.map((name) => readCsv(join(folder, `${name}.csv`), { types })));
  return Object.fromEntries(names.map((name, i) => [name, tables[i]!])) as RossmannTables;
}

/**
 * Training rows (days with sales) and test rows with everything that the model learns from. Both go through all steps together, so that windows
 * and events reach across. Every join throws when a row has no partner.
 */
export function prepareRossmann(tables: RossmannTables): { table: Table; test: Table } {
  const { train, test, store, store_states, state_names, googletrend, weather } = tables;
  let days = stacked(train, test, ["Id", "Store", "DayOfWeek", "Date", "Sales", "Promo", "SchoolHoliday"]);
  const holidays = [...cellsOf(train, "StateHoliday"), ...cellsOf(test, "StateHoliday")];
  days = withColumns(days, { StateHoliday: Float64Array.from(holidays, (cell) => (String(cell) === "0" ? 0 : 1)) });
  days = sinceEvents(days);

  const [sales, ids] = [numbersOf(days, "Sales"), numbersOf(days, "Id")];
  const isTest = (row: number) => !Number.isNaN(ids[row]!);
  // A closed shop sells nothing: such days count for windows and events, and are nothing to learn.
  days = pick(days, (row) => isTest(row) || sales[row]! > 0);
  days = addDatepart(days, "Date", { drop: false });

  const shops = leftJoin(store, store_states, { on: "Store" });
  let all = leftJoin(days, shops, { on: "Store" });
  const { states, germany } = trends(googletrend);
  all = leftJoin(all, states, { on: ["State", "Year", "Week"] });
  all = leftJoin(all, germany, { on: ["Year", "Week"] });
  all = leftJoin(all, weatherOf(weather, state_names), { on: ["State", "Date"] });
  all = sinceOpenings(all);
  const known = numbersOf(all, "Id");
  return {
    table: pick(all, (row) => Number.isNaN(known[row]!)),
    test: pick(all, (row) => !Number.isNaN(known[row]!)),
  };
}

/** The rows of a period, both days included. Throws when there are none. */
export function rowsBetween(table: Table, from: string, to: string): number[] {
  const [start, end] = [Date.parse(from), Date.parse(to)];
  const dates = numbersOf(table, "Date");
  const rows = [...dates.keys()].filter((row) => dates[row]! >= start && dates[row]! <= end);
  if (rows.length > 0) return rows;
  const [first, last] = [dates.reduce((a, b) => Math.min(a, b)), dates.reduce((a, b) => Math.max(a, b))];
  const text = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  throw new Error(`There are no sales from ${from} to ${to}; the table goes from ${text(first)} to ${text(last)}.`);
}

function pick(table: Table, keep: (row: number) => boolean): Table {
  return takeRows(table, [...Array(table.numRows).keys()].filter(keep));
}

/** Two tables one behind the other; a column that one of them lacks is missing there. */
function stacked(a: Table, b: Table, columns: readonly string[]): Table {
  const cells = (table: Table, name: string): Cell[] =>
    columnNames(table).includes(name) ? cellsOf(table, name) : new Array<Cell>(table.numRows).fill(null);
  const both = (name: string) => [...cells(a, name), ...cells(b, name)];
  const dated = (name: string) => both(name).map((ms) => (ms === null ? null : new Date(ms as number)));
  return tableOf(Object.fromEntries(columns.map((name) => [name, name === "Date" ? dated(name) : both(name)])));
}

/** Days since and until events, and how many of them there were in the seven days up to this one, and from this one on. */
function sinceEvents(days: Table): Table {
  const events = ["SchoolHoliday", "StateHoliday", "Promo"];
  const by = { group: "Store", date: "Date" };
  return rollingSums(elapsedEvents(days, { ...by, events }), { ...by, columns: events });
}

/** How often people searched for Rossmann, by week: in each state, and in the whole country. */
function trends(googletrend: Table): { states: Table; germany: Table } {
  const files = cellsOf(googletrend, "file").map(String);
  const weeks = cellsOf(googletrend, "week").map((week) => new Date(`${String(week).slice(0, 10)}T00:00:00Z`));
  // Bremen's searches are counted with Lower Saxony's, and so are its shops.
  const states = files.map((file) => file.split("_")[2] ?? null).map((state) => (state === "NI" ? "HB,NI" : state));
  const dated = addDatepart(tableOf({ State: states, Date: weeks, trend: numbersOf(googletrend, "trend") }), "Date");
  const [inState, inAll] = [pick(dated, (row) => states[row] !== null), pick(dated, (row) => states[row] === null)];
  return {
    states: inState.select(["State", "Year", "Week", "trend"]),
    germany: tableOf({
      Year: numbersOf(inAll, "Year"),
      Week: numbersOf(inAll, "Week"),
      trend_DE: numbersOf(inAll, "trend"),
    }),
  };
}

/** Each state's weather, day by day. */
function weatherOf(weather: Table, stateNames: Table): Table {
  const used = weather.select(["file", "Date", "Events", ...measured]);
  return leftJoin(used, stateNames, { on: [["file"], ["StateName"]] }).select(["State", "Date", "Events", ...measured]);
}

/** How long competition has been there, and how long the shop has taken part in the long promotion. */
function sinceOpenings(table: Table): Table {
  const filled = (name: string, value: number) => numbersOf(table, name).map((n) => (Number.isNaN(n) ? value : n));
  const [year, month] = [filled("CompetitionOpenSinceYear", 1900), filled("CompetitionOpenSinceMonth", 1)];
  const [promoYear, promoWeek] = [filled("Promo2SinceYear", 1900), filled("Promo2SinceWeek", 1)];
  const dates = numbersOf(table, "Date");
  // Years before 1990 are no dates: gaps filled with 1900, and mistakes.
  const since = (row: number, years: Float64Array, start: number) =>
    years[row]! < 1990 ? 0 : Math.max(0, Math.floor((dates[row]! - start) / day));
  const whole = (count: number, most: number) => Math.min(most, Math.floor(count));
  return withColumns(table, {
    CompetitionOpenSinceYear: year,
    Promo2SinceYear: promoYear,
    CompetitionMonthsOpen: dates.map((_, row) =>
      whole(since(row, year, Date.UTC(year[row]!, month[row]! - 1, 15)) / 30, 24),
    ),
    Promo2Weeks: dates.map((_, row) =>
      whole(since(row, promoYear, mondayOf(promoYear[row]!, promoWeek[row]!)) / 7, 25),
    ),
  });
}

/** The Monday of a week of a year (ISO 8601), in milliseconds since 1970. */
function mondayOf(year: number, week: number): number {
  const fourth = Date.UTC(year, 0, 4); // is always in the first week
  const weekday = (new Date(fourth).getUTCDay() + 6) % 7;
  return fourth + (7 * (week - 1) - weekday) * day;
}
