// Files as streams and by lines, as scripts for Node read them.
(function (shared) {
  'use strict'
  const { load, taken } = shared
  const { Error, Symbol } = taken
  const { EventEmitter } = load('events')
  const { setImmediate } = globalThis
  const PIECE = 65536

  // What gives its values one after the other, to listeners or to a loop.
  class Source extends EventEmitter {
    #values
    #isStarted = false
    constructor(values) {
      super()
      this.#values = values
    }
    on(name, listener) {
      super.on(name, listener)
      if (name === this.event && !this.#isStarted) {
        this.#isStarted = true
        setImmediate(() => this.#run())
      }
      return this
    }
    async #run() {
      try {
        for await (const value of this.#values()) this.emit(this.event, value)
        for (const name of this.ends) this.emit(name)
      } catch (error) { this.emit('error', error) }
    }
    [Symbol.asyncIterator]() {
      this.#isStarted = true
      return this.#values()
    }
  }

  class ReadStream extends Source {
    event = 'data'
    ends = ['end', 'close']
    setEncoding() { return this }
    pipe(target) {
      this.on('data', (data) => target.write(data))
      this.on('end', () => target.end?.())
      return target
    }
  }
  function createReadStream(read, encoding) {
    return new ReadStream(async function* () {
      const data = read()
      for (let at = 0; at < data.length; at += PIECE) yield encoding ? data.slice(at, at + PIECE) : data.subarray(at, at + PIECE)
    })
  }

  class WriteStream extends EventEmitter {
    #pieces = []
    #save
    constructor(save) {
      super()
      this.#save = save
    }
    write(data) { this.#pieces.push(data); return true }
    end(data) {
      if (data !== undefined) this.write(data)
      const { Buffer } = load('buffer')
      this.#save(Buffer.concat(this.#pieces.map((piece) => Buffer.from(piece))))
      setImmediate(() => { this.emit('finish'); this.emit('close') })
      return this
    }
  }

  class Lines extends Source {
    event = 'line'
    ends = ['close']
    close() { this.emit('close') }
    setPrompt() {}
    prompt() {}
    question() { throw new Error('Nobody is there to answer a question: what a script needs to know is in the global input') }
  }
  function createInterface(input) {
    input = input?.input ?? input
    return new Lines(async function* () {
      const decoder = new (load('encoding').TextDecoder)()
      let rest = ''
      for await (const piece of input) {
        const lines = (rest + (typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true }))).split('\n')
        rest = lines.pop()
        for (const line of lines) yield line.replace(/\r$/, '')
      }
      if (rest) yield rest.replace(/\r$/, '')
    })
  }
  return { createReadStream, createWriteStream: (save) => new WriteStream(save), createInterface }
})
