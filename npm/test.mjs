// Tries the npm packages as a front-end developer would, without a network:
//
//   CHAT_BACKEND_PROGRAM=target/release/chat-backend node --test npm/test.mjs
//
// The packages are built from this program, packed, and installed from their archives into an empty
// folder. There `npx chat-backend` starts the server, answers, and ends on Ctrl-C.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const program = resolve(process.env.CHAT_BACKEND_PROGRAM ?? '')
assert.ok(statSync(program).isFile(), 'CHAT_BACKEND_PROGRAM must name the compiled program')
const platform = `${process.platform}-${process.arch}`
const isWindows = process.platform === 'win32'
const folder = mkdtempSync(join(tmpdir(), 'chat-backend-npm-'))
const app = join(folder, 'app')
// A test that hangs must not hold the rest, and leaves no server behind.
const groups = new Set()
after(() => {
  for (const group of groups) process.kill(-group, 'SIGKILL')
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
})

// Nothing of the machine's own settings.
const env = { ...process.env, npm_config_offline: 'true', npm_config_cache: join(folder, 'cache') }
const ports = { PORT: '0', LOCAL_SUPABASE_ADDR: '127.0.0.1:0' }

function run(command, args, cwd, more = {}) {
  return spawnSync(command, args, { cwd, env: { ...env, ...more }, encoding: 'utf8', shell: isWindows })
}

function succeed(command, args, cwd) {
  const { status, stdout, stderr } = run(command, args, cwd)
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stdout}${stderr}`)
  return stdout
}

const npx = (args, more) => run('npx', ['chat-backend', ...args], app, more)

test('the packages are built, packed and installed from their archives', () => {
  const packages = join(folder, 'packages')
  succeed(process.execPath, [join(here, 'build.mjs'), '--out', packages, `${platform}=${program}`], here)
  mkdirSync(app)
  const archives = ['chat-backend', platform].map((name) => {
    const [packed] = JSON.parse(succeed('npm', ['pack', '--json', join(packages, name)], folder))
    const names = packed.files.map(({ path }) => path)
    assert.ok(names.includes('LICENSE') && !names.some((name) => name.includes('test')), `${names}`)
    return join(folder, packed.filename)
  })
  writeFileSync(join(app, 'package.json'), '{ "private": true }')
  succeed('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...archives.map((path) => `file:${path}`)], app)
  for (const name of ['chat-backend', `@chat-backend/${platform}`]) {
    const manifest = JSON.parse(readFileSync(join(app, 'node_modules', name, 'package.json'), 'utf8'))
    assert.equal(manifest.scripts, undefined, `${name} runs no scripts`)
  }
})

test('arguments are passed on, and so is the exit code', () => {
  const { version } = JSON.parse(readFileSync(join(here, 'chat-backend/package.json'), 'utf8'))
  assert.equal(npx(['--version']).stdout, `chat-backend ${version}\n`)
  const unknown = npx(['serve'])
  assert.equal(unknown.status, 2)
  assert.match(unknown.stderr, /chat-backend: unknown arguments: serve\. Try --help/)
  assert.equal(npx(['check'], { SUPABASE_URL: 'nonsense' }).status, 1)
  const written = npx(['migrations', '--out', 'sql'])
  assert.equal(written.status, 0, written.stderr)
  assert.deepEqual(readdirSync(join(app, 'sql')), readdirSync(join(here, '../supabase/migrations')).sort())
})

test('a platform without a program is told in a sentence', () => {
  const require = createRequire(join(app, 'package.json'))
  const { program } = require('./node_modules/chat-backend/lib/program.js')
  assert.throws(() => program({ platform: 'sunos', arch: 'x64' }), /no program for sunos-x64, only for darwin-arm64, /)
  const other = platform === 'linux-arm64' ? 'linux-x64' : 'linux-arm64'
  const [os, arch] = other.split('-')
  assert.throws(() => program({ platform: os, arch }), /@chat-backend\/linux-\w+, which has the program, is not installed/)
})

/** A running server: its banner's lines by their first word. */
async function start(command, args, more = {}) {
  const child = spawn(command, args, { cwd: app, env: { ...env, ...ports, ...more }, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  groups.add(child.pid)
  const ended = new Promise((resolve) => child.on('exit', (code, signal) => resolve({ code, signal })))
  ended.then(() => groups.delete(child.pid))
  let [output, errors] = ['', '']
  child.stderr.on('data', (chunk) => (errors += chunk))
  const banner = {}
  await new Promise((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      output += chunk
      for (const line of output.split('\n').slice(0, -1)) {
        const [name, value] = line.trim().split(/\s+/)
        if (name) banner[name] = value
      }
      if (banner.Models) resolve()
    })
    ended.then(() => reject(new Error(`it did not start: ${output}${errors}`)))
  })
  // As a terminal sends it: to every process of the group.
  const toGroup = (signal) => process.kill(-child.pid, signal)
  return { banner, child, ended, toGroup, errors: () => errors }
}

async function firstAnswer({ API, Supabase }) {
  const headers = { apikey: 'sb_publishable_local', 'content-type': 'application/json' }
  const body = JSON.stringify({ email: `${Math.random()}@example.com`, password: 'correct horse' })
  const session = await fetch(`${Supabase}/auth/v1/signup`, { method: 'POST', headers, body }).then((r) => r.json())
  const authorization = `Bearer ${session.access_token}`
  return fetch(`${API}/ai/generate`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'Hello!', stream: true }),
  })
}

test('npx chat-backend answers, and ends on Ctrl-C', { skip: isWindows && 'no signals', timeout: 60_000 }, async () => {
  const server = await start('npx', ['chat-backend'])
  assert.equal(resolve(server.banner.Data), join(app, '.chat-backend'))
  assert.equal(readFileSync(join(app, '.chat-backend/.gitignore'), 'utf8'), '*\n')
  const answer = await firstAnswer(server.banner)
  assert.equal(answer.status, 200)
  assert.match(await answer.text(), /"type":"finish"/)
  server.toGroup('SIGINT')
  await server.ended
  // The program has ended, not only npx.
  assert.match(server.errors(), / stopped$/m)
  await assert.rejects(fetch(server.banner.API))
})

test('one Ctrl-C waits for the answer, a signal ends as itself', { skip: isWindows && 'no signals', timeout: 60_000 }, async () => {
  const wrapper = join(app, 'node_modules/.bin/chat-backend')
  const server = await start(wrapper, [])
  const answer = await firstAnswer(server.banner)
  server.toGroup('SIGINT')
  assert.match(await answer.text(), /"type":"finish"/)
  assert.deepEqual(await server.ended, { code: 0, signal: null })

  const terminated = await start(wrapper, [])
  terminated.child.kill('SIGTERM')
  assert.deepEqual(await terminated.ended, { code: 0, signal: null })
  assert.match(terminated.errors(), / stopped$/m)

  const hungUp = await start(wrapper, [])
  hungUp.child.kill('SIGHUP')
  assert.deepEqual(await hungUp.ended, { code: null, signal: 'SIGHUP' })
})

test('with a configuration file, SIGHUP reads it again', { skip: isWindows && 'no signals', timeout: 60_000 }, async () => {
  const file = join(app, 'configuration.toml')
  writeFileSync(file, '')
  const server = await start(join(app, 'node_modules/.bin/chat-backend'), [], { CONFIG_FILE: file })
  server.child.kill('SIGHUP')
  while (!server.errors().includes('the configuration file has been read again')) await once(server.child.stderr, 'data')
  server.child.kill('SIGTERM')
  assert.deepEqual(await server.ended, { code: 0, signal: null })
})

test('DATA_DIR of .env comes before the folder of the package', { skip: isWindows && 'no signals', timeout: 60_000 }, async () => {
  writeFileSync(join(app, '.env'), 'DATA_DIR=./elsewhere\n')
  const server = await start('npx', ['chat-backend'])
  server.toGroup('SIGINT')
  await server.ended
  assert.ok(existsSync(join(app, 'elsewhere/supabase.db')))
})
