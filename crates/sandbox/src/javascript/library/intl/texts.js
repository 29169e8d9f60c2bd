// Plurals, lists, and how long ago.
(function (shared, kit) {
  'use strict'
  const { Array, Math, Number, Object, RangeError, String } = shared.taken
  const { choice, language, resolve, supportedLocalesOf, unavailable } = kit
  class PluralRules {
    #name
    #type
    constructor(requested, options = {}) {
      [this.#name] = resolve(requested)
      this.#type = choice(options, 'type', ['cardinal', 'ordinal'], 'cardinal')
      if (this.#type === 'ordinal' && language(this.#name) !== 'en') throw unavailable(`The ordinal numbers of ${this.#name}`)
    }
    static supportedLocalesOf(requested) { return supportedLocalesOf(requested) }
    select(value) {
      const number = Math.abs(Number(value))
      if (this.#type === 'ordinal') {
        const [ten, hundred] = [number % 10, number % 100]
        return ten === 1 && hundred !== 11 ? 'one' : ten === 2 && hundred !== 12 ? 'two' : ten === 3 && hundred !== 13 ? 'few' : 'other'
      }
      const tongue = language(this.#name)
      const isMany = number !== 0 && number % 1e6 === 0
      if (tongue === 'fr' || tongue === 'pt') return number < 2 ? 'one' : isMany ? 'many' : 'other'
      return number === 1 ? 'one' : isMany && (tongue === 'es' || tongue === 'it') ? 'many' : 'other'
    }
    resolvedOptions() { return { locale: this.#name, type: this.#type } }
  }

  class ListFormat {
    #name
    #patterns
    constructor(requested, options = {}) {
      const [name, table] = resolve(requested)
      const type = choice(options, 'type', ['conjunction', 'disjunction', 'unit'], 'conjunction')
      const style = choice(options, 'style', ['long', 'short', 'narrow'], 'long')
      if (type === 'unit' || (style !== 'long' && type === 'conjunction')) throw unavailable(`A list of type ${type} and style ${style}`)
      this.#name = name
      this.#patterns = table.lists[type]
    }
    static supportedLocalesOf(requested) { return supportedLocalesOf(requested) }
    format(list) {
      const items = Array.from(list, String)
      if (items.length < 2) return items.join('')
      const [two, , four] = this.#patterns
      const between = (pattern, i) => pattern.split(`{${i}}`)[1].split(`{${i + 1}}`)[0]
      if (items.length === 2) return items.join(between(two, 0))
      return items.reduce((text, item, i) => i === 0 ? item : text + between(four, i === items.length - 1 ? 2 : i === 1 ? 0 : 1) + item, '')
    }
    resolvedOptions() { return { locale: this.#name } }
  }

  const SOON = { 'day-1': 'yesterday', day0: 'today', day1: 'tomorrow', second0: 'now' }
  class RelativeTimeFormat {
    #name
    #isAuto
    constructor(requested, options = {}) {
      [this.#name] = resolve(requested)
      if (language(this.#name) !== 'en') throw unavailable(`Relative time in ${this.#name}`)
      if (choice(options, 'style', ['long', 'short', 'narrow'], 'long') !== 'long') throw unavailable('A relative time in another style than long')
      this.#isAuto = choice(options, 'numeric', ['always', 'auto'], 'always') === 'auto'
    }
    static supportedLocalesOf(requested) { return supportedLocalesOf(requested) }
    format(value, unit) {
      unit = String(unit).replace(/s$/, '')
      if (!['second', 'minute', 'hour', 'day', 'week', 'month', 'quarter', 'year'].includes(unit)) throw new RangeError(`Invalid unit argument for format() '${unit}'`)
      value = Number(value)
      if (!isFinite(value)) throw new RangeError('Invalid value for format()')
      if (this.#isAuto && [-1, 0, 1].includes(value)) {
        const key = `${unit}${value || 0}`
        if (SOON[key]) return SOON[key]
        if (['week', 'month', 'quarter', 'year'].includes(unit)) return `${value < 0 ? 'last' : value > 0 ? 'next' : 'this'} ${unit}`
        if (value === 0) return `this ${unit}`
      }
      const text = `${new kit.NumberFormat(this.#name).format(Math.abs(value))} ${unit}${Math.abs(value) === 1 ? '' : 's'}`
      return value < 0 || Object.is(value, -0) ? `${text} ago` : `in ${text}`
    }
    resolvedOptions() { return { locale: this.#name, numeric: this.#isAuto ? 'auto' : 'always', style: 'long', numberingSystem: 'latn' } }
  }

  // The words of these scripts are found with dictionaries.
  const WITHOUT_SPACES = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u
  class Segmenter {
    #name
    #granularity
    constructor(requested, options = {}) {
      [this.#name] = resolve(requested)
      this.#granularity = choice(options, 'granularity', ['grapheme', 'word', 'sentence'], 'grapheme')
    }
    static supportedLocalesOf(requested) { return supportedLocalesOf(requested) }
    segment(text) {
      const input = String(text)
      const isWord = this.#granularity === 'word'
      if (isWord && WITHOUT_SPACES.test(input)) throw unavailable('Finding words in a script without spaces')
      const segments = []
      let index = 0
      for (const segment of shared.native.segments(input.toWellFormed(), this.#granularity)) {
        const found = { segment: input.slice(index, index + segment.length), index, input }
        segments.push(isWord ? { ...found, isWordLike: /[\p{L}\p{N}]/u.test(segment) } : found)
        index += segment.length
      }
      return {
        [Symbol.iterator]: () => segments.values(),
        containing: (at = 0) => segments.find(({ index, segment }) => index <= at && at < index + segment.length),
      }
    }
    resolvedOptions() { return { locale: this.#name, granularity: this.#granularity } }
  }
  return { PluralRules, ListFormat, RelativeTimeFormat, Segmenter }
})
