// Intl.Collator: letters come first, then accents, then case.
(function (shared, kit) {
  'use strict'
  const { Map, Number, Object, String } = shared.taken
  const { choice, language, resolve, supportedLocalesOf, unavailable } = kit
  const ORDER = '_-,;:!?.\'"()[]{}@*/\\&#%`^+<=>|~$'
  const EXTRA = { sv: { å: 'z\u0001', ä: 'z\u0002', æ: 'z\u0002\u0338', ö: 'z\u0003', ø: 'z\u0003\u0338' }, es: { ñ: 'n\u0001' } }
  const EXPANDED = { ß: 'ss', æ: 'ae', œ: 'oe', þ: 'th', ø: 'o\u0338', đ: 'd\u0338', ł: 'l\u0338' }
  const ACCENTS = '\u0301\u0300\u0306\u0302\u030c\u030a\u0308\u030b\u0303\u0307\u0338\u0327\u0328\u0304'
  const accentWeight = (mark) => ACCENTS.includes(mark) ? 1 + ACCENTS.indexOf(mark) : mark.codePointAt(0)

  class Collator {
    #name
    #options
    #keys = new Map()
    constructor(requested, options = {}) {
      [this.#name] = resolve(requested)
      if (options.ignorePunctuation) throw unavailable('ignorePunctuation')
      if (options.usage === 'search') throw unavailable('The usage search')
      this.#options = {
        sensitivity: choice(options, 'sensitivity', ['base', 'accent', 'case', 'variant'], 'variant'),
        numeric: Boolean(options.numeric),
        caseFirst: choice(options, 'caseFirst', ['upper', 'lower', 'false'], 'false'),
      }
      this.compare = (a, b) => this.#compare(String(a), String(b))
      Object.defineProperty(this, 'compare', { enumerable: false })
    }
    static supportedLocalesOf(requested) { return supportedLocalesOf(requested) }
    resolvedOptions() { return { locale: this.#name, usage: 'sort', ignorePunctuation: false, collation: 'default', ...this.#options } }
    // The weights of a text: of letters, of accents, of case.
    #key(text) {
      const found = this.#keys.get(text)
      if (found !== undefined) return found
      const extra = EXTRA[language(this.#name)] ?? {}
      const [letters, accents, cases] = [[], [], []]
      for (const c of text.normalize('NFC')) {
        const lower = c.toLowerCase()
        const isUpper = lower !== c
        const base = extra[lower] ?? EXPANDED[lower] ?? lower.normalize('NFD')
        const first = letters.length
        for (const part of base) {
          if (part >= '\u0300' && part <= '\u036f') {
            if (letters.length) accents[letters.length - 1] = accents[letters.length - 1] * 100 + accentWeight(part)
          } else if (part < '\u0004') letters.push(letters.pop() + part.codePointAt(0) / 10)
          else {
            letters.push(this.#weight(part))
            accents.push(0)
            cases.push(isUpper ? 1 : 0)
          }
        }
        if (letters.length > first + 1) accents[first] = 99
      }
      if (this.#keys.size > 20000) this.#keys.clear()
      const key = { letters: this.#options.numeric ? numbers(letters) : letters, accents, cases }
      this.#keys.set(text, key)
      return key
    }
    #weight(c) {
      if (/\s/.test(c)) return 1
      const at = ORDER.indexOf(c)
      if (at >= 0) return 10 + at
      if (c >= '0' && c <= '9') return 100 + Number(c)
      if (c >= 'a' && c <= 'z') return 1000 + c.charCodeAt(0)
      return /\p{L}/u.test(c) ? 2000 + c.codePointAt(0) : /\p{N}/u.test(c) ? 110 : 60 + c.codePointAt(0) / 1e6
    }
    #compare(a, b) {
      const [x, y] = [this.#key(a), this.#key(b)]
      const { sensitivity, caseFirst } = this.#options
      const byLetters = ordered(x.letters, y.letters)
      if (byLetters !== 0 || sensitivity === 'base') return byLetters
      const byAccents = sensitivity === 'case' ? 0 : ordered(x.accents, y.accents)
      if (byAccents !== 0 || sensitivity === 'accent') return byAccents
      return ordered(x.cases, y.cases) * (caseFirst === 'upper' ? -1 : 1)
    }
  }

  // Runs of digits as one weight each.
  function numbers(letters) {
    const output = []
    for (let at = 0; at < letters.length; at++) {
      if (letters[at] < 100 || letters[at] > 109) { output.push(letters[at]); continue }
      let value = 0
      while (letters[at] >= 100 && letters[at] <= 109) value = value * 10 + letters[at++] - 100
      at--
      output.push(100 + 9 * (1 - 1 / (1 + value)))
    }
    return output
  }

  function ordered(a, b) {
    for (let at = 0; at < a.length && at < b.length; at++) {
      if (a[at] !== b[at]) return a[at] < b[at] ? -1 : 1
    }
    return a.length === b.length ? 0 : a.length < b.length ? -1 : 1
  }
  return { Collator }
})
