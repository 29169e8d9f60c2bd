// structuredClone.
(function (shared) {
  'use strict'
  const { taken } = shared
  const { Map, Set, Error, Object, Array, ArrayBuffer, Date, RegExp, String } = taken
  const ERRORS = ['EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError']

  function refuse(value) {
    const text = typeof value === 'symbol' || typeof value === 'function' ? String(value) : Object.prototype.toString.call(value)
    const message = `${text} could not be cloned.`
    if (typeof DOMException === 'function') throw new DOMException(message, 'DataCloneError')
    const error = new Error(message)
    error.name = 'DataCloneError'
    throw error
  }

  function copy(value, seen) {
    if (typeof value === 'function' || typeof value === 'symbol') refuse(value)
    if (typeof value !== 'object' || value === null) return value
    if (seen.has(value)) return seen.get(value)
    const keep = (made) => { seen.set(value, made); return made }
    const fill = (made) => {
      for (const key of Object.keys(value)) made[key] = copy(value[key], seen)
      return made
    }
    if (Array.isArray(value)) return fill(keep(new Array(value.length)))
    if (value instanceof Map) {
      const made = keep(new Map())
      for (const [key, item] of [...value]) made.set(copy(key, seen), copy(item, seen))
      return made
    }
    if (value instanceof Set) {
      const made = keep(new Set())
      for (const item of [...value]) made.add(copy(item, seen))
      return made
    }
    if (value instanceof Date) return keep(new Date(value.getTime()))
    if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags))
    if (value instanceof Error) {
      const kind = ERRORS.includes(value.name) ? globalThis[value.name] : Error
      const copied = keep(new (kind ?? Error)(value.message))
      for (const key of ['stack', 'cause']) {
        if (Object.hasOwn(value, key)) {
          Object.defineProperty(copied, key, { value: copy(value[key], seen), writable: true, configurable: true })
        }
      }
      return copied
    }
    if (value instanceof ArrayBuffer) return keep(value.slice(0))
    if (ArrayBuffer.isView(value)) {
      const buffer = copy(value.buffer, seen)
      const length = value instanceof taken.DataView ? value.byteLength : value.length
      return keep(new value.constructor(buffer, value.byteOffset, length))
    }
    if (value instanceof taken.Promise || value instanceof taken.WeakMap || value instanceof taken.WeakSet) refuse(value)
    for (const kind of [taken.Number, taken.String, true.constructor, taken.BigInt]) {
      if (value instanceof kind) return keep(Object(value.valueOf()))
    }
    return fill(keep({}))
  }

  function structuredClone(value) {
    if (arguments.length === 0) throw new taken.TypeError('structuredClone needs a value')
    return copy(value, new Map())
  }
  return { structuredClone }
})
