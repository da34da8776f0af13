// What `vitest` means in a bundle of tests for another platform: Vitest's own runner and matchers, without Vite, its processes and
// its native parts.
import {
  ASYMMETRIC_MATCHERS_OBJECT,
  chai,
  GLOBAL_EXPECT,
  getState,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
  setState,
} from "@vitest/expect";

export { afterAll, afterEach, beforeAll, beforeEach, describe, it, suite, test } from "@vitest/runner";

chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);

/** @param {unknown} value @param {string} [message] */
const assert = (value, message) => chai.expect(value, message);

/** The matchers that the tests know. */
export const expect = Object.assign(assert, chai.expect, Reflect.get(globalThis, ASYMMETRIC_MATCHERS_OBJECT), {
  getState: () => getState(expect),
  setState: (/** @type {object} */ state) => setState(state, expect),
});
Reflect.set(globalThis, GLOBAL_EXPECT, expect);
setState({ assertionCalls: 0, expectedAssertionsNumber: null, isExpectingAssertions: false }, expect);
