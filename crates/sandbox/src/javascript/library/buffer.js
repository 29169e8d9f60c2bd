// Buffer, as scripts for Node use it to handle text and bytes.
(function (shared) {
  'use strict'
  const { native, taken, load, fromBytes } = shared
  const { Uint8Array, ArrayBuffer, Array, DataView, TypeError, String, Object, Math } = taken
  const LABELS = { utf8: 'utf-8', utf16le: 'utf-16le', ucs2: 'utf-16le', latin1: 'latin1', binary: 'latin1', ascii: 'latin1' }
  function fromCharacters(text) {
    const bytes = new Uint8Array(text.length)
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
    return bytes
  }

  function encoded(text, encoding) {
    const name = String(encoding).toLowerCase().replace(/^(utf|utf16|ucs)-/, '$1')
    if (name === 'utf8') return native.encode(text.toWellFormed())
    if (name === 'hex') return Uint8Array.from(text.match(/[0-9a-f]{2}/gi) ?? [], (pair) => parseInt(pair, 16))
    if (name === 'base64' || name === 'base64url') {
      const plain = text.replace(/-/g, '+').replace(/_/g, '/').replace(/[^A-Za-z0-9+/]/g, '')
      return Uint8Array.fromBase64(plain.slice(0, plain.length - (plain.length % 4 === 1 ? 1 : 0)))
    }
    if (['latin1', 'binary', 'ascii'].includes(name)) return fromCharacters(text)
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
    static alloc(size, fill = 0) { return new Buffer(size).fill(fill) }
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
    write(text, offset = 0, length = this.length - offset, encoding = 'utf8') {
      if (typeof offset === 'string') [offset, length, encoding] = [0, this.length, offset]
      else if (typeof length === 'string') [length, encoding] = [this.length - offset, length]
      const bytes = encoded(String(text), encoding).subarray(0, Math.min(length, this.length - offset))
      this.set(bytes, offset)
      return bytes.length
    }
    copy(target, at = 0, start = 0, end = this.length) {
      const bytes = this.subarray(start, Math.min(end, start + target.length - at))
      target.set(bytes, at)
      return bytes.length
    }
    fill(value, start, end) {
      if (typeof value !== 'string' && !(value instanceof Uint8Array)) return super.fill(value, start, end)
      const bytes = typeof value === 'string' ? encoded(value, 'utf8') : value
      const part = this.subarray(start, end)
      for (let i = 0; i < part.length; i++) part[i] = bytes.length ? bytes[i % bytes.length] : 0
      return this
    }
    indexOf(value, from = 0, encoding = 'utf8') {
      if (typeof value === 'number') return super.indexOf(value, from)
      const bytes = typeof value === 'string' ? encoded(value, encoding) : value
      for (let at = from; at <= this.length - bytes.length; at++) {
        if (bytes.every((byte, i) => this[at + i] === byte)) return at
      }
      return -1
    }
    includes(value, from, encoding) { return this.indexOf(value, from, encoding) !== -1 }
    // Like `subarray`: Node's buffers share their bytes.
    slice(start, end) { return this.subarray(start, end) }
    equals(other) { return Buffer.compare(this, other) === 0 }
    toString(encoding = 'utf8', start = 0, end = this.length) {
      const bytes = new Uint8Array(this.buffer, this.byteOffset, this.length).subarray(start, end)
      const name = String(encoding).toLowerCase().replace(/^(utf|utf16|ucs)-/, '$1')
      if (name === 'hex') return bytes.toHex()
      if (name === 'base64') return bytes.toBase64()
      if (name === 'base64url') return bytes.toBase64({ alphabet: 'base64url', omitPadding: true })
      if (name === 'ascii') return fromBytes(bytes.map((byte) => byte & 127))
      if (['latin1', 'binary'].includes(name)) return fromBytes(bytes)
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

  // readUInt32LE and its like.
  const NUMBERS = { Int8: 1, Uint8: 1, Int16: 2, Uint16: 2, Int32: 4, Uint32: 4, Float32: 4, Float64: 8, BigInt64: 8, BigUint64: 8 }
  const OTHER_NAMES = { Float32: 'Float', Float64: 'Double', BigUint64: 'BigUInt64', Uint8: 'UInt8', Uint16: 'UInt16', Uint32: 'UInt32' }
  for (const kind of Object.keys(NUMBERS)) {
    for (const order of NUMBERS[kind] === 1 ? [''] : ['LE', 'BE']) {
      const isLittle = order === 'LE'
      const view = (buffer) => new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
      const methods = {
        read(at = 0) { return view(this)[`get${kind}`](at, isLittle) },
        write(value, at = 0) { view(this)[`set${kind}`](at, value, isLittle); return at + NUMBERS[kind] },
      }
      for (const action of ['read', 'write']) {
        for (const name of [kind, OTHER_NAMES[kind] ?? kind]) {
          Object.defineProperty(Buffer.prototype, action + name + order, { value: methods[action], writable: true, configurable: true })
        }
      }
    }
  }
  return { Buffer }
})
