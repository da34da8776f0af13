/**
 * @fai/vision will hold image data, transforms, models, test-time augmentation and interpretation.
 * Nothing of it is built yet, so this package exports nothing.
 */
export {};
