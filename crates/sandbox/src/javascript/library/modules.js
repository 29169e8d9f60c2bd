// What `require` and `import` give: the few modules of Node that make sense here.
(function (shared) {
  'use strict'
  const { taken, load } = shared
  const { Error, String, Promise, Uint8Array, Object, Array } = taken
  const { files, console } = globalThis
  const later = { setTimeout: globalThis.setTimeout, setInterval: globalThis.setInterval, setImmediate: globalThis.setImmediate,
    clearTimeout: globalThis.clearTimeout, clearInterval: globalThis.clearInterval, clearImmediate: globalThis.clearImmediate }

  function missing(path) {
    const error = new Error(`ENOENT: no such file or directory, open '${path}'`)
    error.code = 'ENOENT'
    return error
  }
  const inside = (path) => String(path).replace(/^file:\/\//, '').replace(/^(\.\/)+/, '').replace(/^\/files\//, '').replace(/\/+$/, '')
  const exists = (path) => files.list().includes(inside(path))
  const isFolder = (path) => ['', '.', '/files'].includes(inside(path)) || files.list().some((name) => name.startsWith(inside(path) + '/'))
  const encodingOf = (options) => typeof options === 'string' ? options : options?.encoding

  function readFileSync(path, options) {
    if (!exists(path)) throw missing(path)
    const encoding = encodingOf(options)
    const bytes = files.readBytes(inside(path))
    if (encoding === undefined || encoding === null) return load('node').Buffer.from(bytes)
    const label = { utf8: 'utf-8', latin1: 'latin1', ascii: 'latin1', binary: 'latin1', utf16le: 'utf-16le', ucs2: 'utf-16le' }[encoding]
    return new (load('encoding').TextDecoder)(label ?? encoding, { ignoreBOM: true }).decode(bytes)
  }
  const writeFileSync = (path, data) => { files.write(inside(path), data) }
  const fs = {
    readFileSync, writeFileSync,
    appendFileSync: (path, data) => writeFileSync(path, (exists(path) ? files.read(inside(path)) : '') + data),
    existsSync: (path) => exists(path) || isFolder(path),
    unlinkSync: (path) => { if (!exists(path)) throw missing(path); files.remove(inside(path)) },
    rmSync: (path, options) => { if (exists(path)) files.remove(inside(path)); else if (!options?.force) throw missing(path) },
    copyFileSync: (from, to) => writeFileSync(to, readFileSync(from)),
    renameSync: (from, to) => { writeFileSync(to, readFileSync(from)); files.remove(inside(from)) },
    // Folders are made by the names of their files.
    mkdirSync: () => undefined,
    readdirSync(path = '.') {
      if (!isFolder(path)) throw missing(path)
      const folder = ['', '.', '/files'].includes(inside(path)) ? '' : inside(path) + '/'
      const names = files.list().filter((name) => name.startsWith(folder)).map((name) => name.slice(folder.length).split('/')[0])
      return [...new taken.Set(names)]
    },
    statSync(path) {
      if (!exists(path) && !isFolder(path)) throw missing(path)
      const isFile = exists(path)
      return { size: isFile ? files.readBytes(inside(path)).length : 0, isFile: () => isFile, isDirectory: () => !isFile }
    },
  }
  fs.promises = {}
  for (const name of Object.keys(fs)) {
    if (name.endsWith('Sync')) fs.promises[name.slice(0, -4)] = async (...values) => fs[name](...values)
  }
  fs.promises.access = async (path) => { if (!fs.existsSync(path)) throw missing(path) }

  function normalize(path) {
    const steps = []
    for (const step of path.split('/')) {
      if (step === '..' && steps.length && steps.at(-1) !== '..') steps.pop()
      else if (step !== '' && step !== '.' && !(step === '..' && path.startsWith('/'))) steps.push(step)
    }
    return (path.startsWith('/') ? '/' : '') + steps.join('/') || '.'
  }
  const basename = (path, end = '') => {
    const name = String(path).replace(/\/+$/, '').split('/').at(-1)
    return end && name !== end && name.endsWith(end) ? name.slice(0, -end.length) : name
  }
  const extname = (path) => { const name = basename(path); const at = name.lastIndexOf('.'); return at > 0 ? name.slice(at) : '' }
  const dirname = (path) => normalize(String(path).replace(/\/*[^/]*\/*$/, '') || (String(path).startsWith('/') ? '/' : '.'))
  const path = {
    sep: '/', delimiter: ':', normalize, basename, extname, dirname,
    join: (...steps) => normalize(steps.filter(Boolean).join('/')),
    resolve: (...steps) => normalize(steps.reduce((all, step) => String(step).startsWith('/') ? step : `${all}/${step}`, '/files')),
    isAbsolute: (path) => String(path).startsWith('/'),
    parse: (path) => ({ root: String(path).startsWith('/') ? '/' : '', dir: dirname(path), base: basename(path), ext: extname(path), name: basename(path, extname(path)) }),
  }
  path.posix = path

  const sleep = (delay, value) => new Promise((resolve) => later.setTimeout(resolve, delay, value))
  const make = {
    fs: () => fs,
    'fs/promises': () => fs.promises,
    path: () => path,
    util: () => ({
      inspect: load('inspect').inspect, format: (...values) => load('inspect').format(values),
      TextEncoder: load('encoding').TextEncoder, TextDecoder: load('encoding').TextDecoder,
      promisify: (call) => (...values) => new Promise((resolve, reject) =>
        call(...values, (error, value) => error ? reject(error) : resolve(value))),
    }),
    url: () => ({ URL: load('url').URL, URLSearchParams: load('url').URLSearchParams, fileURLToPath: (url) => new (load('url').URL)(url).pathname }),
    crypto: () => {
      const { crypto } = load('encoding')
      return { webcrypto: crypto, randomUUID: crypto.randomUUID, getRandomValues: crypto.getRandomValues,
        randomInt: (low, high) => high === undefined ? taken.Math.floor(taken.Math.random() * low) : low + taken.Math.floor(taken.Math.random() * (high - low)) }
    },
    timers: () => later,
    'timers/promises': () => ({ setTimeout: sleep, setImmediate: (value) => sleep(0, value) }),
    perf_hooks: () => ({ performance: globalThis.performance }),
    console: () => console,
    buffer: () => ({ Buffer: load('node').Buffer }),
    process: () => load('node').process,
  }

  const made = { __proto__: null }
  function require(name) {
    const plain = name.replace(/^node:/, '')
    if (!Object.hasOwn(make, plain)) {
      const error = new Error(`There is no module '${name}' in this sandbox. A script can use the language itself, console, `
        + `files.list/read/readBytes/write/remove, and require or import ${Object.keys(make).join(', ')}`)
      error.code = 'MODULE_NOT_FOUND'
      throw error
    }
    return made[plain] ??= make[plain]()
  }

  // A script is no module; its imports become constants of the same lines.
  function rewriteImports(code) {
    const pattern = /^([ \t]*)import\s+(?:([\w$*\s{},]+?)\s+from\s+)?(['"])([^'"\n]+)\3[ \t]*;?/gm
    return code.replace(pattern, (all, indent, clause, quote, name) => {
      const module = `require(${quote}${name}${quote})`
      const lines = '\n'.repeat(all.split('\n').length - 1)
      if (clause === undefined) return `${indent}${module};${lines}`
      const named = clause.match(/\{([^}]*)\}/)
      const single = clause.replace(/\{[^}]*\}/, '').split(',').map((part) => part.trim().replace(/^\*\s+as\s+/, '')).filter(Boolean)
      const constants = single.map((part) => `${part} = ${module}`)
      if (named) constants.push(`{ ${named[1].trim().replace(/\s+as\s+/g, ': ').replace(/\s+/g, ' ')} } = ${module}`)
      return `${indent}const ${constants.join(', ')};${lines}`
    })
  }
  return { require, rewriteImports }
})
