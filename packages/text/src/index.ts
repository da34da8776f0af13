/**
 * @fai/text will hold a tokenizer, vocabularies, language-model batches, AWD-LSTM and a classifier.
 * Nothing of it is built yet, so this package exports nothing.
 */
export {};
