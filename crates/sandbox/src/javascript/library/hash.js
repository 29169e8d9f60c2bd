// Digests: `createHash` and `createHmac` of Node, and `crypto.subtle.digest`.
(function (shared) {
  'use strict'
  const { native, load, toBase64, taken } = shared
  const { Uint8Array, ArrayBuffer, Error, String } = taken
  const bytesOf = (data, encoding) => typeof data === 'string' ? load('buffer').Buffer.from(data, encoding)
    : data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

  class Hash {
    #algorithm
    #key
    #pieces = []
    constructor(algorithm, key) {
      this.#algorithm = String(algorithm).toLowerCase().replace(/^rsa-/, '').replace(/^(sha)-/, '$1')
      this.#key = key === undefined ? undefined : toBase64(bytesOf(key))
      this.#digest()
    }
    update(data, encoding) {
      this.#pieces.push(bytesOf(data, encoding).slice())
      return this
    }
    digest(encoding) {
      const bytes = load('buffer').Buffer.from(this.#digest())
      return encoding === undefined || encoding === 'buffer' ? bytes : bytes.toString(encoding)
    }
    #digest() {
      const { Buffer } = load('buffer')
      const bytes = native.digest(this.#algorithm, toBase64(Buffer.concat(this.#pieces)), this.#key)
      if (bytes === undefined) throw new Error(`The digest ${this.#algorithm} is not available in this sandbox: it has md5, sha1, sha256, sha384 and sha512`)
      return bytes
    }
  }
  const createHash = (algorithm) => new Hash(algorithm)
  const createHmac = (algorithm, key) => new Hash(algorithm, key)
  const hash = (algorithm, data, encoding = 'hex') => createHash(algorithm).update(data).digest(encoding)

  const refused = (name) => async () => { throw new Error(`crypto.subtle.${name} is not available in this sandbox: it has digest`) }
  const subtle = {
    async digest(algorithm, data) {
      const bytes = new Uint8Array(createHash(algorithm?.name ?? algorithm).update(data).digest())
      return bytes.buffer
    },
  }
  for (const name of ['sign', 'verify', 'encrypt', 'decrypt', 'generateKey', 'deriveKey', 'deriveBits', 'importKey', 'exportKey']) subtle[name] = refused(name)
  return { createHash, createHmac, hash, subtle }
})
