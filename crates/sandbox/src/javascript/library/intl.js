// Intl for the languages of `locales.json`, as Node answers. What is not known is refused: an answer
// in the wrong language or time zone would not be noticed.
(function (locales, [common, ...parts]) {
  return (shared) => {
    'use strict'
    const { Date, Map, Object } = shared.taken
    const kit = common(shared, locales)
    for (const part of parts) Object.assign(kit, part(shared, kit))
    const { NumberFormat, DateTimeFormat, Collator, PluralRules, ListFormat, RelativeTimeFormat, Segmenter, supportedLocalesOf, unavailable } = kit
    const Intl = { NumberFormat, DateTimeFormat, Collator, PluralRules, ListFormat, RelativeTimeFormat, Segmenter }
    for (const name of ['DisplayNames', 'DurationFormat', 'Locale']) {
      Intl[name] = { [name]: class { constructor() { throw unavailable(`Intl.${name}`) } } }[name]
    }
    // Called without new, as older code does.
    for (const name of ['NumberFormat', 'DateTimeFormat', 'Collator']) {
      const kind = Intl[name]
      const callable = { [name]: function (requested, options) { return new kind(requested, options) } }[name]
      callable.prototype = kind.prototype
      callable.supportedLocalesOf = supportedLocalesOf
      Object.defineProperty(kind.prototype, 'constructor', { value: callable, writable: true, configurable: true })
      Intl[name] = callable
    }
    Intl.getCanonicalLocales = (requested) => supportedLocalesOf(requested)
    Intl.supportedValuesOf = () => { throw unavailable('Intl.supportedValuesOf') }
    for (const name of Object.keys(Intl)) Object.defineProperty(Intl, name, { enumerable: false })
    Object.defineProperty(Intl, Symbol.toStringTag, { value: 'Intl', configurable: true })

    const kept = new Map()
    // The same formatter for the same language, when there are no options.
    function formatter(kind, requested, options, ...rest) {
      if (options !== undefined || (requested !== undefined && typeof requested !== 'string')) return new kind(requested, options, ...rest)
      const key = [kind.name, requested, ...rest].join()
      if (!kept.has(key)) kept.set(key, new kind(requested, options, ...rest))
      return kept.get(key)
    }
    function dateText(date, requested, options, needed, filled) {
      const time = Date.prototype.getTime.call(date)
      return isNaN(time) ? 'Invalid Date' : formatter(DateTimeFormat, requested, options, needed, filled).format(time)
    }
    function toLocaleString(value, requested, options) {
      if (value instanceof Date) return dateText(value, requested, options, 'any', 'all')
      return formatter(NumberFormat, requested, options).format(typeof value === 'bigint' ? value : value.valueOf())
    }
    return {
      Intl, toLocaleString,
      toLocaleDateString: (date, requested, options) => dateText(date, requested, options, 'date', 'date'),
      toLocaleTimeString: (date, requested, options) => dateText(date, requested, options, 'time', 'time'),
      localeCompare: (text, other, requested, options) => formatter(Collator, requested, options).compare(text, other),
    }
  }
})
