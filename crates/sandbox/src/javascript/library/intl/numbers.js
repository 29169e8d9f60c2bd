// Intl.NumberFormat.
(function (shared, kit) {
  'use strict'
  const { Math, Number, Object, RangeError, String, TypeError } = shared.taken
  const { choice, hasUnit, integer, language, resolve, supportedLocalesOf, unavailable, unitText } = kit
  const WHOLE = ['JPY', 'KRW']
  const CURRENCIES = ['USD', 'EUR', 'GBP', 'JPY', 'CHF', 'SEK', 'NOK', 'DKK', 'PLN', 'CZK', 'INR', 'CNY', 'BRL', 'CAD', 'AUD', 'NZD', 'KRW', 'MXN', 'SGD', 'HKD', 'ZAR', 'TRY']

  // Decimal digits, and how many of them are before the point.
  function decimal(value) {
    if (typeof value === 'bigint') {
      const digits = String(value < 0n ? -value : value)
      return { isNegative: value < 0n, digits, point: digits.length }
    }
    const [mantissa, exponent] = Math.abs(value).toExponential().split('e')
    return { isNegative: value < 0 || Object.is(value, -0), digits: mantissa.replace('.', ''), point: value === 0 ? 1 : Number(exponent) + 1 }
  }

  // Half is rounded away from zero, on the digits that people see.
  function rounded({ isNegative, digits, point }, kept) {
    if (kept >= digits.length) return { isNegative, digits, point }
    if (kept < 0) return { isNegative, digits: '0', point: 1 }
    const up = digits[kept] >= '5'
    let list = [...digits.slice(0, kept)].map(Number)
    if (up) {
      let at = kept - 1
      while (at >= 0 && list[at] === 9) list[at--] = 0
      if (at >= 0) list[at]++
      else { list = [1, ...list]; point++ }
    }
    return list.length ? { isNegative, digits: list.join(''), point } : { isNegative, digits: '0', point: 1 }
  }

  function parts(number, minimum, maximum) {
    const { isNegative, digits, point } = number
    const whole = point > 0 ? digits.slice(0, point).padEnd(point, '0') : '0'
    let fraction = (point < 0 ? '0'.repeat(-point) : '') + digits.slice(Math.max(point, 0))
    fraction = fraction.slice(0, maximum).replace(/0+$/, '').padEnd(minimum, '0')
    return { isNegative, whole: whole.replace(/^0+(?=\d)/, ''), fraction }
  }

  const COMPACT = { short: ['', 'K', 'M', 'B', 'T'], long: ['', ' thousand', ' million', ' billion', ' trillion'] }

  class NumberFormat {
    #name
    #table
    #options
    constructor(requested, options = {}) {
      [this.#name, this.#table] = resolve(requested)
      this.#options = NumberFormat.#read(options ?? {}, this.#name)
      this.format = (value) => this.#format(typeof value === 'bigint' ? value : Number(value))
      Object.defineProperty(this, 'format', { enumerable: false })
    }
    static supportedLocalesOf(requested) { return supportedLocalesOf(requested) }
    static #read(options, name) {
      const style = choice(options, 'style', ['decimal', 'percent', 'currency', 'unit'], 'decimal')
      const unit = options.unit === undefined ? undefined : String(options.unit)
      if (style === 'unit') {
        if (unit === undefined) throw new TypeError('Unit is required with unit style.')
        if (name !== 'en' && name !== 'en-US') throw unavailable(`Formatting units in ${name}`)
        if (!hasUnit(unit)) throw unavailable(`The unit ${unit}`)
      }
      const currency = options.currency === undefined ? undefined : String(options.currency).toUpperCase()
      if (style === 'currency' && currency === undefined) throw new TypeError('Currency code is required with currency style.')
      if (currency !== undefined && !/^[A-Z]{3}$/.test(currency)) throw new RangeError(`Invalid currency code : ${options.currency}`)
      if (style === 'currency' && !CURRENCIES.includes(currency)) throw unavailable(`The currency ${currency}`)
      const currencyDisplay = choice(options, 'currencyDisplay', ['symbol', 'narrowSymbol', 'code', 'name'], 'symbol')
      if (currencyDisplay === 'name' && style === 'currency') throw unavailable('currencyDisplay: name')
      const notation = choice(options, 'notation', ['standard', 'compact', 'scientific', 'engineering'], 'standard')
      if (notation === 'scientific' || notation === 'engineering' || (notation === 'compact' && language(name) + name.slice(2) !== 'en-US' && name !== 'en')) {
        throw unavailable(`notation: ${notation} in ${name}`)
      }
      if (options.currencySign === 'accounting' && name === 'en-IN') throw unavailable('currencySign: accounting in en-IN')
      for (const other of ['roundingIncrement', 'roundingMode', 'roundingPriority', 'trailingZeroDisplay']) {
        if (options[other] !== undefined && !['halfExpand', 'auto', '1'].includes(String(options[other]))) throw unavailable(`${other}: ${options[other]}`)
      }
      const isCompact = notation === 'compact'
      const grouping = options.useGrouping
      const read = {
        style, currency, currencyDisplay, notation, unit,
        unitDisplay: choice(options, 'unitDisplay', ['short', 'narrow', 'long'], 'short'),
        compactDisplay: choice(options, 'compactDisplay', ['short', 'long'], 'short'),
        currencySign: choice(options, 'currencySign', ['standard', 'accounting'], 'standard'),
        signDisplay: choice(options, 'signDisplay', ['auto', 'never', 'always', 'exceptZero', 'negative'], 'auto'),
        useGrouping: grouping === undefined ? isCompact ? 'min2' : 'auto' : grouping === true || grouping === 'true' ? 'always' : grouping === false || grouping === 'false' ? false : String(grouping),
        minimumIntegerDigits: integer(options, 'minimumIntegerDigits', 1, 21) ?? 1,
      }
      let [low, high] = [integer(options, 'minimumFractionDigits', 0, 100), integer(options, 'maximumFractionDigits', 0, 100)]
      const [few, many] = [integer(options, 'minimumSignificantDigits', 1, 21), integer(options, 'maximumSignificantDigits', 1, 21)]
      if (few !== undefined || many !== undefined) {
        read.minimumSignificantDigits = few ?? 1
        read.maximumSignificantDigits = many ?? 21
        if (read.minimumSignificantDigits > read.maximumSignificantDigits) throw new RangeError('maximumSignificantDigits value is out of range.')
        return read
      }
      if (isCompact && low === undefined && high === undefined) return { ...read, isRough: true }
      const places = style === 'currency' ? WHOLE.includes(currency) ? 0 : 2 : 0
      const most = style === 'currency' ? places : style === 'percent' || isCompact ? 0 : 3
      if (low === undefined) low = Math.min(places, high ?? places)
      else if (high === undefined) high = Math.max(most, low)
      high ??= Math.max(most, low)
      if (low > high) throw new RangeError('maximumFractionDigits value is out of range.')
      return { ...read, minimumFractionDigits: low, maximumFractionDigits: high }
    }
    #round(number) {
      const o = this.#options
      if (o.maximumSignificantDigits !== undefined) {
        const kept = rounded(number, o.maximumSignificantDigits)
        return parts(kept, Math.max(o.minimumSignificantDigits - Math.max(kept.point, kept.digits === '0' ? 1 : kept.point), 0), Infinity)
      }
      if (o.isRough) return parts(rounded(number, Math.max(number.point, 2)), 0, Infinity)
      return parts(rounded(number, number.point + o.maximumFractionDigits), o.minimumFractionDigits, o.maximumFractionDigits)
    }
    // The digits and what surrounds them: a pattern with {-}, {c}, {n} and {s}, the suffix.
    #compose(value) {
      const o = this.#options
      const t = this.#table
      let [suffix, body] = ['', '']
      let shown = { isNegative: false, whole: '', fraction: '' }
      if (typeof value === 'number' && isNaN(value)) body = 'NaN'
      else if (value === Infinity || value === -Infinity) [shown, body] = [{ ...shown, isNegative: value < 0 }, '∞']
      else {
        const number = decimal(value)
        if (o.style === 'percent') number.point += number.digits === '0' ? 0 : 2
        shown = this.#round(number)
        if (o.notation === 'compact') {
          let power = Math.min(Math.max(Math.floor((number.point - 1) / 3), 0), 4)
          const scaled = () => this.#round({ ...number, point: number.point - 3 * power })
          shown = scaled()
          if (shown.whole.length > 3 && power < 4) { power++; shown = scaled() }
          suffix = COMPACT[o.compactDisplay][power]
        }
        const whole = grouped(shown.whole.padStart(o.minimumIntegerDigits, '0'), t, o.useGrouping)
        body = shown.fraction ? whole + t.decimal + shown.fraction : whole
      }
      const isZero = !/[1-9∞]/.test(body)
      const sign = { auto: shown.isNegative && '-', always: shown.isNegative ? '-' : '+', never: '', exceptZero: isZero ? '' : shown.isNegative ? '-' : '+',
        negative: shown.isNegative && !isZero && '-' }[o.signDisplay] || ''
      const made = { body, suffix, fraction: shown.fraction, mark: sign === '-' ? t.minus : sign, symbol: '' }
      if (o.style === 'percent') return { ...made, pattern: '{-}' + t.percent.replace('{n}', '{n}{s}') }
      if (o.style === 'unit') return { ...made, pattern: '{-}{n}{s}{u}', symbol: unitText(o.unit, o.unitDisplay, body + suffix === '1') }
      if (o.style !== 'currency') return { ...made, pattern: '{-}{n}{s}' }
      const symbol = o.currencyDisplay === 'code' ? o.currency : (o.currencyDisplay === 'symbol' ? t.symbols : t.narrow)[o.currency] ?? o.currency
      const money = o.currencyDisplay === 'code' ? { symbol: t.money.code, negative: t.money.negativeCode, accounting: t.money.accounting } : t.money
      let pattern = sign === '' ? money.symbol : sign === '-' && o.currencySign === 'accounting' ? money.accounting : money.negative
      if (/\p{L}$/u.test(symbol)) pattern = pattern.replace('{c}{n}', '{c}\u00a0{n}')
      return { ...made, symbol, pattern: pattern.replace('{n}', '{n}{s}') }
    }
    #format(value) {
      const { body, suffix, mark, symbol, pattern } = this.#compose(value)
      if (pattern === '{-}{n}{s}') return mark + body + suffix
      return pattern.replace(/\{(.)\}/g, (all, name) => ({ '-': mark, n: body, s: suffix, c: symbol, u: symbol })[name])
    }
    formatToParts(value) {
      const { body, suffix, fraction, mark, symbol, pattern } = this.#compose(typeof value === 'bigint' ? value : Number(value))
      const output = []
      const add = (type, value) => { if (value !== '') output.push({ type, value }) }
      // Spaces and brackets are literals.
      const spaced = (type, text) => {
        const [, before, inner, after] = /^([\s\u00a0]*)(.*?)([\s\u00a0]*)$/s.exec(text)
        add('literal', before)
        add(type, inner)
        add('literal', after)
      }
      for (const piece of pattern.split(/(\{.\})/)) {
        if (piece === '{-}') add(mark === '+' ? 'plusSign' : 'minusSign', mark)
        else if (piece === '{c}') add('currency', symbol)
        else if (piece === '{s}') spaced('compact', suffix)
        else if (piece === '{u}') spaced('unit', symbol)
        else if (piece === '{n}') this.#numberParts(body, fraction, add)
        else if (this.#options.style === 'percent') spaced('percentSign', piece)
        else add('literal', piece)
      }
      return output
    }
    #numberParts(body, fraction, add) {
      if (body === 'NaN') return add('nan', body)
      if (body === '∞') return add('infinity', body)
      const t = this.#table
      const whole = fraction ? body.slice(0, -fraction.length - t.decimal.length) : body
      whole.split(t.group).forEach((digits, at) => { if (at > 0) add('group', t.group); add('integer', digits) })
      if (fraction) { add('decimal', t.decimal); add('fraction', fraction) }
    }
    formatRange() { throw unavailable('NumberFormat.formatRange') }
    resolvedOptions() {
      const { isRough, unit, unitDisplay, ...options } = this.#options
      if (options.style === 'unit') Object.assign(options, { unit, unitDisplay })
      return { locale: this.#name, numberingSystem: 'latn', ...options }
    }
  }

  function grouped(whole, table, use) {
    const least = use === 'min2' || use === 'auto' && table.grouping === 2 ? 5 : 4
    if (!use || whole.length < least) return whole
    const pattern = table.indian ? /(\d)(?=(\d\d)+\d$)/g : /(\d)(?=(\d{3})+$)/g
    return whole.replace(pattern, (digit) => digit + table.group)
  }
  return { NumberFormat }
})
