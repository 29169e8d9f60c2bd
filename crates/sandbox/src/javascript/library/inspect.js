// Texts of values as Node's `util.inspect` has them.
(function (shared) {
  'use strict'
  const { native, taken } = shared
  const { Map, Set, Error, Uint8Array, ArrayBuffer, String, Object, Array, RegExp, Date, Symbol, Number,
    WeakMap, WeakSet, SharedArrayBuffer, Math, Function } = taken
  const { getOwnPropertyDescriptor, getOwnPropertyNames, getOwnPropertySymbols, getPrototypeOf, keys: keysOf } = Object
  const WIDTH = 80
  const MAX_ITEMS = 100
  const MAX_STRING = 10000
  const call = Function.prototype.call

  // Whether a value is of a kind, whatever its prototype is.
  const brand = (get) => (value) => { try { get(value); return true } catch { return false } }
  const getter = (prototype, name) => call.bind(getOwnPropertyDescriptor(prototype, name).get)
  const isMap = brand(getter(Map.prototype, 'size'))
  const isSet = brand(getter(Set.prototype, 'size'))
  const isDate = brand(call.bind(Date.prototype.getTime))
  const isBuffer = brand(getter(ArrayBuffer.prototype, 'byteLength'))
  const isRegExp = (value) => value instanceof RegExp && value !== RegExp.prototype
  const typedName = getter(getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)
  const boxes = [['Number', Number], ['String', String], ['Boolean', true.constructor], ['Symbol', Symbol], ['BigInt', taken.BigInt]]
    .map(([name, kind]) => [name, brand(call.bind(kind.prototype.valueOf)), call.bind(kind.prototype.valueOf)])

  const ESCAPES = { '\b': '\\b', '\t': '\\t', '\n': '\\n', '\f': '\\f', '\r': '\\r', '\\': '\\\\' }
  function quoted(text) {
    let quote = "'"
    if (text.includes("'")) quote = !text.includes('"') ? '"' : !text.includes('`') && !text.includes('${') ? '`' : "'"
    const escape = (c) => ESCAPES[c] ?? (c === quote ? '\\' + c
      : c.length === 1 && c >= '\ud800' && c <= '\udfff' ? '\\u' + c.charCodeAt(0).toString(16).toUpperCase()
        : '\\x' + c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0'))
    const unsafe = quote === "'" ? /[\x00-\x1f'\\\x7f-\x9f]|[\ud800-\udfff]/gu : /[\x00-\x1f\\\x7f-\x9f]|[\ud800-\udfff]/gu
    return quote + text.replace(unsafe, escape) + quote
  }

  function primitive(value, context) {
    if (typeof value === 'string') {
      let rest = ''
      if (value.length > MAX_STRING) {
        const count = value.length - MAX_STRING
        rest = `... ${count} more character${count > 1 ? 's' : ''}`
        value = value.slice(0, MAX_STRING)
      }
      if (value.length > 16 && value.length > context.width - context.indent - 4) {
        const lines = value.split(/(?<=\n)/).map(quoted)
        return lines.join(` +\n${' '.repeat(context.indent + 2)}`) + rest
      }
      return quoted(value) + rest
    }
    if (typeof value === 'number') return Object.is(value, -0) ? '-0' : `${value}`
    if (typeof value === 'bigint') return `${value}n`
    if (typeof value === 'symbol') return Symbol.prototype.toString.call(value)
    return `${value}`
  }

  function inspectValue(value, depth, context) {
    if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return primitive(value, context)
    const custom = value[Symbol.for('nodejs.util.inspect.custom')]
    if (typeof custom === 'function') {
      const answer = custom.call(value, context.depth - depth, {}, inspect)
      if (typeof answer !== 'object') return `${answer}`
      return inspectValue(answer, depth, context)
    }
    if (context.seen.includes(value)) {
      context.circular ??= new Map()
      if (!context.circular.has(value)) context.circular.set(value, context.circular.size + 1)
      return `[Circular *${context.circular.get(value)}]`
    }
    return inspectObject(value, depth, context)
  }

  function constructorName(value) {
    for (let object = value; object !== null; object = getPrototypeOf(object)) {
      const found = getOwnPropertyDescriptor(object, 'constructor')
      if (found !== undefined && typeof found.value === 'function' && found.value.name !== '' && isInstance(value, found.value)) {
        return found.value.name
      }
    }
    return null
  }

  function isInstance(value, kind) {
    try { return value instanceof kind } catch { return false }
  }

  function prefix(name, tag, fallback, size = '') {
    if (name === null) return tag !== '' && fallback !== tag
      ? `[${fallback}${size}: null prototype] [${tag}] ` : `[${fallback}${size}: null prototype] `
    return tag !== '' && name !== tag ? `${name}${size} [${tag}] ` : `${name}${size} `
  }

  function ownKeys(value, isIndexed) {
    let keys = keysOf(value)
    if (isIndexed) keys = keys.filter((key) => !/^(0|[1-9]\d*)$/.test(key))
    const symbols = getOwnPropertySymbols(value)
    return symbols.length ? [...keys, ...symbols.filter((key) => getOwnPropertyDescriptor(value, key).enumerable)] : keys
  }

  // The kind of an object: how it begins, and what is in it besides its own properties.
  function inspectObject(value, depth, context) {
    const name = constructorName(value)
    let tag = value[Symbol.toStringTag]
    if (typeof tag !== 'string' || (tag !== '' && Object.prototype.propertyIsEnumerable.call(value, Symbol.toStringTag))) tag = ''
    let [keys, braces, base, items, isList] = [null, ['{', '}'], '', () => [], false]
    const typed = ArrayBuffer.isView(value) ? typedName(value) : undefined
    if (Array.isArray(value)) {
      const start = name !== 'Array' || tag !== '' ? prefix(name, tag, 'Array', `(${value.length})`) : ''
      keys = ownKeys(value, true)
      braces = [`${start}[`, ']']
      if (value.length === 0 && keys.length === 0) return `${braces[0]}]`
      ;[items, isList] = [arrayItems, true]
    } else if (typed !== undefined) {
      keys = ownKeys(value, true)
      braces = [`${prefix(name, tag, typed, `(${value.length})`)}[`, ']']
      if (value.length === 0 && keys.length === 0) return `${braces[0]}]`
      ;[items, isList] = [typedItems, true]
    } else if (isSet(value)) {
      keys = ownKeys(value)
      const start = prefix(name, tag, 'Set', `(${value.size})`)
      if (value.size === 0 && keys.length === 0) return `${start}{}`
      braces = [`${start}{`, '}']
      items = setItems
    } else if (isMap(value)) {
      keys = ownKeys(value)
      const start = prefix(name, tag, 'Map', `(${value.size})`)
      if (value.size === 0 && keys.length === 0) return `${start}{}`
      braces = [`${start}{`, '}']
      items = mapItems
    } else {
      keys = ownKeys(value)
      if (typeof value === 'function') {
        base = functionText(value, name, tag)
        if (keys.length === 0) return base
      } else if (Object.prototype.toString.call(value) === '[object Arguments]') {
        braces[0] = '[Arguments] {'
        if (keys.length === 0) return `${braces[0]}}`
      } else if (tag.endsWith(' Iterator') && (tag.startsWith('Map') || tag.startsWith('Set'))) {
        braces[0] = `[${tag}] {`
        items = () => ['<items unknown>']
      } else if (name === 'Object' && !isRegExp(value) && !isDate(value) && !(value instanceof Error)) {
        if (tag !== '') braces[0] = `${prefix(name, tag, 'Object')}{`
        if (keys.length === 0) return `${braces[0]}}`
      } else if (isRegExp(value)) {
        base = RegExp.prototype.toString.call(value)
        if (name !== 'RegExp') base = `${prefix(name, tag, 'RegExp')}${base}`
        if (keys.length === 0 || depth > context.depth) return base
      } else if (isDate(value)) {
        base = isNaN(Date.prototype.getTime.call(value)) ? 'Invalid Date' : Date.prototype.toISOString.call(value)
        if (name !== 'Date') base = `${prefix(name, tag, 'Date')}${base}`
        if (keys.length === 0) return base
      } else if (value instanceof Error) {
        base = errorText(value, name, tag, keys, context)
        if (keys.length === 0) return base
      } else if (isBuffer(value)) {
        braces[0] = `${prefix(name, tag, 'ArrayBuffer')}{`
        keys.unshift('byteLength')
        items = bufferItems
      } else if (value instanceof taken.DataView) {
        braces[0] = `${prefix(name, tag, 'DataView')}{`
        keys.unshift('byteLength', 'byteOffset', 'buffer')
      } else if (value instanceof taken.Promise) {
        braces[0] = `${prefix(name, tag, 'Promise')}{`
        items = promiseItems
      } else if (value instanceof WeakSet || value instanceof WeakMap) {
        braces[0] = `${prefix(name, tag, name)}{`
        items = () => ['<items unknown>']
      } else {
        const box = boxes.find(([, is]) => is(value))
        if (box !== undefined) {
          base = boxText(box, value, name, tag, keys, context)
          if (keys.length === 0) return base
        } else {
          const start = prefix(name, tag, 'Object')
          if (keys.length === 0) return `${start}{}`
          braces[0] = `${start}{`
        }
      }
    }
    if (depth > context.depth) {
      const start = Array.isArray(value) ? prefix(name, tag, 'Array', name === 'Array' ? '' : `(${value.length})`)
        : prefix(name, tag, typed ?? 'Object')
      return name === null ? start.slice(0, -1) : `[${start.slice(0, -1)}]`
    }
    depth += 1
    context.seen.push(value)
    context.current = depth
    const output = items(value, depth, context)
    for (const key of keys) output.push(property(value, key, depth, context, isList))
    const index = context.circular?.get(value)
    if (index !== undefined) base = base === '' ? `<ref *${index}>` : `<ref *${index}> ${base}`
    context.seen.pop()
    return combined(output, base, braces, isList, depth, context, value)
  }

  function boxText([kind, , valueOf], value, name, tag, keys, context) {
    if (kind === 'String') keys.splice(0, value.length)
    let text = `[${kind}`
    if (kind !== name) text += name === null ? ' (null prototype)' : ` (${name})`
    text += `: ${primitive(valueOf(value), { ...context, width: Infinity })}]`
    return tag !== '' && tag !== name ? `${text} [${tag}]` : text
  }

  function functionText(value, name, tag) {
    const source = Function.prototype.toString.call(value)
    if (source.startsWith('class') && source.endsWith('}')) {
      let text = `class ${(Object.hasOwn(value, 'name') && value.name) || '(anonymous)'}`
      if (name !== 'Function' && name !== null) text += ` [${name}]`
      if (tag !== '' && name !== tag) text += ` [${tag}]`
      if (name === null) return `[${text} extends [null prototype]]`
      const parent = getPrototypeOf(value).name
      return parent ? `[${text} extends ${parent}]` : `[${text}]`
    }
    const kind = { GeneratorFunction: 1, AsyncFunction: 1, AsyncGeneratorFunction: 1 }[tag] ? tag : 'Function'
    let text = `[${kind}`
    if (name === null) text += ' (null prototype)'
    text += value.name === '' ? ' (anonymous)' : `: ${value.name}`
    text += ']'
    if (name !== kind && name !== null) text += ` ${name}`
    return tag !== '' && name !== tag ? `${text} [${tag}]` : text
  }

  // The engine's stack lacks the first line of Node's.
  function errorText(error, name, tag, keys, context) {
    const kind = error.name != null ? String(error.name) : 'Error'
    const message = String(error.message ?? '')
    let head = message ? `${kind}: ${message}` : kind
    const own = name === null ? `[${kind}: null prototype]` : prefix(name, tag, 'Error').slice(0, -1)
    if (own !== kind && kind.endsWith('Error')) {
      head = (own.includes(kind) ? own : `${own} [${kind}]`) + head.slice(kind.length)
    }
    for (const key of ['name', 'message', 'stack']) {
      const at = keys.indexOf(key)
      if (at !== -1 && (key === 'stack' || head.includes(error[key]))) keys.splice(at, 1)
    }
    if ('cause' in error && !keys.includes('cause')) keys.push('cause')
    if (Array.isArray(error.errors) && !keys.includes('errors')) keys.push('errors')
    const stack = typeof error.stack === 'string' ? error.stack.trimEnd() : ''
    if (stack === '') return `[${head}]`
    const lines = stack.split('\n').filter((line) => !line.includes('<builtin>'))
    const text = [head, ...(stack.startsWith(head) ? lines.slice(1) : lines)].join('\n')
    return context.indent ? text.split('\n').join(`\n${' '.repeat(context.indent)}`) : text
  }

  const remaining = (count) => `... ${count} more item${count > 1 ? 's' : ''}`

  function arrayItems(value, depth, context) {
    const output = []
    let at = 0
    while (at < value.length && output.length < context.most) {
      if (Object.hasOwn(value, at)) {
        output.push(property(value, at++, depth, context, true))
        continue
      }
      const first = at
      const hole = getOwnPropertyNames(value).find((key) => Number(key) > first && Number(key) < value.length)
      at = hole === undefined ? value.length : Number(hole)
      output.push(`<${at - first} empty item${at - first > 1 ? 's' : ''}>`)
    }
    if (at < value.length) output.push(remaining(value.length - at))
    return output
  }

  function typedItems(value, depth, context) {
    const output = Array.from(value.subarray(0, context.most), (item) => primitive(item, context))
    if (value.length > context.most) output.push(remaining(value.length - context.most))
    return output
  }

  function entries(values, size, context, text) {
    const output = []
    context.indent += 2
    for (const value of values) {
      if (output.length >= context.most) break
      output.push(text(value))
    }
    context.indent -= 2
    if (size > output.length) output.push(remaining(size - output.length))
    return output
  }

  const setItems = (value, depth, context) =>
    entries(Set.prototype.values.call(value), value.size, context, (item) => inspectValue(item, depth, context))
  const mapItems = (value, depth, context) => entries(Map.prototype.entries.call(value), value.size, context,
    ([key, item]) => `${inspectValue(key, depth, context)} => ${inspectValue(item, depth, context)}`)

  function bufferItems(value, depth, context) {
    const bytes = new Uint8Array(value, 0, Math.min(context.most, value.byteLength))
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const more = value.byteLength - bytes.length
    return [`[Uint8Contents]: <${hex}${more > 0 ? ` ... ${more} more byte${more > 1 ? 's' : ''}` : ''}>`]
  }

  function promiseItems(value, depth, context) {
    const [state, result] = native.promise(value)
    if (state === 'pending') return ['<pending>']
    context.indent += 2
    const text = inspectValue(result, depth, context)
    context.indent -= 2
    return [state === 'rejected' ? `<rejected> ${text}` : text]
  }

  function property(value, key, depth, context, isList) {
    const found = getOwnPropertyDescriptor(value, key) ?? { value: value[key], enumerable: true }
    let text = 'undefined'
    if (found.value !== undefined) {
      context.indent += 2
      text = inspectValue(found.value, depth, context)
      context.indent -= 2
    } else if (found.get !== undefined) {
      text = found.set !== undefined ? '[Getter/Setter]' : '[Getter]'
    } else if (found.set !== undefined) {
      text = '[Setter]'
    }
    if (isList && typeof key === 'number') return text
    let name = typeof key === 'symbol' ? `[${primitive(key, context)}]` : key === '__proto__' ? "['__proto__']"
      : found.enumerable === false ? `[${key}]` : /^[a-zA-Z_][a-zA-Z_0-9]*$/.test(key) ? key : quoted(key)
    return `${name}: ${text}`
  }

  // One line if it is short and shallow, else one line each; long lists in columns.
  function combined(output, base, braces, isList, depth, context, value) {
    const count = output.length
    if (isList && count > 6) output = grouped(output, context, value)
    const start = base ? `${base} ` : ''
    if (context.current - depth < 3 && count === output.length) {
      const length = output.reduce((sum, text) => sum + text.length, 0)
      const most = context.width - 2 * output.length - context.indent - braces[0].length - base.length - 10
      if (length <= most && !base.includes('\n') && !output.some((text) => text.includes('\n'))) {
        return `${start}${braces[0]} ${output.join(', ')} ${braces[1]}`
      }
    }
    const line = `\n${' '.repeat(context.indent)}`
    return `${start}${braces[0]}${line}  ${output.join(`,${line}  `)}${line}${braces[1]}`
  }

  function grouped(output, context, value) {
    const hasMore = value.length > context.most && output.length > context.most
    const count = output.length - (hasMore ? 1 : 0)
    const lengths = output.slice(0, count).map(width)
    const total = lengths.reduce((sum, length) => sum + length + 2, 0)
    const longest = lengths.reduce((a, b) => Math.max(a, b), 0)
    const most = longest + 2
    if (!(most * 3 + context.indent < context.width && (total / most > 5 || longest <= 6))) return output
    const biased = Math.max(most - 3 - Math.sqrt(most - total / output.length), 1)
    const columns = Math.min(Math.round(Math.sqrt(2.5 * biased * count) / biased),
      Math.floor((context.width - context.indent) / most), 12)
    if (columns <= 1) return output
    const widths = []
    for (let i = 0; i < columns; i++) {
      let widest = 0
      for (let j = i; j < count; j += columns) widest = Math.max(widest, lengths[j])
      widths.push(widest + 2)
    }
    let isNumeric = true
    for (let i = 0; isNumeric && i < output.length; i++) isNumeric = typeof value[i] === 'number' || typeof value[i] === 'bigint'
    const lines = []
    for (let i = 0; i < count; i += columns) {
      const last = Math.min(i + columns, count) - 1
      let line = ''
      for (let j = i; j < last; j++) line += pad(`${output[j]}, `, widths[j - i], isNumeric, lengths[j] + 2)
      line += isNumeric ? pad(output[last], widths[last - i] - 2, true, lengths[last]) : output[last]
      lines.push(line)
    }
    if (hasMore) lines.push(output[count])
    return lines
  }

  function pad(text, width, isAtStart, length) {
    const space = ' '.repeat(Math.max(width - length, 0))
    return isAtStart ? space + text : text + space
  }

  // How many cells of a terminal a text takes.
  function width(text) {
    if (/^[\x20-\x7e]*$/.test(text)) return text.length
    let cells = 0
    for (const c of text.normalize('NFC')) {
      if (/[\p{M}\p{Cc}\u200b-\u200f\ufe00-\ufe0f]/u.test(c)) continue
      cells += /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\p{Emoji_Presentation}]/u.test(c) || c >= '\u{20000}' && c <= '\u{3fffd}' ? 2 : 1
    }
    return cells
  }

  function inspect(value, options) {
    const { depth = 2, breakLength = WIDTH, maxArrayLength = MAX_ITEMS } = options ?? {}
    const most = maxArrayLength ?? Infinity
    return inspectValue(value, 0, { depth: depth ?? Infinity, width: breakLength, most, indent: 0, current: 0, seen: [] })
  }

  const asString = (value) => typeof value === 'object' && value !== null ? hasOwnText(value) ? String(value)
    : inspect(value, { depth: 0 }) : typeof value === 'bigint' ? `${value}n` : Object.is(value, -0) ? '-0' : String(value)
  function hasOwnText(value) {
    if (Object.hasOwn(value, 'toString')) return typeof value.toString === 'function'
    if (value instanceof Error || isDate(value)) return true
    for (let object = value; object !== null; object = getPrototypeOf(object)) {
      if (!Object.hasOwn(object, 'toString')) continue
      return object !== Object.prototype && object !== Array.prototype && object !== RegExp.prototype && object !== Function.prototype
        && object !== Error.prototype && object !== Date.prototype && typeof object.toString === 'function'
    }
    return false
  }
  const toNumber = (convert) => (value) => typeof value === 'bigint' ? `${value}n`
    : typeof value === 'symbol' || typeof value === 'object' ? 'NaN' : primitive(convert(value), {})
  const DIRECTIVES = {
    s: asString,
    d: (value) => typeof value === 'object' ? 'NaN' : toNumber(Number)(value),
    i: toNumber(parseInt),
    f: (value) => typeof value === 'symbol' ? 'NaN' : primitive(parseFloat(value), {}),
    j: (value) => { try { return JSON.stringify(value) } catch { return '[Circular]' } },
    o: (value) => inspect(value, { depth: 4 }),
    O: (value) => inspect(value),
    c: () => '',
  }

  // The arguments of `console.log` as one text.
  function format(values) {
    let [first] = values
    let used = 0
    let text = ''
    if (typeof first === 'string') {
      used = 1
      text = values.length === 1 ? first : first.replace(/%([sdifjoOc%])/g, (all, kind) => {
        if (kind === '%') return '%'
        return used < values.length ? DIRECTIVES[kind](values[used++]) : all
      })
    }
    for (let i = used; i < values.length; i++) {
      text += (i > 0 ? ' ' : '') + (typeof values[i] === 'string' ? values[i] : inspect(values[i]))
    }
    return text
  }

  const cell = (value) => inspect(value, {
    depth: typeof value === 'object' && value !== null && !Array.isArray(value) && keysOf(value).length > 2 ? -1 : 0,
    maxArrayLength: 3, breakLength: Infinity,
  })

  function table(rows, columns) {
    if (rows === null || typeof rows !== 'object') return format([rows])
    if (isMap(rows)) {
      return drawn(['(iteration index)', 'Key', 'Values'], [...rows].map(([key, value], i) => [`${i}`, cell(key), cell(value)]))
    }
    if (isSet(rows)) return drawn(['(iteration index)', 'Values'], [...rows].map((value, i) => [`${i}`, cell(value)]))
    const names = new Set()
    let hasValues = false
    const isPlain = (row) => row === null || (typeof row !== 'object' && typeof row !== 'function')
    for (const key of keysOf(rows)) {
      if (isPlain(rows[key]) && !columns) hasValues = true
      else for (const name of columns ?? keysOf(rows[key])) names.add(name)
    }
    const lines = keysOf(rows).map((key) => {
      const row = rows[key]
      const has = (name) => !isPlain(row) && Object.hasOwn(row, name)
      const line = [key, ...[...names].map((name) => has(name) ? cell(row[name]) : '')]
      if (hasValues) line.push(isPlain(row) ? cell(row) : '')
      return line
    })
    return drawn(['(index)', ...names, ...(hasValues ? ['Values'] : [])], lines)
  }

  function drawn(head, rows) {
    const widths = head.map((name, i) => rows.reduce((most, row) => Math.max(most, width(row[i])), width(name)) + 2)
    const rule = (left, middle, right) => left + widths.map((count) => '─'.repeat(count)).join(middle) + right
    const line = (row) => '│' + row.map((text, i) => ` ${text}${' '.repeat(widths[i] - width(text) - 1)}`).join('│') + '│'
    return [rule('┌', '┬', '┐'), line(head), rule('├', '┼', '┤'), ...rows.map(line), rule('└', '┴', '┘')].join('\n')
  }

  const indented = (text, indentation) => text.replaceAll('\n', '\n' + indentation)
  const types = { isMap, isSet, isDate, isRegExp, isAnyArrayBuffer: isBuffer, isTypedArray: (value) => ArrayBuffer.isView(value) && !(value instanceof taken.DataView),
    isPromise: (value) => value instanceof taken.Promise, isNativeError: (value) => value instanceof Error }
  return { inspect, format, table, indented, types }
})
