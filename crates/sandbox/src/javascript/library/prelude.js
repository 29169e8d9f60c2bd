// What a script finds besides the language itself. It is evaluated to a function that gets the
// natives, keeps them out of the script's reach, and returns what the worker calls. What it uses is
// taken before the script can change it. Long texts are cut before they leave the engine, whose
// memory is limited, for the worker's, which is larger. Parts that few scripts need are read when
// they are needed: `native.load` evaluates another file of this folder.
(function (native) {
  'use strict'
  const { Map, Set, Error, TypeError, RangeError, Uint8Array, ArrayBuffer, String, Number, Object, Array,
    RegExp, Date, Symbol, Promise, BigInt, WeakMap, WeakSet, Function, SharedArrayBuffer, DataView, Math, Reflect } = globalThis
  const { stringify, parse } = JSON
  const { defineProperty, freeze, getPrototypeOf } = Object
  const { isArray, from: arrayFrom } = Array
  const { isView } = ArrayBuffer
  const call = Function.prototype.call
  const wellFormed = call.bind(String.prototype.toWellFormed)
  const subarray = call.bind(Uint8Array.prototype.subarray)
  const slice = call.bind(String.prototype.slice)
  const join = call.bind(Array.prototype.join)
  const push = call.bind(Array.prototype.push)
  const pop = call.bind(Array.prototype.pop)
  const mapSet = call.bind(Map.prototype.set)
  const mapGet = call.bind(Map.prototype.get)
  const mapDelete = call.bind(Map.prototype.delete)
  const mapSize = call.bind(Object.getOwnPropertyDescriptor(Map.prototype, 'size').get)
  const mapValues = call.bind(Map.prototype.values)
  const next = call.bind(getPrototypeOf(new Map().values()).next)
  const now = performance.now.bind(performance)
  const { apply } = Reflect
  const { fromCharCode } = String
  const toBase64 = call.bind(Uint8Array.prototype.toBase64)
  const taken = { Map, Set, Error, TypeError, RangeError, Uint8Array, ArrayBuffer, String, Number, Object, Array,
    RegExp, Date, Symbol, Promise, BigInt, WeakMap, WeakSet, Function, SharedArrayBuffer, DataView, Math, Reflect }

  const parts = { __proto__: null }
  const load = (name) => (parts[name] ??= native.load(name)(shared))
  const shared = { native, taken, load, fromBytes, toBase64 }

  // Output.

  let indentation = ''
  const format = (values) => {
    const [first] = values
    if (values.length === 1 && typeof first === 'string') return first
    try { return load('inspect').format(values) } catch (error) {
      if (error === null) throw error
      for (let i = 0; i < values.length; i++) {
        if (typeof values[i] === 'symbol') continue
        try { values[i] = String(values[i]) } catch { values[i] = '[object]' }
      }
      return join(values, ' ')
    }
  }
  const writer = (isError) => (...values) => {
    let text = slice(format(values), 0, native.maxOutput + 1)
    if (indentation) text = indentation + load('inspect').indented(text, indentation)
    native.print(isError, slice(wellFormed(text) + '\n', 0, native.maxOutput + 1))
  }
  const [out, error] = [writer(false), writer(true)]
  const asserted = ([first, ...more]) => typeof first === 'string' ? [`Assertion failed: ${first}`, ...more]
    : first === undefined ? ['Assertion failed'] : ['Assertion failed:', first, ...more]
  const [counts, timers] = [{ __proto__: null }, { __proto__: null }]
  const elapsed = (label) => `${label}: ${Number((now() - (timers[label] ?? now())).toFixed(3))}ms`
  const console = {
    log: out, info: out, debug: out, warn: error, error,
    trace: (...values) => error('Trace:', ...values),
    dir: (value, options) => out(load('inspect').inspect(value, options)),
    dirxml: out,
    table: (rows, columns) => out(load('inspect').table(rows, columns)),
    assert: (holds, ...values) => { if (!holds) error(...asserted(values)) },
    group: (...values) => { if (values.length) out(...values); indentation += '  ' },
    groupEnd: () => { indentation = slice(indentation, 2) },
    count: (label = 'default') => out(`${label}: ${counts[label] = (counts[label] ?? 0) + 1}`),
    countReset: (label = 'default') => { counts[label] = 0 },
    time: (label = 'default') => { timers[label] = now() },
    timeLog: (label = 'default', ...values) => out(elapsed(label), ...values),
    timeEnd: (label = 'default') => { out(elapsed(label)); delete timers[label] },
  }
  console.groupCollapsed = console.group

  // Files.

  function fitting(data) {
    if (data.length <= native.maxFiles) return data
    throw new Error(`A script's files may take at most ${native.maxFiles} bytes`)
  }

  // Text of one character per byte. The natives get bytes in base64.
  function fromBytes(bytes) {
    const pieces = []
    for (let at = 0; at < bytes.length; at += 8192) {
      push(pieces, apply(fromCharCode, null, subarray(bytes, at, at + 8192)))
    }
    return join(pieces, '')
  }

  const files = {
    list: () => native.list(),
    read: (name) => native.read(String(name)),
    readBytes: (name) => native.readBytes(String(name)),
    write(name, data) {
      if (data instanceof ArrayBuffer) data = new Uint8Array(data)
      if (isView(data)) {
        const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
        native.writeBytes(String(name), toBase64(fitting(bytes)))
      } else {
        native.write(String(name), wellFormed(fitting(text(data))))
      }
    },
    remove: (name) => native.remove(String(name)),
  }

  function text(data) {
    if (typeof data === 'object' && data !== null) {
      const json = stringify(data, convert)
      if (json !== undefined) return json
    }
    return String(data)
  }

  // Timers, in real time: the script ends when none is left. They are a binary heap, the next one first.

  const MAX_TIMERS = 10000
  const heap = []
  let waiting = new Map()
  let lastTimer = 0

  const isBefore = (a, b) => a.due < b.due || (a.due === b.due && a.id < b.id)

  function enqueue(timer) {
    if (mapSize(waiting) >= MAX_TIMERS) throw new RangeError(`A script may have at most ${MAX_TIMERS} timers that wait`)
    mapSet(waiting, timer.id, timer)
    let at = push(heap, timer) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(timer, heap[parent])) break
      heap[at] = heap[parent]
      at = parent
    }
    heap[at] = timer
  }

  function dequeue() {
    const [first, last] = [heap[0], pop(heap)]
    if (first === last) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++
      if (!isBefore(heap[child], last)) break
      heap[at] = heap[child]
      at = child
    }
    heap[at] = last
    return first
  }

  function start(callback, delay, values, repeats) {
    if (typeof callback !== 'function') throw new TypeError('The callback of a timer must be a function')
    delay = Number(delay)
    delay = delay >= 1 && delay < 2 ** 31 ? delay : 1
    enqueue({ id: ++lastTimer, due: now() + delay, delay, callback, values, repeats })
    return lastTimer
  }

  // What is cleared stays in the heap until it would be due, or until there is too much of it.
  function clear(id) {
    mapDelete(waiting, id)
    if (heap.length <= 2 * MAX_TIMERS) return
    heap.length = 0
    const timers = mapValues(waiting)
    waiting = new Map()
    for (let timer = next(timers); !timer.done; timer = next(timers)) enqueue(timer.value)
  }

  // Runs a timer that is due: 0. Else how long the next one will wait; -1 if there is none.
  function tick() {
    while (heap.length > 0 && mapGet(waiting, heap[0].id) !== heap[0]) dequeue()
    if (heap.length === 0) return -1
    const left = heap[0].due - now()
    if (left > 0) return left
    const timer = dequeue()
    mapDelete(waiting, timer.id)
    if (timer.repeats) enqueue({ ...timer, due: now() + timer.delay })
    apply(timer.callback, undefined, timer.values)
    return 0
  }

  // Rejections that nobody has handled yet.

  const unhandled = new Map()
  function rejected(promise, reason, isHandled) {
    if (isHandled) mapDelete(unhandled, promise)
    else mapSet(unhandled, promise, { reason })
  }

  // Results.

  // What JSON would lose: JSON.stringify with this replacer.
  function convert(key, value) {
    if (typeof value === 'bigint') return String(value)
    if (typeof value !== 'object' || value === null || isArray(value)) return value
    if (value instanceof Map || value instanceof Set) return arrayFrom(value)
    if (value instanceof Error) return { name: value.name, message: value.message }
    if (value instanceof RegExp) return String(value)
    if (isView(value) && !(value instanceof DataView)) return arrayFrom(value)
    return value
  }

  // JSON; undefined where there is none, null where it is too long.
  function toJson(value) {
    const json = stringify(value, convert)
    return json !== undefined && json.length > native.maxOutput ? null : json
  }

  // Globals.

  const globals = {
    console: freeze(console), files: freeze(files),
    input: native.input === undefined ? null : parse(native.input),
    setTimeout: (callback, delay, ...values) => start(callback, delay, values, false),
    setInterval: (callback, delay, ...values) => start(callback, delay, values, true),
    setImmediate: (callback, ...values) => start(callback, 0, values, false),
    clearTimeout: clear, clearInterval: clear, clearImmediate: clear,
    require: (name) => load('modules').require(String(name)),
  }
  defineProperty(globals.require, 'main', { get: () => load('modules').module })
  for (const name in globals) {
    defineProperty(globalThis, name, { value: globals[name], writable: true, configurable: true })
  }

  const later = {
    encoding: ['TextEncoder', 'TextDecoder', 'crypto'],
    url: ['URL', 'URLSearchParams'],
    clone: ['structuredClone'],
    intl: ['Intl'],
    node: ['process'],
    buffer: ['Buffer'],
    events: ['EventTarget', 'Event', 'AbortController', 'AbortSignal'],
    modules: ['module', 'exports', '__dirname', '__filename'],
  }
  for (const part in later) {
    for (const name of later[part]) {
      const set = (value) => defineProperty(globalThis, name, { value, writable: true, configurable: true })
      const get = () => { const value = load(part)[name]; set(value); return value }
      defineProperty(globalThis, name, { get, set, configurable: true })
    }
  }

  // What the engine answers without regard to languages and time zones.
  const localized = [
    [Date.prototype, ['toLocaleString', 'toLocaleDateString', 'toLocaleTimeString']],
    [Number.prototype, ['toLocaleString']],
    [BigInt.prototype, ['toLocaleString']],
    [String.prototype, ['localeCompare']],
  ]
  for (const [prototype, names] of localized) {
    for (const name of names) {
      const value = { [name](...values) { return load('intl')[name](this, ...values) } }[name]
      defineProperty(prototype, name, { value, writable: true, configurable: true })
    }
  }

  // The engine does not name its only time zone.
  for (const name of ['toString', 'toTimeString']) {
    const original = call.bind(Date.prototype[name])
    const value = { [name]() { const text = original(this); return text === 'Invalid Date' ? text : `${text} (Coordinated Universal Time)` } }[name]
    defineProperty(Date.prototype, name, { value, writable: true, configurable: true })
  }

  return {
    toJson, tick, rejected,
    rewriteImports: (code) => load('imports').rewriteImports(code),
    unhandled: () => next(mapValues(unhandled)).value,
  }
})
