// URL and URLSearchParams. Addresses are parsed by the worker.
(function (shared) {
  'use strict'
  const { native, taken, toBase64 } = shared
  const { TypeError, String, Array, Symbol, Object } = taken

  function encoded(text) {
    return encodeURIComponent(text.toWellFormed()).replace(/%20/g, '+')
      .replace(/[!'()~]/g, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase())
  }

  function decoded(text) {
    text = text.replaceAll('+', ' ')
    if (!text.includes('%')) return text
    try { return decodeURIComponent(text) } catch { /* Not UTF-8: what cannot be read is replaced. */ }
    const bytes = []
    for (let at = 0; at < text.length; at++) {
      const code = /^%[0-9a-f]{2}$/i.test(text.slice(at, at + 3)) ? parseInt(text.slice(at + 1, at += 3), 16) : -1
      if (code >= 0) { bytes.push(code); at-- } else bytes.push(...native.encode(text[at]))
    }
    return native.decode('utf-8', toBase64(taken.Uint8Array.from(bytes)), false, true)
  }

  function parsed(text) {
    return text.split('&').filter(Boolean).map((pair) => {
      const at = pair.indexOf('=')
      return at < 0 ? [decoded(pair), ''] : [decoded(pair.slice(0, at)), decoded(pair.slice(at + 1))]
    })
  }

  function pairsOf(init) {
    if (init === undefined || init === null) return []
    if (typeof init === 'object' || typeof init === 'function') {
      if (typeof init[Symbol.iterator] !== 'function') {
        return Object.keys(init).map((key) => [key.toWellFormed(), String(init[key]).toWellFormed()])
      }
      return Array.from(init, (pair) => {
        const [key, value, ...more] = pair
        if (pair.length < 2 || more.length) throw new TypeError('Each query pair must be an iterable [name, value] tuple')
        return [String(key).toWellFormed(), String(value).toWellFormed()]
      })
    }
    const text = String(init)
    return parsed(text.startsWith('?') ? text.slice(1) : text)
  }

  const changed = Symbol('changed')
  class URLSearchParams {
    #pairs
    constructor(init) { this.#pairs = pairsOf(init) }
    #set(pairs) { this.#pairs = pairs; this[changed]?.() }
    get size() { return this.#pairs.length }
    append(name, value) { this.#set([...this.#pairs, [String(name).toWellFormed(), String(value).toWellFormed()]]) }
    delete(name, value) {
      this.#set(this.#pairs.filter(([key, item]) => key !== String(name) || (value !== undefined && item !== String(value))))
    }
    get(name) { return this.#pairs.find(([key]) => key === String(name))?.[1] ?? null }
    getAll(name) { return this.#pairs.filter(([key]) => key === String(name)).map(([, value]) => value) }
    has(name, value) { return this.#pairs.some(([key, item]) => key === String(name) && (value === undefined || item === String(value))) }
    set(name, value) {
      const pairs = []
      let isSet = false
      for (const pair of this.#pairs) {
        if (pair[0] !== String(name)) pairs.push(pair)
        else if (!isSet) { pairs.push([pair[0], String(value).toWellFormed()]); isSet = true }
      }
      if (!isSet) pairs.push([String(name).toWellFormed(), String(value).toWellFormed()])
      this.#set(pairs)
    }
    sort() { this.#set(this.#pairs.toSorted(([a], [b]) => a < b ? -1 : a > b ? 1 : 0)) }
    forEach(callback, self) { for (const [key, value] of this.#pairs) callback.call(self, value, key, this) }
    *entries() { for (const [key, value] of this.#pairs) yield [key, value] }
    *keys() { for (const [key] of this.#pairs) yield key }
    *values() { for (const [, value] of this.#pairs) yield value }
    [Symbol.iterator]() { return this.entries() }
    toString() { return this.#pairs.map(([key, value]) => `${encoded(key)}=${encoded(value)}`).join('&') }
    toJSON() { return this.toString() }
    [Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
      if (this.#pairs.length === 0) return 'URLSearchParams {}'
      return `URLSearchParams { ${this.#pairs.map(([key, value]) => `${inspect(key)} => ${inspect(value)}`).join(', ')} }`
    }
  }

  const PARTS = ['href', 'origin', 'protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search', 'hash']
  class URL {
    #parts
    #searchParams
    constructor(address, base) {
      this.#read(native.parseUrl(String(address).toWellFormed(), base === undefined ? undefined : String(base).toWellFormed()))
    }
    #read(parts) {
      if (parts === undefined) {
        const error = new TypeError('Invalid URL')
        error.code = 'ERR_INVALID_URL'
        throw error
      }
      this.#parts = parts
    }
    static canParse(address, base) {
      return native.parseUrl(String(address), base === undefined ? undefined : String(base)) !== undefined
    }
    static parse(address, base) {
      try { return new URL(address, base) } catch { return null }
    }
    static of(url, name) { return url.#parts[PARTS.indexOf(name)] }
    static change(url, name, value) {
      url.#read(name === 'href' ? native.parseUrl(String(value), undefined)
        : native.changeUrl(url.#parts[0], name, String(value).toWellFormed()))
      if (url.#searchParams && (name === 'search' || name === 'href')) url.#searchParams = undefined
    }
    get searchParams() {
      if (this.#searchParams === undefined) {
        const params = new URLSearchParams(of(this, 'search'))
        params[changed] = () => { this.#read(native.changeUrl(this.#parts[0], 'search', params.toString())) }
        Object.defineProperty(params, changed, { enumerable: false })
        this.#searchParams = params
      }
      return this.#searchParams
    }
    toString() { return this.href }
    toJSON() { return this.href }
    [Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
      const shown = Object.fromEntries([...PARTS.slice(0, -1), 'searchParams', 'hash'].map((name) => [name, this[name]]))
      return `URL ${inspect(shown)}`
    }
  }
  const { of, change } = URL
  delete URL.of
  delete URL.change
  for (const name of PARTS) {
    const set = name === 'origin' ? undefined : function (value) { change(this, name, value) }
    Object.defineProperty(URL.prototype, name, { get() { return of(this, name) }, set, configurable: true, enumerable: true })
  }
  Object.defineProperty(URL.prototype, Symbol.toStringTag, { value: 'URL', configurable: true })
  Object.defineProperty(URLSearchParams.prototype, Symbol.toStringTag, { value: 'URLSearchParams', configurable: true })
  return { URL, URLSearchParams }
})
