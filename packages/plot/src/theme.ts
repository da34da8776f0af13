import type { Config } from "vega-lite";

/** Which of the two looks a picture has. */
export type Theme = "light" | "dark";

/** The colors of a theme, each `#rrggbb`. */
export interface Palette {
  /** Behind everything. */
  readonly background: string;
  /** Behind a picture, and an empty cell of a matrix. */
  readonly surface: string;
  /** Titles. */
  readonly ink: string;
  /** Labels and subtitles. */
  readonly muted: string;
  /** Grid lines. */
  readonly grid: string;
  /** Axis lines and ticks. */
  readonly line: string;
  /** What is right, such as a good picture. */
  readonly good: string;
  /** The strongest of a scale that begins with `surface`: a class that is always right. */
  readonly best: string;
  /** What is wrong. */
  readonly bad: string;
  /** Lines and groups, in this order; any two of them differ for every common kind of color vision. */
  readonly series: readonly string[];
}

/** The colors of both themes: blue and orange lead, because no common color blindness confuses them. */
export const palettes: Readonly<Record<Theme, Palette>> = {
  light: {
    background: "#ffffff",
    surface: "#f3f4f6",
    ink: "#16191d",
    muted: "#5c6570",
    grid: "#eceef1",
    line: "#c9ced6",
    good: "#1f5fc4",
    best: "#0b3d8a",
    bad: "#d9650f",
    series: ["#2167d3", "#e0731a", "#32a88e", "#661e40", "#45277b", "#5c4c02", "#015e79", "#ae5d49"],
  },
  dark: {
    background: "#14171c",
    surface: "#1f242b",
    ink: "#eef0f3",
    muted: "#a0a8b4",
    grid: "#242a32",
    line: "#414a56",
    good: "#6ea8ff",
    best: "#6ea8ff",
    bad: "#ff9d52",
    series: ["#6ea8ff", "#ff9d52", "#9df1e0", "#bc7c95", "#876dc8", "#fadd6d", "#86ccee", "#cd5537"],
  },
};

/** The font of every text: Inter, which `@fai/plot/node` brings along, then what a browser may have. */
export const fontFamily = "Inter, 'Helvetica Neue', Helvetica, Arial, sans-serif";

/** The Vega-Lite configuration of a theme. Give it to a specification of your own and it looks like the others. */
export function chartConfig(theme: Theme = "light"): Config {
  const palette = palettes[theme];
  return {
    background: palette.background,
    font: fontFamily,
    padding: 24,
    view: { stroke: null, continuousWidth: 600, continuousHeight: 320, discreteWidth: { step: 28 } },
    title: {
      anchor: "start",
      frame: "bounds",
      color: palette.ink,
      fontSize: 17,
      fontWeight: 600,
      lineHeight: 22,
      offset: 18,
      subtitleColor: palette.muted,
      subtitleFontSize: 13,
      subtitleFontWeight: 400,
      subtitleLineHeight: 18,
      subtitlePadding: 6,
    },
    axis: {
      labelColor: palette.muted,
      labelFontSize: 12,
      labelPadding: 8,
      titleColor: palette.muted,
      titleFontSize: 12,
      titleFontWeight: 400,
      titlePadding: 12,
      domainColor: palette.line,
      tickColor: palette.line,
      tickSize: 4,
      gridColor: palette.grid,
      gridWidth: 1,
    },
    axisX: { grid: false, labelFlush: false, titleAnchor: "end", titleAlign: "right" },
    // The title lies flat above the axis: nobody has to turn their head.
    axisY: {
      domain: false,
      ticks: false,
      grid: true,
      titleAngle: 0,
      titleAlign: "left",
      titleAnchor: "end",
      titleBaseline: "bottom",
      titleX: 0,
      titleY: -12,
    },
    legend: {
      orient: "top",
      direction: "horizontal",
      labelColor: palette.muted,
      labelFontSize: 13,
      labelLimit: 220,
      titleColor: palette.muted,
      titleFontSize: 12,
      titleFontWeight: 400,
      symbolStrokeWidth: 3,
      symbolSize: 260,
      columnPadding: 20,
      rowPadding: 6,
      offset: 14,
    },
    header: { labelColor: palette.ink, labelFontSize: 13, labelFontWeight: 600, titleColor: palette.muted },
    range: { category: [...palette.series], heatmap: [palette.surface, palette.best] },
    line: { strokeWidth: 2.25, strokeCap: "round", strokeJoin: "round", color: palette.series[0] },
    point: { size: 60, filled: true, opacity: 1, color: palette.series[0] },
    bar: { color: palette.series[0], cornerRadiusEnd: 2 },
    rect: { color: palette.series[0] },
    rule: { color: palette.muted },
    text: { color: palette.ink, fontSize: 12 },
  };
}
