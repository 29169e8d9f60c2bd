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
    if (encoding === undefined || encoding === null) return load('buffer').Buffer.from(bytes)
    const label = { utf8: 'utf-8', latin1: 'latin1', ascii: 'latin1', binary: 'latin1', utf16le: 'utf-16le', ucs2: 'utf-16le' }[encoding]
    return new (load('encoding').TextDecoder)(label ?? encoding, { ignoreBOM: true }).decode(bytes)
  }
  const writeFileSync = (path, data) => { files.write(inside(path), data) }
  const fs = {
    readFileSync, writeFileSync,
    appendFileSync: (path, data) => {
      const { Buffer } = load('buffer')
      writeFileSync(path, Buffer.concat([exists(path) ? readFileSync(path) : Buffer.alloc(0), Buffer.from(data)]))
    },
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
  fs.createReadStream = (path, options) => {
    if (!exists(path)) throw missing(path)
    return load('streams').createReadStream(() => readFileSync(path, options), encodingOf(options))
  }
  fs.createWriteStream = (path, options) => {
    const before = options?.flags === 'a' && exists(path) ? readFileSync(path) : ''
    const stream = load('streams').createWriteStream((data) => writeFileSync(path, data))
    stream.write(before)
    return stream
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
    relative(from, to) {
      const [here, there] = [path.resolve(from).split('/'), path.resolve(to).split('/')].map((steps) => steps.filter(Boolean))
      let same = 0
      while (same < here.length && here[same] === there[same]) same++
      return [...Array.from(here.slice(same), () => '..'), ...there.slice(same)].join('/')
    },
    format: ({ root = '', dir, base, name = '', ext = '' }) => (dir ? `${dir}/` : root) + (base ?? name + (ext && !ext.startsWith('.') ? `.${ext}` : ext)),
    isAbsolute: (path) => String(path).startsWith('/'),
    parse: (path) => ({ root: String(path).startsWith('/') ? '/' : '', dir: dirname(path), base: basename(path), ext: extname(path), name: basename(path, extname(path)) }),
  }
  path.posix = path

  const sleep = (delay, value) => new Promise((resolve) => later.setTimeout(resolve, delay, value))
  const make = {
    fs: () => fs,
    'fs/promises': () => fs.promises,
    path: () => path,
    os: () => ({ EOL: '\n', platform: () => 'linux', type: () => 'Linux', arch: () => 'x64', homedir: () => '/files', tmpdir: () => '/files',
      hostname: () => 'sandbox', endianness: () => 'LE', availableParallelism: () => 1 }),
    assert: () => load('assert').assert,
    'assert/strict': () => load('assert').assert.strict,
    events: () => Object.assign(load('events').EventEmitter, { EventEmitter: load('events').EventEmitter }),
    readline: () => ({ createInterface: load('streams').createInterface, promises: { createInterface: load('streams').createInterface } }),
    'readline/promises': () => ({ createInterface: load('streams').createInterface }),
    querystring: () => ({
      parse: (text) => {
        const all = { __proto__: null }
        for (const [key, value] of new (load('url').URLSearchParams)(text)) all[key] = key in all ? [].concat(all[key], value) : value
        return all
      },
      stringify: (object) => Object.entries(object).flatMap(([key, value]) => [].concat(value)
        .map((one) => `${encodeURIComponent(key)}=${encodeURIComponent(one)}`)).join('&'),
      escape: encodeURIComponent, unescape: decodeURIComponent,
    }),
    util: () => ({
      isDeepStrictEqual: load('assert').isDeepStrictEqual, types: load('inspect').types, inherits: (child, parent) => { Object.setPrototypeOf(child.prototype, parent.prototype) },
      deprecate: (call) => call,
      inspect: load('inspect').inspect, format: (...values) => load('inspect').format(values),
      TextEncoder: load('encoding').TextEncoder, TextDecoder: load('encoding').TextDecoder,
      promisify: (call) => (...values) => new Promise((resolve, reject) =>
        call(...values, (error, value) => error ? reject(error) : resolve(value))),
    }),
    url: () => ({ URL: load('url').URL, URLSearchParams: load('url').URLSearchParams, fileURLToPath: (url) => new (load('url').URL)(url).pathname }),
    crypto: () => {
      const { crypto } = load('encoding')
      const { createHash, createHmac, hash } = load('hash')
      return { webcrypto: crypto, subtle: crypto.subtle, randomUUID: crypto.randomUUID, getRandomValues: crypto.getRandomValues,
        createHash, createHmac, hash, getHashes: () => ['md5', 'sha1', 'sha256', 'sha384', 'sha512'],
        randomBytes: (count) => load('buffer').Buffer.from(load('encoding').randomBytes(count)),
        timingSafeEqual: (a, b) => load('buffer').Buffer.compare(a, b) === 0,
        randomInt: (low, high) => high === undefined ? taken.Math.floor(taken.Math.random() * low) : low + taken.Math.floor(taken.Math.random() * (high - low)) }
    },
    timers: () => later,
    'timers/promises': () => ({ setTimeout: sleep, setImmediate: (value) => sleep(0, value) }),
    perf_hooks: () => ({ performance: globalThis.performance }),
    console: () => console,
    buffer: () => ({ Buffer: load('buffer').Buffer }),
    process: () => load('node').process,
  }

  const made = { __proto__: null }
  function refuse(name) {
    const error = new Error(`There is no module '${name}' in this sandbox. A script can use the language itself, console, `
      + `files.list/read/readBytes/write/remove, and require or import ${Object.keys(make).join(', ')}, and './name.js' or './name.json' of its files`)
    error.code = 'MODULE_NOT_FOUND'
    throw error
  }
  // A file of the script, as data or as a module in the style of CommonJS.
  function requireFile(folder, name) {
    const place = inside(path.resolve(folder, name))
    const found = ['', '.js', '.json', '.cjs', '/index.js'].map((end) => place + end).find((file) => files.list().includes(file))
    if (found === undefined) refuse(name)
    if (found in made) return made[found].exports
    const module = made[found] = { exports: {} }
    if (found.endsWith('.json')) module.exports = JSON.parse(readFileSync(found, 'utf8').replace(/^\ufeff/, ''))
    else {
      const run = new taken.Function('module', 'exports', 'require', readFileSync(found, 'utf8').replace(/^#!/, '//'))
      run(module, module.exports, (name) => requireFrom(`/files/${dirname(found)}`, String(name)))
    }
    return module.exports
  }
  function requireFrom(folder, name) {
    if (/^(\.{0,2}\/|\.{1,2}$)/.test(name)) return requireFile(folder, name)
    const plain = name.replace(/^node:/, '')
    if (!Object.hasOwn(make, plain)) refuse(name)
    return (made[`node:${plain}`] ??= { exports: make[plain]() }).exports
  }
  const require = (name) => requireFrom('/files', name)

  // What scripts for Node expect of themselves.
  const module = { exports: {}, id: '.', filename: '/files/script.js', children: [] }
  return { require, module, exports: module.exports, __dirname: '/files', __filename: '/files/script.js' }
})
