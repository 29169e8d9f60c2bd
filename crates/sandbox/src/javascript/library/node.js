// process, as far as it makes sense here.
(function (shared) {
  'use strict'
  const { native, taken } = shared
  const { Error, String, Object, Math, Number, Symbol } = taken
  const write = (isError, text) => native.print(isError, String(text).slice(0, native.maxOutput + 1).toWellFormed())
  const missing = (name) => () => { throw new Error(`process.${name} is not available in this sandbox`) }
  const process = {
    argv: ['node', 'script.js'], env: {}, platform: 'linux', arch: 'x64', pid: 1,
    version: 'v20.0.0', versions: { node: '20.0.0' }, exitCode: undefined,
    stdin: { isTTY: false, on: () => process.stdin, async *[Symbol.asyncIterator]() { /* There is nothing to read. */ } },
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
    exit: (code = process.exitCode) => native.exit(Number(code ?? 0) | 0), kill: missing('kill'), abort: missing('abort'), memoryUsage: missing('memoryUsage'),
  }
  return { process }
})
