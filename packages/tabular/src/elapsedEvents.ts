import { cellsOf, type Table, withColumns } from "./arrow.js";
import { groupOrder } from "./groupOrder.js";

/** Options of `elapsedEvents`. */
export interface ElapsedEventsOptions {
  /** Columns whose rows happen apart: a shop. */
  group: string | readonly string[];
  /** Column of the dates. */
  date: string;
  /** Columns that say whether something happened: true or not 0 (as texts: not "", "0" and "false"). */
  events: readonly string[];
  /** What stands where a group had no such event before (or after) (0, as the course has it; Number.NaN: missing). */
  none?: number;
}

/**
 * The table with `After<event>`, the days since the group's last event, and `Before<event>`, the days until the next one, negative as
 * the course has them; both are 0 on the day itself. Rows stay in their order.
 */
export function elapsedEvents(table: Table, { events, none = 0, ...by }: ElapsedEventsOptions): Table {
  const { rows, starts, days } = groupOrder(table, by);
  const added: Record<string, Float64Array> = {};
  for (const event of events) {
    const happened = cellsOf(table, event).map(
      (cell) => cell !== null && cell !== false && cell !== 0 && !/^(0|false|)$/i.test(String(cell)),
    );
    const [after, before] = [new Float64Array(table.numRows), new Float64Array(table.numRows)];
    let last = Number.NaN;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      if (starts[i]) last = Number.NaN;
      if (happened[row]) last = days[row]!;
      after[row] = Number.isNaN(last) ? none : days[row]! - last;
    }
    last = Number.NaN;
    for (let i = rows.length - 1; i >= 0; i--) {
      const row = rows[i]!;
      if (happened[row]) last = days[row]!;
      before[row] = Number.isNaN(last) ? none : days[row]! - last;
      if (starts[i]) last = Number.NaN;
    }
    added[`After${event}`] = after;
    added[`Before${event}`] = before;
  }
  return withColumns(table, added);
}
