#!/usr/bin/env node
'use strict'

// Starts the program of this platform, in place of this process as far as Node can do that: it has the
// same terminal, gets the same signals, and its exit is this one's.

const { spawn } = require('node:child_process')
const { needsGlibc, program } = require('../lib/program.js')

let path
try {
  path = program()
} catch (error) {
  fail(error.message)
}

const child = spawn(path, process.argv.slice(2), {
  stdio: 'inherit',
  // DATA_DIR, in the environment or in .env, comes first.
  env: { DATA_DIR_DEFAULT: './.chat-backend', ...process.env },
})

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    // On Windows the console tells the program itself, and `kill` would end it at once.
    if (process.platform !== 'win32') child.kill(signal)
  })
}

child.on('error', (error) => fail(needsGlibc() ?? `${path} cannot be started: ${error.message}`))

child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code)
  // Ended by a signal, so that a shell sees what happened.
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
})

function fail(problem) {
  console.error(`chat-backend: ${problem}`)
  process.exit(1)
}
