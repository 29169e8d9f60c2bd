// What the parts of Intl share: the languages that are known, and how options are read.
(function (shared, locales) {
  'use strict'
  const { Array, Math, Number, Object, RangeError, String, TypeError } = shared.taken
  const NAMES = Object.keys(locales)
  const LANGUAGES = { en: 'en-US', de: 'de-DE', fr: 'fr-FR', es: 'es-ES', it: 'it-IT', pt: 'pt-BR', nl: 'nl-NL', sv: 'sv-SE' }

  const unavailable = (what) => new RangeError(`${what} is not available in this sandbox`)

  function known(tag) {
    if (typeof tag !== 'string' && (typeof tag !== 'object' || tag === null)) throw new TypeError('Incorrect locale information provided')
    tag = String(tag)
    if (!/^[a-z]{2,3}(-[a-z0-9]{2,8})*$/i.test(tag)) throw new RangeError('Incorrect locale information provided')
    const lower = tag.toLowerCase()
    return LANGUAGES[lower] !== undefined ? [lower, LANGUAGES[lower]] : NAMES.filter((name) => name.toLowerCase() === lower).map((name) => [name, name])[0]
  }
  const listed = (requested) => requested === undefined ? [] : typeof requested === 'string' ? [requested] : Array.from(requested)

  // The name and the table of the first language that is known.
  function resolve(requested) {
    const tags = listed(requested)
    if (tags.length === 0) return ['en-US', locales['en-US']]
    const found = tags.map(known).find(Boolean)
    if (!found) throw new RangeError(`The language ${tags.join(', ')} is not available in this sandbox: it has ${NAMES.join(', ')}`)
    return [found[0], locales[found[1]]]
  }
  const supportedLocalesOf = (requested) => listed(requested).filter(known)
  const full = (name) => LANGUAGES[name] ?? name
  const language = (name) => name.slice(0, 2)

  function choice(options, name, values, fallback) {
    const value = options[name]
    if (value === undefined) return fallback
    if (!values.includes(String(value))) throw new RangeError(`Value ${String(value)} out of range for Intl options property ${name}`)
    return String(value)
  }

  function integer(options, name, low, high) {
    const value = options[name]
    if (value === undefined) return undefined
    if (!(Number(value) >= low && Number(value) <= high)) throw new RangeError(`${name} value is out of range.`)
    return Math.floor(Number(value))
  }
  return { choice, full, integer, language, resolve, supportedLocalesOf, unavailable }
})
