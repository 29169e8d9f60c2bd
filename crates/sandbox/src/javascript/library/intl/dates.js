// Intl.DateTimeFormat, by patterns of the tables.
(function (shared, kit) {
  'use strict'
  const { Date, Math, Number, Object, RangeError, String, TypeError } = shared.taken
  const { native } = shared
  const { choice, full, integer, language, resolve, supportedLocalesOf, unavailable } = kit
  const DATE = ['weekday', 'year', 'month', 'day']
  const TIME = ['hour', 'minute', 'second', 'fractionalSecondDigits']
  const CODES = { short: 's', long: 'l', numeric: 'n', '2-digit': '2' }
  const STEPS = [[1, '2', 'n', '{y}', '{yy}'], [0, 'l', 's', '{ws}', '{wl}'], [3, '2', 'n', '{d}', '{dd}'], [2, '2', 'n', '{m}', '{mm}']]
  const TIME_KEYS = ['12', '24', ''].flatMap((cycle) => ['n--', '2--', 'nn-', 'n2-', '2n-', '22-', 'nnn', 'nn2', 'n2n', 'n22', '2nn', '2n2', '22n', '222'].map((key) => cycle + key))
  // The abbreviations of time zones that each language uses. What is not there is an offset.
  const AMERICA = 'AKST AKDT AST ADT CST CDT MST MDT EST EDT PST PDT HST'
  const EUROPE = 'CET CEST EET EEST WET WEST'
  const ABBREVIATIONS = { 'en-US': `GMT ${AMERICA}`, 'en-CA': `GMT ${AMERICA} NST NDT`, 'en-GB': `GMT BST ${EUROPE}`, 'en-IN': 'GMT IST',
    'en-AU': 'GMT AEDT AEST NZDT NZST ACDT ACST AWST', 'de-DE': EUROPE, 'es-ES': `GMT ${EUROPE}`, 'it-IT': EUROPE }
  const GERMAN = { CET: 'MEZ', CEST: 'MESZ', EET: 'OEZ', EEST: 'OESZ', WET: 'WEZ', WEST: 'WESZ' }
  // Where the abbreviation in use is not what people are shown.
  const ODD_ZONES = ['America/Adak', 'America/Havana', 'America/Dawson', 'America/Hermosillo', 'America/Mazatlan', 'America/Whitehorse', 'America/Miquelon',
    'Asia/Macau', 'Asia/Shanghai', 'Asia/Taipei', 'Asia/Manila', 'Asia/Dubai', 'Asia/Muscat', 'Asia/Colombo', 'Asia/Jerusalem', 'Europe/Dublin', 'Europe/Guernsey',
    'Europe/Isle_of_Man', 'Europe/Jersey', 'Antarctica/Casey', 'Antarctica/Troll', 'Australia/Eucla', 'Australia/Lord_Howe']

  // A pattern that is not in the table is made of that of another key.
  function lookUp(table, key) {
    if (key in table) return table[key] ?? undefined
    for (const [at, code, other, from, to] of STEPS) {
      if (key[at] === code) return lookUp(table, key.slice(0, at) + other + key.slice(at + 1))?.replace(from, to)
    }
    return undefined
  }

  class DateTimeFormat {
    #name
    #table
    #options
    #pattern
    constructor(requested, options, needed = 'any', filled = 'date') {
      [this.#name, this.#table] = resolve(requested)
      this.#options = DateTimeFormat.#read(options ?? {}, needed, filled)
      this.#pattern = this.#choose()
      this.format = (date) => this.formatToParts(date).map((part) => part.value).join('').replaceAll('\u202f', ' ')
      Object.defineProperty(this, 'format', { enumerable: false })
    }
    static supportedLocalesOf(requested) { return supportedLocalesOf(requested) }
    static #read(options, needed, filled) {
      for (const other of ['era', 'dayPeriod']) if (options[other] !== undefined) throw unavailable(`The option ${other}`)
      if (!['gregory', 'iso8601', undefined].includes(options.calendar)) throw unavailable(`The calendar ${options.calendar}`)
      if (!['latn', undefined].includes(options.numberingSystem)) throw unavailable(`The numbering system ${options.numberingSystem}`)
      const name = options.timeZone === undefined ? 'UTC' : String(options.timeZone)
      const timeZone = /^(utc|gmt|etc\/utc)$/i.test(name) ? 'UTC' : native.zone(name)
      if (timeZone === undefined) throw new RangeError(`Invalid time zone specified: ${name}`)
      const widths = ['numeric', '2-digit']
      const read = {
        timeZone,
        weekday: choice(options, 'weekday', ['narrow', 'short', 'long']),
        year: choice(options, 'year', widths),
        month: choice(options, 'month', [...widths, 'narrow', 'short', 'long']),
        day: choice(options, 'day', widths),
        hour: choice(options, 'hour', widths), minute: choice(options, 'minute', widths), second: choice(options, 'second', widths),
        fractionalSecondDigits: integer(options, 'fractionalSecondDigits', 1, 3),
        timeZoneName: choice(options, 'timeZoneName', ['short', 'long', 'shortOffset', 'longOffset', 'shortGeneric', 'longGeneric']),
        hourCycle: choice(options, 'hourCycle', ['h11', 'h12', 'h23', 'h24']),
        hour12: options.hour12 === undefined ? undefined : Boolean(options.hour12),
        dateStyle: choice(options, 'dateStyle', ['full', 'long', 'medium', 'short']),
        timeStyle: choice(options, 'timeStyle', ['full', 'long', 'medium', 'short']),
      }
      if (read.hour12 === undefined && (read.hourCycle === 'h11' || read.hourCycle === 'h24')) throw unavailable(`hourCycle: ${read.hourCycle}`)
      if (read.weekday === 'narrow' || read.month === 'narrow') throw unavailable('The width narrow')
      const has = (names) => names.some((name) => read[name] !== undefined)
      if (read.dateStyle || read.timeStyle) {
        if (has([...DATE, ...TIME, 'timeZoneName'])) throw new TypeError("Can't set option beside dateStyle or timeStyle")
        if (needed === 'date' && read.timeStyle || needed === 'time' && read.dateStyle) throw new TypeError('Invalid option : dateStyle or timeStyle')
        return read
      }
      if (!(needed !== 'time' && has(DATE)) && !(needed !== 'date' && has(TIME))) {
        if (filled !== 'time') read.year = read.month = read.day = 'numeric'
        if (filled !== 'date') read.hour = read.minute = read.second = 'numeric'
      }
      return read
    }
    #cycle() {
      const { hour12, hourCycle } = this.#options
      if (hour12 !== undefined) return hour12 ? '12' : '24'
      return hourCycle === undefined ? '' : hourCycle === 'h12' ? '12' : '24'
    }
    #choose() {
      const [o, t] = [this.#options, this.#table]
      if (o.dateStyle || o.timeStyle) {
        if (this.#cycle() !== '') throw unavailable('hour12 or hourCycle beside timeStyle')
        const [date, time] = [t.dateStyles[o.dateStyle] ?? '', t.timeStyles[o.timeStyle] ?? '']
        return date + (date && time ? t.styleGlue[o.dateStyle] : '') + time
      }
      const key = DATE.map((name) => CODES[o[name]] ?? '-').join('')
      const date = key === '----' ? '' : lookUp(t.dates, key)
      let time = this.#time()
      if (time && o.timeZoneName && this.#cycle() === '' && o.hour === 'numeric' && o.minute && !o.fractionalSecondDigits) {
        time = (o.second ? t.timeStyles.long.replace('{hh}', '{h}') : t.zoned).replace(/ ?\{z\}/, '')
      }
      const glue = key in t.glue[2] ? t.glue[2][key] : t.glue[key[2] === 'l' ? 1 : 0]
      if (date === undefined || time === undefined || (date && time && typeof glue !== 'string')) throw unavailable('This combination of options')
      let pattern = date + (date && time ? glue : '') + time
      if (o.timeZoneName) {
        if (!time && language(this.#name) !== 'en') throw unavailable('A date with a time zone but without a time')
        pattern += time ? ' {z}' : ', {z}'
      }
      return pattern
    }
    #time() {
      const [o, t] = [this.#options, this.#table]
      const [hour, minute, second] = ['hour', 'minute', 'second'].map((name) => CODES[o[name]] ?? '-')
      const digits = o.fractionalSecondDigits
      let time = ''
      if (hour !== '-') {
        const at = TIME_KEYS.indexOf(this.#cycle() + hour + minute + second)
        time = at < 0 ? undefined : t.times[1 + parseInt(t.times[0][at], 36)]
      } else if (minute !== '-') time = second !== '-' ? '{nn}:{ss}' : '{n}'
      else if (second !== '-') time = '{s}'
      if (digits === undefined) return time
      return /\{ss?\}/.test(time) ? time.replace(/\{ss?\}/, '$&{f}') : undefined
    }
    #zone(offset, abbreviation) {
      const { timeZone, timeZoneName, timeStyle } = this.#options
      const kind = timeZoneName ?? (timeStyle === 'full' ? 'long' : 'short')
      const isUtc = timeZone === 'UTC'
      if (kind === 'long' && isUtc) return this.#table.utc
      if (kind === 'short' && isUtc) return 'UTC'
      const abbreviations = kind === 'short' && !ODD_ZONES.includes(timeZone) && ABBREVIATIONS[full(this.#name)]
      if (abbreviations && abbreviations.split(' ').includes(abbreviation)) {
        return language(this.#name) === 'de' ? GERMAN[abbreviation] ?? abbreviation : abbreviation
      }
      if (!abbreviations && (!kind.endsWith('Offset') || !['en', 'de'].includes(language(this.#name)))) {
        throw unavailable(`The ${kind} name of the time zone ${timeZone} in ${this.#name}`)
      }
      if (offset === 0) return { longOffset: 'GMT+00:00', shortOffset: 'GMT+0' }[kind] ?? (['de', 'it'].includes(language(this.#name)) ? 'GMT+0' : 'GMT')
      const minutes = Math.abs(offset) / 60
      const [h, m] = [Math.floor(minutes / 60), Math.floor(minutes % 60)]
      const two = (number) => String(number).padStart(2, '0')
      return `GMT${offset < 0 ? '-' : '+'}${kind === 'longOffset' ? `${two(h)}:${two(m)}` : m ? `${h}:${two(m)}` : h}`
    }
    formatToParts(date) {
      const milliseconds = date === undefined ? Date.now() : Number(date)
      if (!(Math.abs(milliseconds) <= 8.64e15)) throw new RangeError('Invalid time value')
      const t = this.#table
      const [offset, abbreviation] = this.#options.timeZone === 'UTC' ? [0, 'UTC'] : native.offset(this.#options.timeZone, milliseconds)
      const at = new Date(milliseconds + offset * 1000)
      const [year, month, day, hour, minute, second] = [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate(), at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()]
      if (year < 1) throw unavailable('A year before 1')
      const two = (number) => String(number).padStart(2, '0')
      const table = (tables, index) => typeof tables[index] === 'number' ? tables[tables[index]] : tables[index]
      const weekday = (index) => ['weekday', table(t.weekdays, index)[(at.getUTCDay() + 2) % 7]]
      const named = (index) => ['month', table(t.months, index)[month]]
      const isTwelve = this.#pattern.includes('{p}')
      const zero = t.zero[['', '12', '24'].indexOf(this.#cycle())]
      const shownHour = isTwelve ? hour % 12 || (this.#options.hourCycle === 'h12' ? 12 : zero) : hour || (zero === 24 && !this.#options.hourCycle ? 24 : 0)
      const fields = {
        wl: () => weekday(0), ws: () => weekday(1), wf: () => weekday(2),
        y: () => ['year', String(year)], yy: () => ['year', two(year % 100)],
        m: () => ['month', String(month + 1)], mm: () => ['month', two(month + 1)],
        ml: () => named(0), ms: () => named(1), mx: () => named(2), my: () => named(3),
        d: () => ['day', String(day)], dd: () => ['day', two(day)],
        h: () => ['hour', String(shownHour)], hh: () => ['hour', two(shownHour)],
        n: () => ['minute', String(minute)], nn: () => ['minute', two(minute)],
        s: () => ['second', String(second)], ss: () => ['second', two(second)],
        p: () => ['dayPeriod', t.periods[hour < 12 ? 0 : 1]],
        z: () => ['timeZoneName', this.#zone(offset, abbreviation)],
        f: () => ['fractionalSecond', String(at.getUTCMilliseconds()).padStart(3, '0').slice(0, this.#options.fractionalSecondDigits)],
      }
      const output = []
      for (const piece of this.#pattern.split(/(\{\w+\})/)) {
        if (piece === '') continue
        const field = /^\{(\w+)\}$/.exec(piece)?.[1]
        if (field === 'f') output.push({ type: 'literal', value: t.decimal })
        const [type, value] = field === undefined ? ['literal', piece] : fields[field]()
        output.push({ type, value })
      }
      return output
    }
    formatRange() { throw unavailable('DateTimeFormat.formatRange') }
    formatRangeToParts() { throw unavailable('DateTimeFormat.formatRangeToParts') }
    resolvedOptions() {
      const given = Object.fromEntries(Object.entries(this.#options).filter(([, value]) => value !== undefined))
      return { locale: this.#name, calendar: 'gregory', numberingSystem: 'latn', ...given }
    }
  }
  return { DateTimeFormat }
})
