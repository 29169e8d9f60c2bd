'use strict'

// Where the program of this platform is. Each platform has a package of its own, of which the package
// manager installs the one that fits.

const { optionalDependencies } = require('../package.json')

const INSTEAD = 'Use the container image, or build it from its sources: see the README.'

/** The path of the program; throws an error with a sentence for people where there is none. */
function program({ platform: os, arch: cpu } = process) {
  const name = `@chat-backend/${os}-${cpu}`
  if (!(name in optionalDependencies)) {
    const known = Object.keys(optionalDependencies).map((name) => name.split('/')[1])
    throw new Error(`there is no program for ${os}-${cpu}, only for ${known.join(', ')}. ${INSTEAD}`)
  }
  try {
    return require.resolve(`${name}/bin/${os === 'win32' ? 'chat-backend.exe' : 'chat-backend'}`)
  } catch {
    throw new Error(
      needsGlibc({ platform: os }) ??
        `the package ${name}, which has the program, is not installed. Install again without ` +
          '--omit=optional (--no-optional), and on this machine: node_modules of another one do not fit.',
    )
  }
}

/** Why a program for Linux is not installed or does not start on a system with another C library. */
function needsGlibc({ platform } = process) {
  if (platform !== 'linux' || process.report.getReport().header.glibcVersionRuntime) return undefined
  return `the program needs glibc, which this system, such as Alpine, does not have. ${INSTEAD}`
}

module.exports = { needsGlibc, program }
