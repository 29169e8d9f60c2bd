// Makes the npm packages from compiled programs:
//
//   node npm/build.mjs --out dist/npm linux-x64=target/release/chat-backend …
//
// The package `chat-backend` goes to dist/npm/chat-backend, that of a platform to dist/npm/<platform>.

import { chmodSync, copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const main = JSON.parse(readFileSync(join(here, 'chat-backend/package.json'), 'utf8'))
const platforms = Object.keys(main.optionalDependencies).map((name) => name.split('/')[1])

const [out, programs] = readArguments(process.argv.slice(2))
rmSync(out, { recursive: true, force: true })
cpSync(join(here, 'chat-backend'), join(out, 'chat-backend'), { recursive: true })
copyFileSync(join(here, '../LICENSE'), join(out, 'chat-backend/LICENSE'))
for (const [platform, program] of programs) writePlatform(platform, program)

function writePlatform(platform, program) {
  const [os, cpu] = platform.split('-')
  const folder = join(out, platform)
  const file = os === 'win32' ? 'chat-backend.exe' : 'chat-backend'
  mkdirSync(join(folder, 'bin'), { recursive: true })
  copyFileSync(program, join(folder, 'bin', file))
  chmodSync(join(folder, 'bin', file), 0o755)
  copyFileSync(join(here, '../LICENSE'), join(folder, 'LICENSE'))
  const { version, license, repository, engines } = main
  const manifest = {
    name: `@chat-backend/${platform}`,
    version,
    description: `The program of chat-backend for ${platform}`,
    license,
    repository,
    engines,
    files: ['bin'],
    os: [os],
    cpu: [cpu],
    ...(os === 'linux' && { libc: ['glibc'] }),
    // Package managers that keep packages in archives would have no program to start.
    preferUnplugged: true,
  }
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  writeFileSync(join(folder, 'README.md'), `# ${manifest.name}\n\n${manifest.description}. Install \`chat-backend\`.\n`)
}

function readArguments(args) {
  const at = args.indexOf('--out')
  const out = at >= 0 ? args.splice(at, 2)[1] : undefined
  const programs = args.map((argument) => argument.split('='))
  for (const [platform, program] of programs) {
    if (!platforms.includes(platform) || !program) usage(`${platform} is not one of ${platforms.join(', ')}`)
  }
  if (!out || programs.length === 0) usage('nothing to build')
  return [out, programs]
}

function usage(problem) {
  console.error(`build.mjs: ${problem}. Usage: node npm/build.mjs --out FOLDER PLATFORM=PROGRAM …`)
  process.exit(2)
}
