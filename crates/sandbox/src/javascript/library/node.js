// Buffer and process, as far as scripts for Node use them to handle text and bytes.
(function (shared) {
  'use strict'
  const { native, taken, load } = shared
  const { Uint8Array, ArrayBuffer, Array, Error, TypeError, String, Object, Math } = taken
  const LABELS = { utf8: 'utf-8', utf16le: 'utf-16le', ucs2: 'utf-16le', latin1: 'latin1', binary: 'latin1', ascii: 'latin1' }
  const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  const characters = (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')

  function encoded(text, encoding) {
    const name = String(encoding).toLowerCase().replace(/^(utf|utf16|ucs)-/, '$1')
    if (name === 'utf8') return native.encode(text.toWellFormed())
    if (name === 'hex') return Uint8Array.from(text.match(/[0-9a-f]{2}/gi) ?? [], (pair) => parseInt(pair, 16))
    if (name === 'base64' || name === 'base64url') {
      const plain = text.replace(/-/g, '+').replace(/_/g, '/').replace(/[^A-Za-z0-9+/]/g, '')
      return Uint8Array.from(atob(plain.slice(0, plain.length - (plain.length % 4 === 1 ? 1 : 0))), (c) => c.charCodeAt(0))
    }
    if (['latin1', 'binary', 'ascii'].includes(name)) return Uint8Array.from(text, (c) => c.charCodeAt(0) & 255)
    if (name === 'utf16le' || name === 'ucs2') {
      return Uint8Array.from({ length: text.length * 2 }, (_, i) => (text.charCodeAt(i >> 1) >> (i % 2 * 8)) & 255)
    }
    throw new TypeError(`Unknown encoding: ${encoding}`)
  }

  class Buffer extends Uint8Array {
    static from(data, encoding = 'utf8', length) {
      if (typeof data === 'string') data = encoded(data, encoding)
      else if (data instanceof ArrayBuffer) return new Buffer(data, typeof encoding === 'number' ? encoding : 0, length)
      else if (data?.type === 'Buffer' && Array.isArray(data.data)) data = data.data
      const buffer = new Buffer(data.length)
      buffer.set(data)
      return buffer
    }
    static alloc(size, fill = 0) {
      return new Buffer(size).fill(typeof fill === 'string' ? fill.charCodeAt(0) || 0 : fill)
    }
    static concat(list, total = list.reduce((sum, part) => sum + part.length, 0)) {
      const buffer = new Buffer(total)
      let at = 0
      for (const part of list) {
        buffer.set(part.subarray(0, Math.max(total - at, 0)), at)
        at += part.length
      }
      return buffer
    }
    static isBuffer(value) { return value instanceof Buffer }
    static byteLength(data, encoding = 'utf8') { return typeof data === 'string' ? encoded(data, encoding).length : data.byteLength }
    static compare(a, b) {
      for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i] < b[i] ? -1 : 1
      return Math.sign(a.length - b.length)
    }
    // Like `subarray`: Node's buffers share their bytes.
    slice(start, end) { return this.subarray(start, end) }
    equals(other) { return Buffer.compare(this, other) === 0 }
    toString(encoding = 'utf8', start = 0, end = this.length) {
      const bytes = new Uint8Array(this.buffer, this.byteOffset, this.length).subarray(start, end)
      const name = String(encoding).toLowerCase().replace(/^(utf|utf16|ucs)-/, '$1')
      if (name === 'hex') return hex(bytes)
      if (name === 'base64') return btoa(characters(bytes))
      if (name === 'base64url') return btoa(characters(bytes)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
      if (name === 'ascii') return characters(bytes.map((byte) => byte & 127))
      if (['latin1', 'binary'].includes(name)) return characters(bytes)
      if (LABELS[name] === undefined) throw new TypeError(`Unknown encoding: ${encoding}`)
      return new (load('encoding').TextDecoder)(LABELS[name], { ignoreBOM: true }).decode(bytes)
    }
    toJSON() { return { type: 'Buffer', data: Array.from(this) } }
    [Symbol.for('nodejs.util.inspect.custom')]() {
      const shown = Array.from(this.subarray(0, 50), (byte) => ' ' + byte.toString(16).padStart(2, '0')).join('')
      const more = this.length - 50
      return `<Buffer${shown}${more > 0 ? ` ... ${more} more byte${more > 1 ? 's' : ''}` : ''}>`
    }
  }
  Buffer.allocUnsafe = Buffer.alloc

  const write = (isError, text) => native.print(isError, String(text).slice(0, native.maxOutput + 1).toWellFormed())
  const missing = (name) => () => { throw new Error(`process.${name} is not available in this sandbox`) }
  const process = {
    argv: ['node', 'script.js'], env: {}, platform: 'linux', arch: 'x64', pid: 1,
    version: 'v20.0.0', versions: { node: '20.0.0' }, exitCode: undefined,
    stdout: { write: (text) => { write(false, text); return true } },
    stderr: { write: (text) => { write(true, text); return true } },
    cwd: () => '/files',
    uptime: () => performance.now() / 1000,
    hrtime: Object.assign(
      (before = [0, 0]) => {
        const now = performance.now()
        const [seconds, rest] = [Math.floor(now / 1000) - before[0], Math.floor(now % 1000 * 1e6) - before[1]]
        return rest < 0 ? [seconds - 1, rest + 1e9] : [seconds, rest]
      },
      { bigint: () => taken.BigInt(Math.floor(performance.now() * 1e6)) },
    ),
    nextTick: (callback, ...values) => queueMicrotask(() => callback(...values)),
    on: () => process, once: () => process, off: () => process,
    exit: missing('exit'), kill: missing('kill'), abort: missing('abort'), memoryUsage: missing('memoryUsage'),
  }
  return { Buffer, process }
})
