// Events, as browsers and Node have them, and what aborts work that waits.
(function (shared) {
  'use strict'
  const { taken } = shared
  const { Error, Map, Object, Array, TypeError } = taken
  const { setTimeout } = globalThis

  class Event {
    constructor(type, options = {}) {
      Object.assign(this, { type: String(type), cancelable: Boolean(options.cancelable), defaultPrevented: false, target: null })
    }
    preventDefault() { if (this.cancelable) this.defaultPrevented = true }
    stopImmediatePropagation() { this.isStopped = true }
  }

  class EventTarget {
    #listeners = []
    addEventListener(type, listener, options) {
      const once = Boolean(options?.once)
      if (!this.#listeners.some((known) => known.type === type && known.listener === listener)) this.#listeners.push({ type, listener, once })
    }
    removeEventListener(type, listener) {
      this.#listeners = this.#listeners.filter((known) => known.type !== type || known.listener !== listener)
    }
    dispatchEvent(event) {
      event.target = this
      for (const known of this.#listeners.filter((known) => known.type === event.type)) {
        if (known.once) this.removeEventListener(known.type, known.listener)
        if (typeof known.listener === 'function') known.listener.call(this, event)
        else known.listener.handleEvent(event)
        if (event.isStopped) break
      }
      return !event.defaultPrevented
    }
  }

  function named(name, message) {
    if (typeof DOMException === 'function') return new DOMException(message, name)
    return Object.assign(new Error(message), { name })
  }

  class AbortSignal extends EventTarget {
    aborted = false
    reason = undefined
    onabort = null
    throwIfAborted() { if (this.aborted) throw this.reason }
    static abort(reason) {
      const signal = new AbortSignal()
      abort(signal, reason)
      return signal
    }
    static timeout(delay) {
      const signal = new AbortSignal()
      setTimeout(() => abort(signal, named('TimeoutError', 'The operation was aborted due to timeout')), delay)
      return signal
    }
    static any(signals) {
      const signal = new AbortSignal()
      for (const other of signals) {
        if (other.aborted) abort(signal, other.reason)
        else other.addEventListener('abort', () => abort(signal, other.reason))
      }
      return signal
    }
  }

  function abort(signal, reason = named('AbortError', 'This operation was aborted')) {
    if (signal.aborted) return
    Object.assign(signal, { aborted: true, reason })
    const event = new Event('abort')
    signal.onabort?.(event)
    signal.dispatchEvent(event)
  }

  class AbortController {
    signal = new AbortSignal()
    abort(reason) { abort(this.signal, reason) }
  }

  class EventEmitter {
    #listeners = new Map()
    #of(name) { return this.#listeners.get(name) ?? [] }
    #add(name, listener, once, isFirst) {
      if (typeof listener !== 'function') throw new TypeError('The listener must be a function')
      const known = { listener, once }
      this.#listeners.set(name, isFirst ? [known, ...this.#of(name)] : [...this.#of(name), known])
      return this
    }
    on(name, listener) { return this.#add(name, listener, false, false) }
    once(name, listener) { return this.#add(name, listener, true, false) }
    prependListener(name, listener) { return this.#add(name, listener, false, true) }
    off(name, listener) {
      const known = this.#of(name)
      const at = known.findLastIndex((one) => one.listener === listener)
      if (at >= 0) this.#listeners.set(name, known.toSpliced(at, 1))
      return this
    }
    emit(name, ...values) {
      const known = this.#of(name)
      if (known.length === 0 && name === 'error') throw values[0] instanceof Error ? values[0] : new Error(`Unhandled error. (${values[0]})`)
      for (const { listener, once } of known) {
        if (once) this.off(name, listener)
        listener.apply(this, values)
      }
      return known.length > 0
    }
    removeAllListeners(name) {
      if (name === undefined) this.#listeners.clear()
      else this.#listeners.delete(name)
      return this
    }
    listeners(name) { return this.#of(name).map(({ listener }) => listener) }
    listenerCount(name) { return this.#of(name).length }
    eventNames() { return Array.from(this.#listeners.keys()).filter((name) => this.#of(name).length > 0) }
    setMaxListeners() { return this }
    static once(emitter, name) {
      return new Promise((resolve, reject) => {
        emitter.once(name, (...values) => resolve(values))
        if (name !== 'error') emitter.once('error', reject)
      })
    }
  }
  const { prototype } = EventEmitter
  Object.assign(prototype, { addListener: prototype.on, removeListener: prototype.off })
  for (const name of Object.keys(prototype)) Object.defineProperty(prototype, name, { enumerable: false })
  EventEmitter.EventEmitter = EventEmitter
  return { Event, EventTarget, AbortController, AbortSignal, EventEmitter }
})
