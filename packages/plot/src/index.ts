/**
 * @fai/plot will hold Vega-Lite specifications of every chart, rendered to SVG, PNG, HTML or a notebook.
 * Nothing of it is built yet, so this package exports nothing.
 */
export {};
