import type { TopLevelSpec } from "vega-lite";
import { chartConfig, type Theme } from "./theme.js";

/** What every chart can be told. */
export interface ChartOptions {
  /** The look, "light" if absent. */
  readonly theme?: Theme;
  /** Replaces the chart's own title; an empty one leaves the line out. */
  readonly title?: string;
  /** Replaces the chart's own second line; an empty one leaves it out. */
  readonly subtitle?: string;
  /** Of the plotting area, in pixels. */
  readonly width?: number;
  /** Of the plotting area, in pixels. */
  readonly height?: number;
}

/** Removes a key from each member of a union by itself. */
type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** A specification before the theme and the title are put on. */
export type ChartBody = Without<TopLevelSpec, "$schema" | "config" | "title">;

/** Makes a chart's body a whole Vega-Lite 5 specification with the theme, a title and a second line. */
export function chart(body: ChartBody, { theme = "light", title = "", subtitle = "" }: ChartOptions): TopLevelSpec {
  const heading =
    title === "" && subtitle === "" ? {} : { title: { text: title, ...(subtitle !== "" && { subtitle }) } };
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v5.json",
    ...heading,
    config: chartConfig(theme),
    ...body,
  } as TopLevelSpec;
}

/** A number for a reader: about four significant digits, thousands grouped, tiny ones as `3.2e-5`. */
export function formatNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toLocaleString("en-US");
  if (Math.abs(value) < 1e-3) return formatPower(value);
  return value.toLocaleString("en-US", { maximumSignificantDigits: 4 });
}

/** A learning rate for a reader: `3.2e-4`, `1e-2`. */
export function formatPower(value: number): string {
  return value.toExponential(1).replace(".0e", "e").replace("e+", "e");
}
