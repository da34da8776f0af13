/**
 * @fai/collab will hold ratings, dot-product and neural models, and the interpretation of their embeddings.
 * Nothing of it is built yet, so this package exports nothing.
 */
export {};
