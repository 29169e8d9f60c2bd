// TextEncoder, TextDecoder and crypto.
(function (shared) {
  'use strict'
  const { native, taken, load, toBase64 } = shared
  const { Uint8Array, ArrayBuffer, TypeError, RangeError, Error, String } = taken

  class TextEncoder {
    get encoding() { return 'utf-8' }
    encode(text = '') { return native.encode(String(text).toWellFormed()) }
    encodeInto(text, target) {
      let [read, written] = [0, 0]
      for (const c of String(text).toWellFormed()) {
        const bytes = native.encode(c)
        if (written + bytes.length > target.length) break
        target.set(bytes, written)
        read += c.length
        written += bytes.length
      }
      return { read, written }
    }
  }

  function bytesOf(data) {
    if (data === undefined) return new Uint8Array()
    if (data instanceof ArrayBuffer || data instanceof taken.SharedArrayBuffer) return new Uint8Array(data)
    if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    throw new TypeError('The bytes to decode must be an ArrayBuffer or a view of one')
  }

  // How many bytes at the end may be the beginning of a character.
  function unfinished(bytes, encoding) {
    if (encoding === 'utf-16le' || encoding === 'utf-16be') {
      const odd = bytes.length % 2
      const high = bytes[bytes.length - odd - (encoding === 'utf-16le' ? 1 : 2)]
      return odd + (bytes.length > 1 && high >= 0xd8 && high < 0xdc ? 2 : 0)
    }
    if (encoding !== 'utf-8') return 0
    for (let back = 1; back <= 3 && back <= bytes.length; back++) {
      const byte = bytes[bytes.length - back]
      if (byte < 0x80) return 0
      if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0
    }
    return 0
  }

  const STREAMED = ['utf-8', 'utf-16le', 'utf-16be']
  class TextDecoder {
    #fatal
    #ignoreBOM
    #encoding
    #rest = new Uint8Array()
    #hasBegun = false
    constructor(label = 'utf-8', { fatal = false, ignoreBOM = false } = {}) {
      this.#encoding = native.encoding(String(label).trim())
      if (this.#encoding === undefined) throw new RangeError(`The "${label}" encoding is not supported`)
      this.#fatal = Boolean(fatal)
      this.#ignoreBOM = Boolean(ignoreBOM)
    }
    get encoding() { return this.#encoding }
    get fatal() { return this.#fatal }
    get ignoreBOM() { return this.#ignoreBOM }
    decode(data, { stream = false } = {}) {
      let bytes = bytesOf(data)
      if (this.#rest.length) {
        const whole = new Uint8Array(this.#rest.length + bytes.length)
        whole.set(this.#rest)
        whole.set(bytes, this.#rest.length)
        bytes = whole
      }
      if (stream && !STREAMED.includes(this.#encoding) && native.isMultibyte(this.#encoding)) {
        throw new Error(`Decoding ${this.#encoding} in pieces is not available in this sandbox: decode the whole at once`)
      }
      const left = stream ? unfinished(bytes, this.#encoding) : 0
      this.#rest = bytes.slice(bytes.length - left)
      const keepsMark = this.#ignoreBOM || this.#hasBegun
      this.#hasBegun = stream && (this.#hasBegun || bytes.length > left)
      const text = native.decode(this.#encoding, toBase64(bytes.subarray(0, bytes.length - left)), this.#fatal, keepsMark)
      if (text === undefined) throw new TypeError(`The encoded data was not valid for encoding ${this.#encoding}`)
      return text
    }
  }

  const crypto = {
    randomUUID: () => native.randomUuid(),
    getRandomValues(view) {
      if (!ArrayBuffer.isView(view) || view instanceof Float64Array || view instanceof Float32Array || view instanceof taken.DataView) {
        throw new TypeError('crypto.getRandomValues needs an array of integers')
      }
      if (view.byteLength > 65536) throw new RangeError('crypto.getRandomValues gives at most 65536 bytes at once')
      new Uint8Array(view.buffer, view.byteOffset, view.byteLength).set(native.random(view.byteLength))
      return view
    },
    get subtle() { return load('hash').subtle },
  }
  function randomBytes(count) {
    const bytes = new Uint8Array(count)
    for (let at = 0; at < bytes.length; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536))
    return bytes
  }
  Object.defineProperty(crypto, Symbol.toStringTag, { value: 'Crypto' })
  for (const [kind, name] of [[TextEncoder, 'TextEncoder'], [TextDecoder, 'TextDecoder']]) {
    Object.defineProperty(kind.prototype, Symbol.toStringTag, { value: name, configurable: true })
  }
  return { TextEncoder, TextDecoder, crypto, randomBytes }
})
