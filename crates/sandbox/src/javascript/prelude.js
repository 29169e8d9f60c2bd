// What a script finds besides the language itself. It is evaluated to a function that gets the
// natives, keeps them out of the script's reach, and returns what makes a result of a value.
// Everything it uses is taken before the script can change it. Long texts are cut before they leave
// the engine, whose memory is limited, for the worker's, which is larger.
(function (native) {
  'use strict'
  const { stringify, parse } = JSON
  const { defineProperty, freeze } = Object
  const call = Function.prototype.call
  const wellFormed = call.bind(String.prototype.toWellFormed)
  const subarray = call.bind(Uint8Array.prototype.subarray)
  const slice = call.bind(String.prototype.slice)
  const charCodeAt = call.bind(String.prototype.charCodeAt)
  const join = call.bind(Array.prototype.join)
  const { apply } = Reflect
  const { fromCharCode } = String
  const { isView } = ArrayBuffer
  const [Bytes, Buffer, Text, Failure] = [Uint8Array, ArrayBuffer, String, Error]

  function inspect(value) {
    if (typeof value === 'string') return wellFormed(value)
    if (typeof value === 'object' && value !== null) {
      if (value instanceof Failure) return wellFormed(Text(value.stack ? value + '\n' + value.stack : value))
      try {
        const text = stringify(value)
        if (text !== undefined) return wellFormed(text)
      } catch { /* It has no JSON: what it says of itself will do. */ }
    }
    try { return wellFormed(Text(value)) } catch { return '[object]' }
  }

  const writer = (isError) => (...values) => {
    for (let i = 0; i < values.length; i++) values[i] = inspect(values[i])
    native.print(isError, slice(join(values, ' ') + '\n', 0, native.maxOutput + 1))
  }
  const [out, error] = [writer(false), writer(true)]
  const console = { log: out, info: out, debug: out, dir: out, table: out, warn: error, error, trace: error }

  function fitting(data) {
    if (data.length <= native.maxFiles) return data
    throw new Failure(`A script's files may take at most ${native.maxFiles} bytes`)
  }

  // Bytes go to the natives and back as text of one character per byte.
  function fromBytes(bytes) {
    let text = ''
    for (let at = 0; at < bytes.length; at += 8192) {
      text += apply(fromCharCode, null, subarray(bytes, at, at + 8192))
    }
    return text
  }

  const files = {
    list: () => native.list(),
    read: (name) => native.read(Text(name)),
    readBytes(name) {
      const text = native.readBytes(Text(name))
      const bytes = new Bytes(text.length)
      for (let i = 0; i < text.length; i++) bytes[i] = charCodeAt(text, i)
      return bytes
    },
    write(name, data) {
      if (data instanceof Buffer) data = new Bytes(data)
      if (isView(data)) {
        const bytes = new Bytes(data.buffer, data.byteOffset, data.byteLength)
        native.writeBytes(Text(name), fromBytes(fitting(bytes)))
      } else {
        native.write(Text(name), fitting(inspect(data)))
      }
    },
    remove: (name) => native.remove(Text(name)),
  }

  const globals = { console: freeze(console), files: freeze(files) }
  globals.input = native.input === undefined ? null : parse(native.input)
  for (const name in globals) {
    defineProperty(globalThis, name, { value: globals[name], writable: true, configurable: true })
  }

  // JSON; undefined where there is none, null where it is too long.
  return (value) => {
    const text = stringify(typeof value === 'bigint' ? Text(value) : value)
    return text !== undefined && text.length > native.maxOutput ? null : text
  }
})
