/**
 * @fai/tabular will hold Arrow tables, date parts, categories, normalizing and the tabular model.
 * Nothing of it is built yet, so this package exports nothing.
 */
export {};
