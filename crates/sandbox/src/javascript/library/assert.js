// Whether values are the same in every part, and Node's `assert`.
(function (shared) {
  'use strict'
  const { load, taken } = shared
  const { Map, Set, Error, Object, Date, RegExp, Array, Promise } = taken
  const show = (value) => load('inspect').inspect(value)

  function isSame(a, b, isStrict, seen = new Map()) {
    if (isStrict ? Object.is(a, b) : a == b || (a !== a && b !== b)) return true
    if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
    if (isStrict && Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false
    if (seen.get(a) === b) return true
    seen.set(a, b)
    if (a instanceof Date && b instanceof Date && a.getTime() !== b.getTime()) return false
    if (a instanceof RegExp && String(a) !== String(b)) return false
    if (a instanceof Error && (a.name !== b.name || a.message !== b.message)) return false
    if (Array.isArray(a) !== Array.isArray(b) || a.length !== b.length) return false
    if (a instanceof Set || b instanceof Set) {
      return a instanceof Set && b instanceof Set && a.size === b.size
        && [...a].every((item) => b.has(item) || [...b].some((other) => isSame(item, other, isStrict, seen)))
    }
    if (a instanceof Map || b instanceof Map) {
      return a instanceof Map && b instanceof Map && a.size === b.size
        && [...a].every(([key, item]) => b.has(key) && isSame(item, b.get(key), isStrict, seen))
    }
    const keys = Object.keys(a)
    return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && isSame(a[key], b[key], isStrict, seen))
  }

  class AssertionError extends Error {
    name = 'AssertionError'
    code = 'ERR_ASSERTION'
    constructor({ message, actual, expected, operator }) {
      super(message)
      Object.assign(this, { actual, expected, operator })
    }
  }
  function check(holds, message, text, parts = {}) {
    if (holds) return
    if (message instanceof Error) throw message
    throw new AssertionError({ message: message ?? text(), ...parts })
  }
  const comparing = (operator, holds, text) => (actual, expected, message) =>
    check(holds(actual, expected), message, () => `${text}: ${show(actual)} and ${show(expected)}`, { actual, expected, operator })

  function isExpected(error, expected) {
    if (expected === undefined) return true
    if (expected instanceof RegExp) return expected.test(String(error))
    if (typeof expected === 'function') return expected.prototype !== undefined && error instanceof expected || (!(expected.prototype instanceof Error) && expected !== Error && expected(error) === true)
    return Object.keys(expected).every((key) => expected[key] instanceof RegExp ? expected[key].test(error[key]) : isSame(error[key], expected[key], true))
  }
  function thrown(error, expected, message) {
    if (typeof expected === 'string') [expected, message] = [undefined, expected]
    if (!isExpected(error, expected)) check(false, message, () => `Another error was expected: ${error}`)
  }

  const ok = (value, message) => check(value, message, () => `The value ${show(value)} is not true`, { actual: value, expected: true, operator: '==' })
  const assert = (value, message) => ok(value, message)
  const strict = {
    ok,
    strictEqual: comparing('strictEqual', Object.is, 'Expected values to be strictly equal'),
    notStrictEqual: comparing('notStrictEqual', (a, b) => !Object.is(a, b), 'Expected values to be different'),
    deepStrictEqual: comparing('deepStrictEqual', (a, b) => isSame(a, b, true), 'Expected values to be strictly deep-equal'),
    notDeepStrictEqual: comparing('notDeepStrictEqual', (a, b) => !isSame(a, b, true), 'Expected values to be different'),
    match: comparing('match', (text, pattern) => pattern.test(text), 'The text does not match'),
    doesNotMatch: comparing('doesNotMatch', (text, pattern) => !pattern.test(text), 'The text matches'),
    fail: (message) => check(false, message, () => 'Failed'),
    ifError: (value) => { if (value != null) throw value },
    throws(call, expected, message) {
      try { call() } catch (error) { return thrown(error, expected, message) }
      check(false, message, () => 'Missing expected exception.')
    },
    doesNotThrow: (call) => { call() },
    async rejects(promise, expected, message) {
      try { await (typeof promise === 'function' ? promise() : Promise.resolve(promise)) } catch (error) { return thrown(error, expected, message) }
      check(false, message, () => 'Missing expected rejection.')
    },
    AssertionError,
  }
  Object.assign(assert, strict, {
    equal: comparing('==', (a, b) => isSame(a, b, false) && (typeof a !== 'object' || a === b), 'Expected values to be equal'),
    notEqual: comparing('!=', (a, b) => a != b, 'Expected values to be different'),
    deepEqual: comparing('deepEqual', (a, b) => isSame(a, b, false), 'Expected values to be loosely deep-equal'),
    notDeepEqual: comparing('notDeepEqual', (a, b) => !isSame(a, b, false), 'Expected values to be different'),
    strict: Object.assign((value, message) => ok(value, message), strict,
      { equal: strict.strictEqual, notEqual: strict.notStrictEqual, deepEqual: strict.deepStrictEqual, notDeepEqual: strict.notDeepStrictEqual }),
  })
  return { assert, isDeepStrictEqual: (a, b) => isSame(a, b, true) }
})
